//! The queue of a store before format 4, which had one order of times for all: every entry is put in the lane of its next hop. A
//! page of entries is one write, so that a process that is killed on the way goes on where it was.
//!
//! May use: the keys, to read whom an entry is for. Must never touch: bodies.

use std::collections::HashMap;

use crate::{
    Result, StoreError,
    day::Day,
    engine::{Change, Durability, Engine, Family, View as _},
    ids::{AccountId, Dispatch, LaneId},
    keyring::{KeyKind, Keyring},
    keys,
    queue::{Lane, Priority, QueueId},
    records::{self, EntryRecord, EntryRow, MessageRecord, MessageRow, OldEntryRow, OldMessageRow},
    rows::queue,
    seal::StoreKey,
};

/// Entries that are moved at once.
const PAGE: usize = 1_000;

/// Where entries stand that do not open: nobody can send them, and they go when their day is erased.
const LOST: LaneId = LaneId([0; 16]);

/// Sorts what is not sorted; one search if nothing is left.
pub(crate) fn sort_queue(engine: &Engine, keys: &StoreKey, keyring: &Keyring) -> Result<()> {
    let (mut sorted, mut damaged) = (0, 0);
    let (mut from, until) = keys::under(b"d");
    loop {
        let mut page = vec![];
        engine.scan(Family::Queue, &from, &until, &mut |key, _| {
            page.push(key.to_vec());
            Ok(page.len() < PAGE)
        })?;
        let Some(last) = page.last() else { break };
        // behind it: what was moved leaves marks that a search would step over
        from = [last.as_slice(), &[0]].concat();
        sorted += page.len();
        let mut sorting = Sorting::new(engine, keys, keyring);
        for key in page {
            match sorting.entry(key) {
                Err(StoreError::Corrupt(_)) => damaged += 1,
                moved => moved?,
            }
        }
        sorting.write()?;
    }
    if damaged > 0 {
        tracing::error!(entries = damaged, "rows of the outgoing queue are damaged and cannot be sent");
    }
    if sorted > 0 {
        tracing::info!(entries = sorted, "the outgoing queue was sorted by next hops");
    }
    Ok(())
}

/// One page on its way.
struct Sorting<'s> {
    engine: &'s Engine,
    keys: &'s StoreKey,
    keyring: &'s Keyring,
    changes: Vec<Change>,
    messages: HashMap<Dispatch, Option<MessageRecord>>,
    lanes: HashMap<LaneId, (Option<Lane>, u64)>,
    senders: HashMap<AccountId, u64>,
}

impl<'s> Sorting<'s> {
    fn new(engine: &'s Engine, keys: &'s StoreKey, keyring: &'s Keyring) -> Self {
        let (changes, messages) = (vec![], HashMap::new());
        Self { engine, keys, keyring, changes, messages, lanes: HashMap::new(), senders: HashMap::new() }
    }

    fn entry(&mut self, time: Vec<u8>) -> Result<()> {
        let id = keys::last_u64(&time).map(QueueId).ok_or(StoreError::Corrupt("queue key"))?;
        self.changes.push(Change::Delete(Family::Queue, time));
        let place = keys::queued(id);
        let Some(bytes) = self.engine.get(Family::Queue, &place)? else { return Ok(()) };
        let (old, rest) = records::decode_first::<OldEntryRow>(&bytes, "queue entry")?;
        let OldEntryRow { body, due, sealed } = old;
        let number = if rest.is_empty() { 0 } else { records::decode(rest, "queue entry")? };
        let message = self.message(Dispatch { body, number })?.clone();
        let plain = self.opened(body.day, &place, &sealed);
        let entry = plain.and_then(|plain| records::decode::<EntryRecord>(&plain, "queue entry").ok());
        let found =
            message.as_ref().zip(entry).map(|(message, entry)| Lane::of(&message.sort.way, &entry.recipient));
        let lane = found.as_ref().map_or(LOST, |lane| queue::lane_id(self.keys, lane));
        self.lanes.entry(lane).or_insert((found, 0)).1 += 1;
        if let Some(sender) = message.as_ref().and_then(|message| message.sender) {
            *self.senders.entry(sender).or_default() += 1;
        }
        let priority = message.map_or(Priority::Usual, |message| message.sort.priority);
        let row = EntryRow { body, due, sealed, number, lane, priority, held: false };
        self.put(keys::lane_due(lane, row.class(), due, id), vec![]);
        self.put(keys::lane_entry(lane, id), vec![]);
        self.put(place, records::encode(&row)?);
        Ok(())
    }

    /// What an entry shares with others; its row is made one of this format with the first of them.
    fn message(&mut self, dispatch: Dispatch) -> Result<&Option<MessageRecord>> {
        if !self.messages.contains_key(&dispatch) {
            let found = self.read_message(dispatch)?;
            self.messages.insert(dispatch, found);
        }
        Ok(self.messages.get(&dispatch).unwrap_or(&None))
    }

    fn read_message(&mut self, dispatch: Dispatch) -> Result<Option<MessageRecord>> {
        let place = keys::queued_message(dispatch);
        let Some(bytes) = self.engine.get(Family::Queue, &place)? else { return Ok(None) };
        let (old, rest) = records::decode_first::<OldMessageRow>(&bytes, "queued message")?;
        let OldMessageRow { left, sealed } = old;
        let plain = self.opened(dispatch.body.day, &place, &sealed);
        let message = plain.and_then(|plain| MessageRecord::decode(&plain).ok());
        if rest.is_empty() {
            let sender = message.as_ref().and_then(|message| message.sender);
            self.put(place, records::encode(&MessageRow { left, sealed, sender })?);
        }
        Ok(message)
    }

    fn opened(&self, day: Day, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.keyring.day_key(KeyKind::Message, day).ok()?.open_record(place, sealed).ok()
    }

    fn write(mut self) -> Result<()> {
        for (id, (lane, more)) in std::mem::take(&mut self.lanes) {
            let mut row = match (queue::lane(self.engine, id)?, lane) {
                (Some(row), _) => row,
                (None, Some(lane)) => queue::new_lane(self.keys, id, &lane)?,
                (None, None) => records::LaneRow { entries: 0, held: None, sealed: vec![] },
            };
            row.entries += more;
            self.put(keys::lane(id), records::encode(&row)?);
        }
        for (sender, more) in std::mem::take(&mut self.senders) {
            let entries = queue::of_sender(self.engine, sender)? + more;
            self.put(keys::queued_of(sender), records::encode(&entries)?);
        }
        self.engine.write(&self.changes, Durability::Synced)
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.push(Change::Put(Family::Queue, key, value));
    }
}
