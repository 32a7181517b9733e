//! The wall (I-6): ordered keys in named families, point reads, range scans with an upper bound, snapshots, atomic
//! batches. Everything above speaks to [`Engine`], [`Snapshot`] and [`View`] only; another engine replaces `rocks`.
//!
//! Blocking: never on a runtime thread. Must never touch: what keys and values mean.

use crate::{Result, settings::OPEN_FILES};

mod damage;
mod rocks;

pub(crate) use damage::{Damage, Wrong};
#[cfg(test)]
pub(crate) use rocks::swap_family;
pub(crate) use rocks::{Cursor, Engine, Snapshot, Table, backup, log, peek};

/// A named set of ordered keys, tuned for how it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    /// Accounts, credentials, boxes and their counters: small, hot, read by key.
    Accounts,
    /// Messages of boxes, header variants, index records: scanned by box or by day.
    Index,
    /// Chunks of bodies: large, written once, read by key, never cached.
    Bodies,
    /// Traces: appended by day, scanned by journey.
    Traces,
    /// The outgoing queue: small, short-lived, scanned by time, removed at its front.
    Queue,
}

impl Family {
    pub(crate) const ALL: [Family; 5] =
        [Self::Accounts, Self::Index, Self::Bodies, Self::Traces, Self::Queue];

    /// Its name in the engine.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Index => "index",
            Self::Bodies => "bodies",
            Self::Traces => "traces",
            Self::Queue => "queue",
        }
    }
}

/// What an engine may take of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Bytes for cache and write buffers together.
    pub(crate) memory: usize,
    /// Files that are open at the same time.
    pub(crate) open_files: u32,
}

/// So much memory, and the usual number of files.
impl From<usize> for Bounds {
    fn from(memory: usize) -> Self {
        Self { memory, open_files: OPEN_FILES }
    }
}

/// Whether a write waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// It is on the disk when the call returns, with every write before it.
    Synced,
    /// It is on the disk once a later synced write is.
    Later,
}

/// One change of a batch.
pub(crate) enum Change {
    /// Sets a key.
    Put(Family, Vec<u8>, Vec<u8>),
    /// Removes a key, there or not.
    Delete(Family, Vec<u8>),
    /// Removes every key from the first, included, to the second, excluded.
    DeleteRange(Family, Vec<u8>, Vec<u8>),
}

impl Change {
    /// About the bytes it takes in a batch.
    pub(crate) fn weight(&self) -> usize {
        const HEAD: usize = 16;
        HEAD + match self {
            Self::Put(_, key, value) => key.len() + value.len(),
            Self::Delete(_, key) => key.len(),
            Self::DeleteRange(_, from, until) => from.len() + until.len(),
        }
    }
}

/// What can be read: the engine as it is now, one snapshot, or an operation's view of itself over both.
pub(crate) trait View {
    /// The value of a key.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Visits keys from `from`, included, to `until`, excluded, ascending, as long as `visit` says true.
    fn scan(&self, family: Family, from: &[u8], until: &[u8], visit: &mut Visit<'_>) -> Result<()>;
}

/// What a scan calls with each key and value; false ends it.
pub(crate) type Visit<'v> = dyn FnMut(&[u8], &[u8]) -> Result<bool> + 'v;
