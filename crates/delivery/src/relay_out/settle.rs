//! What becomes of entries after an attempt, committed at once: queue, report to the sender and traces in one commit (I-1), then one log
//! line for each recipient. An entry that an administrator took out meanwhile is not settled again.
//!
//! May use: the store, `verdict`, `notice`. Must never touch: the network. Logs hold no address but masked and no text of a peer (M-11).

use std::net::IpAddr;

use jiff::Timestamp;
use store::{Action, Outcome, QueueId, Queued, Settlement, StoreError, Trace};
use tokio::time::sleep;

use super::{
    Shared,
    attempt::Attempt,
    notice::{self, Told},
    verdict::{End, Verdict, verdict},
};

/// An entry, the attempt for it, and what that means.
pub(super) struct Settled {
    pub(super) entry: Queued,
    pub(super) attempt: Attempt,
    pub(super) verdict: Verdict,
}

/// Settles entries of one message.
pub(super) async fn settle(shared: &Shared, attempts: Vec<(Queued, Attempt)>) {
    let now = shared.clock.now();
    let mut settled: Vec<Settled> = attempts
        .into_iter()
        .map(|(entry, attempt)| {
            let jitter = fastrand::f64().mul_add(2.0, -1.0);
            let verdict = verdict(&entry, &attempt, &shared.settings, now, jitter);
            Settled { entry, attempt, verdict }
        })
        .collect();
    for tried in 0.. {
        match commit(shared, &settled, now).await {
            Ok(told) => return settled.iter().for_each(|settled| log(shared, settled, told.as_ref(), now)),
            Err(StoreError::NotFound) if tried == 0 => {}
            Err(error) if tried < shared.settings.settle_attempts => {
                tracing::warn!(%error, "an outcome of the queue could not be kept, trying again");
                sleep(shared.settings.settle_pause).await;
            }
            Err(error) => {
                tracing::error!(%error, entries = settled.len(), "an outcome of the queue could not be kept: it is tried again whole");
                return;
            }
        }
        settled = still_there(shared, settled).await;
        if settled.is_empty() {
            return;
        }
    }
}

/// Without the entries that are gone.
async fn still_there(shared: &Shared, settled: Vec<Settled>) -> Vec<Settled> {
    let ids: Vec<QueueId> = settled.iter().map(|settled| settled.entry.id).collect();
    let found = shared.store.read(move |reader| {
        ids.into_iter()
            .map(|id| reader.queued(id).map(|found| found.is_some()))
            .collect::<Result<Vec<bool>, _>>()
    });
    match found.await {
        Ok(found) => {
            settled.into_iter().zip(found).filter(|(_, there)| *there).map(|(settled, _)| settled).collect()
        }
        // the next commit says whether they are
        Err(_) => settled,
    }
}

/// One commit. Gives what the sender was told.
async fn commit(shared: &Shared, settled: &[Settled], now: Timestamp) -> Result<Option<Told>, StoreError> {
    let told = notice::write(shared, settled, now).await?;
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
    shared.statistics.settled(verdict.end);
    let report = told.filter(|_| verdict.told.is_some()).map(|told| told.id.to_string()).unwrap_or_default();
    let delay = now.duration_since(entry.queued).as_secs_f64();
    let relay = attempt.host.as_deref().unwrap_or("none");
    let due = if let End::Deferred(due) = verdict.end { due.to_string() } else { String::new() };
    tracing::info!(
        id = %entry.message, queue = %entry.id, to = %entry.recipient.masked(), outcome, relay,
        peer = ?attempt.address, delay, attempts = entry.attempts + 1, status = %attempt.status(),
        reason = attempt.reason(), due, report, "recipient relayed or not"
    );
}

pub(super) fn pair<T: ToString + ?Sized>(name: &str, value: &T) -> (String, String) {
    (name.to_owned(), value.to_string())
}
