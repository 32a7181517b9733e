//! What an operator may set, with defaults for a small server; every number is a bound (I-9).

use std::time::Duration;

use crate::{CHUNK, committer::BATCH_BYTES, engine::Bounds};

/// Least memory an engine works with, bytes.
pub(crate) const MEMORY_MIN: usize = 16 << 20;

/// Files of the engine that are open at the same time, unless a setting says otherwise.
pub(crate) const OPEN_FILES: u32 = 512;

/// Settings of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Memory of the engine, bytes: block cache and write buffers together. Default 128 MiB, at least 16 MiB.
    pub memory: usize,
    /// Files of the engine that may be open at the same time. Default 512.
    pub open_files: u32,
    /// Operations that may wait for the committer; beyond it callers wait. Default 1,024.
    pub queue: usize,
    /// Operations made durable by one sync at most. Default 512.
    pub batch: usize,
    /// Row changes after which an operation takes no further message: whoever delivers meanwhile waits that long at
    /// most. Default 2,000.
    pub operation_changes: usize,
    /// Runs of vanished UIDs that a box remembers at most; whoever asks for what lies further back is told every UID
    /// that is not there (RFC 7162 §3.2.5.2). Default 4,096.
    pub vanished_runs: u32,
    /// Recipients that may wait in the outgoing queue; beyond it no message with such recipients is accepted. Default
    /// 1,000,000.
    pub queued: u64,
    /// The same of one next hop. Default 500,000.
    pub queued_lane: u64,
    /// The same of one account's messages. Default 100,000.
    pub queued_sender: u64,
    /// Reads that may touch the disk at the same time. Default 16.
    pub readers: usize,
    /// Bodies that may write chunks at the same time, outside commits. Default 8.
    pub writers: usize,
    /// Memory in which bodies of up to four chunks wait whole for their commit, bytes; beyond it, and beyond four chunks,
    /// they are written as they arrive. Default 16 MiB.
    pub held: usize,
    /// Messages of a box that are new, changed or gone before its summary is renewed in the background. Default 1,024.
    pub summary_changes: u32,
    /// Longest body, bytes. Default 256 MiB.
    pub body_bytes: u64,
    /// Room on the disk, bytes: with less no new message is taken. Default 256 MiB; 0 for none.
    pub disk_reserve: u64,
    /// How often disk and files are looked at. Default 1 s, at least 10 ms.
    pub watch_every: Duration,
    /// How often it is written down how far the log of commits reaches the disk; a log that is damaged before that is found at
    /// the next opening. Default 5 s.
    pub mark_every: Duration,
    /// What an account without a quota of its own may have in its boxes, bytes. Default 50 GB.
    pub account_bytes: u64,
    /// The same in messages. Default 2,000,000.
    pub account_messages: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            memory: 128 << 20,
            open_files: OPEN_FILES,
            queue: 1024,
            batch: 512,
            operation_changes: 2_000,
            vanished_runs: 4_096,
            queued: 1_000_000,
            queued_lane: 500_000,
            queued_sender: 100_000,
            readers: 16,
            writers: 8,
            held: 16 << 20,
            summary_changes: 1024,
            body_bytes: 256 << 20,
            disk_reserve: 256 << 20,
            watch_every: Duration::from_secs(1),
            mark_every: Duration::from_secs(5),
            account_bytes: 50_000_000_000,
            account_messages: 2_000_000,
        }
    }
}

impl Settings {
    /// Memory that the store takes at most under these bounds, bytes: what the engine keeps; chunks of bodies that wait
    /// for their commit, with one for each operation that waits; a batch, as changes and as the engine takes it; chunks
    /// on their way in and out.
    pub fn memory_total(&self) -> usize {
        const TABLE: usize = 8 << 10;
        const COPIES: usize = 2;
        let files = self.open_files as usize * TABLE;
        let waiting = self.held + self.queue * CHUNK;
        let moving = (self.readers + self.writers * crate::body::HELD) * CHUNK * COPIES;
        self.memory + files + waiting + BATCH_BYTES * COPIES + moving
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { memory: self.memory, open_files: self.open_files }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_stay_below_the_total_that_is_promised() {
        let total = Settings::default().memory_total();
        assert!(total <= 256 << 20, "{} MiB", total >> 20);
        assert!(Settings { queue: 2048, ..Settings::default() }.memory_total() > total);
    }
}
