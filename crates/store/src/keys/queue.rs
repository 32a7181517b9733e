//! Keys of the outgoing queue.

use super::{BODY_LEN, SIGN, body_at, body_bytes, last_u64, ordered, part};
use crate::{
    ids::{AccountId, Dispatch, LaneId},
    queue::QueueId,
};

/// Bytes of a lane in a key.
pub(super) const LANE_LEN: usize = 16;

/// The times of a lane in one of its rows.
pub(crate) fn lane_class(lane: LaneId, class: u8) -> Vec<u8> {
    key!(*b"l", lane.0, [class])
}

/// The first key of an entry of a lane that is due at these microseconds since 1970, before that year too.
pub(crate) fn lane_due_from(lane: LaneId, class: u8, due: i64) -> Vec<u8> {
    key!(*b"l", lane.0, [class], ordered(due))
}

pub(crate) fn lane_due(lane: LaneId, class: u8, due: i64, entry: QueueId) -> Vec<u8> {
    key!(*b"l", lane.0, [class], ordered(due), entry.0.to_be_bytes())
}

/// Lane, row, time and entry of a key `l`.
pub(crate) fn lane_due_of(key: &[u8]) -> Option<(LaneId, u8, i64, QueueId)> {
    let class = *key.get(1 + LANE_LEN)?;
    let due = u64::from_be_bytes(part(key, 2 + LANE_LEN)?) ^ SIGN;
    Some((lane_of(key)?, class, due.cast_signed(), QueueId(last_u64(key)?)))
}

/// The lane of a key `l`, `k` or `n`.
pub(crate) fn lane_of(key: &[u8]) -> Option<LaneId> {
    part(key, 1).map(LaneId)
}

/// All entries of a lane.
pub(crate) fn lane_entries(lane: LaneId) -> Vec<u8> {
    key!(*b"k", lane.0)
}

pub(crate) fn lane_entry(lane: LaneId, entry: QueueId) -> Vec<u8> {
    key!(*b"k", lane.0, entry.0.to_be_bytes())
}

pub(crate) fn lane(lane: LaneId) -> Vec<u8> {
    key!(*b"n", lane.0)
}

pub(crate) fn queued_of(account: AccountId) -> Vec<u8> {
    key!(*b"o", account.0.to_be_bytes())
}

#[cfg(test)]
pub(crate) fn old_due(due: i64, entry: QueueId) -> Vec<u8> {
    key!(*b"d", ordered(due), entry.0.to_be_bytes())
}

pub(crate) fn queued(entry: QueueId) -> Vec<u8> {
    key!(*b"e", entry.0.to_be_bytes())
}

pub(crate) fn queued_message(Dispatch { body, number }: Dispatch) -> Vec<u8> {
    let mut key = key!(*b"m", body_bytes(body));
    if number > 0 {
        key.push(number);
    }
    key
}

/// What a key `m` names.
pub(crate) fn dispatch_of(key: &[u8]) -> Option<Dispatch> {
    let number = key.get(1 + BODY_LEN).copied().unwrap_or_default();
    Some(Dispatch { body: body_at(key, 1)?, number })
}
