//! A part's text for SEARCH, undone piece by piece: transfer encoding, then charset.
//! May use the charset tables of encoding_rs. Must never hold more than one piece, nor fail: bytes that mean nothing
//! are simply not found.

use encoding_rs::{Decoder, Encoding as Charset, WINDOWS_1252};
use message::Encoding;

/// Undoes both encodings of a part that comes in pieces of any size.
pub(super) struct PartDecoder {
    transfer: Transfer,
    charset: Text,
    decoded: Vec<u8>,
    text: String,
}

impl PartDecoder {
    /// For a part with these parameters; unknown charsets are read as UTF-8 where that makes sense.
    pub(super) fn new(encoding: Encoding, charset: &str) -> Self {
        let transfer = match encoding {
            Encoding::Identity => Transfer::Identity,
            Encoding::Base64 => Transfer::Base64 { bits: 0, count: 0 },
            Encoding::QuotedPrintable => Transfer::QuotedPrintable { carry: Vec::new() },
        };
        let named =
            Charset::for_label(charset.as_bytes()).filter(|_| !charset.eq_ignore_ascii_case("us-ascii"));
        let charset =
            named.map_or_else(Text::guess, |charset| Text::Named(charset.new_decoder_without_bom_handling()));
        Self { transfer, charset, decoded: Vec::new(), text: String::new() }
    }

    /// The text of the next piece; what is cut in the middle comes with the piece after.
    pub(super) fn push(&mut self, piece: &[u8]) -> &str {
        self.decoded.clear();
        self.transfer.push(piece, &mut self.decoded);
        self.text.clear();
        self.charset.push(&self.decoded, &mut self.text);
        &self.text
    }

    /// What an unfinished end held back.
    pub(super) fn finish(&mut self) -> &str {
        self.decoded.clear();
        self.transfer.finish(&mut self.decoded);
        self.text.clear();
        self.charset.push(&self.decoded, &mut self.text);
        self.charset.finish(&mut self.text);
        &self.text
    }
}

/// RFC 2045 §6, leniently.
enum Transfer {
    Identity,
    Base64 {
        bits: u32,
        count: u32,
    },
    /// What may be the beginning of an escape, or blanks that a line end would remove.
    QuotedPrintable {
        carry: Vec<u8>,
    },
}

impl Transfer {
    fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Identity => out.extend_from_slice(piece),
            Self::Base64 { bits, count } => {
                for &byte in piece {
                    let Some(value) = sextet(byte) else {
                        if byte == b'=' {
                            (*bits, *count) = (0, 0);
                        }
                        continue;
                    };
                    *bits = (*bits << 6 | value) & 0xffff;
                    *count += 6;
                    if *count >= 8 {
                        *count -= 8;
                        out.push((*bits >> *count & 0xff) as u8);
                    }
                }
            }
            Self::QuotedPrintable { carry } => {
                carry.extend_from_slice(piece);
                let whole = carry.len() - unfinished(carry);
                unquote(carry.get(..whole).unwrap_or_default(), out);
                carry.drain(..whole);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if let Self::QuotedPrintable { carry } = self {
            unquote(carry, out);
            carry.clear();
        }
    }
}

/// Bytes at the end that cannot be judged yet: an escape cut short, with the blanks a soft break may have.
fn unfinished(text: &[u8]) -> usize {
    /// Longer runs of blanks after `=` are no soft break.
    const SOFT_BREAK: usize = 80;
    let tail = text.get(text.len().saturating_sub(SOFT_BREAK)..).unwrap_or_default();
    match tail.iter().rposition(|byte| *byte == b'=') {
        Some(at) => {
            let after = tail.get(at + 1..).unwrap_or_default();
            let blanks = after.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
            let cut = after.len() < 2 && after.iter().all(u8::is_ascii_hexdigit);
            if blanks || cut { tail.len() - at } else { 0 }
        }
        None => 0,
    }
}

fn unquote(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(b'=', text) {
        let (plain, escape) = text.split_at(at);
        out.extend_from_slice(plain);
        let rest = escape.get(1..).unwrap_or_default();
        let digit = |at: usize| rest.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        text = if let (Some(high), Some(low)) = (digit(0), digit(1)) {
            out.push((high << 4 | low) as u8);
            rest.get(2..).unwrap_or_default()
        } else {
            let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
            match rest.get(blanks..) {
                Some([b'\n', after @ ..]) => after,
                _ => {
                    out.push(b'=');
                    rest
                }
            }
        };
    }
    out.extend_from_slice(text);
}

fn sextet(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Bytes to text.
enum Text {
    Named(Decoder),
    /// No charset, or one that nobody knows: UTF-8, and Windows-1252 for each byte that is not.
    Guess {
        carry: Vec<u8>,
    },
}

impl Text {
    fn guess() -> Self {
        Self::Guess { carry: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8], out: &mut String) {
        match self {
            Self::Named(decoder) => decode(decoder, bytes, false, out),
            Self::Guess { carry } => {
                carry.extend_from_slice(bytes);
                let left = utf8_or_latin(carry, out);
                carry.drain(..carry.len() - left);
            }
        }
    }

    fn finish(&mut self, out: &mut String) {
        match self {
            Self::Named(decoder) => decode(decoder, b"", true, out),
            Self::Guess { carry } => latin(&std::mem::take(carry), out),
        }
    }
}

fn decode(decoder: &mut Decoder, bytes: &[u8], last: bool, out: &mut String) {
    let room = decoder.max_utf8_buffer_length(bytes.len());
    out.reserve(room.unwrap_or(bytes.len()));
    let _ = decoder.decode_to_string(bytes, out, last);
}

/// Appends the text and gives the number of bytes at the end that may begin a character.
fn utf8_or_latin(mut bytes: &[u8], out: &mut String) -> usize {
    loop {
        let error = match std::str::from_utf8(bytes) {
            Ok(text) => {
                out.push_str(text);
                return 0;
            }
            Err(error) => error,
        };
        let (valid, rest) = bytes.split_at(error.valid_up_to());
        out.push_str(std::str::from_utf8(valid).unwrap_or_default());
        let Some(wrong) = error.error_len() else { return rest.len() };
        let (wrong, after) = rest.split_at(wrong);
        latin(wrong, out);
        bytes = after;
    }
}

fn latin(bytes: &[u8], out: &mut String) {
    out.push_str(&WINDOWS_1252.decode_without_bom_handling(bytes).0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(raw: &[u8], encoding: Encoding, charset: &str, size: usize) -> String {
        let mut decoder = PartDecoder::new(encoding, charset);
        let mut text = String::new();
        for piece in raw.chunks(size.max(1)) {
            text.push_str(decoder.push(piece));
        }
        text + decoder.finish()
    }

    #[test]
    fn encodings_are_undone_whatever_the_cut() {
        for size in 1..40 {
            let qp = b"compte=20rendu d'=C3=\r\n=A9chographie=  \r\n card=C3=AFaque = a=b=4";
            let text = whole(qp, Encoding::QuotedPrintable, "utf-8", size);
            assert_eq!(text, "compte rendu d'échographie cardïaque = a=b=4", "{size}");
            assert_eq!(whole(b"w6ljaG9n\r\ncmFwaGll", Encoding::Base64, "utf-8", size), "échographie");
            assert_eq!(whole(b"QQ==\r\nQUI=", Encoding::Base64, "", size), "AAB");
            assert_eq!(whole(b"\xe9t\xe9", Encoding::Identity, "iso-8859-1", size), "été");
            assert_eq!(whole(b"\xe9t\xe9 \xc3\xa9\xe2", Encoding::Identity, "no-such", size), "été éâ");
            assert_eq!(whole("été".as_bytes(), Encoding::Identity, "us-ascii", size), "été");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn cuts_do_not_matter(raw in "[a=4\r\n\t é]{0,60}", size in 1usize..9, charset in "utf-8|x|gb18030") {
            for encoding in [Encoding::Identity, Encoding::Base64, Encoding::QuotedPrintable] {
                let once = whole(raw.as_bytes(), encoding, &charset, usize::MAX);
                prop_assert_eq!(whole(raw.as_bytes(), encoding, &charset, size), once);
            }
        }
    }
}
