//! What retention changes, inside the committer: days become gone, boxes let go of them, the clock is believed again.

use std::collections::BTreeMap;

use crate::{
    Result, StoreError,
    committer::txn::Txn,
    day::Day,
    engine::{Family, View},
    ids::{BoxId, Dispatch, ModSeq, Uid},
    keyring::KeyKind,
    keys,
    ops::{
        edit::{BoxEdit, log_vanished},
        messages as messages_ops,
        traces::{self, SealedTrace},
    },
    queue::QueueId,
    records::{self, ErasureRecord, GoneDay},
    rows::{boxes, messages, queue},
};

/// Makes everything received on a day or before gone, whose keys are destroyed already: bodies, variants and index
/// records at once, rows of boxes behind. Gives how many entries of the queue went along, which should have left it
/// long before.
pub(crate) fn erase(txn: &mut Txn<'_>, through: Day, log: &[(Day, ErasureRecord)]) -> Result<u64> {
    let lost = lose_queued(txn, through)?;
    for prefix in [b"r", b"h", b"j"] {
        txn.delete_range(Family::Index, keys::through_day(prefix, through));
    }
    txn.delete_range(Family::Bodies, keys::through_day(b"", through));
    let counters = txn.counters_mut();
    counters.erased = counters.erased.max(through);
    write_log(txn, KeyKind::Message, log)?;
    Ok(lost)
}

/// Makes every trace of a day or before gone, whose keys are destroyed already.
pub(crate) fn erase_traces(txn: &mut Txn<'_>, through: Day, log: &[(Day, ErasureRecord)]) -> Result<()> {
    txn.delete_range(Family::Traces, keys::through_day(b"t", through));
    let counters = txn.counters_mut();
    counters.erased_traces = counters.erased_traces.max(through);
    write_log(txn, KeyKind::Trace, log)
}

fn write_log(txn: &mut Txn<'_>, kind: KeyKind, log: &[(Day, ErasureRecord)]) -> Result<()> {
    for (day, line) in log {
        txn.put(Family::Accounts, keys::erasure(kind, *day), records::encode(line)?);
    }
    Ok(())
}

/// Takes entries of the queue along whose body is gone: nothing of them can be sent, or told, any more.
fn lose_queued(txn: &mut Txn<'_>, through: Day) -> Result<u64> {
    let mut messages: Vec<Dispatch> = vec![];
    let (from, until) = keys::through_day(b"m", through);
    txn.scan(Family::Queue, &from, &until, &mut |key, _| {
        messages.extend(keys::dispatch_of(key));
        Ok(true)
    })?;
    if messages.is_empty() {
        return Ok(0);
    }
    let mut entries = vec![];
    let (from, until) = keys::under(b"e");
    txn.scan(Family::Queue, &from, &until, &mut |key, value| {
        // One that is damaged must not keep what is due from being erased; the store's proof tells of it.
        if let Ok(row) = queue::entry_row(value)
            && row.body.day <= through
        {
            entries.push((QueueId(keys::last_u64(key).ok_or(StoreError::Corrupt("queue key"))?), row));
        }
        Ok(true)
    })?;
    let lost = entries.len() as u64;
    for (id, row) in entries {
        let sender = queue::message(txn, row.dispatch()).ok().flatten().and_then(|message| message.sender);
        super::queue::forget(txn, id, &row, sender)?;
    }
    for message in messages {
        txn.delete(Family::Queue, keys::queued_message(message));
    }
    Ok(lost)
}

/// UIDs of a box that vanished with a day: all of them, or a piece.
#[derive(Clone)]
pub(crate) struct Listed {
    id: BoxId,
    day: Day,
    runs: Vec<(Uid, Uid)>,
    /// With this piece all are told.
    last: bool,
}

impl Listed {
    /// What vanished with a day, in pieces of at most `most` runs.
    pub(crate) fn in_pieces(id: BoxId, day: Day, runs: &[(Uid, Uid)], most: usize) -> Vec<Self> {
        let mut pieces: Vec<_> =
            runs.chunks(most.max(1)).map(|runs| Self { id, day, runs: runs.to_vec(), last: false }).collect();
        match pieces.last_mut() {
            Some(last) => last.last = true,
            None => pieces.push(Self { id, day, runs: vec![], last: true }),
        }
        pieces
    }

    /// Whose they are.
    pub(crate) fn id(&self) -> BoxId {
        self.id
    }

    /// Rows that telling it changes.
    pub(crate) fn rows(&self) -> usize {
        self.runs.len() + 4
    }
}

/// Takes days that are gone out of the counters of their boxes, and tells in their logs what vanished.
pub(crate) fn take_out(txn: &mut Txn<'_>, pieces: Vec<Listed>) -> Result<()> {
    for Listed { id, day, runs, last } in pieces {
        if boxes::state(txn, id)?.is_none() {
            // It was deleted meanwhile, with all that belonged to it.
            continue;
        }
        BoxEdit::open(txn, id)?.drop_gone(txn)?;
        let key = keys::gone_day(id, day);
        let Some(gone) = txn.get(Family::Accounts, &key)? else { continue };
        let gone: GoneDay = records::decode(&gone, "erased day")?;
        if gone.listed {
            continue;
        }
        let mut state = boxes::state(txn, id)?.ok_or(StoreError::Corrupt("box counters"))?;
        let runs = not_told(txn, id, gone.modseq, runs)?;
        log_vanished(txn, id, &mut state, gone.modseq, &runs)?;
        txn.put(Family::Accounts, keys::box_state(id), records::encode(&state)?);
        txn.put(Family::Accounts, key, records::encode(&GoneDay { listed: last, ..gone })?);
        txn.summary_behind(id, if last { gone.messages } else { 0 }, 0);
    }
    Ok(())
}

/// Those runs that the log does not have yet: an earlier piece may have been told before a kill.
fn not_told(txn: &Txn<'_>, id: BoxId, modseq: ModSeq, runs: Vec<(Uid, Uid)>) -> Result<Vec<(Uid, Uid)>> {
    let mut left = Vec::with_capacity(runs.len());
    for (first, last) in runs {
        if txn.get(Family::Index, &keys::vanished(id, modseq, first))?.is_none() {
            left.push((first, last));
        }
    }
    Ok(left)
}

/// Forgets days of boxes whose rows are removed; how many messages they had.
pub(crate) fn forget(txn: &mut Txn<'_>, days: &[(BoxId, Day)]) -> Result<u64> {
    let mut by_day: BTreeMap<Day, u64> = BTreeMap::new();
    for &(id, day) in days {
        let key = keys::gone_day(id, day);
        let Some(gone) = txn.get(Family::Accounts, &key)? else { continue };
        let gone: GoneDay = records::decode(&gone, "erased day")?;
        *by_day.entry(day).or_default() += u64::from(gone.messages);
        txn.delete(Family::Accounts, key);
    }
    for (day, messages) in &by_day {
        let key = keys::erasure(KeyKind::Message, *day);
        if let Some(line) = txn.get(Family::Accounts, &key)? {
            // The proof tells of a line that is damaged.
            let Ok(line) = records::decode::<ErasureRecord>(&line, "erasure") else { continue };
            let line = ErasureRecord { messages: line.messages + messages, ..line };
            txn.put(Family::Accounts, key, records::encode(&line)?);
        }
    }
    Ok(by_day.values().sum())
}

/// Takes messages that were received on a day or before out of a box, as if they were expunged; how many left. Those
/// that went or moved meanwhile are left out.
pub(crate) fn let_go(txn: &mut Txn<'_>, id: BoxId, uids: &[Uid], through: Day) -> Result<u64> {
    if boxes::state(txn, id)?.is_none() {
        return Ok(0);
    }
    let mut edit = BoxEdit::open(txn, id)?;
    let mut left = 0;
    for &uid in uids {
        match messages::listing(txn, id, uid)? {
            Some(listing) if listing.day <= through => {
                messages_ops::remove(txn, &mut edit, id, uid, &listing)?;
                left += 1;
            }
            _ => {}
        }
    }
    edit.finish(txn)?;
    Ok(left)
}

/// Keeps the latest proof of retention and its trace.
pub(crate) fn keep_proof(txn: &mut Txn<'_>, proof: Vec<u8>, trace: SealedTrace) {
    txn.put(Family::Accounts, keys::RETENTION.to_vec(), proof);
    traces::put(txn, trace);
}
