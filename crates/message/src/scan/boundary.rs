//! Delimiter lines of multiparts (RFC 2046 §5.1.1).
//!
//! May use: nothing. A line is a delimiter only as a whole: dashes, boundary, dashes again for the last one, then blanks at most;
//! so a boundary that begins with another one is never mistaken for it.

use crate::mime::MAX_BOUNDARY;

/// Longest line that is held back to see whether it is a delimiter, in bytes: the longest boundary, its dashes, and some padding.
pub(super) const MAX_DELIMITER: usize = MAX_BOUNDARY + 4 + 52;

/// What a line is to one boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// A part follows.
    Open,
    /// The multipart ends.
    Close,
}

/// Whether a line that begins so may still become a delimiter.
pub(super) fn may_be_delimiter(line: &[u8]) -> bool {
    line.len() <= MAX_DELIMITER && line.iter().take(2).all(|byte| *byte == b'-')
}

/// What `line` (without line break) is to `boundary`.
pub(super) fn delimiter(line: &[u8], boundary: &[u8]) -> Option<Delimiter> {
    match line.strip_prefix(b"--")?.strip_prefix(boundary)?.trim_ascii_end() {
        b"" => Some(Delimiter::Open),
        b"--" => Some(Delimiter::Close),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines() {
        assert_eq!(delimiter(b"--a b \t", b"a b"), Some(Delimiter::Open));
        assert_eq!(delimiter(b"--a--", b"a"), Some(Delimiter::Close));
        assert_eq!(delimiter(b"--a-- ", b"a"), Some(Delimiter::Close));
        assert_eq!(delimiter(b"--ab", b"a"), None);
        assert_eq!(delimiter(b"--a--b", b"a"), None);
        assert_eq!(delimiter(b" --a", b"a"), None);
        assert!(may_be_delimiter(b"-") && may_be_delimiter(b"--x") && !may_be_delimiter(b"-x"));
        assert!(!may_be_delimiter(&[b'-'; MAX_DELIMITER + 1]));
    }
}
