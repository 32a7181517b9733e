//! Many messages at once, without holding them: listings through the summary, index records and headers through cursors
//! that walk references and records side by side.

use std::ops::Range;

use message::IndexRef;

use super::Reader;
use crate::{
    BoxId, ListingRef, OpenBox, Result, StoreError, Uid,
    day::Day,
    engine::Family,
    ids::BodyId,
    keyring::KeyKind,
    keys,
    records::{self, BoxState, Reference},
    rows::{boxes, messages::Keywords},
    seal::DayKey,
    summary::read::Scene,
};

/// Records opened before they are visited.
const OPENED: usize = 512;
/// UIDs of a range for each that is wanted, up to which the range is read whole.
const SPREAD: usize = 4;

/// A sort of sealed records that belong to a variant of a body.
struct Sort {
    prefix: &'static [u8],
    key: fn(BodyId, u16) -> Vec<u8>,
}

const INDEXES: Sort = Sort { prefix: b"j", key: keys::index };
const HEADERS: Sort = Sort { prefix: b"h", key: keys::header };

#[allow(clippy::missing_errors_doc, reason = "said once, at the type")]
impl Reader<'_> {
    /// What opening a box needs, if it exists; its messages are not read one by one.
    pub fn open_box(&self, id: BoxId) -> Result<Option<OpenBox>> {
        let Some(info) = self.box_info(id)? else { return Ok(None) };
        let state = boxes::state(self.view(), id)?.ok_or(StoreError::Corrupt("box counters"))?;
        let opening = self.scene(id, &state)?.open()?;
        if opening.behind >= self.core().summaries.after().saturating_mul(2) {
            self.core().summaries.ask(id);
        }
        let keywords = Keywords::load(self.view(), &self.core().keys, id)?.words();
        Ok(Some(OpenBox { info, uids: opening.uids, first_unseen: opening.first_unseen, keywords }))
    }

    /// Visits messages with UIDs from `from` to `to`, both included, ascending, until `visit` says no. None of a box
    /// that does not exist.
    pub fn listings(
        &self,
        id: BoxId,
        from: Uid,
        to: Uid,
        visit: &mut dyn FnMut(ListingRef<'_>) -> Result<bool>,
    ) -> Result<()> {
        let Some(state) = boxes::state(self.view(), id)? else { return Ok(()) };
        let words = Keywords::load(self.view(), &self.core().keys, id)?;
        self.scene(id, &state)?.each(from, to, &mut |seen| visit(ListingRef { seen, words: &words }))
    }

    /// Visits those of these messages that exist, until `visit` says no. UIDs ascending.
    pub fn listed(
        &self,
        id: BoxId,
        uids: &[Uid],
        visit: &mut dyn FnMut(ListingRef<'_>) -> Result<bool>,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (uids.first(), uids.last()) else { return Ok(()) };
        let Some(state) = boxes::state(self.view(), id)? else { return Ok(()) };
        let words = Keywords::load(self.view(), &self.core().keys, id)?;
        let scene = self.scene(id, &state)?;
        if (last.get() - first.get()) as usize / SPREAD > uids.len() {
            return scene.some(uids, &mut |seen| visit(ListingRef { seen, words: &words }));
        }
        let mut left = uids;
        scene.each(*first, *last, &mut |seen| {
            while left.first().is_some_and(|uid| *uid < seen.uid) {
                left = left.get(1..).unwrap_or_default();
            }
            if left.first() == Some(&seen.uid) { visit(ListingRef { seen, words: &words }) } else { Ok(true) }
        })
    }

    /// Visits the index records of those of these messages that exist, until `visit` says no. UIDs ascending.
    pub fn indexes(
        &self,
        id: BoxId,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, IndexRef<'_>) -> Result<bool>,
    ) -> Result<()> {
        self.sealed_records(id, uids, &INDEXES, &mut |uid, plain| {
            visit(uid, IndexRef::decode(plain).map_err(|_| StoreError::Corrupt("index record"))?)
        })
    }

    /// Visits the headers of those of these messages that exist, blank line included, until `visit` says no. UIDs
    /// ascending.
    pub fn headers(
        &self,
        id: BoxId,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, &[u8]) -> Result<bool>,
    ) -> Result<()> {
        self.sealed_records(id, uids, &HEADERS, visit)
    }

    pub(crate) fn scene<'s>(&'s self, id: BoxId, state: &'s BoxState) -> Result<Scene<'s>> {
        Ok(Scene { view: self.view(), id, state, erased: self.erased()? })
    }

    fn sealed_records(
        &self,
        id: BoxId,
        uids: &[Uid],
        sort: &Sort,
        visit: &mut dyn FnMut(Uid, &[u8]) -> Result<bool>,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (uids.first(), uids.last()) else { return Ok(()) };
        let erased = self.erased()?;
        let mut until = keys::reference(id, *last);
        until.push(0);
        let mut references = self.view().cursor(Family::Index, &keys::reference(id, *first), &until)?;
        let (from, until) = keys::under(sort.prefix);
        let mut sealed = self.view().cursor(Family::Index, &from, &until)?;
        let mut opener = Opener { reader: self, key: None };
        let (mut some, mut plain) = (vec![], vec![]);
        for uids in uids.chunks(OPENED) {
            some.clear();
            plain.clear();
            for uid in uids {
                let Some(value) = references.value_at(&keys::reference(id, *uid))? else { continue };
                let Reference { body, variant, .. } = records::decode(value, "message reference")?;
                if body.day > erased {
                    some.push(Opened { uid: *uid, body, variant, at: None });
                }
            }
            // As they lie: messages that came at the same time have their numbers in another order.
            some.sort_unstable_by_key(|one| (one.body, one.variant));
            for one in &mut some {
                let key = (sort.key)(one.body, one.variant);
                let value = sealed.value_at(&key)?.ok_or(StoreError::Corrupt("header variant"))?;
                one.at = match opener.open(one.body.day, &key, value, &mut plain) {
                    Err(StoreError::NotFound) => None,
                    opened => Some(opened?),
                };
            }
            some.sort_unstable_by_key(|one| one.uid);
            for one in &some {
                let Some(opened) = one.at.clone().and_then(|at| plain.get(at)) else { continue };
                if !visit(one.uid, opened)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// A record that was opened: where it is in the buffer.
struct Opened {
    uid: Uid,
    body: BodyId,
    variant: u16,
    /// None if its day was erased after the snapshot was taken.
    at: Option<Range<usize>>,
}

/// Opens records one after the other: mostly of the same day.
struct Opener<'r> {
    reader: &'r Reader<'r>,
    key: Option<(Day, DayKey)>,
}

impl Opener<'_> {
    fn open(&mut self, day: Day, place: &[u8], sealed: &[u8], plain: &mut Vec<u8>) -> Result<Range<usize>> {
        let key = match self.key.take() {
            Some((of, key)) if of == day => key,
            _ => self.reader.core().reading_key(KeyKind::Message, day)?,
        };
        let opened = key.open_record_onto(place, sealed, plain);
        self.key = Some((day, key));
        opened.map(|start| start..plain.len()).map_err(|_| StoreError::Corrupt("header variant"))
    }
}
