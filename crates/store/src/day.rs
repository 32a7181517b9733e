//! The day that everything which expires is filed under (I-4): a UTC day, as a number. Pure.

use std::fmt;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

const SECONDS: i64 = 86_400;

/// A UTC day: the number of days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(u32);

impl Day {
    /// The UTC day that holds `at`; day 0 for anything before 1970.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(u32::try_from(at.as_second().div_euclid(SECONDS)).unwrap_or(0))
    }

    /// The day with this number.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The day after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// As a date of the calendar; the last one that can be written for days beyond the year 9999.
    #[must_use]
    pub fn date(self) -> Date {
        self.start().to_zoned(TimeZone::UTC).date()
    }

    /// The first instant of the day; the last instant that can be written for days beyond the year 9999.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp::from_second(i64::from(self.0) * SECONDS).unwrap_or(Timestamp::MAX)
    }
}

impl From<Timestamp> for Day {
    fn from(at: Timestamp) -> Self {
        Self::of(at)
    }
}

impl From<Date> for Day {
    /// Day 0 for anything before 1970.
    fn from(date: Date) -> Self {
        date.to_zoned(TimeZone::UTC).map_or(Self(0), |midnight| Self::of(midnight.timestamp()))
    }
}

/// `2026-11-21`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start().strftime("%F"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_utc_and_starts_at_midnight() {
        let day = Day::of(at("2026-11-21T23:59:59.999Z"));
        assert_eq!(day, Day::of(at("2026-11-21T01:00:00+01:00")));
        assert_eq!(Day::of(at("2026-11-22T00:00:00Z")).number(), day.number() + 1);
        assert_eq!(day.start(), at("2026-11-21T00:00:00Z"));
        assert_eq!(day.to_string(), "2026-11-21");
        assert_eq!(Day::from(at("1970-01-02T00:00:00Z")), Day::from_number(1));
        assert_eq!(Day::from(day.date()), day);
        assert_eq!(Day::from(Date::MIN), Day::from_number(0));
    }

    #[test]
    fn what_cannot_be_written_stops_at_the_ends() {
        assert_eq!(Day::of(at("1969-12-31T23:00:00Z")).number(), 0);
        assert_eq!(Day::from_number(u32::MAX).start(), Timestamp::MAX);
    }
}
