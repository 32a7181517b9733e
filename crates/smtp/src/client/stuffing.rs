//! Dot-stuffing (RFC 5321 §4.5.2), while content is copied. Content is whole lines ended by CR LF: a lone CR or LF is refused here
//! too, since a peer might see the end of the message in it (smuggling), and nothing is converted (M-6).

use memchr::memchr2;

use crate::line_ends::LoneLineEnd;

/// Copies content block by block.
#[derive(Debug)]
pub(super) struct Stuffing {
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Right after CR LF, or at the very start.
    LineStart,
    /// Within a line.
    Text,
    /// After a CR.
    Cr,
}

impl Stuffing {
    /// At the start of a message.
    pub(super) fn new() -> Self {
        Stuffing { place: Place::LineStart }
    }

    /// Appends `content` to `out`, with a dot more before each line that starts with one.
    pub(super) fn copy(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), LoneLineEnd> {
        let mut rest = content;
        while let Some(&first) = rest.first() {
            match (self.place, first) {
                (Place::Cr, b'\n') => {
                    out.push(b'\n');
                    self.place = Place::LineStart;
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                (Place::Cr, _) => return Err(LoneLineEnd),
                (Place::LineStart, b'.') => out.push(b'.'),
                (Place::LineStart | Place::Text, _) => {}
            }
            let end = memchr2(b'\r', b'\n', rest);
            self.place = match end.and_then(|at| rest.get(at)) {
                Some(b'\n') => return Err(LoneLineEnd),
                Some(_) => Place::Cr,
                None => Place::Text,
            };
            let (line, behind) = rest.split_at(end.map_or(rest.len(), |at| at + 1));
            out.extend_from_slice(line);
            rest = behind;
        }
        Ok(())
    }

    /// Appends the final dot, and a line end before it if the last line has none.
    pub(super) fn end(self, out: &mut Vec<u8>) -> Result<(), LoneLineEnd> {
        match self.place {
            Place::Cr => return Err(LoneLineEnd),
            Place::Text => out.extend_from_slice(b"\r\n"),
            Place::LineStart => {}
        }
        out.extend_from_slice(b".\r\n");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::{DataReader, Outcome};

    fn stuffed(content: &[u8], size: usize) -> Result<Vec<u8>, LoneLineEnd> {
        let (mut stuffing, mut out) = (Stuffing::new(), Vec::new());
        for piece in content.chunks(size) {
            stuffing.copy(piece, &mut out)?;
        }
        stuffing.end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn dots_that_start_a_line_are_doubled_and_no_others() {
        let sent = stuffed(b".\r\n..a.b\r\nc.\r\n\r\n.", 1).unwrap();
        assert_eq!(sent, b"..\r\n...a.b\r\nc.\r\n\r\n..\r\n.\r\n");
        assert_eq!(stuffed(b"", 1).unwrap(), b".\r\n");
    }

    #[test]
    fn a_lone_line_end_is_never_sent() {
        for content in [&b"a\nb\r\n"[..], b"a\rb", b"\n", b"a\r", b"\r\r\n", b"a\r\n\n.\r\n", b"x\r\n\r.\r\n"]
        {
            for size in [1, 2, 100] {
                assert_eq!(stuffed(content, size), Err(LoneLineEnd), "{content:?}");
            }
        }
    }

    fn content() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![4 => Just("\r\n"), 4 => Just("."), 3 => Just("text"), 1 => Just("\r\n.\r\n")];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn the_servers_reader_gives_back_what_was_copied(content in content(), size in 1_usize..9) {
            let mut wire = stuffed(&content, size).unwrap();
            let length = wire.len();
            let scan = DataReader::new().scan(&mut wire);
            prop_assert_eq!((scan.outcome, scan.consumed), (Outcome::End, length));
            let mut whole = content.clone();
            if !whole.is_empty() && !whole.ends_with(b"\r\n") {
                whole.extend_from_slice(b"\r\n");
            }
            prop_assert_eq!(&wire[..scan.content], &whole[..]);
        }
    }
}
