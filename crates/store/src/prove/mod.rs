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
    ids::{BodyId, BoxId},
    keyring::KeyKind,
    keys,
    reader::Reader,
    records::{AddressRecord, BodyRecord, UsageRecord},
    rows::{self, accounts, sight},
};

mod bodies;
mod boxes;
mod deleted;
mod leftovers;
mod queue;
mod strangers;
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

/// Whether anybody may be writing bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Nobody: a body that is not finished is a fault.
    Quiet,
    /// The store is in use: bodies on their way are none.
    Running,
}

/// Goes through everything.
pub(crate) fn prove(reader: &Reader<'_>, now: Activity) -> std::result::Result<ProofReport, Vec<Fault>> {
    let mut proof = Proof {
        reader,
        report: ProofReport::default(),
        faults: vec![],
        bodies: BTreeMap::new(),
        boxes: BTreeSet::new(),
        addresses: 0,
        openings: 0,
        subscriptions: 0,
        used: UsageRecord::default(),
        deleted: BTreeSet::new(),
        erased: Day::from_number(0),
        now,
    };
    match sight::counters(reader.view()) {
        Ok(counters) => proof.erased = counters.erased,
        Err(error) => proof.fault("counters", error.to_string()),
    }
    let outcomes = [
        ("accounts", proof.accounts()),
        ("what was deleted", proof.deleted()),
        ("queue", proof.queue()),
        ("bodies", proof.kept_bodies()),
        ("traces", proof.traces()),
        ("keys", proof.leftovers()),
        ("strangers", proof.strangers()),
    ];
    for (pass, outcome) in outcomes {
        if let Err(error) = outcome {
            proof.fault(pass, error.to_string());
        }
    }
    if reader.view().is_over() {
        proof.faults.clear();
        proof.fault("store", "its engine was opened anew meanwhile, so nothing is proved: prove again");
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
    /// Addresses that accounts say they have.
    addresses: u64,
    /// People that accounts say may open them.
    openings: u64,
    /// Names that accounts are subscribed to and that no box has.
    subscriptions: u64,
    /// The newest day that is erased.
    erased: Day,
    /// What the boxes of the account at hand hold so far.
    used: UsageRecord,
    /// Deleted boxes that still have references.
    deleted: BTreeSet<BoxId>,
    now: Activity,
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

    /// Whether a day was erased after the snapshot was taken: nothing of it opens any more, and that is right (I-4).
    /// To be asked after something did not open.
    fn went(&self, kind: KeyKind, day: Day) -> bool {
        self.reader.core().is_erased(kind, day)
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
        let (view, store_key) = (self.reader.view(), &self.reader.core().keys);
        let id = account.id;
        for address in std::iter::once(&account.profile.login).chain(&account.profile.mssante) {
            self.addresses += 1;
            let known: Option<AddressRecord> =
                accounts::address(view, &accounts::address_hash(store_key, address))?;
            let right = known.is_some_and(|known| known.live && known.account == id);
            self.expect(right, || format!("account {id}"), "an address does not lead back to it");
        }
        for person in &account.openers {
            self.openings += 1;
            let known = view.get(Family::Accounts, &keys::opening(*person, id))?.is_some();
            self.expect(known, || format!("account {id}"), "who opens it does not find it");
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
        for name in rows::boxes::left_subscriptions(view, store_key, id)? {
            self.subscriptions += 1;
            let taken = rows::boxes::by_name(view, store_key, id, &name)?.is_some();
            self.expect(!taken, || format!("account {id}"), "a box has a name that is kept as one without");
        }
        let usage = accounts::usage(view, id)?;
        self.expect(usage == self.used, || format!("account {id}"), "its usage is not that of its boxes");
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
                Err(_) => reader.core().is_erased(KeyKind::Trace, day),
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
        let erased = sight::counters(reader.view())?.erased_traces;
        let (mut journeys, (from, until)) = (0, keys::under(b"i"));
        reader.view().scan(Family::Traces, &from, &until, &mut |key, _| {
            // Steps of erased days are tidied behind.
            journeys += u64::from(keys::step_day(key).ok_or(StoreError::Corrupt("trace key"))? > erased);
            Ok(true)
        })?;
        self.expect(journeys == self.report.traces, || "traces".into(), "journeys have steps that are gone");
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
