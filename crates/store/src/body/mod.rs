//! Bodies: sealed chunk by chunk as they arrive, read chunk by chunk as they leave (I-3).
//!
//! The chunks of a body of up to [`HELD`] ride in the commit that names it. Those of a longer one are written a few at a
//! time as they arrive, without sync, beside a marker that the commit removes; a marker that is found when a store opens,
//! or whose body is dropped before a commit, takes the chunks along. The commit's sync makes every chunk before it
//! durable.
//!
//! Chunks lie in the order in which bodies were committed, one [`Turn`] each: the engine's files of bodies then do not
//! overlap, and it moves them from level to level without writing them again.

use std::num::NonZeroU64;

use crate::{ids::BodyId, seal::CHUNK};

mod coding;
mod reader;
mod writer;

pub(crate) use self::writer::{Adopted, Hold};
pub use self::{
    reader::BodyReader,
    writer::{BodyWriter, SealedBody},
};

/// Chunks of a body that are held in memory before they are written: longer bodies are written as they arrive.
pub(crate) const HELD: usize = 4;

/// The place of a body in the order in which bodies were committed. Only neighbourhood depends on it: two bodies of one
/// turn are told apart by their identifiers.
pub(crate) type Turn = NonZeroU64;

/// Where the chunks of a body lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: BodyId,
    /// None if format 2 made it: its chunks lie under its identifier, and none of them is coded.
    pub(crate) turn: Option<Turn>,
}

/// A body that no commit will name, and how many of its chunks may have been written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Abandoned {
    pub(crate) place: Place,
    pub(crate) chunks: u32,
}

/// Chunks of a body of this length; an empty body has one, which proves that it is empty.
pub(crate) fn chunk_count(len: u64) -> u32 {
    u32::try_from(len.div_ceil(CHUNK as u64).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
