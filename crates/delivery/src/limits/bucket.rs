//! A token bucket: how much may still be done, and since when that is so. Numbers only.

use std::time::Duration;

use tokio::time::Instant;

/// How much may be done in which time. As much may be done at once, after as long a rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    most: f64,
    per: Duration,
}

impl Rate {
    /// At most `most` in each span of `per`.
    #[must_use]
    pub fn new(most: u64, per: Duration) -> Self {
        // beyond 2^53 one more or less is not told apart, which no rate needs
        #[allow(clippy::cast_precision_loss)]
        let most = most as f64;
        Self { most, per }
    }

    /// The same for constants.
    pub(super) const fn const_new(most: f64, per: Duration) -> Self {
        Self { most, per }
    }

    fn in_time(&self, elapsed: Duration) -> f64 {
        if self.per.is_zero() {
            self.most
        } else {
            self.most * (elapsed.as_secs_f64() / self.per.as_secs_f64())
        }
    }
}

/// What one of those who are bounded has left.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    /// Nothing was done yet.
    #[must_use]
    pub fn full(rate: &Rate, now: Instant) -> Self {
        Self { left: rate.most, at: now }
    }

    /// Takes one if there is one.
    ///
    /// # Errors
    /// How long to wait until there is.
    pub fn take(&mut self, rate: &Rate, now: Instant) -> Result<(), Duration> {
        self.allows(rate, now)?;
        self.left -= 1.0;
        Ok(())
    }

    /// Whether there is one.
    ///
    /// # Errors
    /// How long to wait until there is.
    pub fn allows(&mut self, rate: &Rate, now: Instant) -> Result<(), Duration> {
        self.fill(rate, now);
        if self.left >= 1.0 {
            return Ok(());
        }
        let missing = 1.0 - self.left;
        let wait = if rate.most > 0.0 { rate.per.as_secs_f64() * missing / rate.most } else { f64::MAX };
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }

    /// Takes `amount`, of which it is known only now how much it is: what is owed is paid before anything else is allowed, but never
    /// more than one span's worth.
    pub fn charge(&mut self, rate: &Rate, amount: u64, now: Instant) {
        self.fill(rate, now);
        #[allow(clippy::cast_precision_loss)]
        let amount = amount as f64;
        self.left = (self.left - amount).max(-rate.most);
    }

    /// Whether it is as if nothing had ever been done.
    pub fn is_full(&mut self, rate: &Rate, now: Instant) -> bool {
        self.fill(rate, now);
        self.left >= rate.most
    }

    fn fill(&mut self, rate: &Rate, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at);
        self.left = (self.left + rate.in_time(elapsed)).min(rate.most);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn an_hours_worth_goes_at_once_and_then_in_its_time() {
        let (rate, start) = (Rate::new(60, HOUR), Instant::now());
        let mut bucket = Bucket::full(&rate, start);
        for _ in 0..60 {
            bucket.take(&rate, start).unwrap();
        }
        let wait = bucket.take(&rate, start).unwrap_err();
        assert_eq!(wait.as_secs(), 60);
        assert!(bucket.take(&rate, start + Duration::from_secs(59)).is_err());
        bucket.take(&rate, start + Duration::from_secs(61)).unwrap();
        assert!(bucket.take(&rate, start + Duration::from_secs(62)).is_err());
        assert!(!bucket.is_full(&rate, start + HOUR) && bucket.is_full(&rate, start + 2 * HOUR));
    }

    #[test]
    fn what_is_owed_is_paid_first_and_is_bounded() {
        let (rate, start) = (Rate::new(100, HOUR), Instant::now());
        let mut bucket = Bucket::full(&rate, start);
        bucket.allows(&rate, start).unwrap();
        bucket.charge(&rate, 1_000_000, start);
        let wait = bucket.allows(&rate, start).unwrap_err();
        assert!(wait > HOUR && wait < HOUR + Duration::from_secs(60), "{wait:?}");
        bucket.allows(&rate, start + 2 * HOUR).unwrap();
    }

    #[test]
    fn nothing_is_allowed_at_no_rate_and_a_clock_that_stands_still_breaks_nothing() {
        let (rate, start) = (Rate::new(0, HOUR), Instant::now());
        assert_eq!(Bucket::full(&rate, start).take(&rate, start), Err(Duration::MAX));
        let rate = Rate::new(1, HOUR);
        let mut bucket = Bucket::full(&rate, start + HOUR);
        bucket.take(&rate, start).unwrap();
        assert!(bucket.take(&rate, start).is_err());
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_the_rate(most in 1_u64..50, pauses in proptest::collection::vec(0_u64..200, 1..200)) {
            let (rate, start) = (Rate::new(most, HOUR), Instant::now());
            let (mut bucket, mut now, mut taken) = (Bucket::full(&rate, start), start, 0_u64);
            for pause in pauses {
                now += Duration::from_secs(pause);
                taken += u64::from(bucket.take(&rate, now).is_ok());
                let elapsed = now.duration_since(start).as_secs();
                prop_assert!(taken <= most + most * elapsed / 3600 + 1);
            }
        }
    }
}
