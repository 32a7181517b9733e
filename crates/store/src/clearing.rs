//! Clearing away behind: what deleted boxes and removed accounts held, and copies that were never finished. One thread
//! asks the committer for it piece by piece and rests as long as each took, so that others do not notice.
//!
//! What is to be done is written in the store: it goes on where it was when the store opens again. May use: operations
//! through the committer. Must never touch: a lock while it waits for a commit.

use std::{
    collections::BTreeSet,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, watch};

use crate::{
    Actor, Result, StoreError,
    committer::{Job, Operation, txn::Txn},
    core::Core,
    engine::{Family, View},
    ids::{AccountId, BoxId},
    keys, ops,
    prepare::asked_blocking,
};

/// How long it waits after a piece that failed.
const RETRY: Duration = Duration::from_secs(1);

/// The thread, as the door holds it.
pub(crate) struct Clearing {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
    /// The last order that is worked off.
    done: watch::Sender<u64>,
}

/// What was asked for.
struct Orders {
    /// How many times somebody asked.
    given: u64,
    /// Unfinished copies, by their numbers.
    copies: BTreeSet<u64>,
    stop: bool,
}

impl Clearing {
    /// Starts the thread, which first looks for what an earlier process left.
    pub(crate) fn start(core: Arc<Core>, queue: mpsc::WeakSender<Job>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            orders: Mutex::new(Orders { given: 1, copies: BTreeSet::new(), stop: false }),
            changed: Condvar::new(),
            done: watch::Sender::new(0),
        });
        let worker = Worker { core, queue, shared: Arc::clone(&shared) };
        let thread = std::thread::Builder::new().name("clearing".into()).spawn(move || worker.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Something was deleted.
    pub(crate) fn look(&self) {
        self.shared.order(|_| {});
    }

    /// A COPY will not go on.
    pub(crate) fn take_back(&self, number: u64) {
        self.shared.order(|orders| {
            orders.copies.insert(number);
        });
    }

    /// Resolves once everything asked for before is done.
    pub(crate) async fn cleared(&self) {
        let given = self.shared.lock().given;
        // Without its thread nothing will be done any more.
        let _ = self.shared.done.subscribe().wait_for(|done| *done >= given).await;
    }

    /// Ends the thread after the piece it is at. Blocking.
    pub(crate) fn stop(&self) {
        self.shared.order(|orders| orders.stop = true);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("clearing had broken; the next opening of the store goes on with it");
        }
    }
}

impl Drop for Clearing {
    fn drop(&mut self) {
        self.shared.order(|orders| orders.stop = true);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        let mut orders = self.lock();
        change(&mut orders);
        orders.given += 1;
        drop(orders);
        self.changed.notify_all();
    }

    /// Waits for that long, or until it is to stop; true then.
    fn rest(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |orders| !orders.stop);
        waited.unwrap_or_else(PoisonError::into_inner).0.stop
    }

    /// Waits for an order after `done`; none if it is to stop.
    fn next(&self, done: u64) -> Option<u64> {
        let waiting = |orders: &mut Orders| !orders.stop && orders.given <= done;
        let orders = self.changed.wait_while(self.lock(), waiting).unwrap_or_else(PoisonError::into_inner);
        (!orders.stop).then_some(orders.given)
    }
}

struct Worker {
    core: Arc<Core>,
    queue: mpsc::WeakSender<Job>,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(self) {
        match self.left_copies() {
            Ok(left) => self.shared.lock().copies.extend(left),
            Err(error) => tracing::warn!(%error, "unfinished copies could not be looked for"),
        }
        let mut done = 0;
        while let Some(given) = self.shared.next(done) {
            match self.work() {
                Ok(()) => {
                    done = given;
                    self.shared.done.send_replace(done);
                }
                Err(_) if self.shared.lock().stop => return,
                Err(error) => {
                    tracing::warn!(%error, "clearing away what was deleted waits a moment");
                    self.shared.rest(RETRY);
                }
            }
        }
    }

    /// Does all there is. `Busy` if it is to stop.
    fn work(&self) -> Result<()> {
        loop {
            let Some(number) = self.shared.lock().copies.first().copied() else { break };
            let asked = asked_blocking(&self.core, Actor::default())?;
            let piece = move |txn: &mut Txn<'_>, number| ops::messages::take_back(txn, number, &asked);
            self.clear("an unfinished copy", number, piece)?;
            self.shared.lock().copies.remove(&number);
        }
        self.clear_all(
            "a removed account",
            |txn, from| ops::accounts::first_removed(txn, from),
            |txn, number| ops::accounts::clear(txn, AccountId(number)),
        )?;
        self.clear_all(
            "a deleted box",
            |txn, from| ops::boxes::first_deleted(txn, from),
            |txn, number| ops::boxes::clear(txn, BoxId(number)),
        )
    }

    /// Clears away all of a sort, one after the other: `first` finds the next from a number on. It comes behind every
    /// operation that was queued before it.
    fn clear_all(
        &self,
        what: &'static str,
        first: fn(&Txn<'_>, u64) -> Result<Option<u64>>,
        piece: fn(&mut Txn<'_>, u64) -> Result<bool>,
    ) -> Result<()> {
        let mut from = 0_u64;
        while let Some(number) = self.ask(move |txn| first(txn, from))? {
            self.clear(what, number, piece)?;
            from = number.saturating_add(1);
        }
        Ok(())
    }

    /// Commits piece after piece as long as there is more. One that is damaged is left for the next order or opening: it
    /// must not keep the others waiting.
    fn clear(
        &self,
        what: &'static str,
        number: u64,
        piece: impl Fn(&mut Txn<'_>, u64) -> Result<bool> + Copy + Send + 'static,
    ) -> Result<()> {
        loop {
            let began = Instant::now();
            let more = match self.ask(move |txn| piece(txn, number)) {
                Err(error @ StoreError::Corrupt(_)) => {
                    tracing::error!(what, number, %error, "it cannot be cleared away");
                    false
                }
                more => more?,
            };
            if self.shared.rest(began.elapsed()) {
                return Err(StoreError::Busy);
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// One operation, done or not.
    fn ask<T: Send + 'static>(
        &self,
        apply: impl FnOnce(&mut Txn<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (operation, answer) = Operation::new(apply);
        let queue = self.queue.upgrade().ok_or(StoreError::Busy)?;
        queue.blocking_send(Job::Work(Box::new(operation))).map_err(|_| StoreError::Busy)?;
        drop(queue);
        answer.blocking_recv().map_err(|_| StoreError::Busy)?.map(|(value, _)| value)
    }

    /// The copies that an earlier process left unfinished.
    fn left_copies(&self) -> Result<BTreeSet<u64>> {
        let mut found = BTreeSet::new();
        let (from, until) = keys::under(&keys::all_copying());
        self.core.engine.scan(Family::Accounts, &from, &until, &mut |key, _| {
            found.extend(keys::part(key, 1).map(u64::from_be_bytes));
            Ok(true)
        })?;
        Ok(found)
    }
}
