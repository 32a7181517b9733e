//! Bytes that came and are not used yet, and the reader of command lines. A line ends with CR LF and nothing else: a lone CR or
//! LF is a fault at once (RFC 5321 §2.3.8; it is how commands and messages are smuggled). What was read is wiped: it may
//! hold a password.

use memchr::memchr2;
use zeroize::{Zeroize, Zeroizing};

/// How much of a line that is too long is skipped before it is called a flood.
const SKIPPED: usize = 64 * 1024;

/// Capacity up to which an emptied buffer is kept: none, an idle session holds no buffer.
const KEPT: usize = 0;

/// Input not yet used.
#[derive(Default)]
pub(crate) struct Input {
    buffer: Vec<u8>,
    start: usize,
    scanned: usize,
    skipped: Option<Skipped>,
}

/// The start of a line that is being dropped.
#[derive(Clone, Copy)]
struct Skipped {
    length: usize,
    /// What the whole line was measured by when its start was still there to be looked at.
    limit: usize,
}

/// What [`Input::line`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A line, without its CR LF.
    Line(Zeroizing<Vec<u8>>),
    /// The end of a line longer than the limit; it was dropped.
    TooLong,
    /// No whole line yet.
    More,
}

/// Why no further line can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A CR without LF or a LF without CR.
    Bare,
    /// A line beyond all measure.
    Flood,
}

impl Input {
    /// Adds bytes that came.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer, with room for `room` bytes in all, for a reader that appends to it.
    pub(crate) fn block(&mut self, room: usize) -> &mut Vec<u8> {
        self.compact();
        self.reserve(room.saturating_sub(self.buffer.len()));
        &mut self.buffer
    }

    /// What is there and not used.
    pub(crate) fn pending(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.start..).unwrap_or_default()
    }

    /// Whether nothing is there.
    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.buffer.len()
    }

    /// Marks `count` bytes of [`Input::pending`] as used.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.buffer.len());
        self.scanned = self.start;
        if self.is_empty() {
            self.start = 0;
            self.scanned = 0;
            self.buffer.clear();
        }
    }

    /// Gives back the memory of an empty buffer.
    pub(crate) fn shrink(&mut self) {
        if self.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer.zeroize();
            *self = Input { skipped: self.skipped, ..Input::default() };
        }
    }

    /// The next line of at most `limit` bytes, CR LF included. Once the start of a line was dropped, the limit of then holds to its end.
    pub(crate) fn line(&mut self, limit: usize) -> Result<Taken, Fault> {
        let limit = self.skipped.map_or(limit, |skipped| skipped.limit);
        let found = self.find_end();
        self.check_flood(limit)?;
        if !found? {
            self.skip_beyond(limit);
            return Ok(Taken::More);
        }
        let length = self.length();
        let line = self.take_scanned();
        Ok(if length + 2 > limit { Taken::TooLong } else { Taken::Line(line) })
    }

    /// Moves `scanned` to the CR of the line's end if it is there, else to what must be looked at again later.
    fn find_end(&mut self) -> Result<bool, Fault> {
        let rest = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(at) = memchr2(b'\r', b'\n', rest) else {
            self.scanned = self.buffer.len();
            return Ok(false);
        };
        self.scanned += at;
        match (rest.get(at), rest.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => Ok(true),
            (Some(b'\r'), None) => Ok(false),
            _ => Err(Fault::Bare),
        }
    }

    fn check_flood(&self, limit: usize) -> Result<(), Fault> {
        if self.length() > limit.saturating_add(SKIPPED) { Err(Fault::Flood) } else { Ok(()) }
    }

    /// How long the line is, as far as it was looked at.
    fn length(&self) -> usize {
        self.skipped.map_or(0, |skipped| skipped.length) + self.scanned - self.start
    }

    fn skip_beyond(&mut self, limit: usize) {
        let length = self.length();
        if length + 2 > limit {
            self.skipped = Some(Skipped { length, limit });
            self.wipe(self.start, self.scanned);
            self.consume(self.scanned - self.start);
        }
    }

    fn take_scanned(&mut self) -> Zeroizing<Vec<u8>> {
        let line = self.buffer.get(self.start..self.scanned).unwrap_or_default();
        let line = Zeroizing::new(if self.skipped.is_none() { line.to_vec() } else { Vec::new() });
        self.wipe(self.start, self.scanned);
        self.consume(self.scanned + 2 - self.start);
        self.skipped = None;
        line
    }

    fn wipe(&mut self, from: usize, to: usize) {
        self.buffer.get_mut(from..to).unwrap_or_default().zeroize();
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
    }

    /// Grows without leaving a copy behind, which `Vec` would.
    fn reserve(&mut self, additional: usize) {
        self.compact();
        if self.buffer.capacity() - self.buffer.len() < additional {
            let mut larger = Vec::with_capacity(self.buffer.len() + additional);
            larger.extend_from_slice(&self.buffer);
            self.buffer.zeroize();
            self.buffer = larger;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Event {
        Line(Vec<u8>),
        TooLong,
        Fault(Fault),
    }

    /// The reference: looks at one byte after the other of the whole stream.
    fn model(stream: &[u8], limit: usize) -> Vec<Event> {
        let mut events = Vec::new();
        let mut line = Vec::new();
        let mut cr = false;
        for &byte in stream {
            match (cr, byte) {
                (true, b'\n') => {
                    let whole = std::mem::take(&mut line);
                    events.push(if whole.len() + 2 > limit { Event::TooLong } else { Event::Line(whole) });
                    cr = false;
                }
                (true, _) | (false, b'\n') => {
                    events.push(Event::Fault(Fault::Bare));
                    return events;
                }
                (false, b'\r') => cr = true,
                (false, other) => line.push(other),
            }
        }
        events
    }

    fn read(chunks: &[&[u8]], limit: usize) -> Vec<Event> {
        let mut input = Input::default();
        let mut events = Vec::new();
        for chunk in chunks {
            input.feed(chunk);
            loop {
                match input.line(limit) {
                    Ok(Taken::Line(line)) => events.push(Event::Line(line.to_vec())),
                    Ok(Taken::TooLong) => events.push(Event::TooLong),
                    Ok(Taken::More) => break,
                    Err(fault) => {
                        events.push(Event::Fault(fault));
                        return events;
                    }
                }
            }
            input.shrink();
        }
        events
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_model_under_any_chunking(
            stream in proptest::collection::vec(prop_oneof![Just(b"\r\n".to_vec()), Just(b"\r".to_vec()), Just(b"\n".to_vec()),
                Just(b"ab".to_vec()), Just(b"c".to_vec()), Just(vec![b'\r', b'\n']), Just(b"long enough".to_vec())], 0..40),
            size in 1_usize..9,
        ) {
            let stream = stream.concat();
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            prop_assert_eq!(read(&chunks, 12), model(&stream, 12));
        }
    }

    #[test]
    fn the_limit_counts_the_line_end() {
        assert_eq!(read(&[b"1234567890\r\n"], 12), [Event::Line(b"1234567890".to_vec())]);
        assert_eq!(read(&[b"12345678901\r\nx\r\n"], 12), [Event::TooLong, Event::Line(b"x".to_vec())]);
    }

    #[test]
    fn a_line_without_end_is_a_flood_and_takes_no_memory() {
        let mut input = Input::default();
        let mut fed = 0;
        loop {
            input.feed(&[b'x'; 1_000]);
            fed += 1_000;
            match input.line(512) {
                Ok(taken) => assert_eq!(taken, Taken::More),
                Err(fault) => {
                    assert_eq!((fault, fed > SKIPPED), (Fault::Flood, true));
                    return;
                }
            }
            assert!(input.buffer.len() <= 512 && fed < SKIPPED + 3_000);
        }
    }

    #[test]
    fn an_empty_buffer_is_given_back() {
        let mut input = Input::default();
        input.feed(b"NOOP\r\n");
        assert!(matches!(input.line(512), Ok(Taken::Line(_))));
        input.shrink();
        assert_eq!(input.buffer.capacity(), 0);
    }
}
