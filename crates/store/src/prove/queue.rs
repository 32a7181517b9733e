//! The queue: every entry opens, belongs to a message and is due once, in its lane; every message has as many entries as it says and
//! refers to one body; the counters are right and nothing else is there.

use std::collections::BTreeMap;

use crate::{
    Result, StoreError,
    engine::{Family, View},
    ids::{AccountId, Dispatch, LaneId},
    keyring::KeyKind,
    keys,
    prove::{Proof, bodies::count_all, count},
    queue::QueueId,
    records::{self, EntryRow, HELD, MessageRow},
    rows::queue,
};

impl Proof<'_> {
    pub(super) fn queue(&mut self) -> Result<()> {
        let view = self.reader.view();
        let counters = queue::counters(view)?;
        let (mut entries, mut messages) = (vec![], vec![]);
        let (from, until) = keys::under(b"e");
        view.scan(Family::Queue, &from, &until, &mut |key, value| {
            let id = QueueId(keys::last_u64(key).ok_or(StoreError::Corrupt("queue key"))?);
            entries.push((id, queue::entry_row(value)?));
            Ok(true)
        })?;
        let (from, until) = keys::under(b"m");
        view.scan(Family::Queue, &from, &until, &mut |key, value| {
            let dispatch = keys::dispatch_of(key).ok_or(StoreError::Corrupt("queue key"))?;
            messages.push((dispatch, queue::message_row(value)?));
            Ok(true)
        })?;
        let mut left: BTreeMap<Dispatch, u32> = BTreeMap::new();
        let mut lanes: BTreeMap<LaneId, u64> = BTreeMap::new();
        for (id, row) in &entries {
            *left.entry(row.dispatch()).or_default() += 1;
            *lanes.entry(row.lane).or_default() += 1;
            self.queue_entry(*id, row)?;
        }
        let mut senders: BTreeMap<AccountId, u64> = BTreeMap::new();
        for (dispatch, row) in &messages {
            let found = left.remove(dispatch).unwrap_or_default();
            if let Some(sender) = row.sender {
                *senders.entry(sender).or_default() += u64::from(found);
            }
            self.queue_message(*dispatch, row, found);
        }
        self.report.queued = entries.len() as u64;
        let orphans = left.len();
        self.expect(orphans == 0, || "queue".into(), "entries belong to no message");
        let last = entries.last().map_or(0, |(id, _)| id.0);
        self.expect(
            counters.entries == self.report.queued && counters.last >= last,
            || "queue".into(),
            "its counters are not those of its entries",
        );
        let counts = self.queue_counts(&lanes, &senders)?;
        self.queue_rows(entries.len(), messages.len() + counts)
    }

    fn queue_entry(&mut self, id: QueueId, row: &EntryRow) -> Result<()> {
        let place = || format!("queue entry {id}");
        let opens = queue::open_entry(self.reader.core(), id, row).is_ok()
            || self.went(KeyKind::Message, row.body.day);
        self.expect(opens, place, "it does not open");
        let there = |key: Vec<u8>| self.reader.view().get(Family::Queue, &key).map(|row| row.is_some());
        let due = there(keys::lane_due(row.lane, row.class(), row.due, id))?;
        let listed = there(keys::lane_entry(row.lane, id))?;
        self.expect(due, place, "it is not due when it says");
        self.expect(listed, place, "its lane does not know it");
        Ok(())
    }

    /// Each lane and each sender has as many entries as it says; gives how many rows they take.
    fn queue_counts(
        &mut self,
        lanes: &BTreeMap<LaneId, u64>,
        senders: &BTreeMap<AccountId, u64>,
    ) -> Result<usize> {
        let (from, until) = keys::under(b"n");
        let (mut rows, mut counted, mut wrong) = (0, 0, 0);
        let store_keys = &self.reader.core().keys;
        let mut closed = 0;
        self.reader.view().scan(Family::Queue, &from, &until, &mut |key, value| {
            let id = keys::lane_of(key).ok_or(StoreError::Corrupt("queue key"))?;
            let row = queue::lane_row(value)?;
            rows += 1;
            counted += usize::from(lanes.contains_key(&id));
            wrong += usize::from(lanes.get(&id).copied().unwrap_or(0) != row.entries);
            closed += usize::from(queue::open_lane(store_keys, id, &row).is_err());
            Ok(true)
        })?;
        let right = wrong == 0 && counted == lanes.len();
        self.expect(right, || "queue".into(), "a lane does not have as many entries as it says");
        self.expect(closed == 0, || "queue".into(), "a lane does not open");
        let (from, until) = keys::under(b"o");
        let (mut of_senders, mut same) = (0, true);
        self.reader.view().scan(Family::Queue, &from, &until, &mut |key, value| {
            let id = keys::last_u64(key).map(AccountId).ok_or(StoreError::Corrupt("queue key"))?;
            let entries: u64 = records::decode(value, "queue of an account")?;
            of_senders += 1;
            same &= senders.get(&id) == Some(&entries);
            Ok(true)
        })?;
        let right = same && of_senders == senders.len();
        self.expect(right, || "queue".into(), "an account does not have as many entries as it says");
        Ok(rows + of_senders)
    }

    fn queue_message(&mut self, dispatch: Dispatch, row: &MessageRow, found: u32) {
        let body = dispatch.body;
        let place = || format!("a queued message of {}", body.day);
        self.expect(row.left == found && found > 0, place, "it does not have as many entries as it says");
        let Ok(message) = queue::open_message(self.reader.core(), dispatch, row) else {
            let went = self.went(KeyKind::Message, body.day);
            self.expect(went, place, "it does not open");
            if went {
                self.bodies.entry(body).or_default().0 += 1;
            }
            return;
        };
        let (references, variants) = self.bodies.entry(body).or_default();
        *references += 1;
        variants.insert(message.variant);
        let index = self.reader.sealed_record(body, &keys::index(body, message.variant)).ok();
        let size = index.and_then(|plain| message::IndexRecord::decode(&plain).ok()).map(|index| index.size);
        let right = size == Some(message.size) || self.went(KeyKind::Message, body.day);
        self.expect(right, place, "its index record does not open, or has another size");
    }

    /// Every row is of a known sort, each entry has one time and one place in its lane, and none is due before its lane begins.
    fn queue_rows(&mut self, entries: usize, others: usize) -> Result<()> {
        let view = self.reader.view();
        let due = count(view, Family::Queue, b"l")?;
        self.expect(due == entries, || "queue".into(), "times are due of which there is no entry");
        let listed = count(view, Family::Queue, b"k")?;
        self.expect(listed == entries, || "queue".into(), "a lane lists entries that are not there");
        let counters = usize::from(view.get(Family::Queue, keys::QUEUE_COUNTERS)?.is_some());
        let all = count_all(view, Family::Queue)?;
        self.expect(all == 3 * entries + others + counters, || "queue".into(), "rows of no known sort");
        self.queue_fronts()
    }

    fn queue_fronts(&mut self) -> Result<()> {
        // Fronts may move while the engine is asked.
        let core = self.reader.core();
        let (mut from, until) = keys::under(b"l");
        let mut behind = true;
        while from < until {
            let mut next = None;
            core.engine.scan(Family::Queue, &from, &until, &mut |key, _| {
                next = keys::lane_due_of(key);
                Ok(false)
            })?;
            let Some((lane, class, due, id)) = next else { break };
            from = keys::under(&keys::lane_class(lane, class)).1;
            let still = || core.engine.get(Family::Queue, &keys::lane_due(lane, class, due, id));
            let first = core.lanes.first(lane, class);
            behind &= class == HELD || due >= first || still()?.is_none();
        }
        self.expect(behind, || "queue".into(), "an entry is due before the queue begins");
        Ok(())
    }
}
