//! Bodies: sealed chunk by chunk as they arrive, read chunk by chunk as they leave (I-3).
//!
//! The last chunk rides in the commit that names the body: the only one of a short body. Those before it are written as
//! they arrive, without sync, beside a marker that the commit removes; a marker that is found when a store opens, or
//! whose body is dropped before a commit, takes the chunks along. The commit's sync makes every chunk before it durable.

use crate::{ids::BodyId, seal::CHUNK};

mod reader;
mod writer;

pub use reader::BodyReader;
pub use writer::{BodyWriter, SealedBody};

/// A body that no commit will name, and how many of its chunks may have been written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abandoned {
    pub(crate) id: BodyId,
    pub(crate) chunks: u32,
}

/// Chunks of a body of this length; an empty body has one, which proves that it is empty.
pub(crate) fn chunk_count(len: u64) -> u32 {
    u32::try_from(len.div_ceil(CHUNK as u64).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_counted() {
        let chunk = CHUNK as u64;
        let of = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1].map(chunk_count);
        assert_eq!(of, [1, 1, 1, 1, 2, 2, 3]);
    }
}
