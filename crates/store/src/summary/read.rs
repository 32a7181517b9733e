//! Reading a box through its summary: segments, what happened since laid over them, then the rows of newer messages.
//!
//! A segment that does not open is read from its rows instead: they are the truth. May use: a snapshot. Never writes.

use std::collections::BTreeSet;

use super::{
    overlay::{Fate, Lens, Overlay, Reflagged},
    segment::{Columns, Head, Place, first_of, last_of, window_of},
};
use crate::{
    Result, StoreError, UidRuns,
    day::Day,
    engine::{Cursor, Family, Snapshot, View},
    flags::SystemFlag,
    ids::{BoxId, ModSeq, Uid},
    keys::{self, Part},
    records::{BoxState, ListingRow},
};

/// UIDs up to which rows are read without looking at the summary: a few rows cost less than a segment.
const NARROW: u32 = 128;

/// UIDs of a range for each that changed, up to which the range is walked through.
const CROWDED: usize = 4;

/// A box in a snapshot, and the last day of reception that is erased.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'s> {
    pub(crate) view: &'s Snapshot,
    pub(crate) id: BoxId,
    pub(crate) state: &'s BoxState,
    pub(crate) erased: Day,
}

/// A message on its way to whoever reads: borrowed, keywords as numbers of the box's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen<'b> {
    pub(crate) uid: Uid,
    pub(crate) modseq: ModSeq,
    pub(crate) bits: u8,
    pub(crate) internal_date: i64,
    pub(crate) size: u64,
    pub(crate) keywords: &'b [u8],
    pub(crate) day: Day,
}

/// What is called with each message; false ends the walk.
pub(crate) type Visit<'v> = dyn FnMut(Seen<'_>) -> Result<bool> + 'v;

impl Scene<'_> {
    /// Visits the messages with UIDs from `from` to `to`, both included, ascending.
    pub(crate) fn each(&self, from: Uid, to: Uid, visit: &mut Visit<'_>) -> Result<()> {
        let last = self.state.uid_next.get() - 1;
        let Some(to) = Uid::new(to.get().min(last)).filter(|to| from <= *to) else { return Ok(()) };
        if to.get() - from.get() < NARROW {
            return self.rows(from, to, visit).map(drop);
        }
        self.through(from, to, visit)
    }

    /// The same through the summary, however few they are.
    pub(crate) fn through(&self, from: Uid, to: Uid, visit: &mut Visit<'_>) -> Result<()> {
        let covered = Uid::new(self.covered().get() - 1).map(|covered| covered.min(to));
        if let Some(covered) = covered.filter(|covered| from <= *covered)
            && !self.segments(from, covered, visit)?
        {
            return Ok(());
        }
        self.rows(from.max(self.covered()), to, visit).map(drop)
    }

    /// The UIDs of the box, and the first without `\Seen`: heads of segments alone.
    pub(crate) fn open(&self) -> Result<Opening> {
        let overlay = self.overlay()?;
        let mut opening = Opening { behind: self.behind(&overlay), ..Opening::default() };
        if let Some(covered) = Uid::new(self.covered().get() - 1) {
            self.heads(Uid::MIN, covered, &mut |window, bytes| {
                match Head::decode(window, bytes) {
                    Ok(head) => self.open_head(window, &head, &overlay, &mut opening),
                    Err(_) => {
                        let (first, last) = (first_of(window), last_of(window).min(covered));
                        self.rows(first, last, &mut |seen| opening.add(seen.uid, seen.bits)).map(drop)
                    }
                }
                .map(|()| true)
            })?;
        }
        if let Some(last) = Uid::new(self.state.uid_next.get() - 1) {
            self.rows(self.covered(), last, &mut |seen| opening.add(seen.uid, seen.bits))?;
        }
        Ok(opening)
    }

    /// Messages that are new, changed or gone since the summary, about.
    pub(crate) fn behind(&self, overlay: &Overlay) -> u32 {
        let since = u32::try_from(overlay.len()).unwrap_or(u32::MAX);
        since.saturating_add(self.state.uid_next.get() - self.covered().get())
    }

    /// The first UID that the summary does not hold. A summary is worth nothing once the log of what went is no longer
    /// whole since.
    pub(crate) fn covered(&self) -> Uid {
        if self.state.floor > self.state.summarised { Uid::MIN } else { self.state.covered }
    }

    fn open_head(
        &self,
        window: u32,
        head: &Head<'_>,
        overlay: &Overlay,
        opening: &mut Opening,
    ) -> Result<()> {
        let mut lens = overlay.from(first_of(window));
        // A segment that is newer than the state knows messages that are still read from their rows.
        let whole = last_of(window) < self.covered()
            && !lens.touches(first_of(window), last_of(window))
            && !head.has_day_until(self.erased);
        if whole {
            opening.add_head(head);
            return Ok(());
        }
        head.each(|place| match self.fate(&place, &mut lens) {
            Some(Fate::Same) => opening.add(place.uid, place.bits),
            Some(Fate::Reflagged(one)) => opening.add(place.uid, one.bits()),
            Some(Fate::Gone) => Ok(true),
            None => Ok(false),
        })
        .map(drop)
    }

    /// What became of a message of a segment; none for those that are read from their rows.
    fn fate<'o>(&self, place: &Place<'_>, lens: &mut Lens<'o>) -> Option<Fate<'o>> {
        if place.uid >= self.covered() {
            return None;
        }
        Some(if place.day <= self.erased { Fate::Gone } else { lens.fate(place.uid) })
    }

    /// Whether `visit` wants more.
    fn segments(&self, from: Uid, to: Uid, visit: &mut Visit<'_>) -> Result<bool> {
        let overlay = self.overlay()?;
        let mut columns = self.view.cursor(
            Family::Index,
            &keys::segment(self.id, Part::Columns, window_of(from)),
            &keys::under(&keys::segments(self.id, Part::Columns)).1,
        )?;
        let mut more = true;
        self.heads(from, to, &mut |window, bytes| {
            let (first, last) = (first_of(window).max(from), last_of(window).min(to));
            more = match (Head::decode(window, bytes), columns_of(&mut columns, window)?) {
                (Ok(head), Some(bytes)) => match Columns::decode(bytes, head.len()) {
                    Ok(columns) => self.segment((first, last), &head, &columns, &overlay, visit)?,
                    Err(_) => self.rows(first, last, visit)?,
                },
                _ => self.rows(first, last, visit)?,
            };
            Ok(more)
        })?;
        Ok(more)
    }

    fn segment(
        &self,
        (first, last): (Uid, Uid),
        head: &Head<'_>,
        columns: &Columns<'_>,
        overlay: &Overlay,
        visit: &mut Visit<'_>,
    ) -> Result<bool> {
        let mut lens = overlay.from(first);
        let mut more = true;
        head.each(|place| {
            if place.uid < first {
                return Ok(true);
            }
            if place.uid > last {
                return Ok(false);
            }
            more = match self.fate(&place, &mut lens) {
                None | Some(Fate::Gone) => true,
                Some(Fate::Same) => visit(seen(&place, columns, None))?,
                Some(Fate::Reflagged(one)) => visit(seen(&place, columns, Some(one)))?,
            };
            Ok(more)
        })?;
        Ok(more)
    }

    /// Visits messages by their rows; whether `visit` wants more.
    pub(crate) fn rows(&self, from: Uid, to: Uid, visit: &mut Visit<'_>) -> Result<bool> {
        let mut more = true;
        if from > to {
            return Ok(more);
        }
        let mut until = keys::listing(self.id, to);
        until.push(0);
        self.view.scan(Family::Index, &keys::listing(self.id, from), &until, &mut |key, value| {
            let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("message key"))?;
            let row = ListingRow::decode(value)?;
            if row.day > self.erased {
                more = visit(of_row(uid, &row))?;
            }
            Ok(more)
        })?;
        Ok(more)
    }

    /// Visits those of these messages that exist, by their rows. UIDs ascending.
    pub(crate) fn some(&self, uids: &[Uid], visit: &mut Visit<'_>) -> Result<()> {
        let (from, until) = keys::under(&keys::listings(self.id));
        let mut cursor = self.view.cursor(Family::Index, &from, &until)?;
        for uid in uids {
            let Some(value) = cursor.value_at(&keys::listing(self.id, *uid))? else { continue };
            let row = ListingRow::decode(value)?;
            if row.day > self.erased && !visit(of_row(*uid, &row))? {
                break;
            }
        }
        Ok(())
    }

    /// Visits new messages, the newest first, as long as their last change is above a mod-sequence. Older messages have
    /// a lower one, or a row `q` that says so.
    fn newer_than(&self, since: ModSeq, visit: &mut Visit<'_>) -> Result<()> {
        let from = keys::listing(self.id, self.covered());
        let until = keys::under(&keys::listings(self.id)).1;
        let mut cursor = self.view.cursor(Family::Index, &from, &until)?;
        cursor.seek_to_last()?;
        while let Some((key, value)) = cursor.item() {
            let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("message key"))?;
            let row = ListingRow::decode(value)?;
            if row.modseq <= since {
                break;
            }
            if row.day > self.erased && !visit(of_row(uid, &row))? {
                break;
            }
            cursor.prev()?;
        }
        Ok(())
    }

    /// Visits the messages whose last change is above a mod-sequence, ascending.
    pub(crate) fn changed_since(&self, since: ModSeq, visit: &mut Visit<'_>) -> Result<()> {
        if since < self.state.summarised {
            return self.each(Uid::MIN, Uid::MAX, &mut |seen| {
                if seen.modseq > since { visit(seen) } else { Ok(true) }
            });
        }
        let mut uids = BTreeSet::new();
        self.reflagged(ModSeq(since.0.saturating_add(1)), &mut |one| {
            uids.insert(one.uid);
            Ok(())
        })?;
        self.newer_than(since, &mut |seen| {
            uids.insert(seen.uid);
            Ok(true)
        })?;
        let uids: Vec<Uid> = uids.into_iter().collect();
        match (uids.first(), uids.last()) {
            (Some(first), Some(last)) if (last.get() - first.get()) as usize / CROWDED < uids.len() => {
                self.each(*first, *last, &mut |seen| if seen.modseq > since { visit(seen) } else { Ok(true) })
            }
            _ => self.some(&uids, visit),
        }
    }

    fn heads(&self, from: Uid, to: Uid, visit: &mut dyn FnMut(u32, &[u8]) -> Result<bool>) -> Result<()> {
        let first = keys::segment(self.id, Part::Head, window_of(from));
        let mut until = keys::segment(self.id, Part::Head, window_of(to));
        until.push(0);
        self.view.scan(Family::Index, &first, &until, &mut |key, value| {
            visit(keys::window_at(key).ok_or(StoreError::Corrupt("summary key"))?, value)
        })
    }

    /// What happened since the summary.
    pub(crate) fn overlay(&self) -> Result<Overlay> {
        let mut overlay = Overlay::default();
        let after = ModSeq(self.state.summarised.0.saturating_add(1));
        if self.covered() == Uid::MIN {
            return Ok(overlay);
        }
        self.reflagged(after, &mut |one| {
            if one.uid < self.covered() {
                overlay.reflag(one);
            }
            Ok(())
        })?;
        let (_, until) = keys::under(&keys::vanished_all(self.id));
        let from = keys::vanished(self.id, after, Uid::MIN);
        self.view.scan(Family::Index, &from, &until, &mut |key, last| {
            let first = keys::last_uid(key).ok_or(StoreError::Corrupt("vanished key"))?;
            let last = keys::last_uid(last).ok_or(StoreError::Corrupt("vanished"))?;
            overlay.remove(first, last);
            Ok(true)
        })?;
        overlay.sort();
        Ok(overlay)
    }

    /// Visits the changes of flags with this mod-sequence or a later one.
    pub(crate) fn reflagged(
        &self,
        from: ModSeq,
        visit: &mut dyn FnMut(Reflagged) -> Result<()>,
    ) -> Result<()> {
        let (_, until) = keys::under(&keys::changes(self.id));
        let from = keys::change(self.id, from, Uid::MIN);
        self.view.scan(Family::Index, &from, &until, &mut |key, value| {
            let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("change key"))?;
            let modseq = keys::modseq_of(key).ok_or(StoreError::Corrupt("change key"))?;
            visit(Reflagged::new(uid, modseq, value))?;
            Ok(true)
        })
    }
}

/// The columns of a window: heads and columns are walked side by side.
fn columns_of<'c>(cursor: &'c mut Cursor<'_>, window: u32) -> Result<Option<&'c [u8]>> {
    while cursor.item().and_then(|(key, _)| keys::window_at(key)).is_some_and(|at| at < window) {
        cursor.next()?;
    }
    let here = cursor.item().filter(|(key, _)| keys::window_at(key) == Some(window));
    Ok(here.map(|(_, value)| value))
}

fn seen<'b>(place: &Place<'b>, columns: &Columns<'_>, since: Option<&'b Reflagged>) -> Seen<'b> {
    Seen {
        uid: place.uid,
        modseq: since.map_or_else(|| columns.modseq(place.position), |one| one.modseq),
        bits: since.map_or(place.bits, Reflagged::bits),
        internal_date: columns.internal_date(place.position),
        size: columns.size(place.position),
        keywords: since.map_or(place.keywords, Reflagged::keywords),
        day: place.day,
    }
}

pub(crate) fn of_row<'b>(uid: Uid, row: &ListingRow<'b>) -> Seen<'b> {
    Seen {
        uid,
        modseq: row.modseq,
        bits: row.bits,
        internal_date: row.internal_date,
        size: row.size,
        keywords: row.keywords,
        day: row.day,
    }
}

/// A box as its heads and newer rows show it.
#[derive(Default)]
pub(crate) struct Opening {
    pub(crate) uids: UidRuns,
    /// The first message without `\Seen`.
    pub(crate) first_unseen: Option<Uid>,
    /// Messages that are new, changed or gone since the summary, about.
    pub(crate) behind: u32,
}

impl Opening {
    fn add(&mut self, uid: Uid, bits: u8) -> Result<bool> {
        self.uids.push(uid);
        if self.first_unseen.is_none() && bits & SystemFlag::Seen.bit() == 0 {
            self.first_unseen = Some(uid);
        }
        Ok(true)
    }

    fn add_head(&mut self, head: &Head<'_>) {
        for (first, last) in head.runs() {
            if let (Some(first), Some(last)) = (Uid::new(*first), Uid::new(*last)) {
                self.uids.push_run(first, last);
            }
        }
        if self.first_unseen.is_none() {
            self.first_unseen = head.first_unseen().and_then(Uid::new);
        }
    }
}
