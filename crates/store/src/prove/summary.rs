//! Summaries: what changed since is known, and a box reads the same through its summary and from its rows.

use std::collections::BTreeMap;

use crate::{
    Result, StoreError,
    engine::{Family, View},
    ids::{BoxId, ModSeq, Uid},
    keys::{self, Part},
    prove::Proof,
    records::{BoxState, Listing},
    summary::{
        read::Seen,
        segment::{Columns, Head},
    },
};

impl Proof<'_> {
    /// Each row `q` is the last change of its message, and each message of the summary that changed since has one.
    pub(super) fn changes(&mut self, id: BoxId, state: &BoxState, listings: &[(Uid, Listing)]) -> Result<()> {
        let known: BTreeMap<Uid, ModSeq> = listings.iter().map(|(uid, l)| (*uid, l.modseq)).collect();
        let (from, until) = keys::under(&keys::changes(id));
        let (mut wrong, mut rows) = (0, 0);
        self.reader.view().scan(Family::Index, &from, &until, &mut |key, _| {
            let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("change key"))?;
            let modseq = keys::modseq_of(key).ok_or(StoreError::Corrupt("change key"))?;
            let last = known.get(&uid).is_some_and(|last| *last == modseq);
            wrong += usize::from(!last || modseq <= state.summarised);
            rows += usize::from(uid < state.covered);
            Ok(true)
        })?;
        self.expect(
            wrong == 0,
            || format!("box {id}"),
            "its list of changes has some that are not a message's last, or that its summary holds",
        );
        let since =
            known.iter().filter(|(uid, modseq)| **uid < state.covered && **modseq > state.summarised).count();
        self.expect(
            rows == since,
            || format!("box {id}"),
            "a message's last change is neither in its summary nor in the list of changes",
        );
        Ok(())
    }

    /// Every segment opens, and what is read through them is what the rows say.
    pub(super) fn summary(&mut self, id: BoxId, state: &BoxState, listings: &[(Uid, Listing)]) -> Result<()> {
        let place = || format!("box {id}");
        let opens = self.segments_open(id)?;
        self.expect(opens, place, "its summary does not open");
        let erased = self.reader.erased()?;
        let expected: Vec<_> = listings.iter().filter(|(_, listing)| listing.day > erased).collect();
        let scene = self.reader.scene(id, state)?;
        let mut at = 0;
        let mut same = true;
        scene.through(Uid::MIN, Uid::MAX, &mut |seen| {
            same &= expected.get(at).is_some_and(|(uid, listing)| is(&seen, *uid, listing));
            at += 1;
            Ok(same)
        })?;
        let uids = scene.open()?.uids;
        same &= at == expected.len() && uids.iter().eq(expected.iter().map(|(uid, _)| *uid));
        self.expect(same, place, "its summary is not what its messages are");
        Ok(())
    }

    fn segments_open(&self, id: BoxId) -> Result<bool> {
        let mut counts = BTreeMap::new();
        let mut opens = true;
        self.each_segment(id, Part::Head, &mut |window, bytes| match Head::decode(window, bytes) {
            Ok(head) => drop(counts.insert(window, head.len())),
            Err(_) => opens = false,
        })?;
        self.each_segment(id, Part::Columns, &mut |window, bytes| {
            let count = counts.remove(&window);
            opens &= count.is_some_and(|count| Columns::decode(bytes, count).is_ok());
        })?;
        Ok(opens && counts.is_empty())
    }

    fn each_segment(&self, id: BoxId, part: Part, visit: &mut dyn FnMut(u32, &[u8])) -> Result<()> {
        let (from, until) = keys::under(&keys::segments(id, part));
        self.reader.view().scan(Family::Index, &from, &until, &mut |key, bytes| {
            visit(keys::window_at(key).ok_or(StoreError::Corrupt("summary key"))?, bytes);
            Ok(true)
        })
    }
}

fn is(seen: &Seen<'_>, uid: Uid, listing: &Listing) -> bool {
    let Listing { modseq, bits, internal_date, size, ref keywords, day, .. } = *listing;
    *seen == Seen { uid, modseq, bits, internal_date, size, keywords, day }
}
