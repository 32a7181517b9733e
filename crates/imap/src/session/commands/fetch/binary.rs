//! BINARY (RFC 3516 §4.2, §4.3; RFC 9051 §6.4.5): a part without its transfer encoding, and how long it is then. Decoded twice,
//! chunk by chunk: once to know its length, once to send it.
//! May read bodies on the store's blocking pool. Must never hold more than one chunk and what it decodes to (I-3).

use bytes::Bytes;
use message::{Decoder, Encoding, Header, PartKind};
use store::{Store, StoreError};

use super::{
    content::{Content, Piece},
    rows::Row,
};
use crate::{
    command::{BinaryFetch, FetchItem, Partial},
    completion::Completion,
    output::{Fatal, Output},
    session::halt::Halt,
    wire::encode::{self, Code},
};

/// Bytes of a part's own header looked at for its transfer encoding: what the scanner takes for a header at most.
const PART_HEADER_BYTES: u64 = 256 * 1024;

/// The parts that the BINARY items of a response are about, each measured once.
#[derive(Default)]
pub(super) struct Prepared(Vec<(Vec<u16>, Option<Measured>)>);

struct Measured {
    part: Encoded,
    /// As far as anybody asks: the length up to there.
    told: Told,
}

impl Prepared {
    fn of(&self, path: &[u16]) -> Option<&Measured> {
        self.0.iter().find(|(known, _)| known == path).and_then(|(_, measured)| measured.as_ref())
    }
}

/// Finds out what the items come to before the first byte of their response is written.
///
/// # Errors
/// `NO [UNKNOWN-CTE]`, and what the store says.
pub(super) async fn prepare(store: &Store, row: &Row, items: &[FetchItem]) -> Result<Prepared, Halt> {
    let mut prepared = Prepared::default();
    for path in items.iter().filter_map(|item| asked(item).map(|(path, _)| path)) {
        if prepared.0.iter().any(|(known, _)| known == path) {
            continue;
        }
        let until =
            items.iter().filter_map(asked).filter(|(other, _)| *other == path).map(|(_, until)| until);
        let measured = match part(row, path) {
            Some(part) => {
                part.check_encoding(store, row).await?;
                let told = part.measure(store, until.max().unwrap_or(0)).await?;
                Some(Measured { part, told })
            }
            None => None,
        };
        prepared.0.push((path.to_vec(), measured));
    }
    Ok(prepared)
}

/// The part that an item is about, and up to which decoded byte.
fn asked(item: &FetchItem) -> Option<(&[u16], u64)> {
    match item {
        FetchItem::Binary(BinaryFetch { path, partial, .. }) => {
            Some((path, partial.map_or(u64::MAX, |p| u64::from(p.origin) + u64::from(p.length))))
        }
        FetchItem::BinarySize(path) => Some((path, u64::MAX)),
        _ => None,
    }
}

/// `BINARY[1]<0> {n}` and its bytes, as a literal8 where they may hold a NUL. A part that the message does not have is NIL.
pub(super) async fn write(
    store: &Store,
    prepared: &Prepared,
    fetch: &BinaryFetch,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let buffer = out.buffer();
    encode::binary_label(buffer, fetch);
    buffer.push(b' ');
    let Some(Measured { part, told }) = prepared.of(&fetch.path) else {
        buffer.extend_from_slice(b"NIL");
        return Ok(());
    };
    let (origin, most) = range(fetch.partial);
    let length = told.length.saturating_sub(origin).min(most);
    if length == 0 {
        buffer.extend_from_slice(b"\"\"");
        return Ok(());
    }
    if told.has_nul {
        encode::literal8_head(buffer, length);
    } else {
        encode::literal_head(buffer, length);
    }
    part.send(store, fetch.partial, length, out).await
}

/// `BINARY.SIZE[1] n`; 0 for a part that the message does not have, which has no other form (RFC 3516 §7).
pub(super) fn write_size(prepared: &Prepared, path: &[u16], buffer: &mut Vec<u8>) {
    encode::binary_size_label(buffer, path);
    buffer.push(b' ');
    encode::number(buffer, prepared.of(path).map_or(0, |measured| measured.told.length));
}

/// First byte and most bytes of what is asked for.
fn range(partial: Option<Partial>) -> (u64, u64) {
    partial.map_or((0, u64::MAX), |p| (u64::from(p.origin), u64::from(p.length)))
}

/// A part as it is kept.
struct Encoded {
    content: Content,
    encoding: Encoding,
    /// Where its own header is, if its encoding may be one that is not known.
    doubtful: Option<Piece>,
}

/// What is known of a part.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    length: u64,
    has_nul: bool,
}

/// The part of these numbers. The whole message, and a part that holds parts, have no transfer encoding (RFC 2045 §6.4).
fn part(row: &Row, path: &[u16]) -> Option<Encoded> {
    let header = || Piece::Memory(row.header.clone());
    if path.is_empty() {
        let body = Piece::Stored(0..row.body.as_ref().map_or(0, |body| body.reader.len()));
        let content = Content::new(vec![header(), body], row.body.clone(), None);
        return Some(Encoded { content, encoding: Encoding::Identity, doubtful: None });
    }
    let part = row.index.as_ref()?.parts.iter().find(|part| part.path == path)?;
    let content = Content::new(vec![Piece::Stored(part.text.clone())], row.body.clone(), None);
    if matches!(part.kind, PartKind::Message | PartKind::Multipart) {
        return Some(Encoded { content, encoding: Encoding::Identity, doubtful: None });
    }
    let own_header = || part.mime.clone().map_or_else(header, Piece::Stored);
    let doubtful = (part.encoding == Encoding::Identity).then(own_header);
    Some(Encoded { content, encoding: part.encoding, doubtful })
}

impl Encoded {
    /// `NO [UNKNOWN-CTE]` for a part whose encoding nobody here can undo (RFC 3516 §4.3).
    async fn check_encoding(&self, store: &Store, row: &Row) -> Result<(), Halt> {
        let Some(header) = &self.doubtful else { return Ok(()) };
        let header = Content::new(vec![header.clone()], row.body.clone(), None);
        let header = header.gather(store, PART_HEADER_BYTES).await?;
        if Header::parse(&header).has_known_encoding() {
            return Ok(());
        }
        let text = "The transfer encoding of a part is not known here: fetch it with BODY[...] as it is";
        Err(Completion::no_with(Code::UnknownCte, text).into())
    }

    /// How long it is without its encoding, up to a byte of it or little more, and whether a NUL is in that.
    async fn measure(&self, store: &Store, until: u64) -> Result<Told, StoreError> {
        let mut told = Told::default();
        let mut stream = Stream::new(self, store, None);
        while told.length < until
            && let Some(piece) = stream.next().await?
        {
            told.length += piece.len() as u64;
            told.has_nul |= memchr::memchr(0, &piece).is_some();
        }
        Ok(told)
    }

    /// Sends it, `length` bytes; once they are announced, a failure can only close the connection.
    async fn send(
        &self,
        store: &Store,
        partial: Option<Partial>,
        length: u64,
        out: &mut Output<'_>,
    ) -> Result<(), Halt> {
        let mut stream = Stream::new(self, store, partial);
        let mut left = length;
        while left > 0 {
            let piece = stream.next().await.map_err(|error| Fatal::Literal(error.to_string()))?;
            let Some(piece) = piece else {
                return Err(Fatal::Literal(format!("{left} bytes are missing")).into());
            };
            let take = usize::try_from(left).map_or(piece.len(), |left| left.min(piece.len()));
            out.bytes(piece.get(..take).unwrap_or_default()).await?;
            left -= take as u64;
        }
        Ok(())
    }
}

/// The decoded bytes of a part, or those of a range of them, chunk by chunk.
struct Stream<'p> {
    part: &'p Encoded,
    store: &'p Store,
    /// None once the end was decoded.
    decoder: Option<Decoder>,
    /// The next byte of the part as it is kept.
    at: u64,
    /// Decoded bytes that come before the range.
    skip: u64,
    /// Decoded bytes left in the range.
    left: u64,
}

impl<'p> Stream<'p> {
    fn new(part: &'p Encoded, store: &'p Store, partial: Option<Partial>) -> Self {
        let (skip, left) = range(partial);
        Self { part, store, decoder: Some(Decoder::new(part.encoding)), at: 0, skip, left }
    }

    /// Some more bytes of the range, never none; `None` at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while self.left > 0 {
            let Some(mut decoder) = self.decoder.take() else { return Ok(None) };
            let mut decoded = Vec::new();
            if self.at < self.part.content.len() {
                let raw = self.part.content.at(self.store, self.at).await?;
                self.at += raw.len() as u64;
                decoder.feed(&raw, &mut decoded);
                // Nothing more there than was said: the end.
                self.decoder = (!raw.is_empty()).then_some(decoder);
            } else {
                decoder.finish(&mut decoded);
            }
            let piece = self.within(&Bytes::from(decoded));
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// What of these decoded bytes is in the range.
    fn within(&mut self, decoded: &Bytes) -> Bytes {
        let length = decoded.len() as u64;
        let skipped = self.skip.min(length);
        self.skip -= skipped;
        let taken = self.left.min(length - skipped);
        self.left -= taken;
        let (from, to) = (as_index(skipped), as_index(skipped + taken));
        decoded.slice(from..to)
    }
}

fn as_index(within_a_chunk: u64) -> usize {
    usize::try_from(within_a_chunk).unwrap_or(usize::MAX)
}
