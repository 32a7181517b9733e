//! Where the time comes from (I-10): every part that needs "now" holds a [`Clock`], so that a test can live three
//! months in a second. Nothing else in the workspace may ask the system for the time of day.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Gives the present instant.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, as this clock sees it. It may jump backwards: whoever needs order keeps its own mark.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until told otherwise, for tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self(Mutex::new(at))
    }

    /// Shows `at` from now on, earlier or later than before.
    pub fn set(&self, at: Timestamp) {
        *self.lock() = at;
    }

    /// Moves by `by` (backwards if negative), stopping at the first and last instants that can be written.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.lock();
        *now = now.saturating_add(by).unwrap_or(*now);
    }

    fn lock(&self) -> MutexGuard<'_, Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        clock.advance(SignedDuration::from_hours(24 * 90));
        assert_eq!(clock.now().as_second(), 90 * 86_400);
        clock.advance(SignedDuration::from_secs(-1));
        assert_eq!(clock.now().as_second(), 90 * 86_400 - 1);
        clock.set(Timestamp::MAX);
        clock.advance(SignedDuration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
