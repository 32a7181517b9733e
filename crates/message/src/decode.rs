//! Undoing transfer encodings and character sets, for searches: lenient, bounded, never failing.
//!
//! May use: the charset tables of mail-parser. Must never be used to judge what a message is worth.

use mail_parser::decoders::charsets::map::charset_decoder;
use serde::{Deserialize, Serialize};

pub use self::stream::Decoder;

mod stream;

/// Most raw bytes that [`decode_part`] looks at (1 MiB); the rest of a longer part is not searched.
pub const MAX_DECODED_PART: usize = 1024 * 1024;

/// A content transfer encoding (RFC 2045 §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Encoding {
    /// `7bit`, `8bit`, `binary`, and whatever is not known: the bytes as they are.
    #[default]
    Identity,
    /// `base64`.
    Base64,
    /// `quoted-printable`.
    QuotedPrintable,
}

impl Encoding {
    /// Whether a `Content-Transfer-Encoding` is one that is understood: only then are the bytes as they are what the name
    /// stands for, where [`Encoding::parse`] says identity (RFC 2045 §6.2).
    pub fn is_known(name: &[u8]) -> bool {
        let known = [&b"7bit"[..], b"8bit", b"binary", b"base64", b"quoted-printable"];
        known.iter().any(|known| name.eq_ignore_ascii_case(known))
    }

    /// The encoding that a `Content-Transfer-Encoding` names, in any case; unknown names are identity.
    pub fn parse(name: &[u8]) -> Self {
        if name.eq_ignore_ascii_case(b"base64") {
            Self::Base64
        } else if name.eq_ignore_ascii_case(b"quoted-printable") {
            Self::QuotedPrintable
        } else {
            Self::Identity
        }
    }
}

/// The text of a part: transfer encoding undone, then character set. Takes the raw content (at most
/// [`MAX_DECODED_PART`] bytes of it are read) and the charset named by its Content-Type, empty if none.
/// Never fails: bytes that mean nothing become U+FFFD, an unknown charset is read as UTF-8 or, failing that,
/// Windows-1252.
pub fn decode_part(raw: &[u8], encoding: Encoding, charset: &str) -> String {
    let raw = raw.get(..MAX_DECODED_PART).unwrap_or(raw);
    match encoding {
        Encoding::Identity => decode_charset(raw, charset.as_bytes()),
        Encoding::Base64 => decode_charset(&base64(raw), charset.as_bytes()),
        Encoding::QuotedPrintable => decode_charset(&quoted_printable(raw), charset.as_bytes()),
    }
}

/// Bytes in a named charset as text. Bytes that claim to be ASCII or name no charset are often UTF-8, which
/// cannot be mistaken.
pub(crate) fn decode_charset(bytes: &[u8], charset: &[u8]) -> String {
    let named = !charset.is_empty() && !charset.eq_ignore_ascii_case(b"us-ascii") && !is_utf8(charset);
    if named && let Some(decode) = charset_decoder(charset) {
        return decode(bytes);
    }
    if is_utf8(charset) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => charset_decoder(b"windows-1252")
            .map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes)),
    }
}

fn is_utf8(charset: &[u8]) -> bool {
    charset.eq_ignore_ascii_case(b"utf-8") || charset.eq_ignore_ascii_case(b"utf8")
}

/// Base64 (RFC 2045 §6.8): what is not of the alphabet is skipped, padding ends a run and a new one may follow.
pub(crate) fn base64(raw: &[u8]) -> Vec<u8> {
    whole(raw, Encoding::Base64)
}

fn whole(raw: &[u8], encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut decoder = Decoder::new(encoding);
    decoder.feed(raw, &mut out);
    decoder.finish(&mut out);
    out
}

/// The six bits that a character of the base64 alphabet stands for.
pub(crate) fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Quoted-printable (RFC 2045 §6.7): soft breaks vanish, blanks before a line break too, a broken escape
/// stays as it is.
pub(crate) fn quoted_printable(raw: &[u8]) -> Vec<u8> {
    whole(raw, Encoding::QuotedPrintable)
}

pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undoes_encodings() {
        assert_eq!(decode_part(b"w6ljaG9n\r\ncmFwaGll", Encoding::Base64, "utf-8"), "échographie");
        assert_eq!(decode_part(b"QQ==QUI=", Encoding::Base64, ""), "AAB");
        assert_eq!(
            decode_part(b"caf=E9 =\r\nau lait  \r\nfin=", Encoding::QuotedPrintable, "iso-8859-1"),
            "café au lait\r\nfin"
        );
        assert_eq!(decode_part(b"a=b=4", Encoding::QuotedPrintable, ""), "a=b=4");
        assert_eq!(decode_part(b"\xE9t\xE9", Encoding::Identity, "no-such-set"), "été");
        assert_eq!(decode_part("été".as_bytes(), Encoding::Identity, "us-ascii"), "été");
    }

    #[test]
    fn reads_no_more_than_its_bound() {
        let long = vec![b'a'; MAX_DECODED_PART + 10];
        assert_eq!(decode_part(&long, Encoding::Identity, "").len(), MAX_DECODED_PART);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(raw: Vec<u8>, charset in "[a-z0-9-]{0,12}") {
            for encoding in [Encoding::Identity, Encoding::Base64, Encoding::QuotedPrintable] {
                decode_part(&raw, encoding, &charset);
            }
            for known in ["utf-7", "utf-16", "utf-16le", "gb18030", "iso-2022-jp", "big5", "euc-kr", "shift_jis"] {
                decode_part(&raw, Encoding::Identity, known);
            }
        }
    }
}
