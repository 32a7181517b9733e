//! The bytes of a section (RFC 3501 §6.4.5) as pieces of memory and of a stored body, streamed chunk by chunk.
//! May read bodies on the store's blocking pool. Must never hold more than one chunk of a body (I-3).

use std::ops::Range;

use bytes::Bytes;
use store::{Store, StoreError};

use super::rows::Body;
use crate::command::Partial;

/// A piece of a section.
#[derive(Clone)]
pub(super) enum Piece {
    /// Bytes at hand.
    Memory(Bytes),
    /// Bytes of the stored body.
    Stored(Range<u64>),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Stored(range) => range.end.saturating_sub(range.start),
        }
    }
}

/// The bytes of a section.
pub(super) struct Content {
    pieces: Vec<Piece>,
    body: Option<Body>,
    origin: u64,
    length: u64,
}

impl Content {
    /// These pieces one after the other, or the part of them asked for: an origin beyond the end gives nothing.
    pub(super) fn new(pieces: Vec<Piece>, body: Option<Body>, partial: Option<Partial>) -> Self {
        let whole: u64 = pieces.iter().map(Piece::len).sum();
        let (origin, most) = partial.map_or((0, u64::MAX), |p| (u64::from(p.origin), u64::from(p.length)));
        Self { pieces, body, origin, length: whole.saturating_sub(origin).min(most) }
    }

    /// How many bytes there are to send.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// Some bytes from this offset on; never empty before the end.
    pub(super) async fn at(&self, store: &Store, offset: u64) -> Result<Bytes, StoreError> {
        let mut at = self.origin + offset;
        for piece in &self.pieces {
            if at < piece.len() {
                return match piece {
                    Piece::Memory(bytes) => Ok(tail(bytes, at)),
                    Piece::Stored(range) => self.stored(store, range.start + at, range.end).await,
                };
            }
            at -= piece.len();
        }
        Ok(Bytes::new())
    }

    /// The first of these bytes, `most` or little more.
    pub(super) async fn gather(&self, store: &Store, most: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < self.len().min(most) {
            let more = self.at(store, bytes.len() as u64).await?;
            if more.is_empty() {
                break;
            }
            bytes.extend_from_slice(&more);
        }
        Ok(bytes)
    }

    async fn stored(&self, store: &Store, from: u64, to: u64) -> Result<Bytes, StoreError> {
        let Some(body) = &self.body else { return Ok(Bytes::new()) };
        let chunk = if from < body.ahead.len() as u64 {
            tail(&body.ahead, from)
        } else {
            let reader = body.reader.clone();
            store.read_briefly(move |_| reader.chunk(from)).await?
        };
        let wanted = usize::try_from(to - from).unwrap_or(usize::MAX);
        Ok(chunk.slice(..chunk.len().min(wanted)))
    }
}

fn tail(bytes: &Bytes, from: u64) -> Bytes {
    let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(from..)
}
