//! What searches and BINARY read of a part: any bytes, encoding and charset give some text, which is not much longer than the bytes; bytes
//! that come in pieces decode to what the whole decodes to, and to no more than they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use message::{Decoder, Encoding, decode_part};

fuzz_target!(|input: (u8, &str, &[u8])| {
    let (encoding, charset, raw) = input;
    let encoding = match encoding % 3 {
        0 => Encoding::Identity,
        1 => Encoding::Base64,
        _ => Encoding::QuotedPrintable,
    };
    let text = decode_part(raw, encoding, charset);
    assert!(text.len() <= raw.len() * 4 + 4, "{} bytes of {}", text.len(), raw.len());
    let whole = in_pieces(raw, encoding, raw.len());
    assert!(whole.len() <= raw.len());
    for length in [1, 3, 7] {
        assert_eq!(in_pieces(raw, encoding, length), whole);
    }
});

fn in_pieces(raw: &[u8], encoding: Encoding, length: usize) -> Vec<u8> {
    let mut decoder = Decoder::new(encoding);
    let mut out = Vec::new();
    for piece in raw.chunks(length.max(1)) {
        decoder.feed(piece, &mut out);
    }
    decoder.finish(&mut out);
    out
}
