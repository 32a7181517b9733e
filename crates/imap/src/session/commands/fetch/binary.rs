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
    command::{BinaryFetch, Partial},
    completion::Completion,
    output::{Fatal, Output},
    session::halt::Halt,
    wire::encode::{self, Code},
};

/// Bytes of a part's own header looked at for its transfer encoding: what the scanner takes for a header at most.
const PART_HEADER_BYTES: u64 = 256 * 1024;

/// `BINARY[1]<0> {n}` and its bytes, as a literal8 where they hold a NUL. A part that the message does not have is NIL.
pub(super) async fn write(
    store: &Store,
    row: &Row,
    fetch: &BinaryFetch,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let part = part(row, &fetch.path);
    let told = match &part {
        Some(part) => {
            part.check_encoding(store, row).await?;
            Some(part.measure(store, fetch.partial).await?)
        }
        None => None,
    };
    let buffer = out.buffer();
    encode::binary_label(buffer, fetch);
    buffer.push(b' ');
    let (Some(part), Some(told)) = (part, told) else {
        buffer.extend_from_slice(b"NIL");
        return Ok(());
    };
    if told.length == 0 {
        buffer.extend_from_slice(b"\"\"");
        return Ok(());
    }
    if told.has_nul {
        encode::literal8_head(buffer, told.length);
    } else {
        encode::literal_head(buffer, told.length);
    }
    part.send(store, fetch.partial, told.length, out).await
}

/// `BINARY.SIZE[1] n`; 0 for a part that the message does not have, which has no other form (RFC 3516 §7).
pub(super) async fn write_size(
    store: &Store,
    row: &Row,
    path: &[u16],
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let length = match part(row, path) {
        Some(part) => {
            part.check_encoding(store, row).await?;
            part.length(store).await?
        }
        None => 0,
    };
    let buffer = out.buffer();
    encode::binary_size_label(buffer, path);
    buffer.push(b' ');
    encode::number(buffer, length);
    Ok(())
}

/// A part as it is kept.
struct Encoded {
    content: Content,
    encoding: Encoding,
    /// Where its own header is, if its encoding may be one that is not known.
    doubtful: Option<Piece>,
}

/// What is to be sent of a part.
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

    /// How long the part is without its encoding.
    async fn length(&self, store: &Store) -> Result<u64, StoreError> {
        if self.encoding == Encoding::Identity {
            return Ok(self.content.len());
        }
        Ok(self.measure(store, None).await?.length)
    }

    /// What there is to send of it.
    async fn measure(&self, store: &Store, partial: Option<Partial>) -> Result<Told, StoreError> {
        let mut told = Told::default();
        let mut stream = Stream::new(self, store, partial);
        while let Some(piece) = stream.next().await? {
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
        let (skip, left) = partial.map_or((0, u64::MAX), |p| (u64::from(p.origin), u64::from(p.length)));
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
