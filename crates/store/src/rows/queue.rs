//! The outgoing queue: entries, messages, counters.

use jiff::Timestamp;

use crate::{
    Result, StoreError,
    core::Core,
    engine::{Family, View},
    ids::{BodyId, Dispatch},
    keyring::KeyKind,
    keys,
    queue::{QueueId, Queued},
    records::{self, EntryRecord, EntryRow, MessageRecord, MessageRow, QueueCounters},
};

pub(crate) fn counters(view: &impl View) -> Result<QueueCounters> {
    let bytes = view.get(Family::Queue, keys::QUEUE_COUNTERS)?;
    bytes.map_or(Ok(QueueCounters::default()), |bytes| records::decode(&bytes, "queue counters"))
}

pub(crate) fn entry(view: &impl View, id: QueueId) -> Result<Option<EntryRow>> {
    view.get(Family::Queue, &keys::queued(id))?.map(|bytes| entry_row(&bytes)).transpose()
}

pub(crate) fn entry_row(bytes: &[u8]) -> Result<EntryRow> {
    EntryRow::decode(bytes)
}

pub(crate) fn open_entry(core: &Core, id: QueueId, row: &EntryRow) -> Result<EntryRecord> {
    let plain = open(core, row.body, &keys::queued(id), &row.sealed, "queue entry")?;
    records::decode(&plain, "queue entry")
}

pub(crate) fn message(view: &impl View, dispatch: Dispatch) -> Result<Option<MessageRow>> {
    view.get(Family::Queue, &keys::queued_message(dispatch))?.map(|bytes| message_row(&bytes)).transpose()
}

pub(crate) fn message_row(bytes: &[u8]) -> Result<MessageRow> {
    records::decode(bytes, "queued message")
}

pub(crate) fn open_message(core: &Core, dispatch: Dispatch, row: &MessageRow) -> Result<MessageRecord> {
    let key = keys::queued_message(dispatch);
    MessageRecord::decode(&open(core, dispatch.body, &key, &row.sealed, "queued message")?)
}

fn open(core: &Core, body: BodyId, key: &[u8], sealed: &[u8], what: &'static str) -> Result<Vec<u8>> {
    let day = core.reading_key(KeyKind::Message, body.day)?;
    day.open_record(key, sealed).map_err(|_| StoreError::Corrupt(what))
}

/// An entry as readers give it.
pub(crate) fn shown(id: QueueId, due: i64, entry: EntryRecord, message: &MessageRecord) -> Result<Queued> {
    Ok(Queued {
        id,
        way: message.sort.way.clone(),
        message: message.id,
        recipient: entry.recipient,
        notify: entry.notify,
        original: entry.original,
        reverse_path: message.reverse_path.clone(),
        sender: message.sender,
        envid: message.envid.clone(),
        ret: message.ret,
        smtputf8: message.smtputf8,
        body: message.sort.body,
        require_tls: message.sort.require_tls,
        priority: message.sort.priority,
        size: message.size,
        queued: instant(message.queued)?,
        due: instant(due)?,
        expires: instant(message.expires)?,
        attempts: entry.attempts,
        last: entry.last,
        distrusted_since: entry.distrusted_since.map(instant).transpose()?,
        delay_told: entry.delay_told,
    })
}

fn instant(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| StoreError::Corrupt("queue time"))
}
