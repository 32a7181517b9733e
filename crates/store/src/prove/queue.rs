//! The queue: every entry opens, belongs to a message and is due once; every message has as many entries as it says and
//! refers to one body; the counters are right and nothing else is there.

use std::collections::BTreeMap;

use crate::{
    Result, StoreError,
    engine::{Family, View},
    ids::Dispatch,
    keyring::KeyKind,
    keys,
    prove::{Proof, bodies::count_all, count},
    queue::QueueId,
    queue_front::first_due,
    records::{EntryRow, MessageRow},
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
        for (id, row) in &entries {
            *left.entry(row.dispatch()).or_default() += 1;
            self.queue_entry(*id, row)?;
        }
        for (dispatch, row) in &messages {
            let found = left.remove(dispatch).unwrap_or_default();
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
        self.queue_rows(entries.len(), messages.len())
    }

    fn queue_entry(&mut self, id: QueueId, row: &EntryRow) -> Result<()> {
        let place = || format!("queue entry {id}");
        let opens = queue::open_entry(self.reader.core(), id, row).is_ok()
            || self.went(KeyKind::Message, row.body.day);
        self.expect(opens, place, "it does not open");
        let due = self.reader.view().get(Family::Queue, &keys::due(row.due, id))?.is_some();
        self.expect(due, place, "it is not due when it says");
        Ok(())
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

    /// Every row is of a known sort, each entry has one time, and none is due before the queue begins.
    fn queue_rows(&mut self, entries: usize, messages: usize) -> Result<()> {
        let view = self.reader.view();
        let due = count(view, Family::Queue, b"d")?;
        self.expect(due == entries, || "queue".into(), "times are due of which there is no entry");
        let counters = usize::from(view.get(Family::Queue, keys::QUEUE_COUNTERS)?.is_some());
        let all = count_all(view, Family::Queue)?;
        self.expect(all == 2 * entries + messages + counters, || "queue".into(), "rows of no known sort");
        // The front may move while the engine is asked.
        let core = self.reader.core();
        let before = core.queue_front.due();
        let first = first_due(&core.engine, i64::MIN)?;
        let front = before.min(core.queue_front.due());
        self.expect(
            first.is_none_or(|first| first >= front),
            || "queue".into(),
            "an entry is due before the queue begins",
        );
        Ok(())
    }
}
