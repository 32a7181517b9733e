//! The outgoing queue: in with a delivery (I-1), out by settling.

use crate::{
    Result, StoreError,
    committer::txn::Txn,
    engine::Family,
    error::Limit,
    ids::{AccountId, BodyId, Dispatch, LaneId},
    keyring::KeyKind,
    keys,
    ops::{
        deliver::{self, SealedDelivery},
        edit::release,
        traces::{self, SealedTrace},
    },
    queue::{LAST_BYTES, Lane, Priority, QueueId, Settlement},
    records::{self, EntryRecord, EntryRow, LaneRow, MessageRow, QueueCounters},
    rows::queue,
};

/// What leaves of a delivery one way, sealed by whoever accepts it.
pub(crate) struct SealedOutgoing {
    /// What its entries share.
    pub(crate) message: Vec<u8>,
    pub(crate) sender: Option<AccountId>,
    pub(crate) priority: Priority,
    /// When all are due first, microseconds since 1970.
    pub(crate) due: i64,
    /// At least one.
    pub(crate) entries: Vec<SealedEntry>,
    /// The lanes of its entries, and how many are in each.
    pub(crate) lanes: Vec<(LaneId, Lane, u64)>,
}

/// One recipient, sealed.
pub(crate) struct SealedEntry {
    pub(crate) id: QueueId,
    pub(crate) lane: LaneId,
    pub(crate) sealed: Vec<u8>,
}

/// Whether the queue takes so much more, as a whole, in each lane and of each sender.
pub(crate) fn check_room(txn: &Txn<'_>, outgoing: &[SealedOutgoing]) -> Result<()> {
    let settings = &txn.core.settings;
    let count = |outgoing: &SealedOutgoing| outgoing.entries.len() as u64;
    let more: u64 = outgoing.iter().map(count).sum();
    if more > 0 && queue::counters(txn)?.entries.saturating_add(more) > settings.queued {
        return Err(StoreError::Limit(Limit::Queue));
    }
    for (lane, _, more) in outgoing.iter().flat_map(|outgoing| &outgoing.lanes) {
        let waiting = queue::lane(txn, *lane)?.map_or(0, |row| row.entries);
        if waiting.saturating_add(*more) > settings.queued_lane {
            return Err(StoreError::Limit(Limit::QueueLane));
        }
    }
    for outgoing in outgoing {
        let Some(sender) = outgoing.sender else { continue };
        if queue::of_sender(txn, sender)?.saturating_add(more) > settings.queued_sender {
            return Err(StoreError::Limit(Limit::QueueSender));
        }
    }
    Ok(())
}

/// Puts the entries of what leaves one way in the queue; the caller counts one reference to its body.
pub(crate) fn enqueue(txn: &mut Txn<'_>, dispatch: Dispatch, outgoing: SealedOutgoing) -> Result<()> {
    let Dispatch { body, number } = dispatch;
    let SealedOutgoing { message, sender, priority, due, entries, lanes } = outgoing;
    let mut counters = queue::counters(txn)?;
    let left = u32::try_from(entries.len()).map_err(|_| StoreError::Corrupt("recipients"))?;
    counters.entries += u64::from(left);
    put_message(txn, dispatch, &MessageRow { left, sealed: message, sender })?;
    for (id, lane, count) in lanes {
        let mut row = match queue::lane(txn, id)? {
            Some(row) => row,
            None => queue::new_lane(&txn.core.keys, id, &lane)?,
        };
        row.entries += count;
        put_lane(txn, id, &row)?;
    }
    if let Some(sender) = sender {
        put_of_sender(txn, sender, queue::of_sender(txn, sender)?.saturating_add(u64::from(left)))?;
    }
    for SealedEntry { id, lane, sealed } in entries {
        counters.last = counters.last.max(id.0);
        txn.put(Family::Queue, keys::lane_entry(lane, id), vec![]);
        put_entry(txn, id, &EntryRow { body, due, sealed, number, lane, priority, held: false })?;
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
        take_time(txn, id, &row);
        match settlement {
            Settlement::Gone => remove(txn, id, &row)?,
            Settlement::Due(due) => {
                txn.lanes().urge(row.lane);
                put_entry(txn, id, &EntryRow { due: due.as_microsecond(), ..row })?;
            }
            Settlement::Hold => put_entry(txn, id, &EntryRow { held: true, ..row })?,
            Settlement::Release => put_entry(txn, id, &EntryRow { held: false, ..row })?,
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

/// Keeps a lane back, also what will come, or no longer; false if it was so already.
pub(crate) fn hold(txn: &mut Txn<'_>, lane: &Lane, held: bool, step: SealedTrace) -> Result<bool> {
    let id = queue::lane_id(&txn.core.keys, lane);
    let mut row = match queue::lane(txn, id)? {
        Some(row) => row,
        None if held => queue::new_lane(&txn.core.keys, id, lane)?,
        None => return Ok(false),
    };
    if row.held.is_some() == held {
        return Ok(false);
    }
    row.held = held.then(|| txn.core.clock.now().as_microsecond());
    txn.lanes().hold(id, held);
    txn.queue_changed();
    traces::put(txn, step);
    put_lane(txn, id, &row)?;
    Ok(true)
}

fn remove(txn: &mut Txn<'_>, id: QueueId, row: &EntryRow) -> Result<()> {
    let mut message = queue::message(txn, row.dispatch())?.ok_or(StoreError::Corrupt("queued message"))?;
    message.left = message.left.checked_sub(1).ok_or(StoreError::Corrupt("queued message"))?;
    forget(txn, id, row, message.sender)?;
    if message.left > 0 {
        return put_message(txn, row.dispatch(), &message);
    }
    txn.delete(Family::Queue, keys::queued_message(row.dispatch()));
    release(txn, row.body)
}

/// Takes an entry out of everything but its message. What counts it may be damaged: the store's proof tells of that, and
/// nothing stays in the queue for it.
pub(crate) fn forget(
    txn: &mut Txn<'_>,
    id: QueueId,
    row: &EntryRow,
    sender: Option<AccountId>,
) -> Result<()> {
    take_time(txn, id, row);
    txn.delete(Family::Queue, keys::queued(id));
    txn.delete(Family::Queue, keys::lane_entry(row.lane, id));
    let mut counters = queue::counters(txn)?;
    counters.entries = counters.entries.checked_sub(1).ok_or(StoreError::Corrupt("queue counters"))?;
    put_counters(txn, counters)?;
    if let Some(mut lane) = unless_damaged(queue::lane(txn, row.lane))?.flatten() {
        lane.entries = lane.entries.saturating_sub(1);
        put_lane(txn, row.lane, &lane)?;
    }
    let Some(sender) = sender else { return Ok(()) };
    let Some(waiting) = unless_damaged(queue::of_sender(txn, sender))? else { return Ok(()) };
    put_of_sender(txn, sender, waiting.saturating_sub(1))
}

fn unless_damaged<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_damage() => Ok(None),
        Err(error) => Err(error),
    }
}

fn take_time(txn: &mut Txn<'_>, id: QueueId, row: &EntryRow) {
    txn.delete(Family::Queue, keys::lane_due(row.lane, row.class(), row.due, id));
    txn.lanes().remove(row.lane, row.class());
}

fn seal(txn: &Txn<'_>, id: QueueId, body: BodyId, entry: &EntryRecord) -> Result<Vec<u8>> {
    let key = txn.core.reading_key(KeyKind::Message, body.day)?;
    key.seal_record(&keys::queued(id), &records::encode(entry)?)
        .map_err(|error| StoreError::Engine(error.to_string()))
}

fn put_entry(txn: &mut Txn<'_>, id: QueueId, row: &EntryRow) -> Result<()> {
    txn.put(Family::Queue, keys::queued(id), records::encode(row)?);
    txn.put(Family::Queue, keys::lane_due(row.lane, row.class(), row.due, id), vec![]);
    txn.lanes().add(row.lane, row.class(), row.due);
    txn.queue_changed();
    Ok(())
}

fn put_message(txn: &mut Txn<'_>, dispatch: Dispatch, row: &MessageRow) -> Result<()> {
    txn.put(Family::Queue, keys::queued_message(dispatch), records::encode(row)?);
    Ok(())
}

/// A lane without entries that is not held has no row.
fn put_lane(txn: &mut Txn<'_>, id: LaneId, row: &LaneRow) -> Result<()> {
    if row.entries == 0 && row.held.is_none() {
        txn.delete(Family::Queue, keys::lane(id));
    } else {
        txn.put(Family::Queue, keys::lane(id), records::encode(row)?);
    }
    Ok(())
}

fn put_of_sender(txn: &mut Txn<'_>, sender: AccountId, entries: u64) -> Result<()> {
    if entries == 0 {
        txn.delete(Family::Queue, keys::queued_of(sender));
    } else {
        txn.put(Family::Queue, keys::queued_of(sender), records::encode(&entries)?);
    }
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
