//! Boxes: made, renamed, removed, subscribed to.

use crate::{
    Result, StoreError,
    boxes::{BOXES_PER_ACCOUNT, BoxInfo, INBOX, SpecialUse},
    committer::txn::Txn,
    engine::{Family, View},
    error::{Conflict, Limit},
    ids::{AccountId, BoxId, Uid},
    keys,
    ops::{
        accounts::count_usage,
        edit::release,
        messages::{self, any},
        subscriptions,
        traces::{Asked, detail},
    },
    records::{self, BoxRecord, BoxState, DeletedBox, Reference},
    rows::{accounts, boxes, sight},
    trace::Action,
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
    asked: &Asked,
) -> Result<BoxInfo> {
    let name = boxes::parse_name(name)?;
    accounts::inbox(txn, account)?.ok_or(StoreError::NotFound)?;
    if boxes::by_name(txn, &txn.core.keys, account, &name)?.is_some() {
        return Err(StoreError::Conflict(Conflict::BoxExists));
    }
    let id = create_with_parents(txn, account, &name, special_use, asked)?;
    boxes::info(txn, &txn.core.keys, id)?.ok_or(StoreError::Corrupt("box"))
}

/// Removes a box and its messages; INBOX and a box with boxes under it stay. Its name stays subscribed to, if it was.
pub(crate) fn delete(txn: &mut Txn<'_>, id: BoxId, asked: &Asked) -> Result<()> {
    let record = boxes::record(txn, &txn.core.keys, id)?.ok_or(StoreError::NotFound)?;
    if record.name == INBOX {
        return Err(StoreError::Conflict(Conflict::Inbox));
    }
    let prefix = format!("{}/", record.name);
    if all(txn, record.account)?.iter().any(|(_, other)| other.name.starts_with(&prefix)) {
        return Err(StoreError::Conflict(Conflict::HasChildren));
    }
    let exists = sight::present(txn, id)?.ok_or(StoreError::Corrupt("box counters"))?.state.exists;
    remove(txn, id, &record)?;
    if record.subscribed {
        subscriptions::keep(txn, record.account, &record.name)?;
    }
    asked.trace(txn, record.account, Action::Delete, vec![detail("mailbox", id), detail("messages", exists)])
}

/// Removes a box: nobody finds it or its messages any more. What they hold is released behind, by [`clear`].
pub(crate) fn remove(txn: &mut Txn<'_>, id: BoxId, record: &BoxRecord) -> Result<()> {
    let state = boxes::state(txn, id)?.ok_or(StoreError::Corrupt("box counters"))?;
    let shown = sight::present(txn, id)?.ok_or(StoreError::Corrupt("box counters"))?.state.highest;
    count_usage(txn, record.account, -i64::from(state.exists), state.bytes.cast_signed().wrapping_neg())?;
    let name = boxes::name_key(&txn.core.keys, record.account, &record.name);
    for key in [name, keys::box_record(id), keys::box_state(id), keys::box_of(record.account, id)] {
        txn.delete(Family::Accounts, key);
    }
    for prefix in [
        keys::listings(id),
        keys::changes(id),
        keys::vanished_all(id),
        keys::tallies(id),
        keys::keywords(id),
        keys::summary(id),
    ] {
        delete_all(txn, Family::Index, &prefix)?;
    }
    let (from, until) = keys::under(&keys::references(id));
    if any(txn, Family::Index, &from, &until)? {
        put_deleted(txn, id, DeletedBox { released: 0 })?;
    }
    delete_all(txn, Family::Accounts, &keys::gone_days(id))?;
    txn.box_changed(id, crate::ids::ModSeq(shown.0 + 1));
    Ok(())
}

/// The first deleted box from a number on of which something is to be released.
pub(crate) fn first_deleted(view: &impl View, from: u64) -> Result<Option<u64>> {
    first_number(view, &keys::deleted_box(BoxId(from)), &keys::deleted_boxes())
}

/// Releases some of what the messages of a deleted box held; false if that was all. What is damaged is left: it goes with
/// its day.
pub(crate) fn clear(txn: &mut Txn<'_>, id: BoxId) -> Result<bool> {
    let Some(known) = txn.get(Family::Accounts, &keys::deleted_box(id))? else { return Ok(false) };
    let mut deleted: DeletedBox = records::decode(&known, "deleted box")?;
    let mut left = vec![];
    let most = txn.core.settings.operation_changes.max(1);
    if let Some(next) = deleted.released.checked_add(1).and_then(Uid::new) {
        let (_, until) = keys::under(&keys::references(id));
        txn.scan(Family::Index, &keys::reference(id, next), &until, &mut |key, value| {
            let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("message key"))?;
            left.push((uid, records::decode::<Reference>(value, "message reference")));
            Ok(left.len() < most)
        })?;
    }
    if left.is_empty() {
        txn.delete(Family::Accounts, keys::deleted_box(id));
        txn.delete_range(Family::Index, keys::under(&keys::references(id)));
        return Ok(false);
    }
    let mut damaged = 0;
    for (uid, reference) in left {
        match reference.and_then(|reference| release(txn, reference.body)) {
            Err(StoreError::Corrupt(_)) => damaged += 1,
            released => released?,
        }
        deleted.released = uid.get();
        if txn.is_long() {
            break;
        }
    }
    if damaged > 0 {
        tracing::error!(
            mailbox = id.0,
            damaged,
            "messages of a deleted box stay until their day: they are damaged"
        );
    }
    put_deleted(txn, id, deleted)?;
    Ok(true)
}

/// The number that the first key from one on under a prefix ends with.
pub(crate) fn first_number(view: &impl View, from: &[u8], prefix: &[u8]) -> Result<Option<u64>> {
    let mut found = None;
    let (_, until) = keys::under(prefix);
    view.scan(Family::Accounts, from, &until, &mut |key, _| {
        found = keys::last_u64(key);
        Ok(false)
    })?;
    Ok(found)
}

/// Renames a box; what is under it moves along. INBOX stays, its messages move (RFC 3501 §6.3.5): gives the
/// box to which the rest of them is to be moved, if they are many.
pub(crate) fn rename(txn: &mut Txn<'_>, id: BoxId, name: &str, asked: &Asked) -> Result<Option<BoxId>> {
    let name = boxes::parse_name(name)?;
    let record = boxes::record(txn, &txn.core.keys, id)?.ok_or(StoreError::NotFound)?;
    if boxes::by_name(txn, &txn.core.keys, record.account, &name)?.is_some() {
        return Err(StoreError::Conflict(Conflict::BoxExists));
    }
    if record.name == INBOX {
        let target = create_with_parents(txn, record.account, &name, None, asked)?;
        return Ok(messages::empty_into(txn, id, target, asked)?.then_some(target));
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
    create_parents(txn, record.account, &name, asked)?;
    let told = vec![detail("mailbox", id), detail("below", family.len())];
    asked.trace(txn, record.account, Action::BoxRename, told)?;
    rename_one(txn, id, record, name)?;
    for (child, other, moved) in family {
        if boxes::by_name(txn, &txn.core.keys, other.account, &moved)?.is_some() {
            return Err(StoreError::Conflict(Conflict::BoxExists));
        }
        rename_one(txn, child, other, moved)?;
    }
    Ok(None)
}

/// Subscribes to a box, or no longer; a name that a deleted box left can be given up too.
pub(crate) fn subscribe(
    txn: &mut Txn<'_>,
    account: AccountId,
    name: &str,
    on: bool,
    asked: &Asked,
) -> Result<()> {
    let name = boxes::canonical(name);
    let mut told = vec![detail("subscribed", if on { "yes" } else { "no" })];
    match boxes::by_name(txn, &txn.core.keys, account, &name)? {
        Some(id) => {
            let mut record = boxes::record(txn, &txn.core.keys, id)?.ok_or(StoreError::Corrupt("box"))?;
            if record.subscribed == on {
                return Ok(());
            }
            record.subscribed = on;
            put_record(txn, id, &record)?;
            told.push(detail("mailbox", id));
        }
        None if !on && subscriptions::forget(txn, account, &name)? => {}
        None => return Err(StoreError::NotFound),
    }
    asked.trace(txn, account, Action::Subscribe, told)
}

/// Gives boxes a new UIDVALIDITY: what clients remember of their UIDs is not true any more. Those that are gone are left
/// out.
pub(crate) fn renew_validity(txn: &mut Txn<'_>, ids: &[BoxId]) -> Result<()> {
    for &id in ids {
        let Some(mut record) = boxes::record(txn, &txn.core.keys, id)? else { continue };
        record.uid_validity = txn.next_uid_validity();
        put_record(txn, id, &record)?;
    }
    Ok(())
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
    asked: &Asked,
) -> Result<BoxId> {
    create_parents(txn, account, name, asked)?;
    create_one(txn, account, name, use_, asked)
}

fn create_parents(txn: &mut Txn<'_>, account: AccountId, name: &str, asked: &Asked) -> Result<()> {
    for parent in boxes::parents(name) {
        if boxes::by_name(txn, &txn.core.keys, account, parent)?.is_none() {
            create_one(txn, account, parent, None, asked)?;
        }
    }
    Ok(())
}

/// One box, subscribed to if its name is.
fn create_one(
    txn: &mut Txn<'_>,
    account: AccountId,
    name: &str,
    use_: Option<SpecialUse>,
    asked: &Asked,
) -> Result<BoxId> {
    let subscribed = subscriptions::forget(txn, account, name)?;
    let id = insert(txn, account, name, use_, subscribed)?;
    asked.trace(txn, account, Action::BoxCreate, vec![detail("mailbox", id)])?;
    Ok(id)
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
    record.subscribed |= subscriptions::forget(txn, record.account, &name)?;
    record.name = name;
    put_record(txn, id, &record)?;
    let state = boxes::state(txn, id)?.ok_or(StoreError::Corrupt("box counters"))?;
    txn.box_changed(id, state.highest);
    Ok(())
}

fn put_deleted(txn: &mut Txn<'_>, id: BoxId, deleted: DeletedBox) -> Result<()> {
    txn.put(Family::Accounts, keys::deleted_box(id), records::encode(&deleted)?);
    Ok(())
}

/// Removes every row under a prefix; nothing is ever put there again. A range costs every later scan: none is left
/// where there was no row.
fn delete_all(txn: &mut Txn<'_>, family: Family, prefix: &[u8]) -> Result<()> {
    let (from, until) = keys::under(prefix);
    if any(txn, family, &from, &until)? {
        txn.delete_range(family, (from, until));
    }
    Ok(())
}

fn put_record(txn: &mut Txn<'_>, id: BoxId, record: &BoxRecord) -> Result<()> {
    let key = keys::box_record(id);
    let sealed = txn.core.keys.seal_value(&key, &records::encode(record)?);
    txn.put(Family::Accounts, key, sealed.map_err(|error| StoreError::Engine(error.to_string()))?);
    Ok(())
}
