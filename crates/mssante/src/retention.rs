//! How long things are kept (S-4.3, M-10): days of reception against the day it is. Pure; a day is a UTC date.
//!
//! A message of day D may go on day T if T is after D plus its term: one received on 21 August, kept three months, is
//! there all day on 21 November and may go on the 22nd. A month that is too short ends the term on its last day.

use jiff::{Span, civil::Date};

/// For how long something is kept from the day on which it was received or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Calendar months.
    Months(u8),
    /// Days.
    Days(u16),
}

/// Messages, wherever they were filed: nothing makes it longer (S-4.3).
pub const MESSAGES: Term = Term::Months(3);
/// Traces, at least (M-10): a setting may only make it longer.
pub const TRACES_MONTHS: u8 = 6;
/// The longest that traces may be kept, months.
pub const TRACES_MONTHS_MAX: u8 = 240;
/// The longest term, in days, that a structure may ask for its messages: any longer would not be shorter than
/// [`MESSAGES`] (February to May has 89 days).
pub const STRUCTURE_DAYS_MAX: u16 = 88;

impl Term {
    /// The first day on which what came on a day may go.
    #[must_use]
    pub fn due(self, received: Date) -> Date {
        let span = match self {
            Self::Months(months) => Span::new().months(i32::from(months)),
            Self::Days(days) => Span::new().days(i32::from(days)),
        };
        received.saturating_add(span).saturating_add(Span::new().days(1))
    }

    /// The last day of reception of what may go today: that day and all before it.
    #[must_use]
    pub fn last_due(self, today: Date) -> Date {
        let span = match self {
            Self::Months(months) => Span::new().months(i32::from(months)),
            Self::Days(days) => Span::new().days(i32::from(days)),
        };
        let one = Span::new().days(1);
        // Months of different lengths: the day that is as far back is at most three days off.
        let mut day = today.saturating_sub(span).saturating_add(one);
        while self.due(day) > today && day > Date::MIN {
            day = day.saturating_sub(one);
        }
        day
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn three_calendar_months_end_on_the_last_day_of_a_shorter_month() {
        for (received, due) in [
            ("2026-08-21", "2026-11-22"),
            ("2026-01-15", "2026-04-16"),
            ("2025-11-28", "2026-03-01"),
            ("2025-11-30", "2026-03-01"),
            ("2025-12-01", "2026-03-02"),
            ("2027-11-30", "2028-03-01"),
            ("2026-01-31", "2026-05-01"),
            ("2026-10-31", "2027-02-01"),
        ] {
            assert_eq!(MESSAGES.due(date(received)), date(due), "{received}");
        }
        assert_eq!(MESSAGES.last_due(date("2026-11-22")), date("2026-08-21"));
        assert_eq!(MESSAGES.last_due(date("2026-03-01")), date("2025-11-30"), "three days go at once");
        assert_eq!(MESSAGES.last_due(date("2026-02-28")), date("2025-11-27"));
        assert_eq!(Term::Days(30).due(date("2026-03-01")), date("2026-04-01"));
        assert_eq!(Term::Days(30).last_due(date("2026-04-01")), date("2026-03-01"));
    }

    fn any_date() -> impl Strategy<Value = Date> {
        (0..60_000_i32).prop_map(|days| date("1970-01-01").saturating_add(Span::new().days(days)))
    }

    fn any_term() -> impl Strategy<Value = Term> {
        prop_oneof![
            Just(MESSAGES),
            (TRACES_MONTHS..=TRACES_MONTHS_MAX).prop_map(Term::Months),
            (1..=STRUCTURE_DAYS_MAX).prop_map(Term::Days),
        ]
    }

    proptest! {
        #[test]
        fn what_is_due_is_due_and_the_next_day_is_not(today in any_date(), term in any_term()) {
            let last = term.last_due(today);
            prop_assert!(term.due(last) <= today);
            prop_assert!(term.due(last.tomorrow().unwrap()) > today);
        }

        #[test]
        fn nothing_that_came_later_goes_first(day in any_date(), more in 0..400_i32, term in any_term()) {
            let later = day.saturating_add(Span::new().days(more));
            prop_assert!(term.due(day) <= term.due(later));
            prop_assert!(term.last_due(day) <= term.last_due(later));
        }

        #[test]
        fn three_months_are_kept_and_no_week_more(day in any_date()) {
            let kept = (MESSAGES.due(day) - day).get_days();
            prop_assert!((90..=93).contains(&kept), "{kept}");
        }

        #[test]
        fn a_structure_can_only_shorten(day in any_date(), days in 1..=STRUCTURE_DAYS_MAX) {
            prop_assert!(Term::Days(days).due(day) < MESSAGES.due(day));
        }
    }
}
