//! The two transfer encodings, written piece by piece (RFC 2045 §6.7, §6.8).
//!
//! May use: nothing. Keeps a few bytes: what the next piece decides.

/// Longest line that is written, its line break not counted (RFC 2045 §6.7 rule 5, §6.8).
const LINE: usize = 76;

/// An encoding that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Base64,
    QuotedPrintable,
}

impl Written {
    /// What Content-Transfer-Encoding says.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::QuotedPrintable => "quoted-printable",
        }
    }
}

/// Encodes one part.
#[derive(Debug)]
pub(super) enum Encoder {
    Base64(Base64),
    QuotedPrintable(QuotedPrintable),
}

impl Encoder {
    pub(super) fn new(written: Written) -> Self {
        match written {
            Written::Base64 => Self::Base64(Base64::default()),
            Written::QuotedPrintable => Self::QuotedPrintable(QuotedPrintable::default()),
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Base64(encoder) => encoder.feed(bytes, out),
            Self::QuotedPrintable(encoder) => bytes.iter().for_each(|byte| encoder.byte(*byte, out)),
        }
    }

    /// Ends the part. `at_end`: nothing follows in the message, so the last line is ended here where its line break means nothing.
    pub(super) fn finish(self, at_end: bool, out: &mut Vec<u8>) {
        match self {
            Self::Base64(encoder) => encoder.finish(at_end, out),
            Self::QuotedPrintable(encoder) => encoder.finish(out),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Base64 {
    held: Vec<u8>,
    column: usize,
}

impl Base64 {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while !self.held.is_empty() && self.held.len() < 3 {
            let Some((first, after)) = rest.split_first() else { return };
            self.held.push(*first);
            rest = after;
        }
        if let [a, b, c] = *self.held.as_slice() {
            self.group([a, b, c], 4, out);
            self.held.clear();
        }
        let (groups, left) = rest.as_chunks::<3>();
        for group in groups {
            self.group(*group, 4, out);
        }
        self.held.extend_from_slice(left);
    }

    /// Three octets as four characters, of which `keep` count.
    fn group(&mut self, [a, b, c]: [u8; 3], keep: usize, out: &mut Vec<u8>) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        if self.column == LINE {
            out.extend_from_slice(b"\r\n");
            self.column = 0;
        }
        let bits = u32::from_be_bytes([0, a, b, c]);
        for at in 0..4 {
            let sextet = (bits >> (18 - 6 * at)) & 63;
            let known = ALPHABET.get(sextet as usize).copied().unwrap_or(b'=');
            out.push(if at < keep { known } else { b'=' });
        }
        self.column += 4;
    }

    fn finish(mut self, at_end: bool, out: &mut Vec<u8>) {
        match *self.held.as_slice() {
            [a] => self.group([a, 0, 0], 2, out),
            [a, b] => self.group([a, b, 0], 3, out),
            _ => {}
        }
        if at_end && self.column > 0 {
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct QuotedPrintable {
    /// A blank or CR that the next byte decides about.
    held: Option<u8>,
    column: usize,
}

impl QuotedPrintable {
    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (self.held.take(), byte) {
            (Some(b'\r'), b'\n') => {
                out.extend_from_slice(b"\r\n");
                self.column = 0;
                return;
            }
            // a blank may end no line, a CR alone is no line break
            (Some(b'\r'), _) => self.escaped(b'\r', out),
            (Some(blank), b'\r') => self.escaped(blank, out),
            (Some(blank), _) => self.plain(blank, out),
            (None, _) => {}
        }
        match byte {
            b' ' | b'\t' | b'\r' => self.held = Some(byte),
            b'!'..=b'~' if byte != b'=' => self.plain(byte, out),
            _ => self.escaped(byte, out),
        }
    }

    fn plain(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.room(1, out);
        out.push(byte);
        self.column += 1;
    }

    fn escaped(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.room(3, out);
        out.extend_from_slice(&escape(byte));
        self.column += 3;
    }

    /// Breaks the line softly if `width` more characters leave no room for the `=` that would do it.
    fn room(&mut self, width: usize, out: &mut Vec<u8>) {
        if self.column + width > LINE - 1 {
            out.extend_from_slice(b"=\r\n");
            self.column = 0;
        }
    }

    fn finish(mut self, out: &mut Vec<u8>) {
        if let Some(held) = self.held.take() {
            self.escaped(held, out);
        }
    }
}

/// An octet as `=XX`.
pub(super) fn escape(byte: u8) -> [u8; 3] {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + (value - 10) };
    [b'=', digit(byte >> 4), digit(byte & 15)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::{base64, quoted_printable};

    fn written(bytes: &[u8], cut: usize, how: Written, at_end: bool) -> Vec<u8> {
        let mut encoder = Encoder::new(how);
        let mut out = Vec::new();
        for piece in bytes.chunks(cut) {
            encoder.feed(piece, &mut out);
        }
        encoder.finish(at_end, &mut out);
        out
    }

    fn lines_are_short(text: &[u8]) -> bool {
        text.split(|byte| *byte == b'\n').all(|line| line.len() <= LINE + 1)
    }

    proptest! {
        #[test]
        fn decoding_gives_back_every_byte(bytes in prop::collection::vec(prop_oneof![Just(b' '), Just(b'\r'), Just(b'\n'), Just(b'='), any::<u8>()], 0..400), cut in 1..90_usize) {
            for at_end in [false, true] {
                let text = written(&bytes, cut, Written::Base64, at_end);
                prop_assert_eq!(base64(&text), &bytes[..]);
                prop_assert!(lines_are_short(&text) && (!at_end || text.is_empty() || text.ends_with(b"\r\n")));
            }
            let text = written(&bytes, cut, Written::QuotedPrintable, false);
            prop_assert_eq!(quoted_printable(&text), &bytes[..]);
            prop_assert!(lines_are_short(&text) && text.is_ascii());
            let blanks = text.split(|byte| *byte == b'\n').any(|line| line.strip_suffix(b"\r").unwrap_or(line).ends_with(b" "));
            prop_assert!(!blanks, "no line ends with a blank: {:?}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn text_stays_readable() {
        let text = written("Été = 1 \r\nbon\r\n".as_bytes(), 3, Written::QuotedPrintable, true);
        assert_eq!(String::from_utf8(text).unwrap(), "=C3=89t=C3=A9 =3D 1=20\r\nbon\r\n");
    }
}
