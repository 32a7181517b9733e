//! Erasing days: their keys first, then one commit; and taking up, when a store opens, what was cut short between them.

use std::sync::Arc;

use mssante::retention::{MESSAGES, TRACES_MONTHS, Term};

use crate::{
    Action, Outcome, Queued, Result, Store, StoreError, Trace,
    committer::{
        hot::Hot,
        pending::Pending,
        txn::{Txn, TxnOutcome},
    },
    core::Core,
    day::Day,
    engine::{Change, Durability, Family},
    keyring::KeyKind,
    keys,
    ops::{self, traces::SealedTrace},
    records::{self, Counters, ErasureRecord},
    rows::sight,
    watch::Event,
};

impl Store {
    /// Destroys the keys of a day and of all before it, then makes what they sealed gone. Whoever watches a box that
    /// loses messages is told.
    pub(super) async fn erase(&self, kind: KeyKind, term: Term, through: Day) -> Result<()> {
        let log = log(&self.core, kind, term, through);
        let lost = self.unsent(kind, through).await?;
        // A task of its own: whose key is destroyed must be seen gone, whether the caller waits for it or not.
        let store = self.clone();
        let erased = tokio::spawn(async move { store.erase_now(kind, through, lost, log).await });
        erased.await.map_err(|_| StoreError::Busy)?
    }

    async fn erase_now(
        &self,
        kind: KeyKind,
        through: Day,
        lost: Vec<SealedTrace>,
        log: Vec<(Day, ErasureRecord)>,
    ) -> Result<()> {
        let core = Arc::clone(&self.core);
        let destroy = move || core.keyring.erase(kind, through);
        tokio::task::spawn_blocking(destroy)
            .await
            .map_err(|_| StoreError::Busy)?
            .map_err(|error| StoreError::Engine(error.to_string()))?;
        match kind {
            KeyKind::Message => {
                let lost = self
                    .submit(move |txn| {
                        lost.into_iter().for_each(|step| ops::traces::put(txn, step));
                        ops::retention::erase(txn, through, &log)
                    })
                    .await?;
                tell_of_lost(lost);
                self.tell_of_gone().await
            }
            KeyKind::Trace => self.submit(move |txn| ops::retention::erase_traces(txn, through, &log)).await,
        }
    }

    /// The traces of queue entries that will go with their bodies: their time in the queue is far shorter than that of
    /// a message, so there are none unless the clock leapt.
    async fn unsent(&self, kind: KeyKind, through: Day) -> Result<Vec<SealedTrace>> {
        if kind == KeyKind::Trace {
            return Ok(vec![]);
        }
        let lost = self.read(move |reader| reader.queued_until(through)).await?;
        let at = self.core.clock.now();
        let step = |queued: Queued| Trace {
            id: queued.message,
            at,
            action: Action::Fail,
            person: None,
            acting_as: queued.sender,
            peer: None,
            outcome: Outcome::Refused,
            detail: vec![
                ("to".to_owned(), queued.recipient.to_string()),
                ("entry".to_owned(), queued.id.to_string()),
                ("reason".to_owned(), "erased-unsent".to_owned()),
            ],
        };
        self.seal_traces(lost.into_iter().map(step).collect()).await
    }

    /// Tells watches of the boxes from which messages are gone now.
    async fn tell_of_gone(&self) -> Result<()> {
        self.read(|reader| {
            let watches = &reader.core().watches;
            let mut events = vec![];
            for id in watches.watched() {
                if let Some(present) = sight::present(reader.view(), id)?
                    && !present.gone.is_empty()
                {
                    events.push(Event::Mailbox(id, present.state.highest));
                }
            }
            watches.tell(&events);
            Ok(())
        })
        .await
    }
}

/// The lines that the log of erasures gets: one for each day that has keys still.
fn log(core: &Core, kind: KeyKind, term: Term, through: Day) -> Vec<(Day, ErasureRecord)> {
    let at = core.clock.now().as_microsecond();
    let line = |day: Day| (day, ErasureRecord { at, due: Day::from(term.due(day.date())), messages: 0 });
    core.keyring.days(kind).into_iter().filter(|day| *day <= through).map(line).collect()
}

fn tell_of_lost(lost: u64) {
    if lost > 0 {
        tracing::error!(
            entries = lost,
            "entries of the outgoing queue went with the day of their message, unsent: their senders were not told"
        );
    }
}

/// Makes key file and store agree on what is erased: what was destroyed is gone, also if the process was killed before
/// the store knew or an older copy of the store was put back; and what is gone has no keys, also if an older key file was.
pub(crate) fn roll_forward(core: &Core, counters: Counters) -> Result<Counters> {
    let mut counters = counters;
    let none = Day::from_number(0);
    for (kind, term) in [(KeyKind::Message, MESSAGES), (KeyKind::Trace, Term::Months(TRACES_MONTHS))] {
        let destroyed = core.keyring.erased(kind).unwrap_or(none);
        let gone = match kind {
            KeyKind::Message => counters.erased,
            KeyKind::Trace => counters.erased_traces,
        };
        if gone > destroyed {
            tracing::warn!(%kind, through = %gone, "the key file is older than the store: erased days are erased again");
            core.keyring.erase(kind, gone).map_err(|error| StoreError::Engine(error.to_string()))?;
        }
        if destroyed > gone {
            tracing::warn!(%kind, through = %destroyed, "days whose keys were destroyed are gone now");
            counters = make_gone(core, counters, kind, term, destroyed)?;
        }
    }
    core.numbers.mark(&counters);
    Ok(counters)
}

/// The commit that an erasure was cut short before.
fn make_gone(core: &Core, counters: Counters, kind: KeyKind, term: Term, through: Day) -> Result<Counters> {
    let line = ErasureRecord {
        at: core.clock.now().as_microsecond(),
        due: Day::from(term.due(through.date())),
        messages: 0,
    };
    let before = Pending::default();
    let hot = Hot::default();
    let mut txn = Txn::new(core, &hot, &before, counters);
    match kind {
        KeyKind::Message => tell_of_lost(ops::retention::erase(&mut txn, through, &[(through, line)])?),
        KeyKind::Trace => ops::retention::erase_traces(&mut txn, through, &[(through, line)])?,
    }
    let TxnOutcome { own, counters, .. } = txn.into_outcome();
    let mut changes = own.into_changes();
    changes.push(Change::Put(Family::Accounts, keys::COUNTERS.to_vec(), records::encode(&counters)?));
    core.engine.write(&changes, Durability::Synced)?;
    core.queue_front.advance(&core.engine);
    Ok(counters)
}
