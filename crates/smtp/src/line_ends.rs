//! Whether content is whole lines: each CR followed by LF, each LF after a CR (RFC 5321 §2.3.8). For content whose end does not depend on
//! its lines (BDAT), on both sides; a state of few bytes between pieces that are cut anywhere.

use memchr::memchr2_iter;

/// Looks at content piece by piece.
#[derive(Debug, Default)]
pub(crate) struct LineEnds {
    after_cr: bool,
    line: u64,
    longest: u64,
}

/// A CR without LF or a LF without CR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoneLineEnd;

impl LineEnds {
    /// Looks at the next piece.
    pub(crate) fn look(&mut self, piece: &[u8]) -> Result<(), LoneLineEnd> {
        let mut line_start = 0;
        // where the LF of a CR that was seen must be
        let mut awaited = self.after_cr.then_some(0);
        for at in memchr2_iter(b'\r', b'\n', piece) {
            let is_lf = piece.get(at) == Some(&b'\n');
            awaited = match (awaited, is_lf) {
                (Some(place), true) if place == at => {
                    self.ends((at + 1 - line_start) as u64);
                    line_start = at + 1;
                    None
                }
                (None, false) => Some(at + 1),
                _ => return Err(LoneLineEnd),
            };
        }
        if awaited.is_some_and(|place| place < piece.len()) {
            return Err(LoneLineEnd);
        }
        self.after_cr = awaited.is_some();
        self.line += (piece.len() - line_start) as u64;
        self.longest = self.longest.max(self.line);
        Ok(())
    }

    /// The content is complete: its last line may lack an end, but no CR may wait for its LF.
    pub(crate) fn finish(&self) -> Result<(), LoneLineEnd> {
        if self.after_cr { Err(LoneLineEnd) } else { Ok(()) }
    }

    /// The longest line so far, its end included, in bytes.
    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }

    fn ends(&mut self, more: u64) {
        self.longest = self.longest.max(self.line + more);
        self.line = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn looked(content: &[u8], size: usize) -> (Result<(), LoneLineEnd>, u64) {
        let mut ends = LineEnds::default();
        let result = content.chunks(size).try_for_each(|piece| ends.look(piece)).and_then(|()| ends.finish());
        (result, ends.longest())
    }

    fn model(content: &[u8]) -> (Result<(), LoneLineEnd>, u64) {
        let text = String::from_utf8_lossy(content).replace("\r\n", "\u{1}");
        let lone = text.contains(['\r', '\n']);
        let longest =
            text.split_inclusive('\u{1}').map(|line| line.len() as u64 + u64::from(line.ends_with('\u{1}')));
        (if lone { Err(LoneLineEnd) } else { Ok(()) }, longest.max().unwrap_or(0))
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_model_under_any_chunking(
            pieces in proptest::collection::vec(prop_oneof![6 => Just("\r\n"), 1 => Just("\r"), 1 => Just("\n"), 6 => Just("text")], 0..20),
            size in 1_usize..9,
        ) {
            let content = pieces.concat().into_bytes();
            let ((result, longest), (expected, line)) = (looked(&content, size), model(&content));
            prop_assert_eq!(result, expected);
            if result.is_ok() {
                prop_assert_eq!(longest, line);
            }
        }
    }
}
