//! What becomes of entries after an attempt, committed at once: queue, report to the sender and traces in one commit (I-1), then one log
//! line for each recipient. An entry that an administrator took out meanwhile is not settled again.
//!
//! May use: the store, `verdict`, `notice`. Must never touch: the network. Logs hold no address but masked and no text of a peer (M-11).

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use store::{Action, Outcome, QueueId, Queued, Settlement, StoreError, Trace};
use tokio::time::sleep;

use super::{
    Shared,
    attempt::Attempt,
    notice::{self, Told},
    statistics::operator_of,
    verdict::{End, Verdict, verdict},
};

/// Entries that one commit settles: an operation of the store stays short (I-2).
const AT_ONCE: usize = 100;

/// Longest pause between two attempts to keep an outcome.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An entry, the attempt for it, and what that means.
pub(super) struct Settled {
    pub(super) entry: Queued,
    pub(super) attempt: Attempt,
    pub(super) verdict: Verdict,
}

impl Settled {
    /// Whether the next hop has the message for this recipient, and said so.
    fn is_taken(&self) -> bool {
        self.verdict.end == End::Relayed
    }
}

/// Settles entries of one message. What the peer has taken is settled however long the store cannot keep it: given up, it would go
/// out again and again. Anything else is given up after a while, and tried again whole.
pub(super) async fn settle(shared: &Shared, attempts: Vec<(Queued, Attempt)>) {
    let now = shared.clock.now();
    keep(
        shared,
        attempts.into_iter().map(|(entry, attempt)| judged(shared, entry, attempt, now)).collect(),
        now,
    )
    .await;
}

/// Settles entries of any messages of a lane whose next hop cannot be reached: one commit for many, and one for each message whose
/// sender is to be told. False if something could not be kept: it is due still.
pub(super) async fn settle_all(shared: &Shared, entries: Vec<Queued>, attempt: &Attempt) -> bool {
    let mut kept = true;
    let now = shared.clock.now();
    let mut silent = Vec::new();
    let mut told: Vec<Vec<Settled>> = Vec::new();
    for entry in entries {
        let settled = judged(shared, entry, attempt.clone(), now);
        if settled.verdict.told.is_none() {
            silent.push(settled);
            continue;
        }
        let of = |settled: &Settled| (settled.entry.message, settled.entry.part);
        let same = told.iter_mut().find(|all| all.first().is_some_and(|first| of(first) == of(&settled)));
        match same {
            Some(same) => same.push(settled),
            None => told.push(vec![settled]),
        }
    }
    while !silent.is_empty() {
        let rest = silent.split_off(silent.len().min(AT_ONCE));
        kept &= keep(shared, std::mem::replace(&mut silent, rest), now).await;
    }
    for message in told {
        kept &= keep(shared, message, now).await;
    }
    kept
}

fn judged(shared: &Shared, entry: Queued, attempt: Attempt, now: Timestamp) -> Settled {
    let jitter = fastrand::f64().mul_add(2.0, -1.0);
    let verdict = verdict(&entry, &attempt, &shared.settings, now, jitter);
    Settled { entry, attempt, verdict }
}

/// Keeps what became of entries: of one message, or of several of which nobody is told. False if that is given up.
async fn keep(shared: &Shared, mut settled: Vec<Settled>, now: Timestamp) -> bool {
    let (mut pause, mut reporting) = (shared.settings.settle_pause, true);
    for tried in 0_u32.. {
        match commit(shared, &settled, now, reporting).await {
            Ok(told) => {
                settled.iter().for_each(|settled| log(shared, settled, told.as_ref(), now));
                return true;
            }
            Err(StoreError::NotFound) if tried == 0 => {}
            Err(error) => {
                let entries = settled.len();
                if tried < shared.settings.settle_attempts {
                    tracing::warn!(%error, "an outcome of the queue could not be kept, trying again");
                } else if passes(&error) && settled.iter().any(Settled::is_taken) {
                    tracing::error!(%error, entries, "the next hop took a message and the queue cannot keep that: trying until it can");
                    pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                } else if !passes(&error) && reporting {
                    tracing::error!(%error, entries, "an outcome of the queue is kept without the report that it causes");
                    reporting = false;
                } else {
                    tracing::error!(%error, entries, "an outcome of the queue could not be kept: it is tried again whole");
                    return false;
                }
                sleep(pause).await;
            }
        }
        settled = still_there(shared, settled, now).await;
        if settled.is_empty() {
            return true;
        }
    }
    false
}

/// Whether it is the store that is in trouble, and not what it is asked to keep.
fn passes(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Busy
            | StoreError::Full
            | StoreError::Damaged(_)
            | StoreError::Engine(_)
            | StoreError::ClockBehind
    )
}

/// Without the entries that are gone. What the peer took all the same is part of the message's journey.
async fn still_there(shared: &Shared, settled: Vec<Settled>, now: Timestamp) -> Vec<Settled> {
    let ids: Vec<QueueId> = settled.iter().map(|settled| settled.entry.id).collect();
    let found = shared.store.read(move |reader| {
        ids.into_iter()
            .map(|id| reader.queued(id).map(|found| found.is_some()))
            .collect::<Result<Vec<bool>, _>>()
    });
    // if it cannot be read, the next commit says whether they are
    let Ok(found) = found.await else { return settled };
    let mut left = Vec::with_capacity(settled.len());
    for (settled, there) in settled.into_iter().zip(found) {
        if there {
            left.push(settled);
        } else if settled.is_taken() {
            log(shared, &settled, None, now);
            if let Err(error) = shared.store.trace(trace(&settled, now)).await {
                tracing::error!(%error, id = %settled.entry.message, "a relayed message that was removed meanwhile is not traced");
            }
        }
    }
    left
}

/// One commit. Gives what the sender was told.
async fn commit(
    shared: &Shared,
    settled: &[Settled],
    now: Timestamp,
    reporting: bool,
) -> Result<Option<Told>, StoreError> {
    let told =
        if reporting { notice::write(&shared.store, &shared.settings, settled, now).await? } else { None };
    let (report, told) = told.map_or((None, None), |(delivery, told)| (Some(delivery), Some(told)));
    let mut traces: Vec<Trace> = settled.iter().map(|settled| trace(settled, now)).collect();
    traces.extend(told.as_ref().zip(settled.first()).map(|(told, first)| told.trace(&first.entry, now)));
    let entries: Vec<(QueueId, Settlement)> =
        settled.iter().map(|settled| (settled.entry.id, settled.verdict.settlement.clone())).collect();
    shared.store.settle(entries, report, traces).await?;
    Ok(told)
}

fn trace(settled: &Settled, at: Timestamp) -> Trace {
    let Settled { entry, attempt, verdict } = settled;
    let (action, outcome) = match verdict.end {
        End::Relayed => (Action::Relay, Outcome::Done),
        End::Deferred(_) => (Action::Defer, Outcome::Refused),
        End::Failed | End::Expired => (Action::Fail, Outcome::Refused),
    };
    let mut detail = vec![
        pair("to", &entry.recipient),
        pair("status", &attempt.status()),
        pair("reason", attempt.reason()),
        pair("attempts", &(entry.attempts + 1)),
        pair("last", &attempt.told()),
    ];
    detail.extend(attempt.host.as_ref().map(|host| pair("relay", host)));
    if let End::Deferred(due) = verdict.end {
        detail.push(pair("due", &due));
    }
    let peer: Option<IpAddr> = attempt.address;
    Trace { id: entry.message, at, action, person: None, acting_as: entry.sender, peer, outcome, detail }
}

fn log(shared: &Shared, settled: &Settled, told: Option<&Told>, now: Timestamp) {
    let Settled { entry, attempt, verdict } = settled;
    let outcome = match verdict.end {
        End::Relayed => "relayed",
        End::Deferred(_) => "deferred",
        End::Failed => "failed",
        End::Expired => "expired",
    };
    let operator = operator_of(&entry.lane(), &shared.trust.current());
    shared.statistics.settled(verdict.end, operator.clone());
    let report = told.filter(|_| verdict.told.is_some()).map(|told| told.id.to_string()).unwrap_or_default();
    let delay = now.duration_since(entry.message.time()).as_secs_f64().max(0.0);
    let delays = delays(settled, delay);
    let relay = attempt.host.as_deref().unwrap_or("none");
    let due = if let End::Deferred(due) = verdict.end { due.to_string() } else { String::new() };
    tracing::info!(
        id = %entry.message, queue = %entry.id, to = %entry.recipient.masked(), outcome, operator, relay,
        peer = ?attempt.address, delay, delays, attempts = entry.attempts + 1, status = %attempt.status(),
        reason = attempt.reason(), due, report, "recipient relayed or not"
    );
}

/// Where the time since the message began to come went, in seconds: before it was in the queue, in the queue, on the connection,
/// on the transfer.
fn delays(settled: &Settled, whole: f64) -> String {
    let Settled { entry, attempt, .. } = settled;
    let before = entry.queued.duration_since(entry.message.time()).as_secs_f64().clamp(0.0, whole);
    let (connection, transfer) =
        (attempt.spent.connection.as_secs_f64(), attempt.spent.transfer.as_secs_f64());
    let waiting = (whole - before - connection - transfer).max(0.0);
    format!("{before:.2}/{waiting:.2}/{connection:.2}/{transfer:.2}")
}

pub(super) fn pair<T: ToString + ?Sized>(name: &str, value: &T) -> (String, String) {
    (name.to_owned(), value.to_string())
}
