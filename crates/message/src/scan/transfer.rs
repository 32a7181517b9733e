//! How many bytes a part holds once decoded, counted as it streams by (RFC 2045 §6).
//!
//! May use: the alphabets of `decode`. Keeps a few integers, never content.

use crate::decode::{Encoding, hex, sextet};

/// Counter of decoded bytes of one part. Line breaks are told apart from text because the last one may belong to the
/// boundary that follows.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    encoding: Encoding,
    bytes: u64,
    /// Length of a line break that counts only if the part goes on.
    line_break: u64,
    state: State,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// In base64: characters of the current run, modulo 4.
    Sextets(u8),
    /// In quoted-printable: blanks that vanish if the line ends here.
    Blanks(u64),
    /// After `=`, with that many blanks.
    Escape(u64),
    /// After `=` and a digit.
    Digit,
    #[default]
    Text,
}

impl Decoded {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { encoding, ..Self::default() }
    }

    pub(super) fn text(&mut self, bytes: &[u8]) {
        self.keep_line_break();
        match self.encoding {
            Encoding::Identity => self.bytes += bytes.len() as u64,
            Encoding::Base64 => bytes.iter().for_each(|byte| self.base64(*byte)),
            Encoding::QuotedPrintable => bytes.iter().for_each(|byte| self.quoted(*byte)),
        }
    }

    pub(super) fn line_break(&mut self, length: u64) {
        self.keep_line_break();
        match (self.encoding, self.state) {
            (Encoding::Base64, _) => {}
            (Encoding::QuotedPrintable, State::Escape(_)) => self.state = State::Text,
            (Encoding::QuotedPrintable, State::Digit) => {
                self.bytes += 2;
                self.state = State::Text;
                self.line_break = length;
            }
            _ => {
                self.state = State::Text;
                self.line_break = length;
            }
        }
    }

    /// The count. `whole`: the last line break belongs to the part.
    pub(super) fn finish(mut self, whole: bool) -> u64 {
        if whole {
            self.keep_line_break();
        }
        self.bytes
            + match self.state {
                State::Blanks(blanks) => blanks,
                State::Escape(blanks) => blanks.min(1) * (blanks + 1),
                State::Digit => 2,
                State::Sextets(_) | State::Text => 0,
            }
    }

    fn keep_line_break(&mut self) {
        self.bytes += std::mem::take(&mut self.line_break);
    }

    fn base64(&mut self, byte: u8) {
        let run = if let State::Sextets(run) = self.state { run } else { 0 };
        if sextet(byte).is_some() {
            // The second, third and fourth character of four each complete a byte.
            self.bytes += u64::from(run > 0);
            self.state = State::Sextets((run + 1) % 4);
        } else if byte == b'=' {
            self.state = State::Sextets(0);
        }
    }

    fn quoted(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::Escape(0), byte) if hex(byte).is_some() => State::Digit,
            (State::Escape(blanks), b' ' | b'\t') => State::Escape(blanks + 1),
            (State::Digit, byte) if hex(byte).is_some() => {
                self.bytes += 1;
                State::Text
            }
            (state, byte) => {
                self.bytes += match state {
                    State::Escape(blanks) => blanks + 1,
                    State::Digit => 2,
                    _ => 0,
                };
                let blanks = if let State::Blanks(blanks) = state { blanks } else { 0 };
                match byte {
                    b'=' => {
                        self.bytes += blanks;
                        State::Escape(0)
                    }
                    b' ' | b'\t' => State::Blanks(blanks + 1),
                    _ => {
                        self.bytes += blanks + 1;
                        State::Text
                    }
                }
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode;

    fn counted(text: &str, encoding: Encoding) -> u64 {
        let mut counter = Decoded::new(encoding);
        let mut lines = text.split("\r\n").peekable();
        while let Some(line) = lines.next() {
            counter.text(line.as_bytes());
            if lines.peek().is_some() {
                counter.line_break(2);
            }
        }
        counter.finish(true)
    }

    #[test]
    fn the_last_line_break_may_be_the_boundarys() {
        let mut counter = Decoded::new(Encoding::Identity);
        counter.text(b"abc");
        counter.line_break(2);
        assert_eq!(counter.finish(false), 3);
    }

    proptest! {
        #[test]
        fn counts_what_decoding_gives(text in "([A-Za-z0-9+/=\t ]|=[0-9A-F]{2}|\r\n|=\r\n){0,60}") {
            prop_assert_eq!(counted(&text, Encoding::Base64), decode::base64(text.as_bytes()).len() as u64);
            let decoded = decode::quoted_printable(text.as_bytes()).len() as u64;
            prop_assert_eq!(counted(&text, Encoding::QuotedPrintable), decoded);
        }
    }
}
