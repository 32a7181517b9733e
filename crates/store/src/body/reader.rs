//! Reading a body: one chunk in memory at a time.

use bytes::Bytes;

use crate::Result;

/// One body, readable as long as a message refers to it. Owns what it needs.
#[derive(Clone)]
pub struct BodyReader {}

impl BodyReader {
    /// Bytes of the body.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Plaintext from `offset` to the end of the chunk it lies in; empty at or beyond the end. Blocking: reads that chunk.
    ///
    /// # Errors
    /// [`crate::StoreError::NotFound`] if its last message was expunged meanwhile, `Corrupt` if it does not open.
    pub fn chunk(&self, _offset: u64) -> Result<Bytes> {
        todo!()
    }
}
