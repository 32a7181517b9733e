//! The outgoing queue: entries, messages, counters.

use jiff::Timestamp;

use crate::{
    Result, StoreError,
    core::Core,
    engine::{Family, View},
    ids::{AccountId, BodyId, Dispatch, LaneId, PEERS},
    keyring::KeyKind,
    keys,
    queue::{Lane, QueueId, Queued},
    records::{self, EntryRecord, EntryRow, LaneRow, MessageRecord, MessageRow, QueueCounters},
    seal::StoreKey,
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

/// The number of a lane.
pub(crate) fn lane_id(keys: &StoreKey, lane: &Lane) -> LaneId {
    let (way, name) = match lane {
        Lane::Peers(domain) => (PEERS, domain.as_str()),
        Lane::SmartHost => (b's', ""),
        Lane::Connector(name) => (b'c', name.as_str()),
    };
    let way = [way];
    let hash = keys.lookup_hash("lane", &[&way[..], name.as_bytes()].concat());
    let mut id = [0; 16];
    id.iter_mut().zip(way.iter().chain(&hash)).for_each(|(to, from)| *to = *from);
    LaneId(id)
}

pub(crate) fn lane(view: &impl View, id: LaneId) -> Result<Option<LaneRow>> {
    view.get(Family::Queue, &keys::lane(id))?.map(|bytes| lane_row(&bytes)).transpose()
}

pub(crate) fn lane_row(bytes: &[u8]) -> Result<LaneRow> {
    records::decode(bytes, "lane of the queue")
}

/// A lane without entries.
pub(crate) fn new_lane(keys: &StoreKey, id: LaneId, lane: &Lane) -> Result<LaneRow> {
    let plain = records::encode(lane)?;
    let sealed = keys.seal_value(&keys::lane(id), &plain);
    let sealed = sealed.map_err(|error| StoreError::Engine(error.to_string()))?;
    Ok(LaneRow { entries: 0, held: None, sealed })
}

/// Which lane it is; none for what did not open when lanes were made.
pub(crate) fn open_lane(keys: &StoreKey, id: LaneId, row: &LaneRow) -> Result<Option<Lane>> {
    if row.sealed.is_empty() {
        return Ok(None);
    }
    let plain = keys.open_value(&keys::lane(id), &row.sealed);
    let plain = plain.map_err(|_| StoreError::Corrupt("lane of the queue"))?;
    records::decode(&plain, "lane of the queue").map(Some)
}

/// Entries of an account's messages.
pub(crate) fn of_sender(view: &impl View, account: AccountId) -> Result<u64> {
    let bytes = view.get(Family::Queue, &keys::queued_of(account))?;
    bytes.map_or(Ok(0), |bytes| records::decode(&bytes, "queue of an account"))
}

/// An entry as readers give it.
pub(crate) fn shown(
    id: QueueId,
    row: &EntryRow,
    entry: EntryRecord,
    message: &MessageRecord,
) -> Result<Queued> {
    Ok(Queued {
        id,
        way: message.sort.way.clone(),
        part: row.number,
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
        due: instant(row.due)?,
        expires: instant(message.expires)?,
        attempts: entry.attempts,
        last: entry.last,
        distrusted_since: entry.distrusted_since.map(instant).transpose()?,
        delay_told: entry.delay_told,
        held: row.held,
    })
}

pub(crate) fn instant(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| StoreError::Corrupt("queue time"))
}
