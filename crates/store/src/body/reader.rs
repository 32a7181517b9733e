//! Reading a body: one chunk in memory at a time.

use std::sync::Arc;

use bytes::Bytes;

use super::{Place, chunk_count, coding};
use crate::{
    Result, StoreError,
    core::Core,
    engine::{Family, View},
    keys,
    seal::{BodyOpener, CHUNK, Shape},
};

/// One body, readable as long as a message refers to it. Owns what it needs; cheap to clone.
#[derive(Clone)]
pub struct BodyReader {
    core: Arc<Core>,
    opener: Arc<BodyOpener>,
    place: Place,
    len: u64,
}

impl BodyReader {
    pub(crate) fn new(core: Arc<Core>, opener: BodyOpener, place: Place, len: u64) -> Self {
        Self { core, opener: Arc::new(opener), place, len }
    }

    /// Bytes of the body.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Plaintext from `offset` to the end of the chunk it lies in; empty at or beyond the end. Blocking: reads that
    /// chunk, at most [`crate::CHUNK`] bytes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if its last message was expunged meanwhile, `Corrupt` if it does not open, `Engine`.
    pub fn chunk(&self, offset: u64) -> Result<Bytes> {
        self.chunk_in(&self.core.engine, offset)
    }

    /// The same as a view has it.
    pub(crate) fn chunk_in(&self, view: &impl View, offset: u64) -> Result<Bytes> {
        if offset >= self.len {
            return Ok(Bytes::new());
        }
        let index = u32::try_from(offset / CHUNK as u64).map_err(|_| StoreError::Corrupt("body length"))?;
        let plain = self.open(view, index)?;
        let skip = usize::try_from(offset % CHUNK as u64).map_err(|_| StoreError::Corrupt("body length"))?;
        Ok(Bytes::from(plain).slice(skip..))
    }

    /// Opens one chunk as a view has it, and checks its length.
    pub(crate) fn open(&self, view: &impl View, index: u32) -> Result<Vec<u8>> {
        let last = index + 1 == chunk_count(self.len);
        let mut chunk =
            view.get(Family::Bodies, &keys::chunk(self.place, index))?.ok_or(StoreError::NotFound)?;
        self.opener.open(index, last, &mut chunk).map_err(|_| StoreError::Corrupt("body"))?;
        if self.opener.shape() == Shape::Coded {
            chunk = coding::decode(chunk)?;
        }
        let start = u64::from(index) * CHUNK as u64;
        if chunk.len() as u64 != (self.len.saturating_sub(start)).min(CHUNK as u64) {
            return Err(StoreError::Corrupt("body length"));
        }
        Ok(chunk)
    }
}
