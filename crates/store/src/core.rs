//! What the door, the readers and the committer share: the engine, keys, time, watches, the latch.
//!
//! Must never touch: what operations mean.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    Result, StoreError,
    body::{Abandoned, Turn},
    clock::Clock,
    day::Day,
    engine::Engine,
    health::Health,
    keyring::{KeyKind, Keyring, KeyringError},
    lanes::Lanes,
    open::Kind,
    records::{Counters, QueueCounters},
    seal::{DayKey, StoreKey},
    settings::Settings,
    shed::Latch,
    summary::worker::Summaries,
    watch::Watches,
};

/// How far behind the last commit the clock may be (I-4).
const CLOCK_BEHIND: SignedDuration = SignedDuration::from_mins(5);

/// The shared heart of one open store.
pub(crate) struct Core {
    /// Where the store lies.
    pub(crate) dir: PathBuf,
    pub(crate) engine: Engine,
    pub(crate) keys: StoreKey,
    pub(crate) keyring: Keyring,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) kind: Kind,
    pub(crate) latch: Latch,
    pub(crate) health: Health,
    pub(crate) watches: Watches,
    pub(crate) numbers: Numbers,
    pub(crate) lanes: Lanes,
    pub(crate) summaries: Summaries,
    /// Bodies nobody will commit: the committer removes their chunks with its next batch.
    pub(crate) abandoned: Mutex<Vec<Abandoned>>,
}

/// Numbers that are read without asking the committer.
pub(crate) struct Numbers {
    pub(crate) trace: AtomicU64,
    /// The last number given to an entry of the queue.
    pub(crate) queue: AtomicU64,
    /// The last turn given to a body. It starts at the clock's microseconds, which bodies do not come faster than: it is
    /// kept nowhere, and a clock that was set back costs order alone.
    pub(crate) turn: AtomicU64,
    pub(crate) committed: AtomicI64,
    pub(crate) day: AtomicU32,
    /// The newest days erased, of messages and of traces.
    pub(crate) erased: AtomicU32,
    pub(crate) erased_traces: AtomicU32,
    /// Whether retention waits for the clock to be accepted.
    pub(crate) held: AtomicBool,
    pub(crate) commits: AtomicU64,
    pub(crate) operations: AtomicU64,
    pub(crate) messages: AtomicU64,
    /// Messages erased from boxes.
    pub(crate) gone: AtomicU64,
}

impl Numbers {
    pub(crate) fn new(counters: &Counters, queue: &QueueCounters, now: Timestamp) -> Self {
        let turn = now.as_microsecond().max(counters.committed);
        Self {
            trace: AtomicU64::new(counters.trace),
            queue: AtomicU64::new(queue.last),
            turn: AtomicU64::new(u64::try_from(turn).unwrap_or(0)),
            committed: AtomicI64::new(counters.committed),
            day: AtomicU32::new(counters.day.number()),
            erased: AtomicU32::new(counters.erased.number()),
            erased_traces: AtomicU32::new(counters.erased_traces.number()),
            held: AtomicBool::new(counters.held),
            commits: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            gone: AtomicU64::new(0),
        }
    }

    /// The next turn of a body.
    pub(crate) fn next_turn(&self) -> Turn {
        Turn::MIN.saturating_add(self.turn.fetch_add(1, Ordering::Relaxed))
    }
}

impl Numbers {
    /// Takes over how far time and retention got.
    pub(crate) fn mark(&self, counters: &Counters) {
        self.committed.store(counters.committed, Ordering::Release);
        self.day.store(counters.day.number(), Ordering::Release);
        self.erased.store(counters.erased.number(), Ordering::Release);
        self.erased_traces.store(counters.erased_traces.number(), Ordering::Release);
        self.held.store(counters.held, Ordering::Release);
    }

    /// The first day that may have keys of this kind: none that is erased ever has again.
    pub(crate) fn first_day(&self, kind: KeyKind) -> Day {
        let erased = match kind {
            KeyKind::Message => &self.erased,
            KeyKind::Trace => &self.erased_traces,
        };
        Day::from_number(erased.load(Ordering::Acquire)).next()
    }
}

impl Core {
    /// The day a body that starts now belongs to: the clock's, never before the last committed one (I-4).
    pub(crate) fn reception_day(&self) -> Result<Day> {
        let now = self.clock.now();
        self.check_clock(now)?;
        let last = Day::from_number(self.numbers.day.load(Ordering::Acquire));
        Ok(Day::of(now).max(last).max(self.numbers.first_day(KeyKind::Message)))
    }

    /// Whether the clock may be believed for mail.
    pub(crate) fn check_clock(&self, now: Timestamp) -> Result<()> {
        let committed = self.numbers.committed.load(Ordering::Acquire);
        let behind = committed.saturating_sub(now.as_microsecond());
        if SignedDuration::from_micros(behind) > CLOCK_BEHIND {
            return Err(StoreError::ClockBehind);
        }
        Ok(())
    }

    /// The data key of a day, if there is one already; no disk is touched.
    pub(crate) fn known_key(&self, kind: KeyKind, day: Day) -> Option<DayKey> {
        self.keyring.day_key(kind, day).ok()
    }

    /// Whether a day is erased and has no key any more.
    pub(crate) fn is_erased(&self, kind: KeyKind, day: Day) -> bool {
        matches!(self.keyring.day_key(kind, day), Err(KeyringError::Erased { .. }))
    }

    /// The data key of a day, made if needed. Blocking.
    pub(crate) fn ensure_key(&self, kind: KeyKind, day: Day) -> Result<DayKey> {
        self.keyring.ensure(kind, day).map_err(|error| match error {
            KeyringError::Erased { .. } => StoreError::Erased,
            error if error.is_for_space() => {
                self.health.refused_for_space();
                StoreError::Full
            }
            error => StoreError::Engine(error.to_string()),
        })
    }

    /// The data key under which something kept is sealed.
    pub(crate) fn reading_key(&self, kind: KeyKind, day: Day) -> Result<DayKey> {
        self.keyring.day_key(kind, day).map_err(|error| match error {
            KeyringError::Erased { .. } => StoreError::NotFound,
            _ => StoreError::Corrupt("day key"),
        })
    }

    /// Hands a body that nobody will commit to the committer's next batch.
    pub(crate) fn abandon(&self, body: Abandoned) {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    }

    pub(crate) fn take_abandoned(&self) -> Vec<Abandoned> {
        std::mem::take(&mut *self.abandoned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a new message may be taken now.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit(&self) -> Result<()> {
        if let Some(file) = self.engine.damage().first() {
            return Err(StoreError::Damaged(file));
        }
        if self.health.is_full() {
            return Err(StoreError::Full);
        }
        self.takes_work()
    }

    /// Whether new work of any kind may be taken now.
    ///
    /// # Errors
    /// `Full` if load is shed for want of room: trying again does not help until somebody makes room. `Busy` if it is shed for
    /// another reason.
    pub(crate) fn takes_work(&self) -> Result<()> {
        match self.engine.refusal() {
            None if !self.latch.is_shut(Instant::now()) => Ok(()),
            _ if self.health.is_full() => Err(StoreError::Full),
            refusal => Err(refusal.unwrap_or(StoreError::Busy)),
        }
    }

    /// Shuts the latch if the engine's background work failed or does not keep up; it opens by itself a moment after that
    /// is over. Background work that failed may have stopped the engine: that is found out before anybody runs into it.
    pub(crate) fn heed_engine(&self, now: Instant) {
        if self.latch.counts(self.engine.background_errors()) {
            self.engine.ask();
            // Beside damaged tables background work may fail again and again: writes go on all the same.
            if self.engine.is_careful() != Some(true) {
                self.latch.shut(now);
            }
        }
        let commits = self.numbers.commits.load(Ordering::Relaxed);
        self.latch.observe_stop(now, self.engine.is_stalled(), commits);
    }

    /// Whether new work should be refused now.
    pub(crate) fn is_shedding(&self) -> bool {
        self.takes_work().is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        common::World,
        engine::{Change, Durability, Family},
        shed::{HANGS_AFTER, SHUT_FOR},
    };

    #[test]
    fn an_engine_that_takes_no_writes_shuts_the_latch_for_a_moment() {
        let world = World::new();
        let store = world.open();
        let (core, now) = (&store.core, Instant::now());
        core.heed_engine(now);
        assert!(!core.latch.is_shut(now));
        // Nothing is moved to the disk any more: memory fills up.
        core.engine.quiesce();
        for number in 0..64_u8 {
            let put = Change::Put(Family::Bodies, vec![number; 32], vec![0; 1 << 20]);
            if core.engine.is_stalled() || core.engine.write(&[put], Durability::Later).is_err() {
                break;
            }
        }
        core.heed_engine(now);
        let later = Instant::now() + HANGS_AFTER;
        core.heed_engine(later);
        assert!(core.latch.is_shut(later));
        assert!(!core.latch.is_shut(later + SHUT_FOR));
    }

    #[test]
    fn why_work_is_refused_is_remembered() {
        let world = World::new();
        let store = world.open();
        let core = &store.core;
        assert_eq!(core.takes_work(), Ok(()));
        core.latch.shut(Instant::now());
        assert_eq!(core.takes_work(), Err(StoreError::Busy));
        core.health.refused_for_space();
        assert_eq!(core.takes_work(), Err(StoreError::Full), "load is shed on a full disk");
        let world = World::new();
        let store = world.open();
        let core = &store.core;
        core.engine.distrust(&StoreError::Full);
        core.engine.distrust(&StoreError::Engine("later".into()));
        assert_eq!(core.takes_work(), Err(StoreError::Full), "the first cause counts");
        assert_eq!(core.engine.write(&[], Durability::Synced), Err(StoreError::Full));
        core.engine.trust();
        assert_eq!(core.takes_work(), Ok(()));
        core.engine.distrust(&StoreError::Engine("a disk that fails".into()));
        assert_eq!(core.engine.write(&[], Durability::Synced), Err(StoreError::Busy));
    }
}
