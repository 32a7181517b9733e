//! Where the queue begins. Entries leave it at its front, and a scan from the first possible time would crawl over the
//! marks of all that left since the engine last tidied: scans begin here instead. Only the committer moves it.
//!
//! What is at or behind it at any moment: every entry that is kept. A reader that looks at it after its snapshot was
//! taken sees every entry but those that have left since.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::{
    Result, StoreError,
    engine::{Engine, Family, View},
    keys,
};

/// The earliest time at which an entry may be due, microseconds since 1970.
pub(crate) struct QueueFront(AtomicI64);

impl QueueFront {
    /// The front of a queue that nobody changes.
    pub(crate) fn find(engine: &Engine) -> Result<Self> {
        first_due(engine, i64::MIN).map(|due| Self(AtomicI64::new(due.unwrap_or(i64::MAX))))
    }

    pub(crate) fn due(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }

    /// Before an entry that is due then is written.
    pub(crate) fn lower(&self, due: i64) {
        self.0.fetch_min(due, Ordering::AcqRel);
    }

    /// After entries were removed. A failure leaves it where it is, which is always right.
    pub(crate) fn advance(&self, engine: &Engine) {
        if let Ok(due) = first_due(engine, self.due()) {
            self.0.store(due.unwrap_or(i64::MAX), Ordering::Release);
        }
    }
}

/// When the first entry from that time on is due.
pub(crate) fn first_due(view: &impl View, from: i64) -> Result<Option<i64>> {
    let mut first = None;
    let (_, until) = keys::under(b"d");
    view.scan(Family::Queue, &keys::due_from(from), &until, &mut |key, _| {
        let (due, _) = keys::due_of(key).ok_or(StoreError::Corrupt("queue key"))?;
        first = Some(due);
        Ok(false)
    })?;
    Ok(first)
}
