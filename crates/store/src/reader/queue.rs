//! The outgoing queue, as one snapshot has it.

use std::collections::HashMap;

use bytes::Bytes;
use jiff::Timestamp;

use super::Reader;
use crate::{
    BodyReader, QueueId, Queued, Result, StoreError,
    day::Day,
    engine::{Family, View},
    ids::Dispatch,
    keys,
    queue_front::first_due,
    records::{EntryRow, MessageRecord},
    rows::queue,
};

#[allow(clippy::missing_errors_doc, reason = "said once, at the type")]
impl Reader<'_> {
    /// At most `limit` entries that are due at `now`, after `after`, the longest due first. Entries that left the queue
    /// since the snapshot may be missing. One that is damaged is left out and told of in the log: it must not keep the
    /// others from leaving.
    pub fn queue_due(
        &self,
        now: Timestamp,
        after: Option<(Timestamp, QueueId)>,
        limit: usize,
    ) -> Result<Vec<Queued>> {
        let from = match after {
            Some((due, id)) => behind(keys::due(due.as_microsecond(), id)),
            None => keys::due_from(self.core().queue_front.due()),
        };
        let until = keys::due_from(now.as_microsecond().saturating_add(1));
        let mut page = Page::new(self);
        if limit > 0 && from < until {
            self.view().scan(Family::Queue, &from, &until, &mut |key, _| {
                let (_, id) = keys::due_of(key).ok_or(StoreError::Corrupt("queue key"))?;
                page.add_or_skip(id, queue::entry(self.view(), id))?;
                Ok(page.found.len() < limit)
            })?;
        }
        Ok(page.found)
    }

    /// When the first entry is due. It may be one that somebody is working on, or a damaged one.
    pub fn queue_next_due(&self) -> Result<Option<Timestamp>> {
        first_due(self.view(), self.core().queue_front.due())?
            .map(|due| Timestamp::from_microsecond(due).map_err(|_| StoreError::Corrupt("queue time")))
            .transpose()
    }

    /// At most `limit` entries after `after`, in the order of their identifiers, which is about that of their coming.
    /// One that is damaged is left out and told of in the log.
    pub fn queue_list(&self, after: Option<QueueId>, limit: usize) -> Result<Vec<Queued>> {
        let from = after.map_or(b"e".to_vec(), |id| behind(keys::queued(id)));
        let (_, until) = keys::under(b"e");
        let mut page = Page::new(self);
        if limit > 0 {
            self.view().scan(Family::Queue, &from, &until, &mut |key, value| {
                let id = QueueId(keys::last_u64(key).ok_or(StoreError::Corrupt("queue key"))?);
                page.add_or_skip(id, queue::entry_row(value).map(Some))?;
                Ok(page.found.len() < limit)
            })?;
        }
        Ok(page.found)
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
                let id = QueueId(keys::last_u64(key).ok_or(StoreError::Corrupt("queue key"))?);
                match queue::entry_row(value) {
                    Ok(row) if row.body.day > day => {}
                    row => page.add_or_skip(id, row.map(Some))?,
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

    fn add_or_skip(&mut self, id: QueueId, row: Result<Option<EntryRow>>) -> Result<()> {
        let row = row.and_then(|row| row.ok_or(StoreError::Corrupt("queue entry")));
        match row.and_then(|row| self.open(id, &row)) {
            Ok(queued) => self.found.push(queued),
            Err(error @ (StoreError::Corrupt(_) | StoreError::NotFound)) => {
                tracing::error!(entry = id.0, %error, "an entry of the queue does not open");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn open(&mut self, id: QueueId, row: &EntryRow) -> Result<Queued> {
        let message = match self.messages.entry(row.dispatch()) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(self.reader.queued_message(row.dispatch())?)
            }
        };
        queue::shown(id, row.due, queue::open_entry(self.reader.core(), id, row)?, message)
    }
}
