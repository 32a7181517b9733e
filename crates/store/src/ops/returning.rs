//! Messages that come back from a backup.

use crate::{
    Result, StoreError,
    body::chunk_count,
    committer::txn::Txn,
    engine::{Family, View as _},
    flags::Flags,
    ids::{BodyId, BoxId},
    keys,
    ops::edit::{self, BoxEdit, NewListing},
    records::{self, BodyRecord, Reference},
    rows::messages,
};

/// A message on its way back.
pub(crate) struct Returning {
    pub(crate) reference: Reference,
    /// Its body, if the store did not have it; its chunks are written, beside a marker.
    pub(crate) brought: Option<Brought>,
    pub(crate) flags: Flags,
    pub(crate) internal_date: i64,
    pub(crate) size: u64,
}

/// A body that was copied: its record and its sealed variants.
pub(crate) struct Brought {
    pub(crate) record: BodyRecord,
    pub(crate) rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// The engine's when the first chunk was written: opened anew, the engine may have lost what was written before.
    pub(crate) epoch: u64,
}

/// Puts them in a box; gives how many came back, and how many are left out because their day was erased meanwhile.
/// Their days say nothing about today: one taken while the clock was ahead must not make new mail follow it there.
///
/// # Errors
/// `Busy` if chunks of one of them may be gone: the engine was opened anew since, or its marker went. None comes back then.
pub(crate) fn put_back(txn: &mut Txn<'_>, to: BoxId, messages: Vec<Returning>) -> Result<(u64, u64)> {
    let mut edit = BoxEdit::open(txn, to)?;
    let (mut back, mut erased) = (0, 0);
    for message in messages {
        let Returning { reference, brought, flags, internal_date, size } = message;
        let body = reference.body;
        if body.day <= txn.counters().erased {
            if let Some(Brought { record, .. }) = brought {
                remove(txn, body, &record);
            }
            erased += 1;
            continue;
        }
        if messages::body(txn, body)?.is_some() {
            edit::add_references(txn, body, 1)?;
        } else if let Some(Brought { record, rows, epoch }) = brought {
            let marked = txn.get(Family::Accounts, &keys::orphan(body))?.is_some();
            if !marked || epoch != txn.core.engine.epoch() {
                return Err(StoreError::Busy);
            }
            let record = BodyRecord { references: 1, ..record };
            txn.put(Family::Index, keys::body(body), records::encode(&record)?);
            for (key, value) in rows {
                txn.put_blind(Family::Index, key, value);
            }
        } else {
            // The one message it had here went a moment ago: the next restore brings it.
            continue;
        }
        txn.delete(Family::Accounts, keys::orphan(body));
        edit.add(txn, &reference, NewListing { flags: &flags, internal_date, size, opened: false })?;
        back += 1;
    }
    edit.finish(txn)?;
    Ok((back, erased))
}

/// Removes what was written of a body that does not come back. If the store has that body by now, only the marker goes:
/// the chunks are the body's.
pub(crate) fn take_back(txn: &mut Txn<'_>, body: BodyId, record: &BodyRecord) -> Result<()> {
    if messages::body(txn, body)?.is_none() {
        remove(txn, body, record);
    }
    txn.delete(Family::Accounts, keys::orphan(body));
    Ok(())
}

fn remove(txn: &mut Txn<'_>, body: BodyId, record: &BodyRecord) {
    for index in 0..chunk_count(record.len) {
        txn.delete(Family::Bodies, keys::chunk(record.place(body), index));
    }
    txn.delete(Family::Accounts, keys::orphan(body));
}
