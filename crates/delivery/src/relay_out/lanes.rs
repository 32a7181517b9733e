//! Who works on what: a lane for each next hop, with the entries that wait in it and the workers on it. Bounded in all: entries in memory,
//! connections, connections to one domain, so that a slow peer never holds the others.
//!
//! May use: plain values. Must never touch: the store, the network, clocks. One lock, never held across a wait.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use store::{Lane, QueueId, Queued};
use tokio::sync::Notify;

use super::RelaySettings;

/// All lanes of a relay.
pub(super) struct Lanes {
    limits: Limits,
    state: Mutex<State>,
    /// Told when a worker leaves or room is made: the scheduler looks again.
    pub(super) wake: Notify,
}

struct Limits {
    connections: usize,
    per_domain: usize,
    loaded: usize,
    loaded_per_domain: usize,
    recipients: usize,
}

/// The place of an entry in the order of the queue.
pub(super) type Mark = (Timestamp, QueueId);

/// What became of entries that were offered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Added {
    /// How many were taken.
    pub(super) taken: usize,
    /// The first that was left for want of room.
    pub(super) left: Option<Mark>,
    /// No entry of any domain fits any more.
    pub(super) full: bool,
}

#[derive(Default)]
struct State {
    lanes: HashMap<Lane, Load>,
    /// Every entry in memory, waiting or on its way.
    claimed: HashSet<QueueId>,
    workers: usize,
    /// No more entries fit into memory.
    full: bool,
    /// There is room again for entries that were left in the queue.
    room: bool,
    closed: bool,
}

#[derive(Default)]
struct Load {
    waiting: VecDeque<Queued>,
    workers: usize,
    /// Workers without a message.
    idle: usize,
    /// Workers with a connection.
    connected: usize,
    /// Entries were left in the queue since this lane was full.
    left: bool,
    /// As many workers as the peer takes, once it refused one more.
    ceiling: Option<usize>,
    more: Arc<Notify>,
}

impl Lanes {
    pub(super) fn new(settings: &RelaySettings) -> Self {
        let limits = Limits {
            connections: settings.connections.max(1),
            per_domain: settings.connections_per_domain.max(1),
            loaded: settings.loaded.max(1),
            loaded_per_domain: settings.loaded_per_domain.max(1),
            recipients: settings.recipients.max(1),
        };
        Lanes { limits, state: Mutex::default(), wake: Notify::new() }
    }

    /// Takes due entries in, but those that are here already.
    pub(super) fn add(&self, entries: Vec<Queued>) -> Added {
        let mut state = self.state();
        let State { lanes, claimed, full, .. } = &mut *state;
        let mut added = Added::default();
        for entry in entries {
            if claimed.contains(&entry.id) {
                continue;
            }
            let here = (entry.due, entry.id);
            if claimed.len() >= self.limits.loaded {
                (*full, added.full) = (true, true);
                added.left.get_or_insert(here);
                break;
            }
            let lane = lanes.entry(entry.lane()).or_default();
            if lane.waiting.len() >= self.limits.loaded_per_domain {
                lane.left = true;
                added.left.get_or_insert(here);
                continue;
            }
            claimed.insert(entry.id);
            lane.waiting.push_back(entry);
            lane.more.notify_one();
            added.taken += 1;
        }
        added
    }

    /// Lanes that need another worker each, now counted as there: those with the fewest first.
    pub(super) fn hire(&self) -> Vec<Lane> {
        let mut state = self.state();
        let mut hired = Vec::new();
        if state.closed {
            return hired;
        }
        while state.workers < self.limits.connections {
            let wanting = state.lanes.iter_mut().filter(|(_, lane)| {
                let most = lane.ceiling.unwrap_or(self.limits.per_domain).min(self.limits.per_domain);
                lane.waiting.len() > lane.idle && lane.workers < most
            });
            let Some((place, lane)) = wanting.min_by_key(|(_, lane)| lane.workers) else { break };
            lane.workers += 1;
            lane.idle += 1;
            hired.push(place.clone());
            state.workers += 1;
        }
        hired
    }

    /// The recipients of the next message, for an idle worker, who is busy from then on.
    pub(super) fn take(&self, place: &Lane) -> Option<Vec<Queued>> {
        let mut state = self.state();
        if state.closed {
            return None;
        }
        let lane = state.lanes.get_mut(place)?;
        let first = lane.waiting.pop_front()?;
        let mut taken = vec![first];
        let mut rest = VecDeque::with_capacity(lane.waiting.len());
        for entry in lane.waiting.drain(..) {
            let same = taken.first().is_some_and(|first| first.message == entry.message);
            if same && taken.len() < self.limits.recipients {
                taken.push(entry);
            } else {
                rest.push_back(entry);
            }
        }
        lane.waiting = rest;
        lane.idle = lane.idle.saturating_sub(1);
        if lane.left && lane.waiting.len() <= self.limits.loaded_per_domain / 2 {
            (lane.left, state.room) = (false, true);
            self.wake.notify_one();
        }
        Some(taken)
    }

    /// Everything that waits in a lane: its peer cannot be reached.
    pub(super) fn drain(&self, place: &Lane) -> Vec<Queued> {
        let mut state = self.state();
        let Some(lane) = state.lanes.get_mut(place) else { return Vec::new() };
        let drained = lane.waiting.drain(..).collect();
        if std::mem::take(&mut lane.left) {
            state.room = true;
            self.wake.notify_one();
        }
        drained
    }

    /// The peer takes no further connection, but others to it stand: gives the message back for those. False when none stands.
    pub(super) fn give_back(&self, place: &Lane, entries: &mut Vec<Queued>) -> bool {
        let mut state = self.state();
        let Some(lane) = state.lanes.get_mut(place).filter(|lane| lane.connected > 0) else { return false };
        lane.ceiling = Some(lane.connected);
        for entry in entries.drain(..).rev() {
            lane.waiting.push_front(entry);
        }
        lane.more.notify_one();
        true
    }

    /// A worker has a connection, or has none any more.
    pub(super) fn connected(&self, place: &Lane, now: bool) {
        if let Some(lane) = self.state().lanes.get_mut(place) {
            lane.connected = if now { lane.connected + 1 } else { lane.connected.saturating_sub(1) };
        }
    }

    /// These entries are settled, or stay in the queue for another time.
    pub(super) fn release(&self, entries: impl IntoIterator<Item = QueueId>) {
        let mut state = self.state();
        for id in entries {
            state.claimed.remove(&id);
        }
        if state.full && state.claimed.len() <= self.limits.loaded / 2 {
            (state.full, state.room) = (false, true);
            self.wake.notify_one();
        }
    }

    /// A worker is done with its message.
    pub(super) fn rest(&self, place: &Lane) {
        if let Some(lane) = self.state().lanes.get_mut(place) {
            lane.idle += 1;
        }
    }

    /// An idle worker leaves.
    pub(super) fn leave(&self, place: &Lane) {
        let mut state = self.state();
        state.workers = state.workers.saturating_sub(1);
        if let Some(lane) = state.lanes.get_mut(place) {
            lane.workers = lane.workers.saturating_sub(1);
            lane.idle = lane.idle.saturating_sub(1);
            if lane.workers == 0 {
                lane.ceiling = None;
                lane.connected = 0;
                if lane.waiting.is_empty() {
                    state.lanes.remove(place);
                }
            }
        }
        self.wake.notify_one();
    }

    /// Told when something was put in the lane.
    pub(super) fn more(&self, place: &Lane) -> Option<Arc<Notify>> {
        let state = self.state();
        state.lanes.get(place).filter(|_| !state.closed).map(|lane| Arc::clone(&lane.more))
    }

    /// Whether there is room again for entries that were left in the queue, since this was last asked.
    pub(super) fn room(&self) -> bool {
        std::mem::take(&mut self.state().room)
    }

    /// No more work is given out; what waits stays in the queue.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for lane in state.lanes.values_mut() {
            lane.waiting.clear();
            lane.more.notify_waiters();
        }
    }

    /// Entries in memory.
    pub(super) fn claimed(&self) -> usize {
        self.state().claimed.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
