//! A line that is not written again and again: what goes wrong a thousand times a second is said once a minute.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long the same thing is not said again.
pub(crate) const SAID_EVERY: Duration = Duration::from_secs(60);

/// One line of the log.
#[derive(Default)]
pub(crate) struct Quiet(Mutex<Said>);

#[derive(Default)]
struct Said {
    last: Option<Instant>,
    kept_back: u64,
}

impl Quiet {
    /// Whether to say it now: then how often it was kept back since it was last said.
    pub(crate) fn due(&self, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.last.is_some_and(|last| now.saturating_duration_since(last) < SAID_EVERY) {
            said.kept_back += 1;
            return None;
        }
        said.last = Some(now);
        Some(std::mem::take(&mut said.kept_back))
    }

    /// It is over: the next time is news.
    pub(crate) fn over(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Said::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_minute_and_counted_between() {
        let quiet = Quiet::default();
        let start = Instant::now();
        assert_eq!(quiet.due(start), Some(0));
        for step in 0..7 {
            assert_eq!(quiet.due(start + Duration::from_secs(step)), None);
        }
        assert_eq!(quiet.due(start + SAID_EVERY), Some(7));
        quiet.over();
        assert_eq!(quiet.due(start + SAID_EVERY), Some(0));
    }
}
