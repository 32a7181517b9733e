//! Boxes: made, renamed, removed, subscribed to.

use crate::{
    Result, StoreError,
    boxes::{BOXES_PER_ACCOUNT, BoxInfo, INBOX, SpecialUse},
    committer::txn::Txn,
    engine::Family,
    error::{Conflict, Limit},
    ids::{AccountId, BoxId},
    keys,
    ops::{accounts::count_usage, messages},
    records::{self, BoxRecord, BoxState},
    rows::{accounts, boxes},
};

/// The boxes a new account gets, INBOX first.
const FIRST_BOXES: [(&str, Option<SpecialUse>); 4] = [
    (INBOX, None),
    ("Sent", Some(SpecialUse::Sent)),
    ("Drafts", Some(SpecialUse::Drafts)),
    ("Trash", Some(SpecialUse::Trash)),
];

/// Makes the boxes of a new account, subscribed.
pub(crate) fn create_first(txn: &mut Txn<'_>, account: AccountId) -> Result<()> {
    for (name, special_use) in FIRST_BOXES {
        let id = insert(txn, account, name, special_use, true)?;
        if name == INBOX {
            txn.put(Family::Accounts, keys::inbox(account), id.0.to_be_bytes().to_vec());
        }
    }
    Ok(())
}

/// Makes a box, and the boxes above it that do not exist.
pub(crate) fn create(
    txn: &mut Txn<'_>,
    account: AccountId,
    name: &str,
    special_use: Option<SpecialUse>,
) -> Result<BoxInfo> {
    let name = boxes::parse_name(name)?;
    accounts::inbox(txn, account)?.ok_or(StoreError::NotFound)?;
    if boxes::by_name(txn, &txn.core.keys, account, &name)?.is_some() {
        return Err(StoreError::Conflict(Conflict::BoxExists));
    }
    let id = create_with_parents(txn, account, &name, special_use)?;
    boxes::info(txn, &txn.core.keys, id)?.ok_or(StoreError::Corrupt("box"))
}

/// Removes a box and its messages; INBOX and a box with boxes under it stay.
pub(crate) fn delete(txn: &mut Txn<'_>, id: BoxId) -> Result<()> {
    let record = boxes::record(txn, &txn.core.keys, id)?.ok_or(StoreError::NotFound)?;
    if record.name == INBOX {
        return Err(StoreError::Conflict(Conflict::Inbox));
    }
    let prefix = format!("{}/", record.name);
    if all(txn, record.account)?.iter().any(|(_, other)| other.name.starts_with(&prefix)) {
        return Err(StoreError::Conflict(Conflict::HasChildren));
    }
    remove(txn, id, &record)
}

/// Removes a box and its messages.
pub(crate) fn remove(txn: &mut Txn<'_>, id: BoxId, record: &BoxRecord) -> Result<()> {
    messages::release_all(txn, id)?;
    let state = boxes::state(txn, id)?.ok_or(StoreError::Corrupt("box counters"))?;
    count_usage(txn, record.account, -i64::from(state.exists), state.bytes.cast_signed().wrapping_neg())?;
    let name = boxes::name_key(&txn.core.keys, record.account, &record.name);
    for key in [name, keys::box_record(id), keys::box_state(id), keys::box_of(record.account, id)] {
        txn.delete(Family::Accounts, key);
    }
    for prefix in [
        keys::listings(id),
        keys::references(id),
        keys::changes(id),
        keys::vanished_all(id),
        keys::tallies(id),
        keys::keywords(id),
        keys::summary(id),
    ] {
        txn.delete_range(Family::Index, keys::under(&prefix));
    }
    txn.box_changed(id, crate::ids::ModSeq(state.highest.0 + 1));
    Ok(())
}

/// Renames a box; what is under it moves along. INBOX stays, its messages move (RFC 3501 §6.3.5).
pub(crate) fn rename(txn: &mut Txn<'_>, id: BoxId, name: &str) -> Result<()> {
    let name = boxes::parse_name(name)?;
    let record = boxes::record(txn, &txn.core.keys, id)?.ok_or(StoreError::NotFound)?;
    if boxes::by_name(txn, &txn.core.keys, record.account, &name)?.is_some() {
        return Err(StoreError::Conflict(Conflict::BoxExists));
    }
    if record.name == INBOX {
        let target = create_with_parents(txn, record.account, &name, None)?;
        let uids: Vec<_> = messages::all_listings(txn, id)?.into_iter().map(|(uid, _)| uid).collect();
        messages::move_to(txn, id, &uids, target)?;
        return Ok(());
    }
    let prefix = format!("{}/", record.name);
    if name.starts_with(&prefix) {
        return Err(StoreError::Conflict(Conflict::UnderItself));
    }
    let family: Vec<_> = all(txn, record.account)?
        .into_iter()
        .filter(|(_, other)| other.name.starts_with(&prefix))
        .map(|(child, other)| {
            let moved = boxes::parse_name(&format!("{name}/{}", &other.name[prefix.len()..]));
            moved.map(|moved| (child, other, moved))
        })
        .collect::<Result<_>>()?;
    create_parents(txn, record.account, &name)?;
    rename_one(txn, id, record, name)?;
    for (child, other, moved) in family {
        if boxes::by_name(txn, &txn.core.keys, other.account, &moved)?.is_some() {
            return Err(StoreError::Conflict(Conflict::BoxExists));
        }
        rename_one(txn, child, other, moved)?;
    }
    Ok(())
}

/// Subscribes to a box, or no longer.
pub(crate) fn subscribe(txn: &mut Txn<'_>, account: AccountId, name: &str, on: bool) -> Result<()> {
    let name = boxes::canonical(name);
    let id = boxes::by_name(txn, &txn.core.keys, account, &name)?.ok_or(StoreError::NotFound)?;
    let mut record = boxes::record(txn, &txn.core.keys, id)?.ok_or(StoreError::Corrupt("box"))?;
    record.subscribed = on;
    put_record(txn, id, &record)
}

/// The boxes of an account with their records.
pub(crate) fn all(txn: &Txn<'_>, account: AccountId) -> Result<Vec<(BoxId, BoxRecord)>> {
    boxes::of_account(txn, account)?
        .into_iter()
        .map(|id| {
            let record = boxes::record(txn, &txn.core.keys, id)?.ok_or(StoreError::Corrupt("box"))?;
            Ok((id, record))
        })
        .collect()
}

fn create_with_parents(
    txn: &mut Txn<'_>,
    account: AccountId,
    name: &str,
    use_: Option<SpecialUse>,
) -> Result<BoxId> {
    create_parents(txn, account, name)?;
    insert(txn, account, name, use_, false)
}

fn create_parents(txn: &mut Txn<'_>, account: AccountId, name: &str) -> Result<()> {
    for parent in boxes::parents(name) {
        if boxes::by_name(txn, &txn.core.keys, account, parent)?.is_none() {
            insert(txn, account, parent, None, false)?;
        }
    }
    Ok(())
}

fn insert(
    txn: &mut Txn<'_>,
    account: AccountId,
    name: &str,
    special_use: Option<SpecialUse>,
    subscribed: bool,
) -> Result<BoxId> {
    if boxes::of_account(txn, account)?.len() >= BOXES_PER_ACCOUNT {
        return Err(StoreError::Limit(Limit::Boxes));
    }
    let id = txn.next_box();
    let uid_validity = txn.next_uid_validity();
    let record = BoxRecord { account, name: name.to_owned(), special_use, subscribed, uid_validity };
    put_record(txn, id, &record)?;
    txn.put(Family::Accounts, keys::box_state(id), records::encode(&BoxState::new(account))?);
    txn.put(Family::Accounts, keys::box_of(account, id), vec![]);
    let key = boxes::name_key(&txn.core.keys, account, name);
    txn.put(Family::Accounts, key, id.0.to_be_bytes().to_vec());
    Ok(id)
}

fn rename_one(txn: &mut Txn<'_>, id: BoxId, mut record: BoxRecord, name: String) -> Result<()> {
    let old = boxes::name_key(&txn.core.keys, record.account, &record.name);
    let new = boxes::name_key(&txn.core.keys, record.account, &name);
    txn.delete(Family::Accounts, old);
    txn.put(Family::Accounts, new, id.0.to_be_bytes().to_vec());
    record.name = name;
    put_record(txn, id, &record)
}

fn put_record(txn: &mut Txn<'_>, id: BoxId, record: &BoxRecord) -> Result<()> {
    let key = keys::box_record(id);
    let sealed = txn.core.keys.seal_value(&key, &records::encode(record)?);
    txn.put(Family::Accounts, key, sealed.map_err(|error| StoreError::Engine(error.to_string()))?);
    Ok(())
}
