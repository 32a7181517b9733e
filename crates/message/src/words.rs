//! Encoded words of header fields (RFC 2047) and unfolding (RFC 5322 §2.2.3), lenient and linear.
//!
//! May use: `decode`. Own code instead of a library's, because what decides between secure and refused (the tag in the
//! subject) must keep blanks exactly and must join characters that a sender cut across two words.

use std::borrow::Cow;

use memchr::memmem;

use crate::decode::{base64, decode_charset, hex};

/// Longest encoded text that is looked for in one word, in bytes. The RFC allows 75 for the whole word; real senders exceed it.
const MAX_WORD: usize = 2048;

/// A field value as text: unfolded, trimmed, encoded words decoded. Line breaks and NUL that a word smuggles in become blanks.
pub(crate) fn decode(value: &[u8]) -> String {
    let value = unfold(value);
    let mut text = Text::default();
    let mut rest = value.as_slice();
    while let Some(at) = memmem::find(rest, b"=?") {
        let (plain, from) = rest.split_at(at);
        match Word::parse(from) {
            Some((word, after)) => {
                text.plain(plain);
                text.word(&word);
                rest = after;
            }
            None => {
                let (start, after) = rest.split_at(at + 2);
                text.plain(start);
                rest = after;
            }
        }
    }
    text.plain(rest);
    text.finish()
}

/// [`decode`] without a copy where there is nothing to decode: one line of ASCII without encoded words.
pub(crate) fn text(value: &[u8]) -> Cow<'_, str> {
    let line = value.trim_ascii();
    let is_plain = line.is_ascii() && memchr::memchr3(b'\r', b'\n', 0, line).is_none();
    match std::str::from_utf8(line) {
        Ok(line) if is_plain && memmem::find(line.as_bytes(), b"=?").is_none() => Cow::Borrowed(line),
        _ => Cow::Owned(decode(value)),
    }
}

/// Most octets of encoded text in one word that [`encode`] makes: name, word and line stay within 76.
const MADE_WORD: usize = 52;

/// `text` as encoded words in UTF-8 (RFC 2047), folded between them; reads back to the same text.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    let mut room = 0;
    for c in text.chars() {
        let mut octets = [0; 4];
        let encoded: String = c.encode_utf8(&mut octets).bytes().map(encoded_octet).collect();
        if encoded.len() > room {
            out.push_str(if out.is_empty() { "=?utf-8?Q?" } else { "?=\r\n =?utf-8?Q?" });
            room = MADE_WORD;
        }
        room -= encoded.len();
        out.push_str(&encoded);
    }
    if !out.is_empty() {
        out.push_str("?=");
    }
    out
}

fn encoded_octet(octet: u8) -> String {
    match octet {
        b' ' => "_".to_owned(),
        _ if octet.is_ascii_alphanumeric() || b"!*+-/:.,#".contains(&octet) => char::from(octet).to_string(),
        _ => format!("={octet:02X}"),
    }
}

/// A value on one line: line breaks and NUL dropped, blanks around it too.
pub(crate) fn unfold(value: &[u8]) -> Vec<u8> {
    let kept: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect();
    kept.trim_ascii().to_vec()
}

/// Length of the encoded word that `bytes` starts with, if it does and has no blank in it.
pub(crate) fn word_length(bytes: &[u8]) -> Option<usize> {
    let (word, after) = Word::parse(bytes)?;
    let clean = !word.text.iter().any(|byte| byte.is_ascii_whitespace() || b"<>@\"".contains(byte));
    clean.then(|| bytes.len() - after.len())
}

struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
}

impl<'a> Word<'a> {
    fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let inner = bytes.strip_prefix(b"=?")?;
        let end = inner.iter().take(64).position(|byte| *byte == b'?')?;
        let (charset, inner) = inner.split_at(end);
        let (base64, inner) = match inner {
            [b'?', b'B' | b'b', b'?', inner @ ..] => (true, inner),
            [b'?', b'Q' | b'q', b'?', inner @ ..] => (false, inner),
            _ => return None,
        };
        let window = inner.get(..MAX_WORD).unwrap_or(inner);
        let end = memmem::find(window, b"?=")?;
        let (text, after) = inner.split_at(end);
        // RFC 2231 §5: a language may follow the charset.
        let charset = charset.split(|byte| *byte == b'*').next().unwrap_or_default();
        (!charset.is_empty() && charset.iter().all(u8::is_ascii_graphic))
            .then(|| (Self { charset, base64, text }, after.get(2..).unwrap_or_default()))
    }

    fn bytes(&self) -> Vec<u8> {
        if self.base64 { base64(self.text) } else { q(self.text) }
    }
}

/// The Q encoding (RFC 2047 §4.2).
fn q(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                out.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = after;
            }
            _ => out.push(byte),
        }
    }
    out
}

/// Text under construction; the bytes of neighbouring words in one charset wait to be decoded together.
#[derive(Default)]
struct Text {
    done: String,
    charset: Vec<u8>,
    waiting: Vec<u8>,
    after_word: bool,
    blanks: Vec<u8>,
}

impl Text {
    fn plain(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        // Blanks between two words are not shown: whether these are, the next call tells.
        if self.after_word && bytes.iter().all(u8::is_ascii_whitespace) {
            self.blanks.extend_from_slice(bytes);
            return;
        }
        self.flush();
        self.done.push_str(&decode_charset(bytes, b""));
        self.after_word = false;
    }

    fn word(&mut self, word: &Word<'_>) {
        self.blanks.clear();
        if !word.charset.eq_ignore_ascii_case(&self.charset) {
            self.flush();
            self.charset = word.charset.to_vec();
        }
        self.waiting.extend(word.bytes());
        self.after_word = true;
    }

    fn flush(&mut self) {
        if !self.waiting.is_empty() {
            self.done.push_str(&decode_charset(&self.waiting, &self.charset));
            self.waiting.clear();
        }
        let blanks = std::mem::take(&mut self.blanks);
        self.done.push_str(&String::from_utf8_lossy(&blanks));
    }

    fn finish(mut self) -> String {
        self.blanks.clear();
        self.flush();
        self.done.replace(['\r', '\n', '\0'], " ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(value: &str) -> String {
        decode(value.as_bytes())
    }

    #[test]
    fn words_of_the_rfc() {
        assert_eq!(decoded("=?ISO-8859-1?Q?a?= b"), "a b");
        assert_eq!(decoded("=?ISO-8859-1?Q?a?= \r\n =?ISO-8859-1?Q?b?="), "ab");
        assert_eq!(decoded("=?ISO-8859-1?Q?a_b?="), "a b");
        assert_eq!(decoded("=?ISO-8859-1?Q?a?= =?utf-8*fr?B?w6k=?= c"), "aé c");
        assert_eq!(decoded("=?nothing"), "=?nothing");
        assert_eq!(decoded("=?x?Q?=?="), "=");
    }

    #[test]
    fn a_character_cut_across_words_is_joined() {
        assert_eq!(decoded("=?utf-8?Q?caf=C3?=\r\n =?UTF-8?Q?=A9?="), "café");
    }

    #[test]
    fn blanks_of_the_tag_are_kept() {
        assert_eq!(decoded(" #med#  =?utf-8?Q?=C3=A9cho?="), "#med#  écho");
        assert_eq!(decoded("=?utf-8?Q?#med#_?= =?utf-8?B?w6k=?="), "#med# é");
        assert_eq!(decoded("#med#\r\n test"), "#med# test");
        assert_eq!(decoded("=?utf-8?Q?#med#?= test"), "#med# test");
    }

    #[test]
    fn smuggled_line_breaks_become_blanks() {
        assert_eq!(decoded("=?utf-8?Q?a=0D=0ABcc:_x?="), "a  Bcc: x");
    }

    #[test]
    fn a_word_has_a_longest_length() {
        let word = |length| format!("=?utf-8?Q?{}?=", "a".repeat(length));
        assert_eq!(decoded(&word(MAX_WORD - 2)), "a".repeat(MAX_WORD - 2));
        assert_eq!(decoded(&word(MAX_WORD)), word(MAX_WORD));
    }

    proptest::proptest! {
        #[test]
        fn a_text_is_what_is_decoded(value in "[ \t\r\n\0a?=é_\u{1b}-]{0,12}") {
            proptest::prop_assert_eq!(text(value.as_bytes()), decode(value.as_bytes()));
        }

        #[test]
        fn what_is_encoded_reads_back_and_keeps_its_lines_short(text in "[^\r\n\0]{0,200}") {
            let value = encode(&text);
            proptest::prop_assert_eq!(decoded(&value), text);
            proptest::prop_assert!(value.is_ascii() && value.split("\r\n").all(|line| line.len() <= 67));
        }
    }

    #[test]
    fn a_flood_of_word_starts_is_linear_work() {
        let flood = "=?a?q?".repeat(40_000);
        assert!(!decoded(&flood).is_empty());
    }
}
