//! Retention (S-4.3, I-4, M-10): what was received more than three months ago is gone, traces after their own term, and
//! what a structure wants shorter earlier; then the rows that it left are tidied away, and a proof says so.
//!
//! Erasing destroys the keys of the days and, in one commit, drops everything sealed under them, however many messages
//! they had. From that commit on every view leaves those messages out ([`crate::rows::sight`]); boxes are tidied behind,
//! a few rows at a time. A process that is killed between the two goes on where it was when the store opens.
//! May use: operations, the key file. Must never touch: the clock but through the committer, which decides whether it is
//! to be believed.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use mssante::{
    StructureId,
    retention::{MESSAGES, STRUCTURE_DAYS_MAX, TRACES_MONTHS, TRACES_MONTHS_MAX, Term},
};

use crate::{Result, Store, Trace, day::Day, keyring::KeyKind, ops, records::Counters, rows::sight};

mod early;
mod erase;
mod proof;
mod skipped;
mod tidy;
mod traces;

pub(crate) use erase::roll_forward;
pub use proof::{Retention, RetentionProof};
pub(crate) use skipped::Skipped;

/// A clock that advances further than this beyond the last commit proves nothing about age (I-4).
const TRUSTED_STEP: SignedDuration = SignedDuration::from_hours(36);

/// What is kept for how long, as far as it may be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepPlan {
    /// Months for which traces are kept. Default 6, the least there is (M-10); at most 240.
    pub trace_months: u8,
    /// Structures that keep messages for fewer days than three months, 1 to 88 (S-4.3).
    pub structures: Vec<(StructureId, u16)>,
}

impl Default for KeepPlan {
    fn default() -> Self {
        Self { trace_months: TRACES_MONTHS, structures: vec![] }
    }
}

impl KeepPlan {
    fn traces(&self) -> Term {
        Term::Months(self.trace_months.clamp(TRACES_MONTHS, TRACES_MONTHS_MAX))
    }

    /// The term of a structure that has one of its own.
    fn of(&self, structure: &StructureId) -> Option<Term> {
        let (_, days) = self.structures.iter().find(|(known, _)| known == structure)?;
        Some(Term::Days((*days).clamp(1, STRUCTURE_DAYS_MAX)))
    }
}

/// What one round of retention did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The clock leapt: nothing was erased, and nothing will be before it is accepted.
    pub held: bool,
    /// Messages received on that day or before became gone.
    pub erased: Option<Day>,
    /// The same for traces.
    pub erased_traces: Option<Day>,
    /// How long destroying keys of messages and dropping what they sealed took.
    pub erasing: Duration,
    /// Messages whose rows were removed from boxes.
    pub tidied: u64,
    /// How long that took.
    pub tidying: Duration,
    /// Messages that left the boxes of a structure before their bodies' day.
    pub left: u64,
    /// The proof, if one was made: at the first round of a day, and whenever something was erased.
    pub proof: Option<RetentionProof>,
}

impl Store {
    /// One round of retention: keeps the time, erases what is due, tidies, proves. To be called at start and every hour,
    /// one call at a time; a call that failed is simply made again.
    ///
    /// # Errors
    /// `Busy`, `Engine` if the disk refuses: what was done stays done.
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method alone is of one lifetime only")]
    pub async fn keep(&self, plan: &KeepPlan) -> Result<Kept> {
        self.submit(|txn| txn.tick()).await?;
        let counters = self.counters().await?;
        let mut kept = Kept { held: counters.held, ..Kept::default() };
        if counters.held {
            tracing::error!(
                "the clock leapt, nothing is erased: check the machine's time, then `vaguemestre clock accept`"
            );
        } else {
            self.erase_due(plan, &counters, &mut kept).await?;
        }
        let start = Instant::now();
        let mut skipped = Skipped::default();
        kept.tidied = self.tidy(&mut skipped).await?;
        kept.tidying = start.elapsed();
        if !counters.held {
            kept.left = self.let_go_early(plan, today(&counters), &mut skipped).await?;
        }
        kept.proof = self.prove_retention(plan, &kept, skipped).await?;
        Ok(kept)
    }

    /// Believes the clock again after it leapt ahead or was set back (I-4): it counts from now on, and what is due may
    /// be erased.
    ///
    /// # Errors
    /// `Busy`, `Engine`.
    pub async fn accept_clock(&self, trace: Trace) -> Result<()> {
        let trace = self.seal_trace(trace).await?;
        self.submit(move |txn| {
            let now = txn.core.clock.now();
            let counters = txn.counters_mut();
            counters.held = false;
            counters.committed = now.as_microsecond();
            counters.day = Day::of(now).max(counters.erased.next());
            ops::traces::put(txn, trace);
            Ok(())
        })
        .await
    }

    async fn erase_due(&self, plan: &KeepPlan, counters: &Counters, kept: &mut Kept) -> Result<()> {
        let today = today(counters);
        let due = Day::from(MESSAGES.last_due(today.date()));
        if due > counters.erased {
            let start = Instant::now();
            self.erase(KeyKind::Message, MESSAGES, due).await?;
            kept.erasing = start.elapsed();
            kept.erased = Some(due);
        }
        let due = Day::from(plan.traces().last_due(today.date()));
        if due > counters.erased_traces {
            self.erase(KeyKind::Trace, plan.traces(), due).await?;
            kept.erased_traces = Some(due);
        }
        Ok(())
    }

    async fn counters(&self) -> Result<Counters> {
        self.read(|reader| sight::counters(reader.view())).await
    }
}

/// The day that retention counts from: that of the last commit.
fn today(counters: &Counters) -> Day {
    Day::of(Timestamp::from_microsecond(counters.committed).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Whether a commit at `now` would take the clock further ahead than it is believed.
pub(crate) fn leaps(counters: &Counters, now: Timestamp) -> bool {
    let step = now.as_microsecond().saturating_sub(counters.committed);
    counters.committed != 0 && SignedDuration::from_micros(step) > TRUSTED_STEP
}

/// Takes a commit's instant into the counters; a leap holds retention until the clock is accepted.
pub(crate) fn follow(counters: &mut Counters, now: Timestamp) {
    if leaps(counters, now) && !counters.held {
        tracing::error!(
            "the clock leapt by more than 36 hours: nothing is erased until `vaguemestre clock accept`"
        );
        counters.held = true;
    }
    counters.committed = counters.committed.max(now.as_microsecond());
    counters.day = counters.day.max(Day::of(now));
}

#[cfg(test)]
mod tests_of_time {
    use super::*;

    fn counters(at: &str) -> Counters {
        let at: Timestamp = at.parse().unwrap();
        Counters { committed: at.as_microsecond(), day: Day::of(at), ..Counters::new() }
    }

    #[test]
    fn a_leap_holds_and_what_follows_does_not_let_go() {
        let mut held = counters("2026-03-08T10:00:00Z");
        follow(&mut held, "2026-03-09T22:00:00Z".parse().unwrap());
        assert!(!held.held, "36 hours are believed");
        follow(&mut held, "2026-03-11T10:00:01Z".parse().unwrap());
        assert!(held.held);
        follow(&mut held, "2026-03-11T10:00:02Z".parse().unwrap());
        assert!(held.held);
        let mut new = Counters::new();
        follow(&mut new, "2026-03-11T10:00:00Z".parse().unwrap());
        assert!(!new.held, "a new store has nothing to compare with");
    }

    #[test]
    fn a_clock_set_back_moves_nothing_back() {
        let last = counters("2026-03-08T10:00:00Z");
        let mut after = last;
        follow(&mut after, "2025-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(after, last);
    }
}

#[cfg(test)]
mod tests;
