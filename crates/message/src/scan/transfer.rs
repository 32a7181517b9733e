//! How many bytes a part holds once decoded, counted as it streams by (RFC 2045 §6).
//!
//! May use: the alphabets of `decode`. Keeps a few integers, never content.

use crate::decode::{Encoding, hex};

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
            Encoding::Base64 => self.base64(bytes),
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

    /// Most of what travels is this, so characters are counted many at a time.
    fn base64(&mut self, bytes: &[u8]) {
        let mut run = if let State::Sextets(run) = self.state { u64::from(run) } else { 0 };
        let mut rest = bytes;
        loop {
            let end = memchr::memchr(b'=', rest);
            let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
            let characters = in_alphabet(piece);
            // The second, third and fourth character of four each complete a byte, the first does not.
            let firsts = (run + characters).div_ceil(4) - run.div_ceil(4);
            self.bytes += characters - firsts;
            run = (run + characters) % 4;
            let Some((_, behind)) = behind.split_first() else { break };
            run = 0;
            rest = behind;
        }
        self.state = State::Sextets(run.to_le_bytes()[0]);
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

/// How many of these are characters of the base64 alphabet. No branch depends on a byte, so that the compiler can look at many
/// bytes with one instruction; the sums of few fit in a byte each.
fn in_alphabet(bytes: &[u8]) -> u64 {
    const FEW: usize = 128;
    let is_in = |byte: &u8| byte.is_ascii_alphanumeric() | (*byte == b'+') | (*byte == b'/');
    let sums = bytes.chunks(FEW).map(|few| few.iter().map(|byte| u8::from(is_in(byte))).sum::<u8>());
    sums.map(u64::from).sum()
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
        fn base64_counts_the_same_however_it_is_cut(
            text in "[A-Za-z0-9+/=\\- ]{0,300}", cuts in prop::collection::vec(0usize..300, 0..5)
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut counter = Decoded::new(Encoding::Base64);
            for piece in cuts.windows(2) {
                counter.text(&text.as_bytes()[piece[0]..piece[1]]);
            }
            prop_assert_eq!(counter.finish(true), decode::base64(text.as_bytes()).len() as u64);
        }

        #[test]
        fn counts_what_decoding_gives(text in "([A-Za-z0-9+/=\t ]|=[0-9A-F]{2}|\r\n|=\r\n){0,60}") {
            prop_assert_eq!(counted(&text, Encoding::Base64), decode::base64(text.as_bytes()).len() as u64);
            let decoded = decode::quoted_printable(text.as_bytes()).len() as u64;
            prop_assert_eq!(counted(&text, Encoding::QuotedPrintable), decoded);
        }
    }
}
