//! The latch that sheds load: shut by a failed commit or a failure of the engine's background work, open again by
//! itself a moment later, so that the next operation tries; shut as well while one commit hangs for longer than the
//! engine's ordinary pauses, until it is through (I-9).

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// How long it stays shut.
pub(crate) const SHUT_FOR: SignedDuration = SignedDuration::from_secs(2);

/// A commit that takes longer means that the engine or the disk does not keep up.
pub(crate) const HANGS_AFTER: SignedDuration = SignedDuration::from_secs(2);

const IDLE: i64 = i64::MAX;

/// See the module.
pub(crate) struct Latch {
    /// When the commit under way began, microseconds since 1970.
    committing: AtomicI64,
    /// Microseconds since 1970.
    until: AtomicI64,
    failures_seen: AtomicU64,
}

impl Latch {
    pub(crate) fn new(failures_seen: u64) -> Self {
        Self {
            committing: AtomicI64::new(IDLE),
            until: AtomicI64::new(i64::MIN),
            failures_seen: AtomicU64::new(failures_seen),
        }
    }

    /// Shuts it from `now` on.
    pub(crate) fn shut(&self, now: Timestamp) {
        let until = now.as_microsecond().saturating_add(SHUT_FOR.as_micros() as i64);
        self.until.store(until, Ordering::Release);
    }

    /// Shuts it if the engine's count of background failures grew.
    pub(crate) fn observe(&self, now: Timestamp, failures: u64) {
        if self.failures_seen.swap(failures, Ordering::AcqRel) < failures {
            self.shut(now);
        }
    }

    /// A commit begins.
    pub(crate) fn begin(&self, now: Timestamp) {
        self.committing.store(now.as_microsecond(), Ordering::Release);
    }

    /// The commit is through.
    pub(crate) fn end(&self) {
        self.committing.store(IDLE, Ordering::Release);
    }

    pub(crate) fn is_shut(&self, now: Timestamp) -> bool {
        let until = self.until.load(Ordering::Acquire);
        // A clock that was set back must not keep it shut for hours.
        let left = until.saturating_sub(now.as_microsecond());
        let hangs = now.as_microsecond().saturating_sub(self.committing.load(Ordering::Acquire));
        (left > 0 && left <= SHUT_FOR.as_micros() as i64) || hangs > HANGS_AFTER.as_micros() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shuts_on_new_failures_and_opens_by_itself() {
        let latch = Latch::new(3);
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        assert!(!latch.is_shut(now));
        latch.observe(now, 3);
        assert!(!latch.is_shut(now));
        latch.observe(now, 4);
        assert!(latch.is_shut(now));
        assert!(latch.is_shut(now + SHUT_FOR - SignedDuration::from_millis(1)));
        assert!(!latch.is_shut(now + SHUT_FOR));
        latch.shut(now);
        assert!(!latch.is_shut(now - SignedDuration::from_hours(1)), "the clock was set back");
    }

    #[test]
    fn it_is_shut_while_a_commit_hangs() {
        let latch = Latch::new(0);
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        latch.begin(now);
        assert!(!latch.is_shut(now + HANGS_AFTER));
        assert!(latch.is_shut(now + HANGS_AFTER + SignedDuration::from_millis(1)));
        latch.end();
        assert!(!latch.is_shut(now + HANGS_AFTER + SignedDuration::from_millis(1)));
    }
}
