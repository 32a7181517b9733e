//! What ended SMTP sessions did, counted since the start.
//!
//! Numbers only. Must never hold who did it.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use smtp::Ended;

/// Counts of one SMTP service.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sessions: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Sessions by how they ended: few names, all of them the protocol's.
    ends: Mutex<BTreeMap<&'static str, u64>>,
}

impl Tally {
    /// Counts one session that ended.
    pub(crate) fn add(&self, ended: &Ended) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(ended.accepted.into(), Ordering::Relaxed);
        self.refused.fetch_add(ended.refused.into(), Ordering::Relaxed);
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        *ends.entry(ended.end.as_str()).or_default() += 1;
    }

    /// Sessions that ended.
    pub(super) fn sessions(&self) -> u64 {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Sessions that ended, by how they did.
    pub(super) fn ends(&self) -> BTreeMap<&'static str, u64> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Messages answered 250.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Messages refused at DATA or at their end.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
