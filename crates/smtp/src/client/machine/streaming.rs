//! The content on its way: dot-stuffed after DATA, or in chunks by BDAT (RFC 3030) where the peer offers that. Chunks go out one after
//! the other without waiting, where the peer takes pipelined commands; else the message is one chunk.

use std::io;

use super::transaction::{Asked, Sending, Transaction, Writing};
use crate::{
    Body,
    client::{Error, stuffing::Stuffing},
    line_ends::{LineEnds, LoneLineEnd},
};

/// The content goes out, for the recipients that were accepted.
#[derive(Debug)]
pub struct Streaming<'a> {
    transaction: Transaction<'a>,
    framing: Framing,
}

/// How content is told from commands.
#[derive(Debug)]
enum Framing {
    Dots(Stuffing),
    Chunks(Chunks),
}

impl<'a> Streaming<'a> {
    pub(super) fn dots(transaction: Transaction<'a>) -> Self {
        Streaming { transaction, framing: Framing::Dots(Stuffing::new()) }
    }

    pub(super) fn chunks(transaction: Transaction<'a>, chunks: Chunks) -> Self {
        Streaming { transaction, framing: Framing::Chunks(chunks) }
    }

    /// Appends a piece of content to `out` as it goes on the wire.
    pub fn copy(&mut self, content: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.framing {
            Framing::Dots(stuffing) => stuffing.copy(content, out).map_err(lone),
            Framing::Chunks(chunks) => chunks.copy(content, out),
        }
    }

    /// The content is complete: [`Sending::Write`] with what is left in `out`, and what ends the message.
    pub fn end(mut self, mut out: Vec<u8>) -> Sending<'a> {
        let (ended, chunks) = match self.framing {
            Framing::Dots(stuffing) => (stuffing.end(&mut out).map_err(lone), 1),
            Framing::Chunks(chunks) => {
                let ended = chunks.end(&mut out);
                (ended, chunks.sent.max(1))
            }
        };
        if let Err(error) = ended {
            return self.transaction.abandon(Error::Content(error));
        }
        let asked = &mut self.transaction.asked;
        asked.extend((1..chunks).map(|_| Asked::Chunk));
        asked.push_back(Asked::End);
        Sending::Write(Writing { transaction: self.transaction, bytes: out })
    }

    /// The content cannot be read or written to its end: the connection is closed in its middle, and nobody has the message.
    pub fn abandon(self, error: Error) -> Sending<'a> {
        self.transaction.abandon(error)
    }
}

/// Cuts content of a known size into BDAT commands.
#[derive(Debug)]
pub(super) struct Chunks {
    /// What is not yet in a chunk, in bytes.
    left: u64,
    /// What is left of the chunk that was begun.
    open: u64,
    /// The largest chunk.
    most: u64,
    sent: u32,
    /// Lines are looked at, unless the content is binary: a lone CR or LF might hide a message from a host further on.
    ends: Option<LineEnds>,
}

impl Chunks {
    /// For a content of `size` bytes.
    pub(super) fn new(size: u64, body: Body, most: u64) -> Self {
        let ends = (body != Body::Binary).then(LineEnds::default);
        Chunks { left: size, open: 0, most: most.max(1), sent: 0, ends }
    }

    fn copy(&mut self, content: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        if let Some(ends) = &mut self.ends {
            ends.look(content).map_err(lone)?;
        }
        let mut rest = content;
        while !rest.is_empty() {
            if self.open == 0 {
                self.begin(out)?;
            }
            let length = usize::try_from(self.open).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at(length);
            out.extend_from_slice(now);
            self.open -= now.len() as u64;
            rest = later;
        }
        Ok(())
    }

    fn begin(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than its record says"));
        }
        self.open = self.left.min(self.most);
        self.left -= self.open;
        self.sent += 1;
        let last = if self.left == 0 { " LAST" } else { "" };
        out.extend_from_slice(format!("BDAT {}{last}\r\n", self.open).as_bytes());
        Ok(())
    }

    fn end(&self, out: &mut Vec<u8>) -> io::Result<()> {
        if self.left > 0 || self.open > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is not as long as its record says"));
        }
        self.ends.as_ref().map_or(Ok(()), LineEnds::finish).map_err(lone)?;
        if self.sent == 0 {
            out.extend_from_slice(b"BDAT 0 LAST\r\n");
        }
        Ok(())
    }
}

fn lone(_: LoneLineEnd) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it holds a lone CR or LF, which could hide a second message")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(content: &[u8], body: Body, most: u64, size: usize) -> io::Result<Vec<u8>> {
        let (mut chunks, mut out) = (Chunks::new(content.len() as u64, body, most), Vec::new());
        for piece in content.chunks(size) {
            chunks.copy(piece, &mut out)?;
        }
        chunks.end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn the_last_chunk_says_so_and_an_empty_message_is_one() {
        let text =
            |content: &[u8], most| String::from_utf8(cut(content, Body::SevenBit, most, 2).unwrap()).unwrap();
        assert_eq!(text(b"abc\r\n", 4), "BDAT 4\r\nabc\rBDAT 1 LAST\r\n\n");
        assert_eq!(text(b"abc\r\n", 5), "BDAT 5 LAST\r\nabc\r\n");
        assert_eq!(text(b"", 5), "BDAT 0 LAST\r\n");
    }

    #[test]
    fn a_lone_line_end_goes_out_as_binary_only() {
        for content in [&b"a\nb\r\n"[..], b"a\rb", b"a\r", b"\r\n.\n"] {
            assert!(cut(content, Body::EightBit, 3, 1).is_err(), "{content:?}");
            assert!(cut(content, Body::Binary, 3, 1).is_ok(), "{content:?}");
        }
    }

    #[test]
    fn what_is_not_as_long_as_announced_never_ends() {
        let (mut short, mut out) = (Chunks::new(5, Body::Binary, 9), Vec::new());
        short.copy(b"abcd", &mut out).unwrap();
        assert!(short.end(&mut out).is_err());
        assert!(Chunks::new(3, Body::Binary, 9).copy(b"abcd", &mut out).is_err());
    }

    proptest! {
        #[test]
        fn chunks_hold_the_content_and_nothing_else(
            content in proptest::collection::vec(any::<u8>(), 0..60), most in 1_u64..20, size in 1_usize..9,
        ) {
            let wire = cut(&content, Body::Binary, most, size).unwrap();
            let (mut read, mut rest, mut last) = (Vec::new(), &wire[..], false);
            while !rest.is_empty() {
                prop_assert!(!last);
                let end = rest.windows(2).position(|pair| pair == b"\r\n").unwrap();
                let line = std::str::from_utf8(&rest[..end]).unwrap();
                let words: Vec<&str> = line.split(' ').collect();
                last = words.get(2) == Some(&"LAST");
                let length: usize = words[1].parse().unwrap();
                prop_assert!(words[0] == "BDAT" && length as u64 <= most);
                read.extend_from_slice(&rest[end + 2..end + 2 + length]);
                rest = &rest[end + 2 + length..];
            }
            prop_assert!(last);
            prop_assert_eq!(read, content);
        }
    }
}
