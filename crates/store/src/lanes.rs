//! Where each lane of the queue begins, in memory. Entries leave a lane at its front, and a scan from the first possible time
//! would crawl over the marks of all that left since the engine last tidied: scans begin here instead. And whoever sends
//! asks here which lanes have something to do, whatever waits in the others. Only the committer moves it.
//!
//! What is at or behind a front at any moment: every entry of that lane that is kept and not held. A reader that looks at it
//! after its snapshot was taken sees every entry but those that have left since. A lane with entries, or held, takes some 100
//! bytes here. One lock, never held across a read of the engine.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::{
    Result, StoreError,
    engine::{Engine, Family, View},
    ids::LaneId,
    keys,
    queue::Priority,
    rows::queue,
};

/// Each priority, in the order of its number.
pub(crate) const PRIORITIES: [Priority; 3] = [Priority::Prompt, Priority::Usual, Priority::Bulk];

/// No entry at all.
const NONE: i64 = i64::MAX;

/// A lane in which something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadyLane {
    /// Which.
    pub id: LaneId,
    /// Since when, at least. It may be an entry that somebody is working on, or a damaged one.
    pub due: Timestamp,
    /// What of it goes first.
    pub priority: Priority,
    /// Grows whenever an entry is put there, or is due at another time.
    pub added: u64,
    /// Grows whenever an administrator wants an entry tried now.
    pub urged: u64,
}

/// What one commit does to the lanes.
#[derive(Debug, Default)]
pub(crate) struct LaneMarks {
    /// The earliest time that was added to each row of a lane, microseconds since 1970.
    added: BTreeMap<(LaneId, u8), i64>,
    removed: BTreeSet<(LaneId, u8)>,
    urged: BTreeSet<LaneId>,
    held: BTreeMap<LaneId, bool>,
}

impl LaneMarks {
    /// An entry is due then.
    pub(crate) fn add(&mut self, lane: LaneId, class: u8, due: i64) {
        let earliest = self.added.entry((lane, class)).or_insert(due);
        *earliest = due.min(*earliest);
    }

    /// An entry is no longer due when it was.
    pub(crate) fn remove(&mut self, lane: LaneId, class: u8) {
        self.removed.insert((lane, class));
    }

    /// An administrator wants it tried now.
    pub(crate) fn urge(&mut self, lane: LaneId) {
        self.urged.insert(lane);
    }

    /// Nothing of it is to be sent, or all of it again.
    pub(crate) fn hold(&mut self, lane: LaneId, held: bool) {
        self.held.insert(lane, held);
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        other.added.into_iter().for_each(|((lane, class), due)| self.add(lane, class, due));
        self.removed.extend(other.removed);
        self.urged.extend(other.urged);
        self.held.extend(other.held);
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Lanes(Mutex<State>);

#[derive(Default)]
struct State {
    fronts: HashMap<LaneId, Front>,
    held: HashSet<LaneId>,
    /// The last number given to a change.
    changes: u64,
}

/// The earliest time at which an entry of each priority may be due, microseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Front {
    first: [i64; PRIORITIES.len()],
    added: u64,
    urged: u64,
}

impl Default for Front {
    fn default() -> Self {
        Self { first: [NONE; PRIORITIES.len()], added: 0, urged: 0 }
    }
}

impl Lanes {
    /// The fronts of a queue that nobody changes: one search for each row of each lane, however many entries there are.
    pub(crate) fn find(engine: &Engine) -> Result<Self> {
        let mut state = State::default();
        let (mut from, until) = keys::under(b"l");
        while let Some((lane, class, due)) = first_time(engine, &from, &until)? {
            if let Some(first) = state.fronts.entry(lane).or_default().first.get_mut(usize::from(class)) {
                *first = due;
            }
            from = keys::under(&keys::lane_class(lane, class)).1;
        }
        let (from, until) = keys::under(b"n");
        engine.scan(Family::Queue, &from, &until, &mut |key, value| {
            let lane = keys::lane_of(key).ok_or(StoreError::Corrupt("queue key"))?;
            // A lane that does not open is not held: it is better sent than forgotten.
            if queue::lane_row(value).is_ok_and(|row| row.held.is_some()) {
                state.held.insert(lane);
            }
            Ok(true)
        })?;
        Ok(Self(Mutex::new(state)))
    }

    /// The engine was opened anew: what is there now may be more than what was known.
    pub(crate) fn found(&self, new: Self) {
        let new = new.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        state.held = new.held;
        for (lane, found) in new.fronts {
            state.changes += 1;
            let added = state.changes;
            let front = state.fronts.entry(lane).or_default();
            front.added = added;
            for (first, found) in front.first.iter_mut().zip(found.first) {
                *first = found.min(*first);
            }
        }
    }

    /// Before a commit is written: nothing that it adds may lie before a front.
    pub(crate) fn lower(&self, marks: &LaneMarks) {
        if marks.added.is_empty() {
            return;
        }
        let mut state = self.state();
        for (&(lane, class), &due) in &marks.added {
            state.changes += 1;
            let added = state.changes;
            let front = state.fronts.entry(lane).or_default();
            front.added = added;
            if let Some(first) = front.first.get_mut(usize::from(class)) {
                *first = due.min(*first);
            }
        }
    }

    /// After a commit: fronts move up behind what left. A failure leaves one where it is, which is always right.
    pub(crate) fn committed(&self, engine: &Engine, marks: &LaneMarks) {
        for &(lane, class) in &marks.removed {
            let front = self.first(lane, class);
            let (_, until) = keys::under(&keys::lane_class(lane, class));
            let Ok(found) = first_time(engine, &keys::lane_due_from(lane, class, front), &until) else {
                continue;
            };
            let mut state = self.state();
            if let Some(front) = state.fronts.get_mut(&lane) {
                if let Some(first) = front.first.get_mut(usize::from(class)) {
                    *first = found.map_or(NONE, |(_, _, due)| due);
                }
                if front.first == [NONE; PRIORITIES.len()] {
                    state.fronts.remove(&lane);
                }
            }
        }
        if marks.added.is_empty() && marks.urged.is_empty() && marks.held.is_empty() {
            return;
        }
        let mut state = self.state();
        // who looked while it was being written did not find it, and is to look again
        for (lane, _) in marks.added.keys() {
            state.changes += 1;
            let added = state.changes;
            if let Some(front) = state.fronts.get_mut(lane) {
                front.added = added;
            }
        }
        for lane in &marks.urged {
            state.changes += 1;
            let urged = state.changes;
            if let Some(front) = state.fronts.get_mut(lane) {
                front.urged = urged;
            }
        }
        for (&lane, &held) in &marks.held {
            if held {
                state.held.insert(lane)
            } else {
                state.held.remove(&lane)
            };
        }
    }

    /// Where a row of a lane begins.
    pub(crate) fn first(&self, lane: LaneId, class: u8) -> i64 {
        let state = self.state();
        let front = state.fronts.get(&lane).and_then(|front| front.first.get(usize::from(class)));
        front.copied().unwrap_or(NONE)
    }

    /// Lanes in which something may be due at that time, but those that are held.
    pub(crate) fn ready(&self, now: Timestamp) -> Vec<ReadyLane> {
        let now = now.as_microsecond();
        let state = self.state();
        let ready =
            state.fronts.iter().filter(|(id, _)| !state.held.contains(id)).filter_map(|(id, front)| {
                let (priority, _) =
                    PRIORITIES.into_iter().zip(front.first).find(|(_, first)| *first <= now)?;
                let due =
                    front.first.into_iter().min().and_then(|first| Timestamp::from_microsecond(first).ok());
                let due = due.unwrap_or(Timestamp::MIN);
                Some(ReadyLane { id: *id, due, priority, added: front.added, urged: front.urged })
            });
        ready.collect()
    }

    /// The first time after that one at which a lane that has nothing due has something.
    pub(crate) fn next_due(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.as_microsecond();
        let state = self.state();
        let open = state.fronts.iter().filter(|(id, _)| !state.held.contains(id));
        let next = open.flat_map(|(_, front)| front.first).filter(|first| *first > after && *first < NONE);
        next.min().and_then(|first| Timestamp::from_microsecond(first).ok())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first time in a range of keys `l`.
fn first_time(view: &impl View, from: &[u8], until: &[u8]) -> Result<Option<(LaneId, u8, i64)>> {
    let mut first = None;
    if from < until {
        view.scan(Family::Queue, from, until, &mut |key, _| {
            let (lane, class, due, _) = keys::lane_due_of(key).ok_or(StoreError::Corrupt("queue key"))?;
            first = Some((lane, class, due));
            Ok(false)
        })?;
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        common::{World, hours},
        engine::{Change, Durability},
        queue::QueueId,
    };

    /// Fronts against a plain list of what is there, after each of many changes.
    #[test]
    fn fronts_follow_what_comes_and_goes() {
        let world = World::new();
        let store = world.open();
        let engine = &store.core.engine;
        let lanes = Lanes::default();
        let mut there: BTreeSet<(u8, u8, i64, u64)> = BTreeSet::new();
        let id = |lane: u8| LaneId([lane; 16]);
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for number in 0..600_u64 {
            let mut marks = LaneMarks::default();
            let (lane, class) = (1 + random(3) as u8, random(3) as u8);
            let mut changes = vec![];
            if random(2) == 0
                && let Some(&gone) = there.iter().nth(random(there.len().max(1) as u64) as usize)
            {
                let (lane, class, due, entry) = gone;
                changes.push(Change::Delete(
                    Family::Queue,
                    keys::lane_due(id(lane), class, due, QueueId(entry)),
                ));
                marks.remove(id(lane), class);
                there.remove(&gone);
            }
            if random(3) > 0 {
                let due = random(50) as i64;
                changes.push(Change::Put(
                    Family::Queue,
                    keys::lane_due(id(lane), class, due, QueueId(number)),
                    vec![],
                ));
                marks.add(id(lane), class, due);
                there.insert((lane, class, due, number));
            }
            lanes.lower(&marks);
            engine.write(&changes, Durability::Later).unwrap();
            lanes.committed(engine, &marks);
            for (lane, class) in (1..4).flat_map(|lane| (0..3).map(move |class| (lane, class))) {
                let first = there.iter().find(|at| (at.0, at.1) == (lane, class)).map_or(NONE, |at| at.2);
                assert_eq!(lanes.first(id(lane), class), first);
            }
            let now = Timestamp::from_microsecond(20).unwrap();
            let ready: BTreeSet<LaneId> = lanes.ready(now).into_iter().map(|ready| ready.id).collect();
            assert_eq!(ready, there.iter().filter(|at| at.2 <= 20).map(|at| id(at.0)).collect());
        }
        let again = Lanes::find(engine).unwrap();
        for (lane, class) in (1..4).flat_map(|lane| (0..3).map(move |class| (lane, class))) {
            assert_eq!(again.first(id(lane), class), lanes.first(id(lane), class));
        }
        store.close().unwrap();
    }

    #[test]
    fn what_is_held_is_never_ready_and_what_is_urged_says_so() {
        let world = World::new();
        let store = world.open();
        let (lanes, id, now) = (Lanes::default(), LaneId([1; 16]), world.clock_now());
        let mut marks = LaneMarks::default();
        marks.add(id, Priority::Bulk as u8, now.as_microsecond());
        lanes.lower(&marks);
        let before = lanes.ready(now)[0];
        assert_eq!((before.priority, before.due), (Priority::Bulk, now));
        assert_eq!((lanes.ready(now - hours(1)).len(), lanes.next_due(now - hours(1))), (0, Some(now)));
        let mut marks = LaneMarks::default();
        marks.urge(id);
        lanes.committed(&store.core.engine, &marks);
        assert!(lanes.ready(now)[0].urged > before.urged);
        for held in [true, false] {
            let mut marks = LaneMarks::default();
            marks.hold(id, held);
            lanes.committed(&store.core.engine, &marks);
            assert_eq!((lanes.ready(now).is_empty(), lanes.next_due(now - hours(1)).is_none()), (held, held));
        }
        store.close().unwrap();
    }

    /// Who looks while a commit is being written does not find it: the lane must look changed once more when it is there.
    #[test]
    fn what_was_added_is_told_again_once_it_is_there() {
        let world = World::new();
        let store = world.open();
        let lanes = Lanes::default();
        let lane = LaneId([1; 16]);
        let mut marks = LaneMarks::default();
        marks.added.insert((lane, 0), 5);
        let added = || lanes.state().fronts.get(&lane).map(|front| front.added);
        lanes.lower(&marks);
        let before = added();
        lanes.committed(&store.core.engine, &marks);
        assert!(before.is_some() && added() > before, "{before:?}");
    }
}
