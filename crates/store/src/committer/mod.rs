//! The one committer (I-2): a thread that takes every operation waiting, applies them one after the other to a view of
//! its own, makes all of them durable with one synced write, and only then answers (I-1).
//!
//! Operations of one batch see each other; one that fails leaves no mark on its neighbours. [`Durable`] is made here
//! and nowhere else. Must never touch: what operations mean.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering},
    thread,
    time::Instant,
};

use tokio::sync::{mpsc, oneshot};

use self::{hot::Hot, pending::Pending, txn::Txn};
use crate::{
    Result, StoreError,
    body::Adopted,
    core::Core,
    delivery::Durable,
    engine::{Change, Durability, Family},
    health::Quiet,
    housekeeping,
    ids::BoxId,
    keys,
    lanes::LaneMarks,
    records::{self, Counters},
    retention,
    watch::Event,
};

pub(crate) mod hot;
mod mend;
pub(crate) mod pending;
pub(crate) mod txn;

/// Bytes after which a batch takes no further operation.
pub(crate) const BATCH_BYTES: usize = 8 << 20;

/// One operation on its way through.
pub(crate) trait Work: Send {
    /// Does it in the view; false if it failed.
    fn apply(&mut self, txn: &mut Txn<'_>) -> bool;
    /// Tells whoever waits; `committed` is what became of the batch.
    fn answer(self: Box<Self>, committed: Result<()>);
}

/// A place in the queue.
pub(crate) enum Job {
    /// Do this.
    Work(Box<dyn Work>),
    /// Look at what was abandoned.
    Wake,
    /// Finish what is queued, then end.
    Stop,
}

/// An operation made of a closure.
pub(crate) struct Operation<F, T> {
    apply: Option<F>,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<(T, Durable)>>,
}

impl<F, T> Operation<F, T>
where
    F: FnOnce(&mut Txn<'_>) -> Result<T> + Send,
    T: Send,
{
    pub(crate) fn new(apply: F) -> (Self, oneshot::Receiver<Result<(T, Durable)>>) {
        let (reply, answer) = oneshot::channel();
        (Self { apply: Some(apply), result: None, reply }, answer)
    }
}

impl<F, T> Work for Operation<F, T>
where
    F: FnOnce(&mut Txn<'_>) -> Result<T> + Send,
    T: Send,
{
    fn apply(&mut self, txn: &mut Txn<'_>) -> bool {
        let Some(apply) = self.apply.take() else { return false };
        let result = apply(txn);
        let done = result.is_ok();
        self.result = Some(result);
        done
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let answer = match (self.result, committed) {
            (Some(Ok(value)), Ok(())) => Ok((value, Durable(()))),
            (Some(Ok(_)), Err(error)) | (Some(Err(error)), _) => Err(error),
            (None, _) => Err(StoreError::Busy),
        };
        // Whoever asked may be gone; what was done stays done.
        let _ = self.reply.send(answer);
    }
}

/// Starts the thread.
pub(crate) fn start(
    core: Arc<Core>,
    counters: Counters,
    queue: mpsc::Receiver<Job>,
) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name("committer".into()).spawn(move || {
        let summaries = Arc::clone(&core);
        Committer { core, counters, stop: false, hot: Hot::default(), failing: Quiet::default() }.run(queue);
        summaries.summaries.stop();
    })
}

struct Committer {
    core: Arc<Core>,
    counters: Counters,
    stop: bool,
    hot: Hot,
    /// Says that commits fail, now and then.
    failing: Quiet,
}

impl Committer {
    fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            self.batch(first, &mut queue);
            if self.stop {
                queue.close();
                while let Some(next) = queue.blocking_recv() {
                    self.batch(next, &mut queue);
                }
                return;
            }
        }
    }

    /// Applies what waits, commits it, answers.
    fn batch(&mut self, first: Job, queue: &mut mpsc::Receiver<Job>) {
        self.mend();
        self.hot.follow(&self.core.engine);
        let mut batch = Batch::new(self.counters);
        let now = self.core.clock.now();
        if let Some(cuts) = housekeeping::expired(self.counters, now) {
            batch.pending.cut(cuts);
        }
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Work(work) => batch.apply(&self.core, &self.hot, work),
                Job::Wake => {}
                Job::Stop => self.stop = true,
            }
            let full = batch.done.len() + batch.failed.len() >= self.core.settings.batch
                || batch.pending.bytes() >= BATCH_BYTES;
            next = if full { None } else { queue.try_recv().ok() };
        }
        // After the last job was taken: what a wake-up spoke of is seen by the batch that took it.
        housekeeping::remove_abandoned(&self.core, &mut batch.pending);
        let committed = self.commit(&mut batch);
        if committed.is_ok() {
            self.core.watches.tell(&batch.events);
            batch.behind.iter().for_each(|(id, changes)| self.core.summaries.changed(*id, *changes));
        }
        batch.answer(&committed);
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<()> {
        if batch.pending.is_empty() {
            return Ok(());
        }
        let now = self.core.clock.now();
        let mut counters = batch.counters;
        retention::follow(&mut counters, now);
        counters.trace = self.core.numbers.trace.load(Ordering::Acquire);
        let mut changes = std::mem::take(&mut batch.pending).into_changes();
        changes.push(Change::Put(Family::Accounts, keys::COUNTERS.to_vec(), records::encode(&counters)?));
        self.core.lanes.lower(&batch.due);
        self.core.latch.begin(Instant::now());
        let written = self.core.engine.write(&changes, Durability::Synced);
        self.core.latch.end();
        if let Err(error) = written {
            self.hot.forget();
            if let Some(before) = self.failing.due(Instant::now()) {
                tracing::error!(%error, before, "a commit failed; the store sheds load until its engine was opened anew");
            }
            if error == StoreError::Full {
                self.core.health.refused_for_space();
            }
            self.core.latch.shut(Instant::now());
            return Err(error);
        }
        self.core.lanes.committed(&self.core.engine, &batch.due);
        self.hot.committed(changes);
        self.counters = counters;
        let numbers = &self.core.numbers;
        numbers.mark(&counters);
        numbers.commits.fetch_add(1, Ordering::Relaxed);
        numbers.operations.fetch_add(batch.done.len() as u64, Ordering::Relaxed);
        numbers.messages.fetch_add(batch.messages, Ordering::Relaxed);
        Ok(())
    }
}

/// Operations that will be durable together.
struct Batch {
    pending: Pending,
    counters: Counters,
    events: Vec<Event>,
    behind: Vec<(BoxId, u32)>,
    messages: u64,
    due: LaneMarks,
    done: Vec<Box<dyn Work>>,
    failed: Vec<Box<dyn Work>>,
}

impl Batch {
    fn new(counters: Counters) -> Self {
        Self {
            pending: Pending::default(),
            counters,
            events: vec![],
            behind: vec![],
            messages: 0,
            due: LaneMarks::default(),
            done: vec![],
            failed: vec![],
        }
    }

    fn apply(&mut self, core: &Core, hot: &Hot, mut work: Box<dyn Work>) {
        let mut txn = Txn::new(core, hot, &self.pending, self.counters);
        // A defect that one operation meets must not end the committer, and with it all mail: what the operation did is
        // in its own view alone, which goes.
        let applied = catch_unwind(AssertUnwindSafe(|| work.apply(&mut txn)));
        if applied.is_err() {
            tracing::error!("an operation panicked; nothing of it is kept, the others go on");
        }
        if applied.unwrap_or(false) {
            let outcome = txn.into_outcome();
            self.pending.absorb(outcome.own);
            self.counters = outcome.counters;
            self.events.extend(outcome.events);
            self.behind.extend(outcome.behind);
            self.messages += outcome.messages;
            self.due.absorb(outcome.due);
            outcome.adopted.into_iter().for_each(Adopted::keep);
            self.done.push(work);
        } else {
            self.failed.push(work);
        }
    }

    fn answer(self, committed: &Result<()>) {
        for work in self.done {
            work.answer(committed.clone());
        }
        for work in self.failed {
            work.answer(Ok(()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{Kind, MasterKey, OpenOptions, Settings, Store, StoreError, SystemClock};

    #[tokio::test]
    async fn an_operation_that_panics_takes_no_other_along() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(OpenOptions {
            dir: dir.path().join("store"),
            master: MasterKey::create(&dir.path().join("master.key")).unwrap(),
            clock: Arc::new(SystemClock),
            settings: Settings::default(),
            create: Some(Kind::Production),
        })
        .unwrap();
        let broken = store.submit::<()>(|_| panic!("as a defect would")).await;
        assert_eq!(broken, Err(StoreError::Busy));
        assert_eq!(store.submit(|_| Ok(7)).await, Ok(7), "the committer goes on");
        store.close().unwrap();
    }
}
