//! What searches read of a part: any bytes, encoding and charset give some text, which is not much longer than the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::{Encoding, decode_part};

fuzz_target!(|input: (u8, &str, &[u8])| {
    let (encoding, charset, raw) = input;
    let encoding = match encoding % 3 {
        0 => Encoding::Identity,
        1 => Encoding::Base64,
        _ => Encoding::QuotedPrintable,
    };
    let text = decode_part(raw, encoding, charset);
    assert!(text.len() <= raw.len() * 4 + 4, "{} bytes of {}", text.len(), raw.len());
});
