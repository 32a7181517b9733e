//! One thing that is fetched: what is known of it, and when it is asked for again. Pure: time and chance are arguments.

use std::time::Duration;

use fetch::{Url, Validators};
use jiff::Timestamp;
use pki::SourceView;
use serde::{Deserialize, Serialize};

/// The wait after a first failure; it doubles with each further one, up to the usual period.
pub(super) const FIRST_RETRY: Duration = Duration::from_secs(60);

/// What is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// The white list.
    List,
    /// A revocation list; whose, where a certificate says so.
    Crl(Option<String>),
}

/// Something that is fetched.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) what: What,
    pub(super) url: Url,
    /// How often it is asked for while all is well.
    period: Duration,
    /// What was fetched last and taken.
    pub(super) known: Option<Known>,
    succeeded: Option<Timestamp>,
    tried: Option<Timestamp>,
    error: Option<String>,
    failures: u32,
    next: Option<Timestamp>,
}

/// A document that was fetched and taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Its digest: a host's word that it has not changed is worth something only while it is in force.
    pub(super) digest: String,
    pub(super) validators: Validators,
}

impl Source {
    pub(super) fn new(what: What, url: Url, period: Duration) -> Self {
        Self {
            what,
            url,
            period,
            known: None,
            succeeded: None,
            tried: None,
            error: None,
            failures: 0,
            next: None,
        }
    }

    /// Whether it is to be asked for at `now`.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// When it is to be asked for; at once where it never was.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// Somebody waits for it: it is due now.
    pub(super) fn ask_now(&mut self) {
        self.next = None;
    }

    /// It was had, or confirmed. `chance` is from 0 to 1: installations must not ask in step.
    pub(super) fn succeed(&mut self, now: Timestamp, chance: f64) {
        (self.succeeded, self.tried, self.error, self.failures) = (Some(now), Some(now), None, 0);
        self.next = after(now, self.period.mul_f64(0.9 + chance * 0.2));
    }

    /// It was not; `patience` is what the host asked for.
    pub(super) fn fail(&mut self, now: Timestamp, why: String, patience: Option<Duration>, chance: f64) {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(16)).min(self.period);
        (self.tried, self.error) = (Some(now), Some(why));
        self.failures = self.failures.saturating_add(1);
        let wait = doubled.mul_f64(0.75 + chance * 0.5).max(patience.unwrap_or_default());
        self.next = after(now, wait);
    }

    pub(super) fn view(&self) -> SourceView {
        SourceView {
            what: match &self.what {
                What::List => "the white list".to_owned(),
                What::Crl(Some(issuer)) => format!("the revocation list of \"{issuer}\""),
                What::Crl(None) => "a revocation list".to_owned(),
            },
            url: self.url.to_string(),
            succeeded: self.succeeded,
            tried: self.tried,
            error: self.error.clone(),
            failures: self.failures,
            next: self.next,
        }
    }
}

fn after(now: Timestamp, wait: Duration) -> Option<Timestamp> {
    now.checked_add(wait).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(3600);

    fn source() -> Source {
        Source::new(What::List, Url::parse("https://host/list.xml").unwrap(), PERIOD)
    }

    fn wait(source: &Source, now: Timestamp) -> Duration {
        Duration::try_from(source.next().unwrap().duration_since(now)).unwrap()
    }

    #[test]
    fn what_was_never_asked_for_is_due_and_then_once_a_period() {
        let now = Timestamp::UNIX_EPOCH;
        let mut source = source();
        assert!(source.is_due(now));
        for chance in [0.0, 0.5, 1.0] {
            source.succeed(now, chance);
            let wait = wait(&source, now);
            assert!((PERIOD.mul_f64(0.9)..=PERIOD.mul_f64(1.1)).contains(&wait), "{wait:?}");
            assert!(!source.is_due(now));
        }
        source.ask_now();
        assert!(source.is_due(now));
    }

    #[test]
    fn failures_wait_longer_and_longer_but_never_longer_than_usual() {
        let now = Timestamp::UNIX_EPOCH;
        let mut source = source();
        let mut last = Duration::ZERO;
        for failure in 1..=40 {
            source.fail(now, "403".to_owned(), None, 0.5);
            let wait = wait(&source, now);
            assert!(wait >= last && wait <= PERIOD, "{failure}: {wait:?}");
            last = wait;
        }
        assert_eq!((last, source.view().failures), (PERIOD, 40));
        // a host that asks for more patience gets it
        source.fail(now, "429".to_owned(), Some(PERIOD * 5), 0.5);
        assert_eq!(wait(&source, now), PERIOD * 5);
        source.succeed(now, 0.5);
        assert_eq!((source.view().failures, source.view().error), (0, None));
        source.fail(now, "403".to_owned(), None, 0.5);
        assert_eq!(wait(&source, now), FIRST_RETRY);
    }
}
