//! The outgoing queue, as one snapshot has it.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use bytes::Bytes;
use jiff::Timestamp;

use super::Reader;
use crate::{
    AccountId, BodyReader, Lane, LaneId, QueueId, Queued, Result, StoreError,
    day::Day,
    engine::{Family, View},
    ids::Dispatch,
    keys,
    lanes::PRIORITIES,
    records::{EntryRow, LaneRow, MessageRecord},
    rows::queue,
};

/// Entries of a lane that are due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DuePage {
    /// Those that open, in the order in which they are to be sent.
    pub found: Vec<Queued>,
    /// Those that do not: they wait for whoever mends the store.
    pub damaged: Vec<QueueId>,
    /// There may be more.
    pub more: bool,
}

/// One lane of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneInfo {
    /// Its number.
    pub id: LaneId,
    /// Which next hop.
    pub lane: Lane,
    /// How many entries.
    pub entries: u64,
    /// Since when an administrator keeps it back.
    pub held: Option<Timestamp>,
}

#[allow(clippy::missing_errors_doc, reason = "said once, at the type")]
impl Reader<'_> {
    /// At most `limit` entries of a lane that are due at `now` and not held, nor among `skip`: by priority, then the longest due
    /// first, with a share for each priority. None of a lane that is held. Entries that left the queue since the snapshot may
    /// be missing. One that is damaged is told apart: it must not keep the others from leaving.
    pub fn queue_due(
        &self,
        lane: LaneId,
        now: Timestamp,
        skip: &HashSet<QueueId>,
        limit: usize,
    ) -> Result<DuePage> {
        let mut due = DuePage::default();
        if limit == 0
            || queue::lane(self.view(), lane).is_ok_and(|row| row.is_some_and(|row| row.held.is_some()))
        {
            return Ok(due);
        }
        let mut page = Page::new(self);
        let first = PRIORITIES.map(|priority| self.core().lanes.first(lane, priority as u8));
        let waits = first.map(|first| first <= now.as_microsecond());
        // What is behind gets a share, so that it moves on however much goes first.
        let kept =
            [if waits[1] || waits[2] { limit / 4 } else { 0 }, if waits[2] { limit / 8 } else { 0 }, 0];
        for ((priority, first), kept) in PRIORITIES.into_iter().zip(first).zip(kept) {
            let room = limit - kept;
            let class = priority as u8;
            let from = keys::lane_due_from(lane, class, first);
            let until = keys::lane_due_from(lane, class, now.as_microsecond().saturating_add(1));
            if from >= until {
                continue;
            }
            self.view().scan(Family::Queue, &from, &until, &mut |key, _| {
                let (.., id) = keys::lane_due_of(key).ok_or(StoreError::Corrupt("queue key"))?;
                if skip.contains(&id) {
                    return Ok(true);
                }
                if page.found.len() >= room {
                    due.more = true;
                    return Ok(false);
                }
                if !page.add_or_tell(id, queue::entry(self.view(), id))? {
                    due.damaged.push(id);
                }
                Ok(true)
            })?;
        }
        Ok(DuePage { found: page.found, ..due })
    }

    /// At most `limit` entries after `after`, in the order of their identifiers, which is about that of their coming.
    /// One that is damaged is left out and told of in the log.
    pub fn queue_list(&self, after: Option<QueueId>, limit: usize) -> Result<Vec<Queued>> {
        let from = after.map_or(b"e".to_vec(), |id| behind(keys::queued(id)));
        let (_, until) = keys::under(b"e");
        let mut page = Page::new(self);
        if limit > 0 {
            self.view().scan(Family::Queue, &from, &until, &mut |key, value| {
                page.add_or_tell(last_id(key)?, queue::entry_row(value).map(Some))?;
                Ok(page.found.len() < limit)
            })?;
        }
        Ok(page.found)
    }

    /// The same of one lane.
    pub fn queue_lane_list(&self, lane: LaneId, after: Option<QueueId>, limit: usize) -> Result<Vec<Queued>> {
        let prefix = keys::lane_entries(lane);
        let (from, until) = keys::under(&prefix);
        let from = after.map_or(from, |id| behind(keys::lane_entry(lane, id)));
        let mut page = Page::new(self);
        if limit > 0 {
            self.view().scan(Family::Queue, &from, &until, &mut |key, _| {
                let id = last_id(key)?;
                page.add_or_tell(id, queue::entry(self.view(), id))?;
                Ok(page.found.len() < limit)
            })?;
        }
        Ok(page.found)
    }

    /// At most `limit` lanes after `after`: those that have entries or are held, in the order of their numbers.
    pub fn queue_lanes(&self, after: Option<LaneId>, limit: usize) -> Result<Vec<LaneInfo>> {
        let from = after.map_or(b"n".to_vec(), |id| behind(keys::lane(id)));
        let (_, until) = keys::under(b"n");
        let mut found = vec![];
        self.view().scan(Family::Queue, &from, &until, &mut |key, value| {
            if found.len() >= limit {
                return Ok(false);
            }
            let id = keys::lane_of(key).ok_or(StoreError::Corrupt("queue key"))?;
            match queue::lane_row(value).and_then(|row| self.lane_info(id, &row)) {
                Ok(info) => found.extend(info),
                Err(error) if error.is_damage() => {
                    tracing::error!(%error, "a lane of the queue does not open");
                }
                Err(error) => return Err(error),
            }
            Ok(true)
        })?;
        Ok(found)
    }

    /// One lane, if it has entries or is held.
    pub fn queue_lane(&self, id: LaneId) -> Result<Option<LaneInfo>> {
        match queue::lane(self.view(), id)? {
            Some(row) => self.lane_info(id, &row),
            None => Ok(None),
        }
    }

    /// The number of a lane, whether anything waits in it or not.
    pub fn queue_lane_id(&self, lane: &Lane) -> LaneId {
        queue::lane_id(&self.core().keys, lane)
    }

    fn lane_info(&self, id: LaneId, row: &LaneRow) -> Result<Option<LaneInfo>> {
        let Some(lane) = queue::open_lane(&self.core().keys, id, row)? else { return Ok(None) };
        let held = row.held.map(queue::instant).transpose()?;
        Ok(Some(LaneInfo { id, lane, entries: row.entries, held }))
    }

    /// One entry.
    pub fn queued(&self, id: QueueId) -> Result<Option<Queued>> {
        let Some(row) = queue::entry(self.view(), id)? else { return Ok(None) };
        Page::new(self).open(id, &row).map(Some)
    }

    /// What leaves for one entry: its header, blank line included, and its body.
    pub fn queued_content(&self, id: QueueId) -> Result<Option<(Bytes, BodyReader)>> {
        let Some(row) = queue::entry(self.view(), id)? else { return Ok(None) };
        let message = self.queued_message(row.dispatch())?;
        let header = self.sealed_record(row.body, &keys::header(row.body, message.variant))?;
        Ok(Some((header.into(), self.body_of(row.body)?)))
    }

    /// Entries whose body was received on that day or before.
    pub(crate) fn queued_until(&self, day: Day) -> Result<Vec<Queued>> {
        let mut page = Page::new(self);
        let (from, until) = keys::through_day(b"m", day);
        let mut any = false;
        self.view().scan(Family::Queue, &from, &until, &mut |_, _| {
            any = true;
            Ok(false)
        })?;
        if any {
            let (from, until) = keys::under(b"e");
            self.view().scan(Family::Queue, &from, &until, &mut |key, value| {
                let id = last_id(key)?;
                match queue::entry_row(value) {
                    Ok(row) if row.body.day > day => {}
                    row => {
                        page.add_or_tell(id, row.map(Some))?;
                    }
                }
                Ok(true)
            })?;
        }
        Ok(page.found)
    }

    /// Entries in the queue.
    pub fn queue_size(&self) -> Result<u64> {
        queue::counters(self.view()).map(|counters| counters.entries)
    }

    /// Entries of an account's messages.
    pub fn queued_of(&self, sender: AccountId) -> Result<u64> {
        queue::of_sender(self.view(), sender)
    }

    fn queued_message(&self, dispatch: Dispatch) -> Result<MessageRecord> {
        let row = queue::message(self.view(), dispatch)?.ok_or(StoreError::Corrupt("queued message"))?;
        queue::open_message(self.core(), dispatch, &row)
    }
}

/// The first key behind a key.
fn behind(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

fn last_id(key: &[u8]) -> Result<QueueId> {
    keys::last_u64(key).map(QueueId).ok_or(StoreError::Corrupt("queue key"))
}

/// Entries being read; what a message shares is opened once.
struct Page<'r> {
    reader: &'r Reader<'r>,
    messages: HashMap<Dispatch, MessageRecord>,
    found: Vec<Queued>,
}

impl<'r> Page<'r> {
    fn new(reader: &'r Reader<'r>) -> Self {
        Self { reader, messages: HashMap::new(), found: vec![] }
    }

    /// False for one that does not open, which is told of.
    fn add_or_tell(&mut self, id: QueueId, row: Result<Option<EntryRow>>) -> Result<bool> {
        let row = row.and_then(|row| row.ok_or(StoreError::Corrupt("queue entry")));
        match row.and_then(|row| self.open(id, &row)) {
            Ok(queued) => self.found.push(queued),
            Err(error @ (StoreError::Corrupt(_) | StoreError::NotFound)) => {
                tracing::error!(entry = id.0, %error, "an entry of the queue does not open");
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn open(&mut self, id: QueueId, row: &EntryRow) -> Result<Queued> {
        let message = match self.messages.entry(row.dispatch()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(self.reader.queued_message(row.dispatch())?),
        };
        queue::shown(id, row, queue::open_entry(self.reader.core(), id, row)?, message)
    }
}
