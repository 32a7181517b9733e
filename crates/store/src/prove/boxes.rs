//! One box: its counters are those of its messages, each message refers to a body, what changed and what vanished is in
//! its logs; what is erased is out of the counters, and its rows are being removed.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Result, StoreError,
    day::Day,
    engine::{Family, View},
    flags::SystemFlag,
    ids::{AccountId, BoxId, Uid},
    keyring::KeyKind,
    keys,
    prove::{Proof, count},
    records::{BoxState, DayTally, GoneDay, Listing},
    rows::{
        boxes, messages,
        messages::Keywords,
        sight::{self, Sight as _},
    },
};

/// A box at hand.
struct Mailbox {
    id: BoxId,
    /// Its counters as they are kept.
    state: BoxState,
    keywords: Keywords,
    /// Days that are out of the counters.
    gone: BTreeMap<Day, GoneDay>,
    /// Every row, also of what is gone.
    rows: Vec<(Uid, Listing)>,
}

impl Mailbox {
    /// Rows of messages that the counters count.
    fn counted(&self) -> impl Iterator<Item = &(Uid, Listing)> {
        self.rows.iter().filter(|(_, listing)| !self.gone.contains_key(&listing.day))
    }
}

impl Proof<'_> {
    pub(super) fn mailbox(&mut self, account: AccountId, id: BoxId) -> Result<()> {
        let place = || format!("box {id}");
        let (view, keys) = (self.reader.view(), &self.reader.core().keys);
        self.report.boxes += 1;
        self.boxes.insert(id);
        let (Some(record), Some(state)) = (boxes::record(view, keys, id)?, boxes::state(view, id)?) else {
            self.fault(place(), "its record or its counters are missing");
            return Ok(());
        };
        let named = boxes::by_name(view, keys, account, &record.name)?;
        self.expect(
            record.account == account && named == Some(id),
            place,
            "its name or account does not lead to it",
        );
        self.expect(state.account == account, place, "its counters are another account's");
        self.used.messages += u64::from(state.exists);
        self.used.bytes += state.bytes;
        let mut rows = vec![];
        messages::rows(view, id, Uid::MIN, Uid::MAX, &mut |uid, listing| {
            rows.push((uid, listing));
            Ok(true)
        })?;
        let keywords = Keywords::load(view, keys, id)?;
        let gone = sight::gone_days(view, id)?.into_iter().collect();
        let mailbox = Mailbox { id, state, keywords, gone, rows };
        self.counters(&mailbox);
        self.tallies(&mailbox)?;
        self.gone(&mailbox)?;
        for (uid, listing) in &mailbox.rows {
            self.message(&mailbox, *uid, listing)?;
        }
        self.references(&mailbox)?;
        self.changes(id, &mailbox.state, &mailbox.rows)?;
        self.summary(id, &mailbox.state, &mailbox.rows)?;
        self.vanished_rows(&mailbox)
    }

    fn counters(&mut self, mailbox: &Mailbox) {
        let mut found = DayTally::default();
        for (_, listing) in mailbox.counted() {
            add(&mut found, listing);
        }
        let BoxState { exists, unseen, bytes, .. } = mailbox.state;
        self.expect(
            found == DayTally { messages: exists, unseen, bytes },
            || format!("box {}", mailbox.id),
            "its counters are not those of its messages",
        );
    }

    /// Each day of which the box has messages is counted, and no other.
    fn tallies(&mut self, mailbox: &Mailbox) -> Result<()> {
        let mut expected: BTreeMap<Day, DayTally> = BTreeMap::new();
        for (_, listing) in mailbox.counted() {
            add(expected.entry(listing.day).or_default(), listing);
        }
        let kept = boxes::tallies(self.reader.view(), mailbox.id, Day::from_number(u32::MAX))?;
        self.expect(
            kept.into_iter().eq(expected),
            || format!("box {}", mailbox.id),
            "what it counts for each day is not what it has",
        );
        Ok(())
    }

    /// Days that are out of the counters are erased, and of each no more rows are left than there were messages.
    fn gone(&mut self, mailbox: &Mailbox) -> Result<()> {
        let marks = self.reader.view().marks()?;
        for (day, gone) in &mailbox.gone {
            let left = mailbox.rows.iter().filter(|(_, listing)| listing.day == *day).count();
            let messages = gone.messages as usize;
            let whole = if gone.listed { left <= messages } else { left == messages };
            let right = whole && marks.are_past(*day) && gone.modseq <= mailbox.state.highest;
            self.expect(
                right,
                || format!("box {}", mailbox.id),
                "a day is out of its counters that is not erased, or has other messages",
            );
        }
        let past = mailbox.rows.iter().any(|(_, listing)| marks.are_past(listing.day));
        self.expect(
            marks.leave_rows() || !past,
            || format!("box {}", mailbox.id),
            "it has rows of messages that are gone and tidied away",
        );
        Ok(())
    }

    fn message(&mut self, mailbox: &Mailbox, uid: Uid, listing: &Listing) -> Result<()> {
        let id = mailbox.id;
        let place = || format!("box {id}, UID {uid}");
        let view = self.reader.view();
        self.expect(uid < mailbox.state.uid_next, place, "its UID is not below UIDNEXT");
        let known = listing.modseq <= mailbox.state.highest;
        self.expect(known, place, "its mod-sequence is above HIGHESTMODSEQ");
        let known = mailbox.keywords.flags(listing).is_ok();
        self.expect(known, place, "it has a keyword that its box does not know");
        if view.marks()?.are_past(listing.day) {
            return Ok(());
        }
        self.report.messages += 1;
        let Some(reference) = messages::reference(view, id, uid)? else {
            self.fault(place(), "it refers to no body");
            return Ok(());
        };
        self.expect(reference.body.day == listing.day, place, "its day is not that of its body");
        let (references, variants) = self.bodies.entry(reference.body).or_default();
        *references += 1;
        variants.insert(reference.variant);
        let size = self.reader.index(id, uid).ok().flatten().map(|index| index.size);
        let right = size == Some(listing.size) || self.went(KeyKind::Message, listing.day);
        self.expect(right, place, "its index record does not open, or has another size");
        Ok(())
    }

    fn references(&mut self, mailbox: &Mailbox) -> Result<()> {
        let references = count(self.reader.view(), Family::Index, &keys::references(mailbox.id))?;
        self.expect(
            references == mailbox.rows.len(),
            || format!("box {}", mailbox.id),
            "it has references without messages",
        );
        Ok(())
    }

    fn vanished_rows(&mut self, mailbox: &Mailbox) -> Result<()> {
        let Mailbox { id, state, rows, gone, .. } = mailbox;
        let told = |listing: &Listing| gone.contains_key(&listing.day);
        let there: BTreeSet<Uid> =
            rows.iter().filter(|(_, listing)| !told(listing)).map(|(uid, _)| *uid).collect();
        let (mut wrong, mut runs) = (0, 0);
        let (from, until) = keys::under(&keys::vanished_all(*id));
        self.reader.view().scan(Family::Index, &from, &until, &mut |key, value| {
            let run = (keys::last_uid(key), keys::last_uid(value), keys::modseq_of(key));
            let (Some(first), Some(last), Some(modseq)) = run else {
                return Err(StoreError::Corrupt("vanished"));
            };
            runs += 1;
            let alive = first <= last && there.range(first..=last).next().is_some();
            let never = last < first || last >= state.uid_next;
            wrong += usize::from(alive || never || modseq > state.highest || modseq <= state.floor);
            Ok(true)
        })?;
        self.expect(
            runs == state.runs,
            || format!("box {id}"),
            "its log of vanished UIDs is not as long as it says",
        );
        self.expect(
            wrong == 0,
            || format!("box {id}"),
            "UIDs are said to have vanished that are there, or never were",
        );
        Ok(())
    }
}

fn add(tally: &mut DayTally, listing: &Listing) {
    tally.messages += 1;
    tally.unseen += u32::from(listing.bits & SystemFlag::Seen.bit() == 0);
    tally.bytes += listing.size;
}
