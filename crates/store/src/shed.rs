//! The latch that sheds load: shut by a failed commit or a failure of the engine's background work, open again by
//! itself a moment later, so that the next operation tries; shut as well while one commit hangs for longer than the
//! engine's ordinary pauses, until it is through (I-9).

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How long it stays shut.
pub(crate) const SHUT_FOR: Duration = Duration::from_secs(2);

/// A commit that takes longer means that the engine or the disk does not keep up.
pub(crate) const HANGS_AFTER: Duration = Duration::from_secs(2);

const IDLE: u64 = u64::MAX;

/// See the module. Measures on the monotonic clock: a wall clock that is set must neither shut nor open it.
pub(crate) struct Latch {
    origin: Instant,
    /// When the commit under way began, microseconds since `origin`.
    committing: AtomicU64,
    /// Microseconds since `origin`.
    until: AtomicU64,
    failures_seen: AtomicU64,
    /// Since when the engine takes no writes, microseconds since `origin`; `IDLE` if it takes them.
    stopped_since: AtomicU64,
    /// Commits there were when that was last asked.
    commits_seen: AtomicU64,
}

impl Latch {
    pub(crate) fn new(failures_seen: u64) -> Self {
        Self {
            origin: Instant::now(),
            committing: AtomicU64::new(IDLE),
            until: AtomicU64::new(0),
            failures_seen: AtomicU64::new(failures_seen),
            stopped_since: AtomicU64::new(IDLE),
            commits_seen: AtomicU64::new(0),
        }
    }

    /// Shuts it from `now` on.
    pub(crate) fn shut(&self, now: Instant) {
        self.until.store(self.at(now + SHUT_FOR), Ordering::Release);
    }

    /// Takes over the engine's count of background failures, and says whether it grew.
    pub(crate) fn counts(&self, failures: u64) -> bool {
        self.failures_seen.swap(failures, Ordering::AcqRel) < failures
    }

    /// Shuts it if the engine has taken no writes for so long that it does not keep up, and no commit came through meanwhile:
    /// that it holds writes up for a moment while tables are written is nothing unusual.
    pub(crate) fn observe_stop(&self, now: Instant, stopped: bool, commits: u64) {
        let same = self.commits_seen.swap(commits, Ordering::AcqRel) == commits;
        let since = self.stopped_since.load(Ordering::Acquire);
        if !stopped {
            self.stopped_since.store(IDLE, Ordering::Release);
        } else if since == IDLE || !same {
            self.stopped_since.store(self.at(now), Ordering::Release);
        } else if u128::from(self.at(now).saturating_sub(since)) >= HANGS_AFTER.as_micros() {
            self.shut(now);
        }
    }

    /// A commit begins.
    pub(crate) fn begin(&self, now: Instant) {
        self.committing.store(self.at(now), Ordering::Release);
    }

    /// The commit is through.
    pub(crate) fn end(&self) {
        self.committing.store(IDLE, Ordering::Release);
    }

    pub(crate) fn is_shut(&self, now: Instant) -> bool {
        let now = self.at(now);
        let hangs = now.saturating_sub(self.committing.load(Ordering::Acquire));
        now < self.until.load(Ordering::Acquire) || u128::from(hangs) > HANGS_AFTER.as_micros()
    }

    fn at(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.origin).as_micros();
        u64::try_from(since).unwrap_or(IDLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_by_itself_and_new_failures_are_seen_once() {
        let latch = Latch::new(3);
        let now = Instant::now();
        assert!(!latch.is_shut(now));
        assert!(!latch.counts(3) && latch.counts(4) && !latch.counts(4));
        // The engine was opened anew and counts from the beginning.
        assert!(!latch.counts(0) && latch.counts(1));
        latch.shut(now);
        assert!(latch.is_shut(now));
        assert!(latch.is_shut(now + SHUT_FOR - Duration::from_millis(1)));
        assert!(!latch.is_shut(now + SHUT_FOR));
    }

    #[test]
    fn it_shuts_on_a_stop_that_lasts() {
        let latch = Latch::new(0);
        let now = Instant::now();
        let at = |times: u32| now + HANGS_AFTER * times;
        for (look, stopped, commits, shut) in [
            (0, true, 7, false),
            (1, false, 7, false),
            (2, true, 7, false),
            (3, true, 8, false),
            (4, true, 8, true),
            (6, false, 8, false),
        ] {
            latch.observe_stop(at(look), stopped, commits);
            assert_eq!(latch.is_shut(at(look)), shut, "{look}");
        }
    }

    #[test]
    fn it_is_shut_while_a_commit_hangs() {
        let latch = Latch::new(0);
        let now = Instant::now();
        latch.begin(now);
        assert!(!latch.is_shut(now + HANGS_AFTER));
        assert!(latch.is_shut(now + HANGS_AFTER + Duration::from_millis(1)));
        latch.end();
        assert!(!latch.is_shut(now + HANGS_AFTER + Duration::from_millis(1)));
    }
}
