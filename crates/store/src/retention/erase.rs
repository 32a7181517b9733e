//! Erasing days: their keys first, then one commit; and taking up, when a store opens, what was cut short between them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use mssante::retention::{MESSAGES, TRACES_MONTHS, Term};

use crate::{
    Action, Outcome, Queued, Result, Store, StoreError, Trace, binding,
    committer::{
        hot::Hot,
        pending::Pending,
        txn::{Txn, TxnOutcome},
    },
    core::Core,
    day::Day,
    engine::{Change, Durability, Family, View},
    keyring::KeyKind,
    keys,
    ops::{self, traces::SealedTrace},
    records::{self, Counters, ErasureRecord},
    rows::sight,
    watch::Event,
};

/// Waits before the commit is tried again whose keys are destroyed already: longer together than the latch stays shut
/// after a failure. If all fail, the next round does it, or the next opening.
const AGAIN: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(900), Duration::from_secs(2)];

impl Store {
    /// Destroys the keys of a day and of all before it, then makes what they sealed gone. Whoever watches a box that
    /// loses messages is told.
    pub(super) async fn erase(&self, kind: KeyKind, term: Term, through: Day) -> Result<()> {
        let log = self.read(move |reader| log(reader.core(), reader.view(), kind, term, through)).await?;
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
                let erase = move |txn: &mut Txn<'_>| {
                    lost.iter().for_each(|step| ops::traces::put(txn, step.clone()));
                    ops::retention::erase(txn, through, &log)
                };
                tell_of_lost(self.submit_at_once(erase).await?);
                self.tell_of_gone().await
            }
            KeyKind::Trace => {
                self.submit_at_once(move |txn| ops::retention::erase_traces(txn, through, &log)).await
            }
        }
    }

    /// Commits what must follow a destruction of keys; tried a few times more if the store cannot take it. It may have
    /// been committed each time.
    async fn submit_at_once<T: Send + 'static>(
        &self,
        apply: impl Fn(&mut Txn<'_>) -> Result<T> + Clone + Send + 'static,
    ) -> Result<T> {
        for wait in AGAIN {
            match self.submit(apply.clone()).await {
                Err(StoreError::Busy | StoreError::Engine(_) | StoreError::Full) => {
                    tokio::time::sleep(wait).await;
                }
                answer => return answer,
            }
        }
        self.submit(apply).await
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
                match sight::present(reader.view(), id) {
                    Ok(Some(present)) if !present.gone.is_empty() => {
                        events.push(Event::Mailbox(id, present.state.highest));
                    }
                    Err(error) if !error.is_damage() => return Err(error),
                    // Tidying tells of a damaged one.
                    Ok(_) | Err(_) => {}
                }
            }
            watches.tell(&events);
            Ok(())
        })
        .await
    }
}

/// The lines that the log of erasures gets: one for each day that has keys still, or of which something is kept whose
/// keys were destroyed before, and for the last day of all.
fn log(
    core: &Core,
    view: &impl View,
    kind: KeyKind,
    term: Term,
    through: Day,
) -> Result<Vec<(Day, ErasureRecord)>> {
    let counters = sight::counters(view)?;
    let (erased, family, prefix) = match kind {
        KeyKind::Message => (counters.erased, Family::Index, b'r'),
        KeyKind::Trace => (counters.erased_traces, Family::Traces, b't'),
    };
    let mut days: BTreeSet<Day> = core.keyring.days(kind).into_iter().collect();
    days.insert(through);
    let mut from = erased.next();
    while let Some(day) = binding::first_day(view, family, prefix, from)?.filter(|day| *day <= through) {
        days.insert(day);
        from = day.next();
    }
    let at = core.clock.now().as_microsecond();
    let line = |day: Day| (day, ErasureRecord { at, due: Day::from(term.due(day.date())), messages: 0 });
    Ok(days.into_iter().filter(|day| *day > erased && *day <= through).map(line).collect())
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
    let log = log(core, &core.engine, kind, term, through)?;
    let before = Pending::default();
    let hot = Hot::default();
    let mut txn = Txn::new(core, &hot, &before, counters);
    match kind {
        KeyKind::Message => tell_of_lost(ops::retention::erase(&mut txn, through, &log)?),
        KeyKind::Trace => ops::retention::erase_traces(&mut txn, through, &log)?,
    }
    let TxnOutcome { own, counters, due, .. } = txn.into_outcome();
    let mut changes = own.into_changes();
    changes.push(Change::Put(Family::Accounts, keys::COUNTERS.to_vec(), records::encode(&counters)?));
    core.engine.write(&changes, Durability::Synced)?;
    core.lanes.committed(&core.engine, &due);
    Ok(counters)
}
