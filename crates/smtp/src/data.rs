//! The reader of message content (RFC 5321 §4.5.2): finds the final dot, removes the dots that clients add, refuses a lone CR or
//! LF. It starts as if right after CR LF, keeps a few bytes of state between blocks, and works in place.

use memchr::memchr2;

/// Reads content block by block.
#[derive(Debug)]
pub(crate) struct DataReader {
    place: Place,
    line: u64,
    longest: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Right after CR LF, or at the very start.
    LineStart,
    /// After a dot that starts a line.
    Dot,
    /// After a dot and a CR that start a line.
    DotCr,
    /// Within a line.
    Text,
    /// After a CR within a line.
    Cr,
}

/// What one block held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The first this many bytes of the block are now content.
    pub(crate) content: usize,
    /// This many bytes of the block were used; less than all only at the end.
    pub(crate) consumed: usize,
    /// What comes next.
    pub(crate) outcome: Outcome,
}

/// How a block ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The message goes on.
    More,
    /// A chunk ended that is not the last (RFC 3030).
    Chunk,
    /// The final dot was read.
    End,
    /// A lone CR or LF: nothing that follows can be trusted.
    Bare,
}

impl DataReader {
    /// A reader at the start of a message.
    pub(crate) fn new() -> Self {
        DataReader { place: Place::LineStart, line: 0, longest: 0 }
    }

    /// The longest line so far, CR LF included, in bytes.
    pub(crate) fn longest_line(&self) -> u64 {
        self.longest
    }

    /// Reads `block`, moving content to its front where dots were removed.
    pub(crate) fn scan(&mut self, block: &mut [u8]) -> Scan {
        let (mut content, mut at) = (0, 0);
        while let Some(&byte) = block.get(at) {
            match (self.place, byte) {
                (Place::LineStart, b'.') => (self.place, at) = (Place::Dot, at + 1),
                (Place::Dot, b'\r') => (self.place, at) = (Place::DotCr, at + 1),
                (Place::DotCr, b'\n') => return Scan { content, consumed: at + 1, outcome: Outcome::End },
                (Place::LineStart | Place::Dot, _) => self.place = Place::Text,
                (Place::Cr, b'\n') => {
                    content = self.keep(block, content, at, 1);
                    (self.place, self.line, at) = (Place::LineStart, 0, at + 1);
                }
                (Place::Text, b'\n') | (Place::Cr | Place::DotCr, _) => {
                    return Scan { content, consumed: at, outcome: Outcome::Bare };
                }
                (Place::Text, _) => {
                    let length = self.text(block.get(at..).unwrap_or_default());
                    content = self.keep(block, content, at, length);
                    at += length;
                }
            }
        }
        Scan { content, consumed: at, outcome: Outcome::More }
    }

    /// How many bytes of `rest` belong to the line, its CR included.
    fn text(&mut self, rest: &[u8]) -> usize {
        match memchr2(b'\r', b'\n', rest) {
            Some(at) if rest.get(at) == Some(&b'\r') => {
                self.place = Place::Cr;
                at + 1
            }
            Some(at) => at,
            None => rest.len(),
        }
    }

    fn keep(&mut self, block: &mut [u8], to: usize, from: usize, length: usize) -> usize {
        self.line += length as u64;
        self.longest = self.longest.max(self.line);
        if to != from {
            block.copy_within(from..from + length, to);
        }
        to + length
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What became of a whole stream: content, how it ended, what was left for commands.
    #[derive(Debug, PartialEq, Eq)]
    struct Read {
        content: Vec<u8>,
        outcome: Outcome,
        left: Vec<u8>,
    }

    /// The reference: cut the stream into lines, look at each.
    fn model(stream: &[u8]) -> Read {
        let mut content = Vec::new();
        let mut at = 0;
        loop {
            let rest = &stream[at..];
            let end = rest.windows(2).position(|pair| pair == b"\r\n");
            let line = &rest[..end.map_or(rest.len(), |end| end + 2)];
            let body = &rest[..end.unwrap_or(rest.len())];
            let bare =
                body.iter().enumerate().any(|(i, &b)| b == b'\n' || (b == b'\r' && i + 1 < rest.len()));
            if bare {
                return Read { content, outcome: Outcome::Bare, left: Vec::new() };
            }
            if line == b".\r\n" {
                return Read { content, outcome: Outcome::End, left: rest[3..].to_vec() };
            }
            if end.is_none() {
                return Read { content, outcome: Outcome::More, left: Vec::new() };
            }
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
            at += line.len();
        }
    }

    fn read(stream: &[u8], size: usize) -> Read {
        let mut reader = DataReader::new();
        let mut content = Vec::new();
        let mut used = 0;
        for chunk in stream.chunks(size) {
            let mut block = chunk.to_vec();
            let scan = reader.scan(&mut block);
            content.extend_from_slice(&block[..scan.content]);
            used += scan.consumed;
            if scan.outcome != Outcome::More {
                let left = if scan.outcome == Outcome::End { stream[used..].to_vec() } else { Vec::new() };
                return Read { content, outcome: scan.outcome, left };
            }
            assert_eq!(scan.consumed, chunk.len());
        }
        Read { content, outcome: Outcome::More, left: Vec::new() }
    }

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            8 => Just(&b"\r\n"[..]),
            1 => Just(&b"\r"[..]),
            1 => Just(&b"\n"[..]),
            4 => Just(&b"."[..]),
            4 => Just(&b"text"[..]),
            2 => Just(&b"\r\n."[..]),
            2 => Just(&b"\r\n.\r\n"[..]),
            2 => Just(&b"\r\n..\r\n"[..]),
        ];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn content_is_that_of_the_model_under_any_chunking(stream in pieces(), size in 1_usize..12) {
            let (ours, reference) = (read(&stream, size), model(&stream));
            prop_assert_eq!(ours.outcome, reference.outcome);
            prop_assert_eq!(&ours.left, &reference.left);
            // a line that is not finished may already have been handed on
            prop_assert!(ours.content.starts_with(&reference.content));
            if ours.outcome == Outcome::End {
                prop_assert_eq!(ours.content, reference.content);
            }
        }

        #[test]
        fn what_a_client_stuffs_comes_out_as_it_was(
            lines in proptest::collection::vec("[.a]{0,5}", 0..20), size in 1_usize..12,
        ) {
            let content: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let dot = |line: &String| if line.starts_with('.') { "." } else { "" };
            let sent: String = lines.iter().map(|line| format!("{}{line}\r\n", dot(line))).collect();
            let read = read(format!("{sent}.\r\nQUIT\r\n").as_bytes(), size);
            prop_assert_eq!(read, Read { content: content.into_bytes(), outcome: Outcome::End, left: b"QUIT\r\n".to_vec() });
        }
    }

    #[test]
    fn each_known_way_to_smuggle_is_refused() {
        for sent in [
            &b"x\n.\r\nMAIL"[..],
            b"x\n.\nMAIL",
            b"x\r.\r\nMAIL",
            b"x\r\n.\nMAIL",
            b"x\r\n.\rMAIL",
            b"x\r\n.\r\rMAIL",
            b"x\r\n.\r\r\nMAIL",
            b"x\r\r\n.\r\n",
            b".\n",
            b"\n",
            b"\r\r",
        ] {
            for size in 1..=sent.len() {
                assert_eq!(read(sent, size).outcome, Outcome::Bare, "{:?}", String::from_utf8_lossy(sent));
            }
        }
    }

    #[test]
    fn an_empty_message_ends_and_a_dot_on_the_first_line_goes() {
        assert_eq!(read(b".\r\n", 3), Read { content: Vec::new(), outcome: Outcome::End, left: Vec::new() });
        assert_eq!(read(b"..a\r\n.\r\n", 1).content, b".a\r\n");
    }

    #[test]
    fn the_longest_line_is_measured_across_blocks() {
        let mut reader = DataReader::new();
        reader.scan(&mut b"..12".to_vec());
        reader.scan(&mut b"34\r\n1\r\n".to_vec());
        assert_eq!(reader.longest_line(), 7);
    }
}
