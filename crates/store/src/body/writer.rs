//! Writing a body: sealed into the store as it arrives.

use crate::{Result, ids::BodyId};

/// A body on its way in. Dropped before it is part of a commit, its chunks disappear.
pub struct BodyWriter {}

impl BodyWriter {
    /// Adds bytes; each full chunk is sealed and written. Waits while too many chunks are being written.
    ///
    /// # Errors
    /// `ClockBehind` (I-4), `Limit`, `Busy`, `Engine`.
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<()> {
        todo!()
    }

    /// Seals the last chunk.
    ///
    /// # Errors
    /// As [`BodyWriter::write`].
    pub async fn finish(self) -> Result<SealedBody> {
        todo!()
    }
}

/// A whole body, sealed. It is kept once a commit names it; dropped before, it disappears.
pub struct SealedBody {}

impl SealedBody {
    /// Its identifier.
    pub fn id(&self) -> BodyId {
        todo!()
    }

    /// Bytes of the body.
    pub fn len(&self) -> u64 {
        todo!()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
