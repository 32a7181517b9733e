//! The sentry: one thread of the store that looks at the disk and at the files every moment, raises the alarms, and says
//! when an engine that failed may be opened anew; the committer does that.
//!
//! Cheap: one question about the file system and one about each table file a round, a bounded number of them.

use std::{
    path::PathBuf,
    sync::{Arc, Weak, atomic::Ordering, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::mpsc::WeakSender;

use super::{Quiet, files::Files, mending, space};
use crate::{committer::Job, core::Core};

/// How often what lasts is said again.
const REMIND_EVERY: Duration = Duration::from_secs(600);

/// Shortest time between two rounds.
const SHORTEST_ROUND: Duration = Duration::from_millis(10);

/// The thread, as its store holds it. It ends when this goes, or its store.
pub(crate) struct Sentry {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Sentry {
    /// Starts it over the store of this directory.
    pub(crate) fn start(core: &Arc<Core>, dir: PathBuf, queue: WeakSender<Job>) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let every = core.settings.watch_every.max(SHORTEST_ROUND);
        let watched = Arc::downgrade(core);
        let rounds = Rounds {
            dir,
            queue,
            files: Files::default(),
            pace: mending::Pace::default(),
            blind: Quiet::default(),
            unmarked: Quiet::default(),
            marked: Instant::now(),
            reminded: None,
        };
        let thread = thread::Builder::new()
            .name("sentry".into())
            .spawn(move || watch(rounds, &watched, &stopped, every))?;
        Ok(Self { stop, thread })
    }

    /// Ends it and waits for that. Blocking.
    pub(crate) fn end(self) {
        drop(self.stop);
        // It holds nothing that its end could spoil.
        let _ = self.thread.join();
    }
}

fn watch(mut rounds: Rounds, core: &Weak<Core>, stopped: &mpsc::Receiver<()>, every: Duration) {
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(every) {
        let Some(core) = core.upgrade() else { return };
        rounds.round(&core, Instant::now());
    }
}

struct Rounds {
    dir: PathBuf,
    queue: WeakSender<Job>,
    files: Files,
    pace: mending::Pace,
    /// The disk does not say how much room it has.
    blind: Quiet,
    /// How far the log reaches cannot be written down.
    unmarked: Quiet,
    marked: Instant,
    reminded: Option<Instant>,
}

impl Rounds {
    fn round(&mut self, core: &Core, now: Instant) {
        core.heed_engine(now);
        let epoch = core.engine.epoch();
        self.room(core, now);
        let wanted = self.look(core);
        self.mark(core, now);
        self.remind(core, now);
        if (core.engine.has_failed() || wanted) && self.can_write(core) && self.pace.due(now) {
            core.health.mend.store(epoch, Ordering::Release);
            if let Some(queue) = self.queue.upgrade() {
                // A full queue means that a batch is near anyway.
                let _ = queue.try_send(Job::Wake);
            }
        }
    }

    fn room(&self, core: &Core, now: Instant) {
        let (health, reserve) = (&core.health, core.settings.disk_reserve);
        let free = match space::free(&self.dir) {
            Ok(free) => free,
            Err(error) => {
                if let Some(before) = self.blind.due(now) {
                    tracing::error!(%error, before, "the system does not say how much room the store's disk has");
                }
                return;
            }
        };
        self.blind.over();
        health.free.store(free, Ordering::Relaxed);
        let was = health.is_full();
        let full = space::is_full(was, free, reserve);
        health.full.store(full, Ordering::Release);
        match (was, full) {
            (false, true) => tracing::error!(
                free,
                reserve,
                "ALERT: the store's disk is almost full: no new message is taken until there is room; make some"
            ),
            (true, false) => tracing::info!(free, "the store's disk has room again: new messages are taken"),
            _ => {}
        }
    }

    /// Looks at the files; whether the engine should be opened anew for them.
    fn look(&mut self, core: &Core) -> bool {
        let round = self.files.look(&core.engine);
        for (file, what) in &round.damaged {
            tracing::error!(
                file,
                %what,
                "ALERT: a file of the store is damaged: no new message is taken; put it back whole, or stop and \
                 restore the store from its last backup"
            );
        }
        for file in &round.whole {
            tracing::info!(file, "a file of the store is whole again");
        }
        round.reopen
    }

    fn mark(&mut self, core: &Core, now: Instant) {
        if now.saturating_duration_since(self.marked) < core.settings.mark_every {
            return;
        }
        self.marked = now;
        match core.engine.mark() {
            Ok(()) => self.unmarked.over(),
            Err(error) => {
                if let Some(before) = self.unmarked.due(now) {
                    tracing::warn!(%error, before, "how far the store's log reaches the disk cannot be written down");
                }
            }
        }
    }

    fn remind(&mut self, core: &Core, now: Instant) {
        let damaged = core.engine.damage().known();
        if damaged.is_empty() && !core.health.is_full() {
            self.reminded = None;
        } else if self.reminded.is_none_or(|last| now.saturating_duration_since(last) >= REMIND_EVERY) {
            if self.reminded.is_some() {
                let files: Vec<_> = damaged.into_keys().collect();
                let full = core.health.is_full();
                tracing::error!(?files, full, "ALERT: the store still takes no new message");
            }
            self.reminded = Some(now);
        }
    }

    /// Whether the disk takes what opening the engine writes: its write buffers, at most its memory.
    fn can_write(&self, core: &Core) -> bool {
        let room = core.settings.memory as u64;
        core.health.free() >= room && mending::probe(&self.dir).is_ok()
    }
}
