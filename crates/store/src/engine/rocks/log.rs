//! The engine's log of commits: read behind its writers so that a second place can follow, and written again where a copy is
//! to catch up. RocksDB numbers every change; a batch is known by the number of its first one.

use std::path::Path;

use rocksdb::{WriteBatch, checkpoint::Checkpoint};

use super::{Engine, open::failure};
use crate::{Result, StoreError};

/// Bytes of the log that are read at once, the last batch not counted.
const AT_ONCE: usize = 1 << 20;

/// One batch of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Update<'b> {
    /// The number of its first change.
    pub(crate) first: u64,
    /// The number of its last one.
    pub(crate) last: u64,
    /// The batch, as the engine writes it.
    pub(crate) bytes: &'b [u8],
}

/// How far reading the log came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogRead {
    /// To this number: all up to it was handed on.
    UpTo(u64),
    /// What comes after this number is not in the log any more.
    Gap(u64),
}

impl Engine {
    /// The number of the last change.
    pub(crate) fn sequence(&self) -> u64 {
        self.now().map_or(0, |open| open.db().latest_sequence_number())
    }

    /// The number of a change that is on the disk, with every change before it: the last one when this is called.
    pub(crate) fn durable_sequence(&self) -> Result<u64> {
        let sequence = self.sequence();
        self.sync()?;
        Ok(sequence)
    }

    /// Keeps the log that is there, and every other file that is done with, until [`Engine::release_files`].
    pub(crate) fn hold_files(&self) -> Result<()> {
        self.now()?.db().disable_file_deletions().map_err(|error| failure(&error))
    }

    /// Lets go of what [`Engine::hold_files`] held.
    pub(crate) fn release_files(&self) -> Result<()> {
        self.now()?.db().enable_file_deletions().map_err(|error| failure(&error))
    }

    /// Hands on the batches after number `after`, as long as they begin at `until` or before. The log goes
    /// once what it says is in tables: a gap is no failure.
    pub(crate) fn read_log(
        &self,
        after: u64,
        until: u64,
        visit: &mut dyn FnMut(Update<'_>) -> Result<()>,
    ) -> Result<LogRead> {
        let mut at = after;
        if at >= until {
            return Ok(LogRead::UpTo(at));
        }
        // Some at a time: while they are handed on, which may take long, nobody holds the engine.
        loop {
            let (some, gap) = self.some_of_log(at, until)?;
            for (first, batch) in &some {
                let last = at + batch.len() as u64;
                visit(Update { first: *first, last, bytes: batch.data() })?;
                at = last;
            }
            if at >= until {
                return Ok(LogRead::UpTo(at));
            }
            if gap || some.is_empty() {
                return Ok(LogRead::Gap(at));
            }
        }
    }

    /// The next batches after number `at`, as many as make [`AT_ONCE`] bytes, and whether the log ends behind them.
    fn some_of_log(&self, mut at: u64, until: u64) -> Result<(Vec<(u64, WriteBatch)>, bool)> {
        let (mut some, mut bytes) = (vec![], 0);
        // A log that was taken away between two looks is an error here: what it means is a gap.
        let open = self.now()?;
        let Ok(log) = open.db().get_updates_since(at) else { return Ok((some, true)) };
        for batch in log {
            let Ok((first, batch)) = batch else { return Ok((some, true)) };
            if first > until || bytes >= AT_ONCE {
                return Ok((some, false));
            }
            if first != at + 1 {
                return Ok((some, true));
            }
            at += batch.len() as u64;
            bytes += batch.data().len();
            some.push((first, batch));
        }
        Ok((some, true))
    }

    /// Writes a batch of the log of the engine that this one is a copy of; it must be the next.
    pub(crate) fn replay(&self, first: u64, bytes: &[u8]) -> Result<()> {
        if self.sequence() + 1 != first {
            return Err(StoreError::Engine("the log does not continue the copy".into()));
        }
        self.now()?.db().write(WriteBatch::from_data(bytes)).map_err(|error| failure(&error))
    }

    /// Makes a whole copy of the engine in `dir`, which must not exist and lie on the same file system: tables are linked,
    /// not copied. Gives the number of a change that is in it, with every change before it.
    pub(crate) fn checkpoint(&self, dir: &Path) -> Result<u64> {
        let sequence = self.sequence();
        let open = self.now()?;
        let copied = Checkpoint::new(open.db()).and_then(|copy| copy.create_checkpoint(dir));
        copied.map_err(|error| failure(&error))?;
        Ok(sequence)
    }
}
