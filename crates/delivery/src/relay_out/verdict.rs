//! What an attempt means for its queue entry: gone, tried again and when, or given up; and what the sender is told. Pure: the time and
//! the jitter are arguments.
//!
//! May use: the entry, the attempt, the settings. Must never touch: the store, the network.

use jiff::{SignedDuration, Timestamp};
use message::report::Action;
use smtp::client::Stage;
use store::{Queued, Settlement};

use super::{
    RelaySettings,
    attempt::{Attempt, What},
};

/// What becomes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What the queue keeps.
    pub(super) settlement: Settlement,
    /// How it stands.
    pub(super) end: End,
    /// What the sender is told, if anything (RFC 3461 §5.2).
    pub(super) told: Option<Action>,
    /// When it is tried for the last time, unless something else is learnt before.
    pub(super) until: Timestamp,
}

/// How an entry stands after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The next hop has it.
    Relayed,
    /// It is tried again at this time.
    Deferred(Timestamp),
    /// It is given up, since the attempt itself is final.
    Failed,
    /// It is given up, since its time is over.
    Expired,
}

/// Judges one attempt. `jitter` is between -1 and 1.
pub(super) fn verdict(
    entry: &Queued,
    attempt: &Attempt,
    settings: &RelaySettings,
    now: Timestamp,
    jitter: f64,
) -> Verdict {
    let final_refusal = |reply: &smtp::Reply| reply.code() >= 500;
    match &attempt.what {
        What::Relayed { confirms, .. } => {
            let asked = entry.notify.is_some_and(|notify| notify.success) && !confirms;
            gone(entry, End::Relayed, asked.then_some(Action::Relayed))
        }
        What::Refused { reply, stage } if refuses_us(reply, *stage) => {
            mendable(entry, attempt, settings, now, jitter)
        }
        What::Refused { reply, stage } if final_refusal(reply) || *stage == Stage::Offer => {
            failed(entry, End::Failed)
        }
        What::Hopeless(_) => failed(entry, End::Failed),
        What::Distrusted(_) => mendable(entry, attempt, settings, now, jitter),
        What::Refused { .. } | What::Trouble(_) => later(entry, attempt, settings, now, jitter, None),
    }
}

/// Whether a refusal is of ourselves and not of the message: a status of security (RFC 3463 §3.8) in answer to MAIL says that
/// our certificate, or what it may speak for, does not hold there. No letter becomes right by being sent again, a
/// certificate does.
fn refuses_us(reply: &smtp::Reply, stage: Stage) -> bool {
    stage == Stage::Mail && reply.code() >= 500 && reply.status().starts_with("5.7.")
}

/// A check that fails, theirs of us or ours of them: tried again for as long as a certificate takes to be mended.
fn mendable(
    entry: &Queued,
    attempt: &Attempt,
    settings: &RelaySettings,
    now: Timestamp,
    jitter: f64,
) -> Verdict {
    let since = entry.distrusted_since.unwrap_or(now).min(now);
    let until = after(since, settings.distrust_lifetime);
    if now >= until {
        return failed(entry, End::Failed);
    }
    later(entry, attempt, settings, now, jitter, Some((since, until)))
}

/// Tried again, unless its time is over; the last attempt is when that is.
fn later(
    entry: &Queued,
    attempt: &Attempt,
    settings: &RelaySettings,
    now: Timestamp,
    jitter: f64,
    distrusted: Option<(Timestamp, Timestamp)>,
) -> Verdict {
    if now >= entry.expires {
        return failed(entry, End::Expired);
    }
    let until = distrusted.map_or(entry.expires, |(_, until)| until.min(entry.expires));
    let due = after(now, delay(entry.attempts, settings, jitter)).min(until);
    let slow = !entry.delay_told && now >= after(entry.queued, settings.delay_notice);
    let settlement = Settlement::Later {
        due,
        last: attempt.told(),
        distrusted_since: distrusted.map(|(since, _)| since),
        delay_told: entry.delay_told || slow,
    };
    let wanted = entry.notify.is_none_or(|notify| notify.delay);
    Verdict { settlement, end: End::Deferred(due), told: (slow && wanted).then_some(Action::Delayed), until }
}

fn failed(entry: &Queued, end: End) -> Verdict {
    let wanted = entry.notify.is_none_or(|notify| notify.failure);
    gone(entry, end, wanted.then_some(Action::Failed))
}

fn gone(entry: &Queued, end: End, told: Option<Action>) -> Verdict {
    Verdict { settlement: Settlement::Gone, end, told, until: entry.expires }
}

/// The time to the next attempt after `attempts` ones that settled nothing.
fn delay(attempts: u32, settings: &RelaySettings, jitter: f64) -> SignedDuration {
    let doubled = 2_i32.checked_pow(attempts).and_then(|times| settings.first_retry.checked_mul(times));
    let delay = doubled.unwrap_or(settings.last_retry).min(settings.last_retry);
    let spread = delay.as_secs_f64() * f64::from(settings.jitter.min(100)) / 100.0 * jitter.clamp(-1.0, 1.0);
    delay.saturating_add(SignedDuration::try_from_secs_f64(spread).unwrap_or_default())
}

fn after(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
