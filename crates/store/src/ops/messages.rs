//! Messages in boxes: flags, expunge, copy, move. Each takes as many of the messages it is given as one short operation
//! may (`Settings::operation_changes`) and says how many; `pieces.rs` asks again for the others.

use std::{iter::Peekable, vec::IntoIter};

use crate::{
    Result, StoreError,
    boxes::Stored,
    committer::txn::Txn,
    engine::{Family, View},
    flags::{FlagChange, Flags, SystemFlag},
    ids::{AccountId, BoxId, ModSeq, Uid, UidValidity},
    keys,
    ops::{
        edit::{BoxEdit, NewListing, add_references, release},
        quota,
        traces::{self, Asked, detail},
    },
    records::{self, CopyingRun, Listing},
    rows::{boxes, messages},
    trace::Action,
};

/// What one operation did of a longer work.
pub(crate) struct Piece<T> {
    /// What came of each message that was there.
    pub(crate) done: Vec<T>,
    /// How many of those given it took, whether they were there or not. At least one if any was given.
    pub(crate) taken: usize,
}

impl<T> Piece<T> {
    /// Takes messages one by one until the operation changes `most` rows more.
    fn take(
        txn: &mut Txn<'_>,
        uids: &[Uid],
        most: usize,
        mut each: impl FnMut(&mut Txn<'_>, Uid) -> Result<Option<T>>,
    ) -> Result<Self> {
        let mut piece = Self { done: Vec::with_capacity(uids.len()), taken: 0 };
        let most = txn.changes() + most;
        for &uid in uids {
            piece.done.extend(each(txn, uid)?);
            piece.taken += 1;
            if txn.changes() >= most {
                break;
            }
        }
        Ok(piece)
    }
}

/// UIDs of a range for each that is asked for, up to which the range is read at one go.
const SPREAD: usize = 2;
/// Listings that are read at one go.
const AHEAD: usize = 256;

/// The listings of the messages of a piece, in their order: where they lie side by side many are read at one go, which costs a
/// fifth of looking for each. What the operation does to one of them must not change another.
struct Listings<'u> {
    id: BoxId,
    /// Those that were not read yet; none at all if they lie too far apart.
    left: &'u [Uid],
    ahead: Option<Peekable<IntoIter<(Uid, Listing)>>>,
}

impl<'u> Listings<'u> {
    fn of(id: BoxId, uids: &'u [Uid]) -> Self {
        let close = match (uids.first(), uids.last()) {
            (Some(first), Some(last)) if uids.is_sorted_by(|one, next| one < next) => {
                (last.get() - first.get()) as usize / SPREAD < uids.len()
            }
            _ => false,
        };
        Self { id, left: uids, ahead: close.then(|| vec![].into_iter().peekable()) }
    }

    /// The listing of the next message, if it is there; to be asked for one after the other.
    fn next(&mut self, txn: &Txn<'_>, uid: Uid) -> Result<Option<Listing>> {
        let Some(ahead) = &mut self.ahead else { return messages::listing(txn, self.id, uid) };
        if self.left.first() == Some(&uid) {
            let (some, left) = self.left.split_at(AHEAD.min(self.left.len()));
            let mut read = Vec::with_capacity(some.len());
            messages::listings(txn, self.id, uid, *some.last().unwrap_or(&uid), &mut |uid, listing| {
                read.push((uid, listing));
                Ok(())
            })?;
            (self.left, *ahead) = (left, read.into_iter().peekable());
        }
        while ahead.next_if(|(earlier, _)| *earlier < uid).is_some() {}
        Ok(ahead.next_if(|(here, _)| *here == uid).map(|(_, listing)| listing))
    }
}

/// Changes flags of those of the messages that exist and did not change after `unless_after`; tells what became of each.
pub(crate) fn store_flags(
    txn: &mut Txn<'_>,
    id: BoxId,
    uids: &[Uid],
    change: &FlagChange,
    unless_after: Option<ModSeq>,
    asked: &Asked,
) -> Result<Piece<Stored>> {
    let mut edit = BoxEdit::open(txn, id)?;
    let account = edit.account();
    let mut marked = Marked::default();
    let mut listings = Listings::of(id, uids);
    let most = txn.core.settings.operation_changes;
    let piece = Piece::take(txn, uids, most, |txn, uid| {
        let Some(listing) = listings.next(txn, uid)? else { return Ok(None) };
        let before = listing.modseq;
        if unless_after.is_some_and(|last| before > last) {
            return Ok(Some(Stored::Modified(uid)));
        }
        let opened = listing.opened;
        let had = edit.flags(txn, &listing)?;
        let now = edit.set_flags(txn, uid, listing, &change.apply(&had)?)?;
        if !opened && now.flags.has(SystemFlag::Seen) {
            trace_opening(txn, asked, account, id, uid)?;
        }
        marked.saw(uid, &had, &now.flags);
        Ok(Some(Stored::Done { now, before }))
    })?;
    edit.finish(txn)?;
    if asked.is_others(account) {
        marked.trace(txn, asked, account, id)?;
    }
    Ok(piece)
}

/// A message is opened for the first time, which belongs to the journey that brought it here (S-4.5). Clients that fetch with
/// PEEK say it by a mark; two sessions, or a mark taken away and set again, make one event.
fn trace_opening(txn: &mut Txn<'_>, asked: &Asked, account: AccountId, id: BoxId, uid: Uid) -> Result<()> {
    let detail = vec![detail("mailbox", id), detail("uid", uid)];
    match messages::reference(txn, id, uid)?.and_then(|reference| reference.origin) {
        Some(journey) => asked.trace_in(txn, journey, account, Action::FirstOpening, detail),
        None => asked.trace(txn, account, Action::FirstOpening, detail),
    }
}

/// Messages of which an operation sets or takes away `\Deleted`. In a box that several people open it matters who: whoever expunges
/// removes what others marked (S-1.7).
#[derive(Default)]
struct Marked {
    set: Vec<Uid>,
    taken: Vec<Uid>,
}

impl Marked {
    fn saw(&mut self, uid: Uid, had: &Flags, has: &Flags) {
        match (had.has(SystemFlag::Deleted), has.has(SystemFlag::Deleted)) {
            (false, true) => self.set.push(uid),
            (true, false) => self.taken.push(uid),
            _ => {}
        }
    }

    fn trace(self, txn: &mut Txn<'_>, asked: &Asked, account: AccountId, id: BoxId) -> Result<()> {
        for (uids, what) in [(self.set, "set"), (self.taken, "taken-away")] {
            if !uids.is_empty() {
                let mut told = traces::messages(id, uids);
                told.push(detail("deleted", what));
                asked.trace(txn, account, Action::Mark, told)?;
            }
        }
        Ok(())
    }
}

/// Removes those of the messages that exist and are marked `\Deleted`.
pub(crate) fn expunge(txn: &mut Txn<'_>, id: BoxId, uids: &[Uid], asked: &Asked) -> Result<Piece<Uid>> {
    remove_some(txn, id, uids, asked, None, |listing| listing.bits & SystemFlag::Deleted.bit() != 0)
}

/// Old and new UID of each message copied.
pub(crate) type Pairs = Piece<(Uid, Uid)>;

/// Which COPY a piece belongs to, and whether no piece follows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CopyPiece {
    pub(crate) number: u64,
    pub(crate) last: bool,
}

/// Messages on their way from a box of one account to a box of the same or another.
struct Passage {
    action: Action,
    from: BoxId,
    to: BoxId,
    of: AccountId,
    for_: AccountId,
}

impl Passage {
    /// The traces of both accounts say so (S-1.7).
    fn trace(&self, txn: &mut Txn<'_>, asked: &Asked, pairs: &Pairs) -> Result<()> {
        if pairs.done.is_empty() {
            return Ok(());
        }
        let mut told = traces::messages(self.from, pairs.done.iter().map(|(uid, _)| *uid));
        told.push(detail("to", self.to));
        if self.for_ != self.of {
            asked.trace(txn, self.for_, self.action, told.clone())?;
        }
        asked.trace(txn, self.of, self.action, told)
    }
}

/// Copies those of the messages that exist, with their flags and dates; no body is copied. `Quota` if the account has
/// more than it may have with them. Gives the UIDVALIDITY of where they are. Until the last of the messages is copied, what is made is marked with the number of the COPY:
/// [`take_back`] finds it.
pub(crate) fn copy(
    txn: &mut Txn<'_>,
    from: BoxId,
    uids: &[Uid],
    to: BoxId,
    CopyPiece { number, last }: CopyPiece,
    asked: &Asked,
) -> Result<(UidValidity, Pairs)> {
    let target = boxes::record(txn, &txn.core.keys, to)?.ok_or(StoreError::NotFound)?;
    let most = txn.core.settings.operation_changes;
    let (source, pairs) = copy_some(txn, from, uids, to, most)?;
    Passage { action: Action::Copy, from, to, of: source, for_: target.account }.trace(txn, asked, &pairs)?;
    if !pairs.done.is_empty() {
        quota::check(txn, target.account, 0, 0)?;
    }
    if last && pairs.taken == uids.len() {
        // One by one: whoever takes it back may look at them in the same batch, which does not see that a range went.
        for mark in marks(txn, number)? {
            txn.delete(Family::Accounts, mark);
        }
    } else if let (Some((_, first)), Some((_, last))) = (pairs.done.first(), pairs.done.last()) {
        // One operation gives consecutive UIDs.
        put_run(txn, number, *first, CopyingRun { to, last: *last })?;
    }
    Ok((target.uid_validity, pairs))
}

/// Takes some of what an unfinished COPY made back; false if nothing of it was left.
pub(crate) fn take_back(txn: &mut Txn<'_>, number: u64, asked: &Asked) -> Result<bool> {
    let Some((first, run)) = first_run(txn, number)? else { return Ok(false) };
    txn.delete(Family::Accounts, keys::copying_run(number, first));
    let uids: Vec<Uid> = (first.get()..=run.last.get()).filter_map(Uid::new).collect();
    match remove_some(txn, run.to, &uids, asked, Some("copy-unfinished"), |_| true) {
        Ok(piece) => {
            if let Some(rest) = uids.get(piece.taken) {
                put_run(txn, number, *rest, run)?;
            }
            Ok(true)
        }
        // The box was deleted meanwhile, and what was copied with it.
        Err(StoreError::NotFound) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Moves those of the messages that exist (RFC 6851): copied, then gone, in one commit.
pub(crate) fn move_to(
    txn: &mut Txn<'_>,
    from: BoxId,
    uids: &[Uid],
    to: BoxId,
    asked: &Asked,
) -> Result<(UidValidity, Pairs)> {
    let target = boxes::record(txn, &txn.core.keys, to)?.ok_or(StoreError::NotFound)?;
    // Taking them away changes half as many rows again as copying them.
    let most = txn.core.settings.operation_changes;
    let (source, pairs) = copy_some(txn, from, uids, to, most * 2 / 5)?;
    Passage { action: Action::Move, from, to, of: source, for_: target.account }.trace(txn, asked, &pairs)?;
    if source != target.account {
        quota::check(txn, target.account, 0, 0)?;
    }
    let mut edit = BoxEdit::open(txn, from)?;
    for &(uid, _) in &pairs.done {
        let listing = messages::listing(txn, from, uid)?.ok_or(StoreError::Corrupt("message"))?;
        remove(txn, &mut edit, from, uid, &listing)?;
    }
    edit.finish(txn)?;
    Ok((target.uid_validity, pairs))
}

/// Moves the first messages of a box; true if any is left behind them.
pub(crate) fn empty_into(txn: &mut Txn<'_>, from: BoxId, to: BoxId, asked: &Asked) -> Result<bool> {
    let most = txn.core.settings.operation_changes;
    let mut uids = vec![];
    let erased = txn.counters().erased;
    messages::references(txn, from, Uid::MIN, &mut |uid, reference| {
        if reference.body.day > erased {
            uids.push(uid);
        }
        Ok(uids.len() <= most)
    })?;
    let (_, pairs) = move_to(txn, from, &uids, to, asked)?;
    Ok(pairs.taken < uids.len() || uids.len() > most)
}

/// Whether there is a row in the range.
pub(crate) fn any(view: &impl View, family: Family, from: &[u8], until: &[u8]) -> Result<bool> {
    let mut found = false;
    view.scan(family, from, until, &mut |_, _| {
        found = true;
        Ok(false)
    })?;
    Ok(found)
}

/// Gives whose box they come from, too.
fn copy_some(
    txn: &mut Txn<'_>,
    from: BoxId,
    uids: &[Uid],
    to: BoxId,
    most: usize,
) -> Result<(AccountId, Pairs)> {
    let mut source = BoxEdit::open(txn, from)?;
    let mut target = BoxEdit::open(txn, to)?;
    let mut listings = Listings::of(from, uids);
    let pairs = Piece::take(txn, uids, most, |txn, uid| {
        let Some(listing) = listings.next(txn, uid)? else { return Ok(None) };
        let reference =
            messages::reference(txn, from, uid)?.ok_or(StoreError::Corrupt("message reference"))?;
        let flags = source.flags(txn, &listing)?;
        let (internal_date, size, opened) = (listing.internal_date, listing.size, listing.opened);
        let new = NewListing { flags: &flags, internal_date, size, opened };
        add_references(txn, reference.body, 1)?;
        Ok(Some((uid, target.add(txn, &reference, new)?)))
    })?;
    target.finish(txn)?;
    Ok((source.account(), pairs))
}

fn remove_some(
    txn: &mut Txn<'_>,
    id: BoxId,
    uids: &[Uid],
    asked: &Asked,
    because: Option<&str>,
    which: impl Fn(&Listing) -> bool,
) -> Result<Piece<Uid>> {
    let mut edit = BoxEdit::open(txn, id)?;
    let account = edit.account();
    let mut listings = Listings::of(id, uids);
    let most = txn.core.settings.operation_changes;
    let piece = Piece::take(txn, uids, most, |txn, uid| {
        let Some(listing) = listings.next(txn, uid)?.filter(&which) else { return Ok(None) };
        remove(txn, &mut edit, id, uid, &listing)?;
        Ok(Some(uid))
    })?;
    edit.finish(txn)?;
    if !piece.done.is_empty() {
        let mut told = traces::messages(id, piece.done.iter().copied());
        told.extend(because.map(|because| detail("because", because)));
        asked.trace(txn, account, Action::Delete, told)?;
    }
    Ok(piece)
}

/// Takes a message out of a box under change, and releases its body.
pub(crate) fn remove(
    txn: &mut Txn<'_>,
    edit: &mut BoxEdit,
    id: BoxId,
    uid: Uid,
    listing: &Listing,
) -> Result<()> {
    let reference = messages::reference(txn, id, uid)?.ok_or(StoreError::Corrupt("message reference"))?;
    edit.remove(txn, uid, listing)?;
    release(txn, reference.body)
}

fn put_run(txn: &mut Txn<'_>, number: u64, first: Uid, run: CopyingRun) -> Result<()> {
    txn.put(Family::Accounts, keys::copying_run(number, first), records::encode(&run)?);
    Ok(())
}

fn marks(view: &impl View, number: u64) -> Result<Vec<Vec<u8>>> {
    let mut found = vec![];
    let (from, until) = keys::under(&keys::copying(number));
    view.scan(Family::Accounts, &from, &until, &mut |key, _| {
        found.push(key.to_vec());
        Ok(true)
    })?;
    Ok(found)
}

fn first_run(view: &impl View, number: u64) -> Result<Option<(Uid, CopyingRun)>> {
    let mut found = None;
    let (from, until) = keys::under(&keys::copying(number));
    view.scan(Family::Accounts, &from, &until, &mut |key, value| {
        let first = keys::last_uid(key).ok_or(StoreError::Corrupt("copy mark"))?;
        found = Some((first, records::decode(value, "copy mark")?));
        Ok(false)
    })?;
    Ok(found)
}
