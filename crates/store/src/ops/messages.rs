//! Messages in boxes: flags, expunge, copy, move.

use crate::{
    Result, StoreError,
    boxes::Entry,
    committer::txn::Txn,
    delivery::Copied,
    flags::{FlagChange, SystemFlag},
    ids::{BoxId, Uid},
    ops::edit::{BoxEdit, NewListing, add_references, release},
    records::Listing,
    rows::{boxes, messages},
};

/// Changes flags of those of the messages that exist; gives each as it is now.
pub(crate) fn store_flags(
    txn: &mut Txn<'_>,
    id: BoxId,
    uids: &[Uid],
    change: &FlagChange,
) -> Result<Vec<Entry>> {
    let mut edit = BoxEdit::open(txn, id)?;
    let mut entries = Vec::with_capacity(uids.len());
    for &uid in uids {
        let Some(listing) = messages::listing(txn, id, uid)? else { continue };
        let flags = change.apply(&edit.flags(txn, &listing)?)?;
        entries.push(edit.set_flags(txn, uid, listing, &flags)?);
    }
    edit.finish(txn)?;
    Ok(entries)
}

/// Removes the messages marked `\Deleted`: all, or those of a list.
pub(crate) fn expunge(txn: &mut Txn<'_>, id: BoxId, which: Option<&[Uid]>) -> Result<Vec<Uid>> {
    let mut edit = BoxEdit::open(txn, id)?;
    let candidates = match which {
        Some(uids) => some_listings(txn, id, uids)?,
        None => all_listings(txn, id)?,
    };
    let mut gone = vec![];
    for (uid, listing) in candidates {
        if listing.bits & SystemFlag::Deleted.bit() != 0 {
            remove(txn, &mut edit, id, uid, &listing)?;
            gone.push(uid);
        }
    }
    edit.finish(txn)?;
    Ok(gone)
}

/// Copies the messages that exist, with their flags and dates; no body is copied.
pub(crate) fn copy(txn: &mut Txn<'_>, from: BoxId, uids: &[Uid], to: BoxId) -> Result<Copied> {
    let target = boxes::record(txn, &txn.core.keys, to)?.ok_or(StoreError::NotFound)?;
    let mut source = BoxEdit::open(txn, from)?;
    let mut edit = BoxEdit::open(txn, to)?;
    let mut pairs = vec![];
    for (uid, listing) in some_listings(txn, from, uids)? {
        let new = copy_one(txn, from, uid, &listing, &mut source, &mut edit)?;
        pairs.push((uid, new));
    }
    edit.finish(txn)?;
    Ok(Copied { uid_validity: target.uid_validity, pairs })
}

/// Moves the messages that exist (RFC 6851): copied, then gone, at once.
pub(crate) fn move_to(txn: &mut Txn<'_>, from: BoxId, uids: &[Uid], to: BoxId) -> Result<Copied> {
    let copied = copy(txn, from, uids, to)?;
    let mut edit = BoxEdit::open(txn, from)?;
    for &(uid, _) in &copied.pairs {
        let listing = messages::listing(txn, from, uid)?.ok_or(StoreError::Corrupt("message"))?;
        remove(txn, &mut edit, from, uid, &listing)?;
    }
    edit.finish(txn)?;
    Ok(copied)
}

/// Releases every body of a box that goes.
pub(crate) fn release_all(txn: &mut Txn<'_>, id: BoxId) -> Result<()> {
    for (uid, _) in all_listings(txn, id)? {
        let reference = messages::reference(txn, id, uid)?.ok_or(StoreError::Corrupt("message reference"))?;
        release(txn, reference.body)?;
    }
    Ok(())
}

/// Every message of a box, ascending.
pub(crate) fn all_listings(txn: &Txn<'_>, id: BoxId) -> Result<Vec<(Uid, Listing)>> {
    let mut found = vec![];
    messages::listings(txn, id, Uid::MIN, Uid::MAX, &mut |uid, listing| {
        found.push((uid, listing));
        Ok(())
    })?;
    Ok(found)
}

fn some_listings(txn: &Txn<'_>, id: BoxId, uids: &[Uid]) -> Result<Vec<(Uid, Listing)>> {
    let mut wanted = uids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = Vec::with_capacity(wanted.len());
    for uid in wanted {
        found.extend(messages::listing(txn, id, uid)?.map(|listing| (uid, listing)));
    }
    Ok(found)
}

fn copy_one(
    txn: &mut Txn<'_>,
    from: BoxId,
    uid: Uid,
    listing: &Listing,
    source: &mut BoxEdit,
    edit: &mut BoxEdit,
) -> Result<Uid> {
    let reference = messages::reference(txn, from, uid)?.ok_or(StoreError::Corrupt("message reference"))?;
    let flags = source.flags(txn, listing)?;
    let new = NewListing { flags: &flags, internal_date: listing.internal_date, size: listing.size };
    add_references(txn, reference.body, 1)?;
    edit.add(txn, &reference, new)
}

fn remove(txn: &mut Txn<'_>, edit: &mut BoxEdit, id: BoxId, uid: Uid, listing: &Listing) -> Result<()> {
    let reference = messages::reference(txn, id, uid)?.ok_or(StoreError::Corrupt("message reference"))?;
    edit.remove(txn, uid, listing)?;
    release(txn, reference.body)
}
