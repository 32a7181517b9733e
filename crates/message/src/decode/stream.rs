//! Undoing a transfer encoding while the bytes stream by (RFC 2045 §6): what is not known yet is held, a few bytes at most.
//!
//! Lenient as the rest of `decode`, and never failing. However the input is cut, the output is the same. Must never hold
//! content beyond what the next bytes decide about.

use super::{Encoding, hex, sextet};

/// Blanks that may vanish at the end of a line of quoted-printable: beyond what a line can hold (RFC 2045 §6.7) they stay.
const BLANKS: usize = 1024;

/// Undoes one part's encoding, piece by piece.
#[derive(Debug, Default)]
pub struct Decoder {
    encoding: Encoding,
    /// Bits of base64 that make no byte yet, and how many there are.
    bits: u32,
    count: u32,
    escape: Escape,
    /// White space of quoted-printable that vanishes if the line ends behind it.
    blanks: Vec<u8>,
}

/// How much of an escape of quoted-printable was read.
#[derive(Debug, Default, Clone, Copy)]
enum Escape {
    #[default]
    None,
    Equals,
    Digit(u8),
}

impl Decoder {
    /// A decoder at the start of a part.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, ..Self::default() }
    }

    /// Takes more of the part and adds what it stands for to `out`: at most as many bytes as went in so far.
    pub fn feed(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity => out.extend_from_slice(raw),
            Encoding::Base64 => raw.iter().for_each(|byte| self.base64(*byte, out)),
            Encoding::QuotedPrintable => self.quoted_printable(raw, out),
        }
    }

    /// The part is over: adds what was held. The end is no line break, blanks there stay.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        match self.escape {
            Escape::Equals if self.blanks.is_empty() => {}
            Escape::Equals => out.push(b'='),
            Escape::Digit(digit) => out.extend([b'=', digit]),
            Escape::None => {}
        }
        out.append(&mut self.blanks);
    }

    /// What is not of the alphabet is skipped, padding ends a run and a new one may follow.
    fn base64(&mut self, byte: u8, out: &mut Vec<u8>) {
        let Some(value) = sextet(byte) else {
            if byte == b'=' {
                (self.bits, self.count) = (0, 0);
            }
            return;
        };
        self.bits = (self.bits << 6 | u32::from(value)) & 0xFFFF;
        self.count += 6;
        if self.count >= 8 {
            self.count -= 8;
            out.push((self.bits >> self.count & 0xFF) as u8);
        }
    }

    fn quoted_printable(&mut self, mut raw: &[u8], out: &mut Vec<u8>) {
        while let Some((first, rest)) = raw.split_first() {
            if !matches!(self.escape, Escape::None) {
                self.escaped(*first, out);
                raw = rest;
                continue;
            }
            let end = memchr::memchr2(b'=', b'\n', raw).unwrap_or(raw.len());
            let (run, rest) = raw.split_at(end);
            self.text(run, out);
            match rest.split_first() {
                Some((b'=', after)) => {
                    out.append(&mut self.blanks);
                    self.escape = Escape::Equals;
                    raw = after;
                }
                Some((_, after)) => {
                    self.line_end(out);
                    raw = after;
                }
                None => raw = rest,
            }
        }
    }

    /// A run without `=` and line end.
    fn text(&mut self, run: &[u8], out: &mut Vec<u8>) {
        let text = run.trim_ascii_end();
        if !text.is_empty() {
            out.append(&mut self.blanks);
            out.extend_from_slice(text);
        }
        self.hold(run.get(text.len()..).unwrap_or_default(), out);
    }

    fn hold(&mut self, blanks: &[u8], out: &mut Vec<u8>) {
        for blank in blanks {
            if self.blanks.len() == BLANKS {
                out.append(&mut self.blanks);
            }
            self.blanks.push(*blank);
        }
    }

    /// A line feed: blanks before it vanish, but for the CR that is part of the line end; behind `=` the break vanishes.
    fn line_end(&mut self, out: &mut Vec<u8>) {
        let ending: &[u8] = if self.blanks.last() == Some(&b'\r') { b"\r\n" } else { b"\n" };
        self.blanks.clear();
        match std::mem::take(&mut self.escape) {
            Escape::Equals => {}
            Escape::Digit(digit) => {
                out.extend([b'=', digit]);
                out.extend_from_slice(ending);
            }
            Escape::None => out.extend_from_slice(ending),
        }
    }

    /// A byte behind `=`. A broken escape stays as it is.
    fn escaped(&mut self, byte: u8, out: &mut Vec<u8>) {
        match (self.escape, hex(byte)) {
            _ if byte == b'\n' => return self.line_end(out),
            (Escape::Equals, _) if byte.is_ascii_whitespace() && self.blanks.len() < BLANKS => {
                return self.blanks.push(byte);
            }
            (Escape::Equals, Some(_)) if self.blanks.is_empty() => {
                self.escape = Escape::Digit(byte);
                return;
            }
            (Escape::Digit(high), Some(low)) => {
                out.push(hex(high).unwrap_or(0) << 4 | low);
                self.escape = Escape::None;
                return;
            }
            (Escape::Equals, _) => {
                out.push(b'=');
                out.append(&mut self.blanks);
            }
            (Escape::Digit(digit), _) => out.extend([b'=', digit]),
            (Escape::None, _) => {}
        }
        self.escape = if byte == b'=' { Escape::Equals } else { Escape::None };
        if byte != b'=' {
            self.text(&[byte], out);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(raw: &[u8], encoding: Encoding, size: usize) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding);
        let mut out = Vec::new();
        for piece in raw.chunks(size.max(1)) {
            decoder.feed(piece, &mut out);
        }
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn quoted_printable_is_undone_line_by_line() {
        for (raw, plain) in [
            ("caf=C3=A9 =\r\nau lait  \r\nfin=", "café au lait\r\nfin"),
            ("soft = \t\r\nbreak", "soft break"),
            ("a=b=4", "a=b=4"),
            ("==41", "=A"),
            ("=4\r\n1", "=4\r\n1"),
            ("= x", "= x"),
            ("blank \nend \t", "blank\nend \t"),
            ("lone\rCR \r\r\n", "lone\rCR\r\n"),
            ("=", ""),
            ("= ", "= "),
            ("=\n", ""),
            ("", ""),
        ] {
            for size in 1..8 {
                let decoded = pieces(raw.as_bytes(), Encoding::QuotedPrintable, size);
                assert_eq!(String::from_utf8_lossy(&decoded), plain, "{raw:?} by {size}");
            }
        }
    }

    #[test]
    fn blanks_without_end_are_not_gathered() {
        let mut decoder = Decoder::new(Encoding::QuotedPrintable);
        let mut out = Vec::new();
        for start in ["x", "="] {
            decoder.feed(start.as_bytes(), &mut out);
            for _ in 0..100 {
                decoder.feed(&[b' '; 100], &mut out);
                assert!(decoder.blanks.capacity() <= 2 * BLANKS);
            }
        }
        decoder.finish(&mut out);
        assert!(out.len() > 15_000);
    }

    proptest! {
        #[test]
        fn the_way_a_part_is_cut_changes_nothing(
            raw in "([A-Za-z0-9+/= \t]|=[0-9A-Fa-f]{2}|\r|\n|\r\n|=\r\n){0,60}", size in 1_usize..9
        ) {
            for encoding in [Encoding::Identity, Encoding::Base64, Encoding::QuotedPrintable] {
                let raw = raw.as_bytes();
                prop_assert_eq!(pieces(raw, encoding, size), pieces(raw, encoding, usize::MAX));
            }
        }

        #[test]
        fn what_was_encoded_comes_back(plain in prop::collection::vec(any::<u8>(), 0..200), size in 1_usize..70) {
            let escaped: String = plain.iter().map(|byte| format!("={byte:02X}")).collect();
            prop_assert_eq!(pieces(escaped.as_bytes(), Encoding::QuotedPrintable, size), plain);
        }
    }
}
