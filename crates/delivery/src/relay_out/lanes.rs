//! Who works on what: for each lane of the queue the workers on it and the few entries that they have before them. Bounded in all:
//! connections, connections to one next hop, entries in memory. What waits for a next hop that is away costs the others nothing:
//! each lane is read for itself, one worker alone tries whether a next hop that failed is there again, and such trials take no more
//! than half of the connections.
//!
//! May use: plain values; the time is an argument. Must never touch: the store, the network. One lock, never held across a wait.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use store::{DuePage, LaneId, QueueId, Queued, ReadyLane};
use tokio::sync::Notify;

use super::RelaySettings;

mod window;

use self::window::Window;

/// How long after its last failure a next hop that is not tried any more is remembered.
const FORGET: SignedDuration = SignedDuration::from_hours(2);

/// All lanes at work.
pub(super) struct Lanes {
    limits: Limits,
    state: Mutex<State>,
    /// Told when a worker leaves, or finds more than it can do: the scheduler looks again.
    pub(super) wake: Notify,
}

struct Limits {
    connections: usize,
    suspects: usize,
    window: Window,
    recipients: usize,
    probe: SignedDuration,
    longest_probe: SignedDuration,
}

/// What an idle worker is to do.
#[derive(Debug)]
pub(super) enum Turn {
    /// Send this: entries of one message.
    Send(Vec<Queued>),
    /// Read what else is due, but these, and say so with [`Lanes::loaded`].
    Load(Loading),
    /// Nothing, for now.
    Wait(Arc<Notify>),
    /// Go home.
    Leave,
}

/// A page of a lane that is about to be read.
#[derive(Debug)]
pub(super) struct Loading {
    /// Entries that are worked on, or do not open.
    pub(super) skip: HashSet<QueueId>,
    seen: u64,
}

#[derive(Default)]
struct State {
    lanes: HashMap<LaneId, Load>,
    workers: usize,
    /// Workers on lanes whose next hop failed.
    suspects: usize,
    /// A lane without a worker wants one, and all connections are given out.
    wanted: bool,
    closed: bool,
}

struct Load {
    waiting: VecDeque<Queued>,
    /// Entries in memory, waiting or on their way; and those that do not open.
    claimed: HashSet<QueueId>,
    workers: usize,
    /// Workers without a message.
    idle: usize,
    /// Workers with a connection.
    connected: usize,
    /// Of the workers, those that count as suspects.
    suspects: usize,
    /// A worker reads the next page.
    loading: bool,
    /// The last page had nothing, and nothing came since.
    empty: bool,
    /// The last change of the lane, and the last wish of an administrator, that the scheduler saw.
    seen: u64,
    urged: u64,
    window: Window,
    /// As many workers as the peer takes, once it refused one more.
    ceiling: Option<usize>,
    trouble: Option<Trouble>,
    more: Arc<Notify>,
}

/// A next hop that could not be reached.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    /// How often, one after the other.
    times: u32,
    /// When it is tried again.
    until: Timestamp,
    /// The last wish of an administrator by then.
    urged: u64,
}

impl Load {
    fn new(window: Window) -> Self {
        Load {
            waiting: VecDeque::new(),
            claimed: HashSet::new(),
            workers: 0,
            idle: 0,
            connected: 0,
            suspects: 0,
            loading: false,
            empty: false,
            seen: 0,
            urged: 0,
            window,
            ceiling: None,
            trouble: None,
            more: Arc::default(),
        }
    }

    /// Whether one more worker would have something to do.
    fn wants(&self, now: Timestamp) -> bool {
        if let Some(trouble) = self.trouble {
            return self.workers == 0 && !self.empty && (now >= trouble.until || self.urged != trouble.urged);
        }
        let most = self.ceiling.unwrap_or(usize::MAX).min(self.window.size());
        let unread = !self.empty && !self.loading && self.idle == 0;
        self.workers < most && (self.waiting.len() > self.idle || unread)
    }

    /// Whether nothing is lost if it is forgotten.
    fn is_over(&self, now: Timestamp) -> bool {
        let old = |trouble: Trouble| trouble.until.saturating_add(FORGET).is_ok_and(|until| now >= until);
        self.workers == 0 && self.trouble.is_none_or(old)
    }
}

impl Lanes {
    pub(super) fn new(settings: &RelaySettings) -> Self {
        let connections = settings.connections.max(1);
        let limits = Limits {
            connections,
            suspects: (connections / 2).max(1),
            window: Window::new(settings.first_connections, settings.connections_per_domain),
            recipients: settings.recipients.max(1),
            probe: settings.probe,
            longest_probe: settings.longest_probe,
        };
        Lanes { limits, state: Mutex::default(), wake: Notify::new() }
    }

    /// Takes in which lanes have something due. `again`: those in which nothing was found are read again, too.
    pub(super) fn look(&self, ready: &[ReadyLane], again: bool, now: Timestamp) {
        let mut state = self.state();
        let due: HashSet<LaneId> = ready.iter().map(|lane| lane.id).collect();
        state.lanes.retain(|id, load| due.contains(id) || !load.is_over(now));
        // what is not due now may be by time alone when it is looked at again
        for (_, load) in state.lanes.iter_mut().filter(|(id, load)| !due.contains(id) && load.workers == 0) {
            load.empty = false;
        }
        for ready in ready {
            let load = state.lanes.entry(ready.id).or_insert_with(|| Load::new(self.limits.window));
            load.urged = ready.urged;
            if again || load.seen != ready.added {
                load.seen = ready.added;
                load.empty = false;
                load.more.notify_one();
            }
        }
    }

    /// Lanes that need another worker each, now counted as there: those with the fewest first, of these what is prompt, then what
    /// waits longest.
    pub(super) fn hire(&self, ready: &[ReadyLane], now: Timestamp) -> Vec<LaneId> {
        let mut state = self.state();
        let mut hired = Vec::new();
        let mut ready: Vec<&ReadyLane> = ready.iter().collect();
        ready.sort_by_key(|lane| {
            let workers = state.lanes.get(&lane.id).map_or(0, |load| load.workers);
            (workers, lane.priority, lane.due)
        });
        let mut found = true;
        state.wanted = false;
        while found && !state.closed {
            found = false;
            for lane in &ready {
                let State { lanes, workers, suspects, wanted, .. } = &mut *state;
                let Some(load) = lanes.get_mut(&lane.id) else { continue };
                let suspect = load.trouble.is_some();
                if !load.wants(now) || (suspect && *suspects >= self.limits.suspects) {
                    continue;
                }
                if *workers >= self.limits.connections {
                    *wanted |= load.workers == 0;
                    return hired;
                }
                *workers += 1;
                *suspects += usize::from(suspect);
                load.suspects += usize::from(suspect);
                load.workers += 1;
                load.idle += 1;
                hired.push(lane.id);
                found = true;
            }
        }
        hired
    }

    /// What an idle worker of a lane does next. With a message it is busy. One of several goes home if another lane has none.
    pub(super) fn turn(&self, lane: LaneId) -> Turn {
        let mut state = self.state();
        let State { lanes, wanted, closed, .. } = &mut *state;
        let Some(load) = lanes.get_mut(&lane).filter(|_| !*closed) else { return Turn::Leave };
        if *wanted && load.workers > 1 {
            *wanted = false;
            return Turn::Leave;
        }
        if let Some(first) = load.waiting.pop_front() {
            let mut taken = vec![first];
            let mut rest = VecDeque::with_capacity(load.waiting.len());
            for entry in load.waiting.drain(..) {
                let same = taken.first().is_some_and(|first| is_one_message(first, &entry));
                if same && taken.len() < self.limits.recipients {
                    taken.push(entry);
                } else {
                    rest.push_back(entry);
                }
            }
            load.waiting = rest;
            load.idle = load.idle.saturating_sub(1);
            return Turn::Send(taken);
        }
        if load.empty || load.loading {
            return Turn::Wait(Arc::clone(&load.more));
        }
        load.loading = true;
        Turn::Load(Loading { skip: load.claimed.clone(), seen: load.seen })
    }

    /// A page was read, or could not be: none.
    pub(super) fn loaded(&self, lane: LaneId, loading: &Loading, page: Option<DuePage>) {
        let mut state = self.state();
        let closed = state.closed;
        let Some(load) = state.lanes.get_mut(&lane) else { return };
        load.loading = false;
        let page = page.filter(|_| !closed).unwrap_or_default();
        load.empty = page.found.is_empty() && !page.more && load.seen == loading.seen;
        load.claimed.extend(page.damaged);
        load.claimed.extend(page.found.iter().map(|entry| entry.id));
        load.waiting.extend(page.found);
        // those that wait, and whoever is about to
        load.more.notify_waiters();
        load.more.notify_one();
        if load.waiting.len() > load.idle {
            self.wake.notify_one();
        }
    }

    /// Everything of a lane that is in memory and not on its way: its next hop cannot be reached.
    pub(super) fn drain(&self, lane: LaneId) -> Vec<Queued> {
        self.state().lanes.get_mut(&lane).map(|load| load.waiting.drain(..).collect()).unwrap_or_default()
    }

    /// A further page of a lane, if nobody else reads one.
    pub(super) fn load(&self, lane: LaneId) -> Option<Loading> {
        let mut state = self.state();
        let closed = state.closed;
        let load = state.lanes.get_mut(&lane).filter(|load| !closed && !load.loading)?;
        load.loading = true;
        Some(Loading { skip: load.claimed.clone(), seen: load.seen })
    }

    /// The peer takes no further connection, but others to it stand: gives the message back for those. False when none stands.
    pub(super) fn give_back(&self, lane: LaneId, entries: &mut Vec<Queued>) -> bool {
        let mut state = self.state();
        let Some(load) = state.lanes.get_mut(&lane).filter(|load| load.connected > 0) else { return false };
        load.ceiling = Some(load.connected);
        for entry in entries.drain(..).rev() {
            load.waiting.push_front(entry);
        }
        load.more.notify_one();
        true
    }

    /// A worker has a connection, or has none any more.
    pub(super) fn connected(&self, lane: LaneId, now: bool) {
        if let Some(load) = self.state().lanes.get_mut(&lane) {
            load.connected = if now { load.connected + 1 } else { load.connected.saturating_sub(1) };
        }
    }

    /// A message went through, whatever became of its recipients: the next hop is there, and may take more at once.
    pub(super) fn went_well(&self, lane: LaneId) {
        let mut state = self.state();
        let Some(load) = state.lanes.get_mut(&lane) else { return };
        load.trouble = None;
        if load.window.grow() {
            // the peer may take more again
            load.ceiling = load.ceiling.map(|most| most + 1);
        }
        let suspects = std::mem::take(&mut load.suspects);
        state.suspects = state.suspects.saturating_sub(suspects);
    }

    /// A connection broke in the middle of a message: fewer at once.
    pub(super) fn went_badly(&self, lane: LaneId) {
        if let Some(load) = self.state().lanes.get_mut(&lane) {
            load.window.halve();
        }
    }

    /// The next hop cannot be reached: one worker tries again after a while, `jitter` (between -1 and 1) of it sooner or later.
    pub(super) fn failed(&self, lane: LaneId, now: Timestamp, jitter: f64) {
        let mut state = self.state();
        let Some(load) = state.lanes.get_mut(&lane) else { return };
        // workers that meet the same failure are one trial
        if load.trouble.is_some_and(|trouble| now < trouble.until && trouble.urged == load.urged) {
            return;
        }
        let times = load.trouble.map_or(1, |trouble| trouble.times.saturating_add(1));
        let doubled = 2_i32.checked_pow(times - 1).and_then(|factor| self.limits.probe.checked_mul(factor));
        let wait = doubled.unwrap_or(self.limits.longest_probe).min(self.limits.longest_probe);
        let spread = SignedDuration::try_from_secs_f64(wait.as_secs_f64() * 0.2 * jitter).unwrap_or_default();
        let until = now.saturating_add(wait.saturating_add(spread)).unwrap_or(Timestamp::MAX);
        load.trouble = Some(Trouble { times, until, urged: load.urged });
        load.window.halve();
    }

    /// When a next hop that failed is tried again, the first of all.
    pub(super) fn next_probe(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state();
        let waiting = state.lanes.values().filter(|load| load.workers == 0);
        waiting
            .filter_map(|load| load.trouble)
            .map(|trouble| trouble.until)
            .filter(|until| *until > now)
            .min()
    }

    /// These entries are settled, or stay in the queue for another time.
    pub(super) fn release(&self, lane: LaneId, entries: impl IntoIterator<Item = QueueId>) {
        if let Some(load) = self.state().lanes.get_mut(&lane) {
            for id in entries {
                load.claimed.remove(&id);
            }
        }
    }

    /// A worker is done with its message.
    pub(super) fn rest(&self, lane: LaneId) {
        if let Some(load) = self.state().lanes.get_mut(&lane) {
            load.idle += 1;
        }
    }

    /// An idle worker leaves.
    pub(super) fn leave(&self, lane: LaneId) {
        let mut state = self.state();
        state.workers = state.workers.saturating_sub(1);
        if let Some(load) = state.lanes.get_mut(&lane) {
            load.workers = load.workers.saturating_sub(1);
            load.idle = load.idle.saturating_sub(1);
            let suspect = usize::from(load.suspects > 0);
            load.suspects -= suspect;
            if load.workers == 0 {
                load.ceiling = None;
                load.connected = 0;
                load.loading = false;
                // what nobody works on is read again: it may have changed
                let given_back: Vec<QueueId> = load.waiting.drain(..).map(|entry| entry.id).collect();
                load.empty &= given_back.is_empty();
                given_back.iter().for_each(|id| {
                    load.claimed.remove(id);
                });
            }
            state.suspects = state.suspects.saturating_sub(suspect);
        }
        self.wake.notify_one();
    }

    /// No more work is given out; what waits stays in the queue.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for load in state.lanes.values_mut() {
            load.waiting.clear();
            load.more.notify_waiters();
        }
    }

    /// Workers at this moment.
    pub(super) fn workers(&self) -> usize {
        self.state().workers
    }

    /// Entries in memory, of all lanes.
    pub(super) fn in_memory(&self) -> usize {
        self.state().lanes.values().map(|load| load.claimed.len()).sum()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether two entries go in one transaction.
fn is_one_message(one: &Queued, other: &Queued) -> bool {
    (one.message, one.part) == (other.message, other.part)
}

#[cfg(test)]
mod tests;
