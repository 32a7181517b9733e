//! The door: opening, closing, reading, watching. What changes anything is in `write.rs`.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread::JoinHandle,
};

use jiff::Timestamp;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::{self, JoinSet},
};

use crate::{
    AccountId, BodyWriter, BoxId, CHUNK, Fault, Kind, ModSeq, OpenError, OpenOptions, ProofReport, Reader,
    ReadyLane, Result, Statistics, StoreError,
    body::Hold,
    clearing::Clearing,
    committer::{self, Job},
    core::Core,
    day::Day,
    health::Sentry,
    keyring::KeyKind,
    open::{self, Logs, Opened},
    prove::{self, Activity},
    summary,
};

/// Everything that is kept. Cheap to clone; the last clone, reader or body that goes closes the engine.
#[derive(Clone)]
pub struct Store {
    pub(crate) core: Arc<Core>,
    pub(crate) queue: mpsc::Sender<Job>,
    committer: Arc<Mutex<Option<JoinHandle<()>>>>,
    summaries: Arc<Mutex<Option<JoinHandle<()>>>>,
    readers: Arc<Semaphore>,
    hold: Hold,
    sentry: Arc<Mutex<Option<Sentry>>>,
    pub(crate) clearing: Arc<Clearing>,
}

impl Store {
    /// Opens the store of a directory, or makes one. Blocking.
    ///
    /// # Errors
    /// [`OpenError`]: none there, in use, another master key, a damaged or newer store, the system refused.
    pub fn open(options: OpenOptions) -> std::result::Result<Self, OpenError> {
        Self::open_on(options, Logs::Whole)
    }

    /// As [`Store::open`], on whole logs or on what is left of them.
    pub(crate) fn open_on(options: OpenOptions, logs: Logs) -> std::result::Result<Self, OpenError> {
        let dir = options.dir.clone();
        let Opened { core, counters } = open::open(options, logs)?;
        let (queue, jobs) = mpsc::channel(core.settings.queue.max(1));
        let failed = |source| OpenError::File { path: dir.clone(), source };
        let thread = committer::start(Arc::clone(&core), counters, jobs).map_err(failed)?;
        let summaries = summary::worker::start(Arc::clone(&core), queue.downgrade()).map_err(failed)?;
        let sentry = Sentry::start(&core, dir.clone(), queue.downgrade()).map_err(failed)?;
        let clearing = Clearing::start(Arc::clone(&core), queue.downgrade()).map_err(failed)?;
        Ok(Self {
            queue,
            sentry: Arc::new(Mutex::new(Some(sentry))),
            committer: Arc::new(Mutex::new(Some(thread))),
            summaries: Arc::new(Mutex::new(Some(summaries))),
            readers: Arc::new(Semaphore::new(core.settings.readers.max(1))),
            hold: Hold {
                writers: Arc::new(Semaphore::new(core.settings.writers.max(1))),
                chunks: Arc::new(Semaphore::new(core.settings.held / CHUNK)),
            },
            clearing: Arc::new(clearing),
            core,
        })
    }

    /// What the store is for.
    pub fn kind(&self) -> Kind {
        self.core.kind
    }

    /// Finishes what is queued, waits until it is on the disk, and ends the committer: later writes through other
    /// clones fail. Blocking. The engine itself closes when the last clone is gone.
    ///
    /// # Errors
    /// `Engine` if the last sync failed, `Busy` if the committer had broken.
    pub fn close(self) -> Result<()> {
        let sentry = self.sentry.lock().unwrap_or_else(PoisonError::into_inner).take();
        sentry.into_iter().for_each(Sentry::end);
        // First: they may wait for the committer.
        self.clearing.stop();
        self.core.summaries.stop();
        if let Some(thread) = self.summaries.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Nothing rests on what it was doing.
            let _ = thread.join();
        }
        let thread = self.committer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let finished = thread.is_none_or(|thread| {
            self.stop_committer();
            thread.join().is_ok()
        });
        let synced = self.core.engine.sync();
        if synced.is_ok()
            && let Err(error) = self.core.engine.flush()
        {
            tracing::info!(%error, "the next start replays the log of commits");
        }
        if let Err(error) = self.core.engine.mark() {
            tracing::warn!(%error, "how far the store's log reaches the disk cannot be written down");
        }
        // Whatever failed before: its background threads must not outlive the process's statics.
        self.core.engine.quiesce();
        synced?;
        if finished { Ok(()) } else { Err(StoreError::Busy) }
    }

    /// The queue may be full for a moment: the committer is emptying it.
    fn stop_committer(&self) {
        while let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(Job::Stop) {
            std::thread::yield_now();
        }
    }

    /// Renews the summary of a box now, as the background does once enough has changed. Blocking: never on a runtime
    /// thread.
    ///
    /// # Errors
    /// `Busy` while the store stops, `Engine` if a commit failed: the box reads the same, slower.
    pub fn summarise(&self, id: BoxId) -> Result<()> {
        summary::worker::renew(&self.core, &self.queue.downgrade(), id, 0)
    }

    /// Proves that the store agrees with itself: every record opens, UIDs and mod-sequences are in order, counters,
    /// references and keys match, nothing is left over. Blocking; reads everything.
    ///
    /// # Errors
    /// Everything that is wrong, at most [`crate::FAULTS`] faults.
    pub fn prove(&self) -> std::result::Result<ProofReport, Vec<Fault>> {
        prove::prove(&self.reader(), Activity::Quiet)
    }

    /// The same while others use the store: bodies that are being written are no fault.
    ///
    /// # Errors
    /// As [`Store::prove`].
    pub fn prove_running(&self) -> std::result::Result<ProofReport, Vec<Fault>> {
        prove::prove(&self.reader(), Activity::Running)
    }

    /// Runs `f` on a fresh snapshot off the runtime's threads; waits while too many others do. One that waits holds
    /// nobody up, whether its future is polled or not.
    ///
    /// # Errors
    /// What `f` gives; `Busy` while the runtime shuts down.
    pub async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Reader<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let core = Arc::clone(&self.core);
        let work = move |permit| {
            tokio::task::spawn_blocking(move || {
                let _permit: OwnedSemaphorePermit = permit;
                f(&Reader::new(&core))
            })
        };
        let readers = Arc::clone(&self.readers);
        if let Ok(permit) = Arc::clone(&readers).try_acquire_owned() {
            return work(permit).await.map_err(|_| StoreError::Busy)?;
        }
        // A task of its own takes the permit as soon as it is given and uses it. The caller may not look at this future
        // for hours: a session asks whether its rights stand, then runs a command that reads, and would wait for itself.
        let mut turn = JoinSet::new();
        turn.spawn(async move {
            let permit = readers.acquire_owned().await.map_err(|_| StoreError::Busy)?;
            work(permit).await.map_err(|_| StoreError::Busy)?
        });
        turn.join_next().await.ok_or(StoreError::Busy)?.map_err(|_| StoreError::Busy)?
    }

    /// Runs `f` here and now if all that it asks for lies in memory and is little, else as [`Store::read`] does, from its
    /// start: for short looks that would cost less than waking another thread. `f` must read bodies through its reader alone.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn look<T: Send + 'static>(
        &self,
        f: impl Fn(&Reader<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if let Some(found) = self.in_memory(&f) {
            return found;
        }
        self.read_briefly(f).await
    }

    /// As [`Store::read`], for what takes a moment even if it touches the disk. Where the runtime can put another thread in the
    /// place of this one meanwhile, nobody is woken to read and nobody to go on.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_briefly<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Reader<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
        match self.readers.try_acquire() {
            Ok(_permit) if matches!(flavor, Ok(RuntimeFlavor::MultiThread)) => {
                task::block_in_place(|| f(&Reader::new(&self.core)))
            }
            permit => {
                drop(permit);
                self.read(f).await
            }
        }
    }

    /// What a look into memory gives; none if it asks for more.
    fn in_memory<T>(&self, f: impl Fn(&Reader<'_>) -> Result<T>) -> Option<Result<T>> {
        let reader = Reader::in_memory(&self.core);
        let found = f(&reader);
        (!reader.missed()).then_some(found)
    }

    /// A fresh snapshot to read from on this thread: for commands and tests, never on a runtime thread.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.core)
    }

    /// A new body. Its day of reception is fixed at its first byte.
    pub fn body(&self) -> BodyWriter {
        BodyWriter::new(Arc::clone(&self.core), self.queue.downgrade(), self.hold.clone())
    }

    /// A new body of a message that was first received on `day`, as [`Reader::first_reception`] gives it: it dies with that
    /// day (S-4.3).
    ///
    /// # Errors
    /// `Erased` if that day is erased: the message is not kept again.
    pub fn body_of(&self, day: Day) -> Result<BodyWriter> {
        if self.core.is_erased(KeyKind::Message, day) {
            return Err(StoreError::Erased);
        }
        Ok(self.body().received(day))
    }

    /// Tells of each commit that changes the box, after it is durable: its mod-sequence. The first value says nothing;
    /// watch first, then read.
    pub fn watch(&self, id: BoxId) -> watch::Receiver<ModSeq> {
        self.core.watches.mailbox(id)
    }

    /// Tells whenever the account's state, openers or application passwords changed, or it is gone: a number that
    /// grows. The first value says nothing; watch first, then read.
    pub fn watch_account(&self, id: AccountId) -> watch::Receiver<u64> {
        self.core.watches.account(id)
    }

    /// Tells whenever entries were added to the queue, or are due at another time: a number that grows. Entries that
    /// leave it are not told of. The first value says nothing; watch first, then read.
    pub fn watch_queue(&self) -> watch::Receiver<u64> {
        self.core.watches.queue()
    }

    /// The lanes of the queue in which something may be due at that time and that are not held, in no order. Asks no disk.
    pub fn queue_ready(&self, now: Timestamp) -> Vec<ReadyLane> {
        self.core.lanes.ready(now)
    }

    /// The first time after that one at which a lane may have something due that has nothing before. Asks no disk.
    pub fn queue_next_due(&self, after: Timestamp) -> Option<Timestamp> {
        self.core.lanes.next_due(after)
    }

    /// Whether a new message would be taken now; asked before its bytes are. What keeps it out ends by itself, or with
    /// what an operator does.
    ///
    /// # Errors
    /// `Busy` while load is shed, `Full`, `Damaged`.
    pub fn takes_mail(&self) -> Result<()> {
        self.core.admit()
    }

    /// Whether new work should be refused now: a commit failed a moment ago, or the engine catches up. It ends by
    /// itself.
    pub fn is_shedding(&self) -> bool {
        self.core.is_shedding()
    }

    /// Numbers since it was opened.
    pub fn statistics(&self) -> Statistics {
        let numbers = &self.core.numbers;
        Statistics {
            commits: numbers.commits.load(Ordering::Relaxed),
            operations: numbers.operations.load(Ordering::Relaxed),
            messages: numbers.messages.load(Ordering::Relaxed),
            erased: numbers.gone.load(Ordering::Relaxed),
            waiting: (self.queue.max_capacity() - self.queue.capacity()) as u64,
            engine_memory: self.core.engine.memory_used(),
            live_bytes: self.core.engine.live_bytes(),
            shedding: self.is_shedding(),
            disk_free: self.core.health.free(),
            disk_full: self.core.health.is_full(),
            damaged_files: self.core.engine.damage().known().len() as u64,
            careful: self.core.engine.is_careful() == Some(true),
        }
    }

    /// What somebody must look at, in words: a disk almost full, files that are damaged.
    pub fn alarms(&self) -> Vec<String> {
        let health = &self.core.health;
        let full = health.is_full().then(|| {
            let (free, reserve) = (health.free() >> 20, self.core.settings.disk_reserve >> 20);
            format!("the store's disk is almost full: {free} MiB free, {reserve} MiB are the reserve; no new message is taken, make room")
        });
        let damaged = self.core.engine.damage().known().into_iter().map(|(file, what)| {
            let path = self.core.engine.dir().join(file);
            format!("the store's file {} is damaged: {what}; no new message is taken, put it back whole, or stop and restore the store from a backup", path.display())
        });
        full.into_iter().chain(damaged).collect()
    }
}
