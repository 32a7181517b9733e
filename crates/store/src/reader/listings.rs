//! Many messages at once, without holding them: listings through the summary, index records and headers through cursors
//! that walk references and records side by side.

use std::ops::Range;

use message::IndexRef;

use super::{Reader, mailbox::there};
use crate::{
    BoxId, ListingRef, OpenBox, Result, StoreError, Uid,
    day::Day,
    engine::{Cursor, Family, View as _},
    ids::BodyId,
    keyring::KeyKind,
    keys,
    records::{self, BoxState, ListingRow, Reference},
    rows::{
        boxes,
        messages::{self, Keywords},
    },
    seal::DayKey,
    summary::read::{Scene, of_row},
};

/// Records of the first group that is opened, then visited: who needs few has few opened.
const OPENED_FIRST: usize = 32;
/// Records of the longest group: opened and visited, they do not leave the processor's cache in between.
const OPENED: usize = 128;
/// Bytes of a group: one record alone may be longer.
const OPENED_BYTES: usize = 256 << 10;
/// UIDs of a range for each that is wanted, up to which the range is read whole.
const SPREAD: usize = 4;

/// Messages up to which each is looked for by its key.
const FEW: usize = 8;

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
        if uids.len() <= FEW {
            return self.few(id, uids, visit);
        }
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

    /// Some messages, each by its key: a place in the box costs more than a few of them.
    fn few(
        &self,
        id: BoxId,
        uids: &[Uid],
        visit: &mut dyn FnMut(ListingRef<'_>) -> Result<bool>,
    ) -> Result<()> {
        if boxes::state(self.view(), id)?.is_none() {
            return Ok(());
        }
        let (none, mut words) = (Keywords::default(), None);
        let erased = self.erased()?;
        for uid in uids {
            let Some(bytes) = self.view().get(Family::Index, &keys::listing(id, *uid))? else { continue };
            let row = ListingRow::decode(&bytes)?;
            if row.day <= erased {
                continue;
            }
            if words.is_none() && !row.keywords.is_empty() {
                words = Some(Keywords::load(self.view(), &self.core().keys, id)?);
            }
            let words = words.as_ref().unwrap_or(&none);
            if !visit(ListingRef { seen: of_row(*uid, &row), words })? {
                break;
            }
        }
        Ok(())
    }

    /// Visits when those of these messages that exist were put in the box, Unix seconds (RFC 8514), until `visit` says no.
    /// UIDs ascending. Reads rows, because the summary does not know it.
    pub fn saved(
        &self,
        id: BoxId,
        uids: &[Uid],
        visit: &mut dyn FnMut(Uid, Option<i64>) -> Result<bool>,
    ) -> Result<()> {
        let (erased, (from, until)) = (self.erased()?, keys::under(&keys::listings(id)));
        let mut cursor = self.view().cursor(Family::Index, &from, &until)?;
        for uid in uids {
            let Some(value) = cursor.value_at(&keys::listing(id, *uid))? else { continue };
            let row = ListingRow::decode(value)?;
            if row.day > erased && !visit(*uid, row.saved)? {
                break;
            }
        }
        Ok(())
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
        if uids.is_empty() {
            return Ok(());
        }
        if uids.len() <= FEW {
            return self.few_records(id, uids, sort, visit);
        }
        let mut group = Group::new(self, id, uids, sort)?;
        let (mut left, mut most) = (uids, OPENED_FIRST);
        while !left.is_empty() {
            let (some, rest) = left.split_at(most.min(left.len()));
            if !group.open(some)? {
                most = some.len() / 2;
                continue;
            }
            if !group.visit(visit)? {
                return Ok(());
            }
            left = rest;
            if group.plain.len() <= OPENED_BYTES / 4 {
                most = (most * 2).min(OPENED);
            }
        }
        Ok(())
    }

    /// Some records, each by its keys.
    fn few_records(
        &self,
        id: BoxId,
        uids: &[Uid],
        sort: &Sort,
        visit: &mut dyn FnMut(Uid, &[u8]) -> Result<bool>,
    ) -> Result<()> {
        for uid in uids {
            let Some(Reference { body, variant, .. }) = messages::reference(self.view(), id, *uid)? else {
                continue;
            };
            let Some(plain) = there(self.sealed_record(body, &(sort.key)(body, variant)))? else { continue };
            if !visit(*uid, &plain)? {
                break;
            }
        }
        Ok(())
    }
}

/// Records that are opened together and visited one after the other.
struct Group<'r> {
    id: BoxId,
    erased: Day,
    key: fn(BodyId, u16) -> Vec<u8>,
    references: Cursor<'r>,
    sealed: Cursor<'r>,
    opener: Opener<'r>,
    records: Vec<Opened>,
    plain: Vec<u8>,
}

impl<'r> Group<'r> {
    fn new(reader: &'r Reader<'r>, id: BoxId, uids: &[Uid], sort: &Sort) -> Result<Self> {
        let (first, last) = (uids.first().unwrap_or(&Uid::MIN), uids.last().unwrap_or(&Uid::MIN));
        let mut until = keys::reference(id, *last);
        until.push(0);
        let (start, end) = keys::under(sort.prefix);
        Ok(Self {
            id,
            erased: reader.erased()?,
            key: sort.key,
            references: reader.view().cursor(Family::Index, &keys::reference(id, *first), &until)?,
            sealed: reader.view().cursor(Family::Index, &start, &end)?,
            opener: Opener { reader, key: None },
            records: Vec::with_capacity(uids.len().min(OPENED)),
            // What most groups come to: growing would copy it again and again.
            plain: Vec::with_capacity(OPENED_BYTES / 2),
        })
    }

    /// Opens the records of those of these messages that exist; false if they are too long to be held together.
    fn open(&mut self, uids: &[Uid]) -> Result<bool> {
        self.records.clear();
        self.plain.clear();
        for uid in uids {
            let Some(value) = self.references.value_at(&keys::reference(self.id, *uid))? else { continue };
            let Reference { body, variant, .. } = records::decode(value, "message reference")?;
            if body.day > self.erased {
                self.records.push(Opened { uid: *uid, body, variant, at: None });
            }
        }
        // As they lie: messages that came at the same time have their numbers in another order.
        self.records.sort_unstable_by_key(|one| (one.body, one.variant));
        for one in &mut self.records {
            let key = (self.key)(one.body, one.variant);
            let value = self.sealed.value_at(&key)?.ok_or(StoreError::Corrupt("header variant"))?;
            if uids.len() > 1 && self.plain.len() + value.len() > OPENED_BYTES {
                return Ok(false);
            }
            one.at = match self.opener.open(one.body.day, &key, value, &mut self.plain) {
                Err(StoreError::NotFound) => None,
                opened => Some(opened?),
            };
        }
        self.records.sort_unstable_by_key(|one| one.uid);
        Ok(true)
    }

    /// Visits what is open, by UID; false if `visit` said no.
    fn visit(&self, visit: &mut dyn FnMut(Uid, &[u8]) -> Result<bool>) -> Result<bool> {
        for one in &self.records {
            let Some(opened) = one.at.clone().and_then(|at| self.plain.get(at)) else { continue };
            if !visit(one.uid, opened)? {
                return Ok(false);
            }
        }
        Ok(true)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::{World, delivery, inbox};

    #[test]
    fn long_records_are_opened_a_few_at_a_time_and_all_are_seen() {
        let world = World::new();
        let store = world.open();
        let account = world.account(&store, "un").id;
        let header = |number: u64| {
            let long = if number % 8 < 5 { 300 << 10 } else { 10 };
            format!("X-Long: {number} {}\r\n\r\n", "x".repeat(long)).into_bytes()
        };
        world.run(async {
            for number in 1..=40 {
                let mut one = delivery(&store, world.clock_now(), number, b"short\r\n", &[account]).await;
                one.variants[0].header = header(number);
                store.deliver(one).await.unwrap();
            }
        });
        let id = inbox(&store, account).id;
        let uids: Vec<Uid> = (1..=40).filter_map(Uid::new).collect();
        let reader = store.reader();
        let mut group = Group::new(&reader, id, &uids, &HEADERS).unwrap();
        assert!(!group.open(&uids).unwrap(), "seven megabytes are not held at once");
        assert!(group.plain.len() <= OPENED_BYTES);
        let mut seen = vec![];
        reader
            .headers(id, &uids, &mut |uid, plain| {
                assert_eq!(plain, header(u64::from(uid.get())));
                seen.push(uid);
                Ok(true)
            })
            .unwrap();
        assert_eq!(seen, uids);
        let mut few = 0;
        reader
            .headers(id, &uids, &mut |_, _| {
                few += 1;
                Ok(few < 3)
            })
            .unwrap();
        assert_eq!(few, 3);
        drop(group);
        drop(reader);
        world.close(store);
    }
}
