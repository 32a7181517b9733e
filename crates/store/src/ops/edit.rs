//! One box under change: messages come, change, go; its counters and mod-sequence follow (RFC 7162 §3.1).

use std::collections::{BTreeMap, btree_map};

use crate::{
    Result, StoreError,
    body::chunk_count,
    boxes::{Entry, KEYWORDS_PER_BOX},
    committer::txn::Txn,
    day::Day,
    engine::{Family, View},
    error::Limit,
    flags::{Flags, SystemFlag},
    ids::{AccountId, BodyId, BoxId, ModSeq, Uid},
    keys,
    ops::accounts,
    records::{self, BoxState, DayTally, GoneDay, Listing, Reference},
    rows::{
        boxes, messages,
        messages::Keywords,
        sight::{self, Present},
    },
    summary::overlay::flags_value,
};

/// A box under change. Nothing of its counters is written before [`BoxEdit::finish`].
pub(crate) struct BoxEdit {
    id: BoxId,
    state: BoxState,
    /// The mod-sequence of this operation's changes.
    modseq: ModSeq,
    keywords: Option<Keywords>,
    changed: bool,
    /// Messages that changed or went.
    changes: u32,
    /// Runs of UIDs that went.
    vanished: Vec<(Uid, Uid)>,
    /// What the box has of the days that this operation touches.
    tallies: BTreeMap<Day, DayTally>,
    /// Messages and bytes before this operation.
    before: (u32, u64),
    /// Days that are gone and that this operation takes out of the counters.
    gone: Vec<(Day, DayTally, ModSeq)>,
}

impl BoxEdit {
    /// Opens a box for change.
    pub(crate) fn open(txn: &Txn<'_>, id: BoxId) -> Result<Self> {
        let Present { state, kept, gone } = sight::present(txn, id)?.ok_or(StoreError::NotFound)?;
        let modseq = ModSeq(state.highest.0 + 1);
        Ok(Self {
            id,
            state,
            modseq,
            keywords: None,
            changed: false,
            changes: 0,
            vanished: vec![],
            tallies: BTreeMap::new(),
            before: (kept.exists, kept.bytes),
            gone,
        })
    }

    /// Whose box it is.
    pub(crate) fn account(&self) -> AccountId {
        self.state.account
    }

    /// Adds a message; the caller counts the reference to its body.
    pub(crate) fn add(
        &mut self,
        txn: &mut Txn<'_>,
        reference: &Reference,
        new: NewListing<'_>,
    ) -> Result<Uid> {
        let uid = self.state.uid_next;
        let next = uid.get().checked_add(1).and_then(Uid::new).ok_or(StoreError::Limit(Limit::Uids))?;
        let listing = Listing {
            modseq: self.modseq,
            bits: new.flags.bits,
            internal_date: new.internal_date,
            size: new.size,
            keywords: self.numbers(txn, new.flags)?,
            day: reference.body.day,
            saved: Some(txn.core.clock.now().as_second()),
            opened: new.opened || new.flags.has(SystemFlag::Seen),
        };
        let unseen = u32::from(!new.flags.has(SystemFlag::Seen));
        let tally = self.tally(txn, listing.day)?;
        tally.messages += 1;
        tally.bytes += listing.size;
        tally.unseen += unseen;
        self.state.uid_next = next;
        self.state.exists += 1;
        self.state.bytes += listing.size;
        self.state.unseen += unseen;
        self.changed = true;
        txn.put(Family::Index, keys::reference(self.id, uid), records::encode(reference)?);
        txn.put(Family::Index, keys::listing(self.id, uid), records::encode(&listing)?);
        Ok(uid)
    }

    /// Removes a message that exists; the caller releases the reference to its body.
    pub(crate) fn remove(&mut self, txn: &mut Txn<'_>, uid: Uid, listing: &Listing) -> Result<()> {
        let one = DayTally {
            messages: 1,
            unseen: u32::from(listing.bits & SystemFlag::Seen.bit() == 0),
            bytes: listing.size,
        };
        let tally = self.tally(txn, listing.day)?;
        *tally = tally.less(one).ok_or(StoreError::Corrupt("day's counters"))?;
        self.state = self.state.less(one).ok_or(StoreError::Corrupt("box counters"))?;
        self.changed = true;
        match self.vanished.last_mut() {
            Some((_, last)) if last.get().checked_add(1) == Some(uid.get()) => *last = uid,
            _ => self.vanished.push((uid, uid)),
        }
        txn.delete(Family::Index, keys::reference(self.id, uid));
        txn.delete(Family::Index, keys::listing(self.id, uid));
        self.forget_change(txn, uid, listing.modseq);
        Ok(())
    }

    /// Gives a message new flags, and the mod-sequence of this operation if they differ.
    pub(crate) fn set_flags(
        &mut self,
        txn: &mut Txn<'_>,
        uid: Uid,
        mut listing: Listing,
        flags: &Flags,
    ) -> Result<Entry> {
        let keywords = self.numbers(txn, flags)?;
        if listing.bits != flags.bits || listing.keywords != keywords {
            let seen = SystemFlag::Seen.bit();
            match (listing.bits & seen != 0, flags.bits & seen != 0) {
                (false, true) => {
                    let one = DayTally { unseen: 1, ..DayTally::default() };
                    let tally = self.tally(txn, listing.day)?;
                    *tally = tally.less(one).ok_or(StoreError::Corrupt("day's counters"))?;
                    self.state = self.state.less(one).ok_or(StoreError::Corrupt("box counters"))?;
                }
                (true, false) => {
                    self.tally(txn, listing.day)?.unseen += 1;
                    self.state.unseen += 1;
                }
                _ => {}
            }
            self.forget_change(txn, uid, listing.modseq);
            listing.modseq = self.modseq;
            listing.bits = flags.bits;
            listing.opened |= flags.has(SystemFlag::Seen);
            listing.keywords = keywords;
            let value = flags_value(listing.bits, &listing.keywords);
            txn.put(Family::Index, keys::change(self.id, self.modseq, uid), value);
            txn.put(Family::Index, keys::listing(self.id, uid), records::encode(&listing)?);
            self.changed = true;
        }
        self.keywords(txn)?.entry(uid, &listing)
    }

    /// A message has one row of its last change of flags at most, and none that the summary holds.
    fn forget_change(&mut self, txn: &mut Txn<'_>, uid: Uid, modseq: ModSeq) {
        self.changes += 1;
        if modseq > self.state.summarised {
            txn.delete(Family::Index, keys::change(self.id, modseq, uid));
        }
    }

    /// The flags of a listing of this box.
    pub(crate) fn flags(&mut self, txn: &Txn<'_>, listing: &Listing) -> Result<Flags> {
        self.keywords(txn)?.flags(listing)
    }

    /// Takes the days that are gone out of the counters, and changes nothing else.
    pub(crate) fn drop_gone(mut self, txn: &mut Txn<'_>) -> Result<()> {
        self.changed = !self.gone.is_empty();
        self.modseq = self.state.highest;
        self.finish(txn)
    }

    /// Writes counters, vanished runs and the mod-sequence, if anything changed.
    pub(crate) fn finish(mut self, txn: &mut Txn<'_>) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        self.state.highest = self.modseq;
        log_vanished(txn, self.id, &mut self.state, self.modseq, &self.vanished)?;
        for (day, tally, modseq) in &self.gone {
            let gone = GoneDay { modseq: *modseq, messages: tally.messages, listed: false };
            txn.put(Family::Accounts, keys::gone_day(self.id, *day), records::encode(&gone)?);
            txn.delete(Family::Index, keys::tally(self.id, *day));
        }
        for (day, tally) in &self.tallies {
            let key = keys::tally(self.id, *day);
            match tally.messages {
                0 => txn.delete(Family::Index, key),
                _ => txn.put(Family::Index, key, records::encode(tally)?),
            }
        }
        let (messages, bytes) = self.before;
        accounts::count_usage(
            txn,
            self.state.account,
            i64::from(self.state.exists) - i64::from(messages),
            self.state.bytes.cast_signed().wrapping_sub(bytes.cast_signed()),
        )?;
        txn.put(Family::Accounts, keys::box_state(self.id), records::encode(&self.state)?);
        txn.box_changed(self.id, self.modseq);
        let new = self.state.uid_next.get() - self.state.covered.get();
        txn.summary_behind(self.id, self.changes, new);
        Ok(())
    }

    /// What the box has of a day, to be changed.
    fn tally(&mut self, txn: &Txn<'_>, day: Day) -> Result<&mut DayTally> {
        Ok(match self.tallies.entry(day) {
            btree_map::Entry::Occupied(known) => known.into_mut(),
            btree_map::Entry::Vacant(place) => {
                place.insert(boxes::tally(txn, self.id, day)?.unwrap_or_default())
            }
        })
    }

    fn keywords(&mut self, txn: &Txn<'_>) -> Result<&mut Keywords> {
        if self.keywords.is_none() {
            self.keywords = Some(Keywords::load(txn, &txn.core.keys, self.id)?);
        }
        self.keywords.as_mut().ok_or(StoreError::Corrupt("keywords"))
    }

    /// The numbers of the keywords, new ones added to the box's table; sorted.
    fn numbers(&mut self, txn: &mut Txn<'_>, flags: &Flags) -> Result<Vec<u8>> {
        let id = self.id;
        let mut numbers = vec![];
        for word in flags.keywords() {
            let table = self.keywords(txn)?;
            let number = if let Some(number) = table.number(word) {
                number
            } else {
                let number = table.next_number().ok_or(StoreError::Limit(Limit::BoxKeywords))?;
                debug_assert!(usize::from(number) < KEYWORDS_PER_BOX);
                table.add(number, word);
                let key = keys::keyword(id, number);
                let sealed = txn.core.keys.seal_value(&key, word.as_bytes());
                txn.put(Family::Index, key, sealed.map_err(|e| StoreError::Engine(e.to_string()))?);
                number
            };
            numbers.push(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Keeps runs of UIDs that vanished at a mod-sequence. The log is bounded: of what lies too far back only the floor is
/// known, below which a reader tells every UID that is not there.
pub(crate) fn log_vanished(
    txn: &mut Txn<'_>,
    id: BoxId,
    state: &mut BoxState,
    modseq: ModSeq,
    runs: &[(Uid, Uid)],
) -> Result<()> {
    if modseq <= state.floor {
        return Ok(());
    }
    for (first, last) in runs {
        let value = last.get().to_be_bytes().to_vec();
        txn.put(Family::Index, keys::vanished(id, modseq, *first), value);
    }
    state.runs = state.runs.saturating_add(u32::try_from(runs.len()).unwrap_or(u32::MAX));
    let most = txn.core.settings.vanished_runs;
    if state.runs > most {
        // A few more than needed: most operations find room.
        forget_vanished(txn, id, state, state.runs - most + most / 64)?;
    }
    Ok(())
}

/// Forgets the oldest runs of vanished UIDs: so many, and all of the last one's mod-sequence.
fn forget_vanished(txn: &mut Txn<'_>, id: BoxId, state: &mut BoxState, least: u32) -> Result<()> {
    let mut old = vec![];
    let mut floor = state.floor;
    let from = keys::vanished(id, ModSeq(floor.0 + 1), Uid::MIN);
    let (_, until) = keys::under(&keys::vanished_all(id));
    txn.scan(Family::Index, &from, &until, &mut |key, _| {
        let modseq = keys::modseq_of(key).ok_or(StoreError::Corrupt("vanished key"))?;
        if old.len() >= least as usize && modseq > floor {
            return Ok(false);
        }
        floor = modseq;
        old.push(key.to_vec());
        Ok(true)
    })?;
    state.floor = floor;
    state.runs = state.runs.saturating_sub(u32::try_from(old.len()).unwrap_or(u32::MAX));
    // One by one: an operation of the same batch does not see that a range went.
    old.into_iter().for_each(|key| txn.delete(Family::Index, key));
    Ok(())
}

/// What a new message shows in listings.
#[derive(Clone, Copy)]
pub(crate) struct NewListing<'a> {
    pub(crate) flags: &'a Flags,
    pub(crate) internal_date: i64,
    pub(crate) size: u64,
    /// Whether it had `\Seen` once where it comes from.
    pub(crate) opened: bool,
}

/// Counts `more` references to a body that is kept.
pub(crate) fn add_references(txn: &mut Txn<'_>, id: BodyId, more: u32) -> Result<()> {
    let mut record = messages::body(txn, id)?.ok_or(StoreError::Corrupt("body record"))?;
    record.references = record.references.checked_add(more).ok_or(StoreError::Corrupt("body references"))?;
    txn.put(Family::Index, keys::body(id), records::encode(&record)?);
    Ok(())
}

/// Chunks of a body that are removed one by one; more of them as a range, which costs readers more.
const CHUNKS_ONE_BY_ONE: u32 = 32;

/// Releases a reference; the last one takes body, variants and index records along.
pub(crate) fn release(txn: &mut Txn<'_>, id: BodyId) -> Result<()> {
    if txn.counters().erased >= id.day {
        // It went with its day.
        return Ok(());
    }
    let mut record = messages::body(txn, id)?.ok_or(StoreError::Corrupt("body record"))?;
    record.references = record.references.checked_sub(1).ok_or(StoreError::Corrupt("body references"))?;
    if record.references > 0 {
        txn.put(Family::Index, keys::body(id), records::encode(&record)?);
        return Ok(());
    }
    txn.delete(Family::Index, keys::body(id));
    for variant in 0..record.variants {
        txn.delete(Family::Index, keys::header(id, variant));
        txn.delete(Family::Index, keys::index(id, variant));
    }
    let (place, chunks) = (record.place(id), chunk_count(record.len));
    if chunks > CHUNKS_ONE_BY_ONE {
        txn.delete_range(Family::Bodies, keys::under(&keys::chunks(place)));
    } else {
        (0..chunks).for_each(|chunk| txn.delete(Family::Bodies, keys::chunk(place, chunk)));
    }
    Ok(())
}
