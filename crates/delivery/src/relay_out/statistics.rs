//! Numbers since the start, for metrics. May use: atomics. Must never touch: anything that names somebody.

use std::sync::atomic::{AtomicU64, Ordering};

use super::verdict::End;

/// What the relay did since it started.
#[derive(Debug, Default)]
pub struct RelayStatistics {
    relayed: AtomicU64,
    deferred: AtomicU64,
    failed: AtomicU64,
    reached: AtomicU64,
    unreached: AtomicU64,
}

impl RelayStatistics {
    /// Recipients whose next hop has the message.
    pub fn relayed(&self) -> u64 {
        self.relayed.load(Ordering::Relaxed)
    }

    /// Attempts after which a recipient waits for another.
    pub fn deferred(&self) -> u64 {
        self.deferred.load(Ordering::Relaxed)
    }

    /// Recipients given up.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Connections to a trusted peer.
    pub fn connections(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }

    /// Connections that failed, or whose peer failed its check.
    pub fn failed_connections(&self) -> u64 {
        self.unreached.load(Ordering::Relaxed)
    }

    pub(super) fn settled(&self, end: End) {
        let number = match end {
            End::Relayed => &self.relayed,
            End::Deferred(_) => &self.deferred,
            End::Failed | End::Expired => &self.failed,
        };
        number.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reached(&self) {
        self.reached.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unreached(&self) {
        self.unreached.fetch_add(1, Ordering::Relaxed);
    }
}
