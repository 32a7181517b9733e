//! The pieces in which commits travel to a second place and lie there: kind, length, content, CRC-32C over all three. A
//! reader knows where the last whole one ends. Knows bytes only.

use std::io::{self, Read, Write};

/// The longest content: far above any batch, so that only a damaged length meets it.
const LONGEST: u32 = 1 << 30;
const HEAD: usize = 5;

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A whole copy begins; it holds every change up to `sequence`. Batches go on behind `after`.
    Base { sequence: u64, after: u64, format: u32 },
    /// A file of the copy begins.
    File { name: String },
    /// The next bytes of that file.
    Piece(Vec<u8>),
    /// The file is whole.
    FileEnd { crc: u32, length: u64 },
    /// The copy is whole.
    BaseEnd { files: u32 },
    /// A batch of changes.
    Update { first: u64, last: u64, bytes: Vec<u8> },
    /// Everything that was durable at this instant (microseconds since 1970) was sent before: up to this number.
    Tick { at: i64, sequence: u64 },
}

/// Why there is no next piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The pieces end, the last one is whole.
    Whole,
    /// They end within one, or with one that is damaged.
    Torn,
}

impl Frame {
    /// Writes it.
    pub(crate) fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let (kind, head, bytes): (u8, Vec<u8>, &[u8]) = match self {
            Self::Base { sequence, after, format } => {
                let numbers = [sequence.to_be_bytes(), after.to_be_bytes()].concat();
                (1, [&numbers[..], &format.to_be_bytes()].concat(), &[])
            }
            Self::File { name } => (2, vec![], name.as_bytes()),
            Self::Piece(bytes) => (3, vec![], bytes),
            Self::FileEnd { crc, length } => {
                (4, [&crc.to_be_bytes()[..], &length.to_be_bytes()].concat(), &[])
            }
            Self::BaseEnd { files } => (5, files.to_be_bytes().to_vec(), &[]),
            Self::Update { first, last, bytes } => {
                (6, [first.to_be_bytes(), last.to_be_bytes()].concat(), bytes)
            }
            Self::Tick { at, sequence } => (7, [at.to_be_bytes(), sequence.to_be_bytes()].concat(), &[]),
        };
        let length = u32::try_from(head.len() + bytes.len()).ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        let mut start = Vec::with_capacity(HEAD + head.len());
        start.push(kind);
        start.extend_from_slice(&length.to_be_bytes());
        start.extend_from_slice(&head);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&start), bytes);
        to.write_all(&start)?;
        to.write_all(bytes)?;
        to.write_all(&crc.to_be_bytes())
    }

    /// Reads the next one; gives the octets it took too.
    ///
    /// # Errors
    /// What reading gives; the inner one says that there is none.
    pub(crate) fn read(from: &mut dyn Read) -> io::Result<Result<(Self, u64), Ended>> {
        let mut content = Vec::with_capacity(HEAD);
        from.take(HEAD as u64).read_to_end(&mut content)?;
        if content.is_empty() {
            return Ok(Err(Ended::Whole));
        }
        let Some(&[kind, a, b, c, d]) = content.first_chunk::<HEAD>() else { return Ok(Err(Ended::Torn)) };
        let length = u32::from_be_bytes([a, b, c, d]);
        if length > LONGEST {
            return Ok(Err(Ended::Torn));
        }
        // Grows as bytes come: a damaged length takes no memory.
        let more = u64::from(length) + 4;
        let read = from.take(more).read_to_end(&mut content)?;
        if read as u64 != more {
            return Ok(Err(Ended::Torn));
        }
        let octets = content.len() as u64;
        let Some((content, crc)) = content.split_last_chunk::<4>() else { return Ok(Err(Ended::Torn)) };
        if crc32c::crc32c(content) != u32::from_be_bytes(*crc) {
            return Ok(Err(Ended::Torn));
        }
        let content = content.get(HEAD..).unwrap_or_default();
        Ok(parse(kind, content).map(|frame| (frame, octets)).ok_or(Ended::Torn))
    }
}

fn parse(kind: u8, mut content: &[u8]) -> Option<Frame> {
    let frame = match kind {
        1 => Frame::Base {
            sequence: number(&mut content)?,
            after: number(&mut content)?,
            format: u32::from_be_bytes(take(&mut content)?),
        },
        2 => return Some(Frame::File { name: String::from_utf8(content.to_vec()).ok()? }),
        3 => return Some(Frame::Piece(content.to_vec())),
        4 => Frame::FileEnd { crc: u32::from_be_bytes(take(&mut content)?), length: number(&mut content)? },
        5 => Frame::BaseEnd { files: u32::from_be_bytes(take(&mut content)?) },
        6 => {
            let (first, last) = (number(&mut content)?, number(&mut content)?);
            return Some(Frame::Update { first, last, bytes: content.to_vec() });
        }
        7 => Frame::Tick { at: i64::from_be_bytes(take(&mut content)?), sequence: number(&mut content)? },
        _ => return None,
    };
    content.is_empty().then_some(frame)
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes).map(u64::from_be_bytes)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Frame> {
        vec![
            Frame::Base { sequence: 7, after: 6, format: 3 },
            Frame::File { name: "000012.sst".into() },
            Frame::Piece(vec![1; 3000]),
            Frame::Piece(vec![]),
            Frame::FileEnd { crc: 9, length: 3000 },
            Frame::BaseEnd { files: 1 },
            Frame::Update { first: 8, last: 10, bytes: b"batch".to_vec() },
            Frame::Tick { at: -5, sequence: 10 },
        ]
    }

    fn read_all(mut bytes: &[u8]) -> (Vec<Frame>, Ended) {
        let mut found = vec![];
        loop {
            match Frame::read(&mut bytes).unwrap() {
                Ok((frame, _)) => found.push(frame),
                Err(ended) => return (found, ended),
            }
        }
    }

    #[test]
    fn pieces_come_back_as_they_went_and_say_where_they_end() {
        let mut bytes = vec![];
        let mut ends = vec![0];
        for frame in samples() {
            frame.write(&mut bytes).unwrap();
            ends.push(bytes.len());
        }
        assert_eq!(read_all(&bytes), (samples(), Ended::Whole));
        for cut in 0..bytes.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let (found, ended) = read_all(&bytes[..cut]);
            assert_eq!(found.len(), whole, "cut at {cut}");
            assert_eq!(ended, if ends.contains(&cut) { Ended::Whole } else { Ended::Torn }, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_pieces() {
        let mut bytes = vec![];
        samples()[6].write(&mut bytes).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert_eq!(read_all(&damaged), (vec![], Ended::Torn), "bit {at}");
        }
    }
}
