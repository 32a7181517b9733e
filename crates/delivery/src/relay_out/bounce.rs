//! What an administrator gives back to its senders: out of the queue with a report for each message, in one commit each, traced with the
//! administrator's name (S-8.5).
//!
//! May use: the store, `notice`. Must never touch: the network, lanes; a worker that has an entry in hand finds it gone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use message::report::Action as Fate;
use store::{Action, Outcome, QueueId, Queued, Settlement, Store, StoreError, Trace, TraceId};

use super::{
    RelaySettings,
    attempt::{Attempt, Fault, What},
    notice,
    settle::{Settled, pair},
    verdict::{End, Verdict},
};

/// Gives messages back.
#[derive(Clone)]
pub struct Bouncer {
    store: Store,
    settings: RelaySettings,
}

impl Bouncer {
    /// One for this queue, with the settings of its relay.
    #[must_use]
    pub fn new(store: Store, settings: RelaySettings) -> Self {
        Self { store, settings }
    }

    /// Takes entries out of the queue and reports each as failed to its sender, whatever the sender asked for: it is a person who gives
    /// up here. Gives how many reports were written; a message without anybody to tell, a report for instance, has none.
    ///
    /// # Errors
    /// Those of [`Store::settle`], `NotFound` if an entry of a message left meanwhile: messages before that one are given back.
    pub async fn bounce(
        &self,
        entries: Vec<Queued>,
        administrator: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut messages: BTreeMap<(TraceId, u8), Vec<Settled>> = BTreeMap::new();
        for entry in entries {
            messages.entry((entry.message, entry.part)).or_default().push(given_back(entry));
        }
        let mut reports = 0;
        for settled in messages.into_values() {
            let told = notice::write(&self.store, &self.settings, &settled, now).await?;
            let (report, told) = told.map_or((None, None), |(delivery, told)| (Some(delivery), Some(told)));
            let each = |settled: &Settled| trace(&settled.entry, administrator, now);
            let mut traces: Vec<Trace> = settled.iter().map(each).collect();
            traces.extend(
                told.as_ref().zip(settled.first()).map(|(told, first)| told.trace(&first.entry, now)),
            );
            let gone: Vec<(QueueId, Settlement)> =
                settled.iter().map(|settled| (settled.entry.id, Settlement::Gone)).collect();
            self.store.settle(gone, report, traces).await?;
            reports += usize::from(told.is_some());
        }
        Ok(reports)
    }
}

fn given_back(entry: Queued) -> Settled {
    let text = "an administrator of the sender's operator gave the message back";
    let attempt = Attempt::nowhere(What::Hopeless(Fault::new("given-back", "5.3.0", text)));
    let (settlement, end, told) = (Settlement::Gone, End::Failed, Some(Fate::Failed));
    let verdict = Verdict { settlement, end, told, until: entry.expires };
    Settled { entry, attempt, verdict }
}

fn trace(entry: &Queued, administrator: &str, at: Timestamp) -> Trace {
    Trace {
        id: entry.message,
        at,
        action: Action::QueueRemove,
        person: None,
        acting_as: entry.sender,
        peer: None,
        outcome: Outcome::Done,
        detail: vec![
            pair("administrator", administrator),
            pair("to", &entry.recipient),
            pair("entry", &entry.id),
            pair("report", "failed"),
        ],
    }
}
