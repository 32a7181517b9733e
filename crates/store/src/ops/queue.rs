//! The outgoing queue: in with a delivery (I-1), out by settling.

use crate::{
    Result, StoreError,
    committer::txn::Txn,
    engine::Family,
    ids::{BodyId, Dispatch},
    keyring::KeyKind,
    keys,
    ops::{
        deliver::{self, SealedDelivery},
        edit::release,
        traces::{self, SealedTrace},
    },
    queue::{LAST_BYTES, QueueId, Settlement},
    records::{self, EntryRecord, EntryRow, MessageRow, QueueCounters},
    rows::queue,
};

/// What leaves of a delivery, sealed by whoever accepts it.
pub(crate) struct SealedOutgoing {
    /// What its entries share.
    pub(crate) message: Vec<u8>,
    /// When all are due first, microseconds since 1970.
    pub(crate) due: i64,
    /// At least one.
    pub(crate) entries: Vec<(QueueId, Vec<u8>)>,
}

/// Puts the entries of what leaves one way in the queue; the caller counts one reference to its body.
pub(crate) fn enqueue(txn: &mut Txn<'_>, dispatch: Dispatch, outgoing: SealedOutgoing) -> Result<()> {
    let Dispatch { body, number } = dispatch;
    let SealedOutgoing { message, due, entries } = outgoing;
    let mut counters = queue::counters(txn)?;
    let left = u32::try_from(entries.len()).map_err(|_| StoreError::Corrupt("recipients"))?;
    counters.entries += u64::from(left);
    put_message(txn, dispatch, &MessageRow { left, sealed: message })?;
    for (id, sealed) in entries {
        counters.last = counters.last.max(id.0);
        put_entry(txn, id, &EntryRow { body, due, sealed, number })?;
    }
    put_counters(txn, counters)
}

/// Settles entries, keeps the report that this causes, and the traces. One that is gone undoes all.
pub(crate) fn settle(
    txn: &mut Txn<'_>,
    entries: Vec<(QueueId, Settlement)>,
    report: Option<SealedDelivery>,
    steps: Vec<SealedTrace>,
) -> Result<()> {
    for (id, settlement) in entries {
        let row = queue::entry(txn, id)?.ok_or(StoreError::NotFound)?;
        txn.delete(Family::Queue, keys::due(row.due, id));
        txn.due_removed();
        match settlement {
            Settlement::Gone => remove(txn, id, &row)?,
            Settlement::Due(due) => put_entry(txn, id, &EntryRow { due: due.as_microsecond(), ..row })?,
            Settlement::Later { due, last, distrusted_since, delay_told } => {
                let mut entry = queue::open_entry(txn.core, id, &row)?;
                entry.attempts = entry.attempts.saturating_add(1);
                entry.last = Some(cut(last));
                entry.distrusted_since = distrusted_since.map(jiff::Timestamp::as_microsecond);
                entry.delay_told = delay_told;
                let sealed = seal(txn, id, row.body, &entry)?;
                put_entry(txn, id, &EntryRow { due: due.as_microsecond(), sealed, ..row })?;
            }
        }
    }
    for step in steps {
        traces::put(txn, step);
    }
    match report {
        // The outcome is a fact, whatever the clock says: it is kept all the same.
        Some(report) => deliver::keep(txn, report).map(|_| ()),
        None => Ok(()),
    }
}

fn remove(txn: &mut Txn<'_>, id: QueueId, row: &EntryRow) -> Result<()> {
    txn.delete(Family::Queue, keys::queued(id));
    let mut counters = queue::counters(txn)?;
    counters.entries = counters.entries.checked_sub(1).ok_or(StoreError::Corrupt("queue counters"))?;
    put_counters(txn, counters)?;
    let mut message = queue::message(txn, row.dispatch())?.ok_or(StoreError::Corrupt("queued message"))?;
    message.left = message.left.checked_sub(1).ok_or(StoreError::Corrupt("queued message"))?;
    if message.left > 0 {
        return put_message(txn, row.dispatch(), &message);
    }
    txn.delete(Family::Queue, keys::queued_message(row.dispatch()));
    release(txn, row.body)
}

fn seal(txn: &Txn<'_>, id: QueueId, body: BodyId, entry: &EntryRecord) -> Result<Vec<u8>> {
    let key = txn.core.reading_key(KeyKind::Message, body.day)?;
    key.seal_record(&keys::queued(id), &records::encode(entry)?)
        .map_err(|error| StoreError::Engine(error.to_string()))
}

fn put_entry(txn: &mut Txn<'_>, id: QueueId, row: &EntryRow) -> Result<()> {
    txn.put(Family::Queue, keys::queued(id), records::encode(row)?);
    txn.put(Family::Queue, keys::due(row.due, id), vec![]);
    txn.due_added(row.due);
    Ok(())
}

fn put_message(txn: &mut Txn<'_>, dispatch: Dispatch, row: &MessageRow) -> Result<()> {
    txn.put(Family::Queue, keys::queued_message(dispatch), records::encode(row)?);
    Ok(())
}

fn put_counters(txn: &mut Txn<'_>, counters: QueueCounters) -> Result<()> {
    txn.put(Family::Queue, keys::QUEUE_COUNTERS.to_vec(), records::encode(&counters)?);
    Ok(())
}

/// At most [`LAST_BYTES`], whole characters.
fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LAST_BYTES));
    text
}
