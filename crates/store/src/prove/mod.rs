//! The proof that a store agrees with itself. Every test that closes a store ends with it.
//!
//! One pass over accounts and their boxes, one over the queue, one over bodies, one over traces, all in one snapshot. It reports kinds and
//! numbers, never names. Must never write.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Result, StoreError,
    body::chunk_count,
    day::Day,
    engine::{Family, View},
    flags::SystemFlag,
    ids::{AccountId, BodyId, BoxId, Uid},
    keys,
    reader::Reader,
    records::{AddressRecord, BodyRecord, BoxState, DayTally, Listing, UsageRecord},
    rows::{accounts, boxes, messages, messages::Keywords},
};

mod bodies;
mod deleted;
mod leftovers;
mod queue;
mod summary;
#[cfg(test)]
mod tests;

/// Most faults one proof reports.
pub const FAULTS: usize = 1000;

/// What a proof went through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProofReport {
    /// Accounts.
    pub accounts: u64,
    /// Boxes.
    pub boxes: u64,
    /// Messages in boxes.
    pub messages: u64,
    /// Bodies kept.
    pub bodies: u64,
    /// Traces opened.
    pub traces: u64,
    /// Entries of the queue.
    pub queued: u64,
    /// Deleted boxes and removed accounts of which something is still to be released, and unfinished copies.
    pub clearing: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: kinds and numbers, never names.
    pub place: String,
    /// What.
    pub problem: String,
}

/// Goes through everything.
pub(crate) fn prove(reader: &Reader<'_>) -> std::result::Result<ProofReport, Vec<Fault>> {
    let mut proof = Proof {
        reader,
        report: ProofReport::default(),
        faults: vec![],
        bodies: BTreeMap::new(),
        boxes: BTreeSet::new(),
        used: UsageRecord::default(),
        deleted: BTreeSet::new(),
    };
    let outcomes = [
        ("accounts", proof.accounts()),
        ("what was deleted", proof.deleted()),
        ("queue", proof.queue()),
        ("bodies", proof.kept_bodies()),
        ("traces", proof.traces()),
        ("keys", proof.leftovers()),
    ];
    for (pass, outcome) in outcomes {
        if let Err(error) = outcome {
            proof.fault(pass, error.to_string());
        }
    }
    if proof.faults.is_empty() { Ok(proof.report) } else { Err(proof.faults) }
}

struct Proof<'r> {
    reader: &'r Reader<'r>,
    report: ProofReport,
    faults: Vec<Fault>,
    /// References found in boxes and in the queue: how many to each body, and to which of its variants.
    bodies: BTreeMap<BodyId, (u32, BTreeSet<u16>)>,
    boxes: BTreeSet<BoxId>,
    /// What the boxes of the account at hand hold so far.
    used: UsageRecord,
    /// Deleted boxes that still have references.
    deleted: BTreeSet<BoxId>,
}

impl Proof<'_> {
    fn fault(&mut self, place: impl Into<String>, problem: impl Into<String>) {
        if self.faults.len() < FAULTS {
            self.faults.push(Fault { place: place.into(), problem: problem.into() });
        }
    }

    fn expect(&mut self, holds: bool, place: impl FnOnce() -> String, problem: &str) {
        if !holds {
            self.fault(place(), problem);
        }
    }

    fn accounts(&mut self) -> Result<()> {
        let mut after = None;
        loop {
            let some = self.reader.accounts(after, 100)?;
            let Some(last) = some.last() else { return Ok(()) };
            after = Some(last.id);
            for account in &some {
                self.report.accounts += 1;
                self.account(account)?;
            }
        }
    }

    fn account(&mut self, account: &crate::Account) -> Result<()> {
        let (view, keys) = (self.reader.view(), &self.reader.core().keys);
        let id = account.id;
        for address in std::iter::once(&account.profile.login).chain(&account.profile.mssante) {
            let known: Option<AddressRecord> =
                accounts::address(view, &accounts::address_hash(keys, address))?;
            let right = known.is_some_and(|known| known.live && known.account == id);
            self.expect(right, || format!("account {id}"), "an address does not lead back to it");
        }
        self.reader.credentials(id)?;
        let inbox = accounts::inbox(view, id)?;
        let known = self.reader.box_ids(id)?;
        self.expect(
            inbox.is_some_and(|inbox| known.contains(&inbox)),
            || format!("account {id}"),
            "it has no INBOX",
        );
        self.used = UsageRecord::default();
        for mailbox in known {
            self.mailbox(id, mailbox)?;
        }
        let usage = accounts::usage(view, id)?;
        self.expect(usage == self.used, || format!("account {id}"), "its usage is not that of its boxes");
        Ok(())
    }

    fn mailbox(&mut self, account: AccountId, id: BoxId) -> Result<()> {
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
        let keywords = Keywords::load(view, keys, id)?;
        let mut listings = vec![];
        messages::listings(view, id, Uid::MIN, Uid::MAX, &mut |uid, listing| {
            listings.push((uid, listing));
            Ok(())
        })?;
        self.expect(state.account == account, place, "its counters are another account's");
        self.used.messages += u64::from(state.exists);
        self.used.bytes += state.bytes;
        self.counters(id, &state, &listings);
        self.tallies(id, &listings)?;
        for (uid, listing) in &listings {
            self.message(id, &state, *uid, listing, &keywords)?;
        }
        self.references(id, &listings)?;
        self.changes(id, &state, &listings)?;
        self.summary(id, &state, &listings)?;
        self.vanished_rows(id, &state, &listings)
    }

    fn counters(&mut self, id: BoxId, state: &BoxState, listings: &[(Uid, Listing)]) {
        let unseen = listings.iter().filter(|(_, l)| l.bits & SystemFlag::Seen.bit() == 0).count();
        let bytes: u64 = listings.iter().map(|(_, l)| l.size).sum();
        let right = state.exists as usize == listings.len()
            && state.unseen as usize == unseen
            && state.bytes == bytes;
        self.expect(right, || format!("box {id}"), "its counters are not those of its messages");
    }

    /// Each day of which the box has messages is counted, and no other.
    fn tallies(&mut self, id: BoxId, listings: &[(Uid, Listing)]) -> Result<()> {
        let mut expected: BTreeMap<Day, DayTally> = BTreeMap::new();
        for (_, listing) in listings {
            let tally = expected.entry(listing.day).or_default();
            tally.messages += 1;
            tally.unseen += u32::from(listing.bits & SystemFlag::Seen.bit() == 0);
            tally.bytes += listing.size;
        }
        let kept = boxes::tallies(self.reader.view(), id, Day::from_number(u32::MAX))?;
        self.expect(
            kept.into_iter().eq(expected),
            || format!("box {id}"),
            "what it counts for each day is not what it has",
        );
        Ok(())
    }

    fn message(
        &mut self,
        id: BoxId,
        state: &BoxState,
        uid: Uid,
        listing: &Listing,
        keywords: &Keywords,
    ) -> Result<()> {
        let place = || format!("box {id}, UID {uid}");
        self.report.messages += 1;
        self.expect(uid < state.uid_next, place, "its UID is not below UIDNEXT");
        self.expect(listing.modseq <= state.highest, place, "its mod-sequence is above HIGHESTMODSEQ");
        self.expect(keywords.flags(listing).is_ok(), place, "it has a keyword that its box does not know");
        let Some(reference) = messages::reference(self.reader.view(), id, uid)? else {
            self.fault(place(), "it refers to no body");
            return Ok(());
        };
        self.expect(reference.body.day == listing.day, place, "its day is not that of its body");
        let (references, variants) = self.bodies.entry(reference.body).or_default();
        *references += 1;
        variants.insert(reference.variant);
        let size = self.reader.index(id, uid).ok().flatten().map(|index| index.size);
        self.expect(size == Some(listing.size), place, "its index record does not open, or has another size");
        Ok(())
    }

    fn references(&mut self, id: BoxId, listings: &[(Uid, Listing)]) -> Result<()> {
        let references = count(self.reader.view(), Family::Index, &keys::references(id))?;
        self.expect(
            references == listings.len(),
            || format!("box {id}"),
            "it has references without messages",
        );
        Ok(())
    }

    fn vanished_rows(&mut self, id: BoxId, state: &BoxState, listings: &[(Uid, Listing)]) -> Result<()> {
        let (mut wrong, mut runs) = (0, 0);
        let (from, until) = keys::under(&keys::vanished_all(id));
        self.reader.view().scan(Family::Index, &from, &until, &mut |key, value| {
            let run = (keys::last_uid(key), keys::last_uid(value), keys::modseq_of(key));
            runs += 1;
            let (Some(first), Some(last), Some(modseq)) = run else {
                return Err(StoreError::Corrupt("vanished"));
            };
            let start = listings.partition_point(|(uid, _)| *uid < first);
            let alive = listings.get(start).is_some_and(|(uid, _)| *uid <= last);
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

    fn traces(&mut self) -> Result<()> {
        let (from, until) = keys::under(b"t");
        let mut steps = vec![];
        let reader = self.reader;
        reader.view().scan(Family::Traces, &from, &until, &mut |key, sealed| {
            let day = keys::part(key, 1).map(u32::from_be_bytes).ok_or(StoreError::Corrupt("trace key"))?;
            let number = keys::last_u64(key).ok_or(StoreError::Corrupt("trace key"))?;
            let day = crate::Day::from_number(day);
            let known = match reader.open_trace(day, key, sealed) {
                Ok(trace) => {
                    let step = keys::journey_step(&trace.id, day, number);
                    reader.view().get(Family::Traces, &step)?.is_some()
                }
                Err(_) => false,
            };
            steps.push((number, known));
            Ok(true)
        })?;
        self.report.traces = steps.len() as u64;
        for (number, known) in steps {
            self.expect(
                known,
                || format!("trace {number}"),
                "it does not open, or its journey does not know it",
            );
        }
        let journeys = count(self.reader.view(), Family::Traces, b"i")?;
        self.expect(
            journeys as u64 == self.report.traces,
            || "traces".into(),
            "journeys have steps that are gone",
        );
        Ok(())
    }
}

fn count(view: &impl View, family: Family, prefix: &[u8]) -> Result<usize> {
    let (from, until) = keys::under(prefix);
    let mut rows = 0;
    view.scan(family, &from, &until, &mut |_, _| {
        rows += 1;
        Ok(true)
    })?;
    Ok(rows)
}

fn body_record(bytes: &[u8]) -> Result<BodyRecord> {
    BodyRecord::decode(bytes)
}

fn chunks_of(record: &BodyRecord) -> u32 {
    chunk_count(record.len)
}
