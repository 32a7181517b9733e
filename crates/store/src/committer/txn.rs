//! What one operation sees and does: the engine, the batch so far, and its own changes on top.

use std::collections::BTreeMap;

use crate::{
    Result,
    body::Adopted,
    committer::{
        hot::Hot,
        pending::{Overlay, Pending},
    },
    core::Core,
    engine::{Engine, Family, View, Visit},
    ids::{AccountId, BoxId, CredentialId, ModSeq, UidValidity},
    keys,
    lanes::LaneMarks,
    records::{self, Counters},
    rows::sight::{Marks, Sight},
    watch::Event,
};

/// One operation at work.
pub(crate) struct Txn<'batch> {
    pub(crate) core: &'batch Core,
    hot: &'batch Hot,
    batch: &'batch Pending,
    own: Pending,
    counters: Counters,
    events: Vec<Event>,
    behind: Vec<(BoxId, u32)>,
    messages: u64,
    due: LaneMarks,
    adopted: Vec<Adopted>,
}

/// What an operation that succeeded leaves.
pub(crate) struct TxnOutcome {
    pub(crate) own: Pending,
    pub(crate) counters: Counters,
    pub(crate) events: Vec<Event>,
    pub(crate) behind: Vec<(BoxId, u32)>,
    pub(crate) messages: u64,
    pub(crate) due: LaneMarks,
    pub(crate) adopted: Vec<Adopted>,
}

impl<'batch> Txn<'batch> {
    pub(crate) fn new(
        core: &'batch Core,
        hot: &'batch Hot,
        batch: &'batch Pending,
        counters: Counters,
    ) -> Self {
        Self {
            core,
            hot,
            batch,
            own: Pending::default(),
            counters,
            events: vec![],
            behind: vec![],
            messages: 0,
            due: LaneMarks::default(),
            adopted: vec![],
        }
    }

    pub(crate) fn into_outcome(self) -> TxnOutcome {
        let Self { own, counters, events, behind, messages, due, adopted, .. } = self;
        TxnOutcome { own, counters, events, behind, messages, due, adopted }
    }

    /// The body becomes part of the store if the operation succeeds.
    pub(crate) fn adopted(&mut self, body: Adopted) {
        self.adopted.push(body);
    }

    /// How many rows this operation changes so far.
    pub(crate) fn changes(&self) -> usize {
        self.own.len()
    }

    /// Whether this operation changes so many rows that others should have their turn.
    pub(crate) fn is_long(&self) -> bool {
        self.changes() >= self.core.settings.operation_changes
    }

    pub(crate) fn put(&mut self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.own.put(family, key, value);
    }

    /// Puts a value that no operation reads before it is written.
    pub(crate) fn put_blind(&mut self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.own.put_blind(family, key, value);
    }

    pub(crate) fn delete(&mut self, family: Family, key: Vec<u8>) {
        self.own.delete(family, key);
    }

    /// Removes a range in which nothing is ever put again; this view still shows it.
    pub(crate) fn delete_range(&mut self, family: Family, range: (Vec<u8>, Vec<u8>)) {
        self.own.delete_range(family, range);
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// For what moves the marks of time and retention.
    pub(crate) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Makes the commit happen even if nothing else changes: it says how far time got.
    pub(crate) fn tick(&mut self) -> Result<()> {
        let value = records::encode(&self.counters)?;
        self.own.put(Family::Accounts, keys::COUNTERS.to_vec(), value);
        Ok(())
    }

    /// The day of a body that becomes part of the store.
    pub(crate) fn saw_day(&mut self, day: crate::day::Day) {
        self.counters.day = self.counters.day.max(day);
    }

    pub(crate) fn next_account(&mut self) -> AccountId {
        self.counters.account += 1;
        AccountId(self.counters.account)
    }

    pub(crate) fn next_credential(&mut self) -> CredentialId {
        self.counters.credential += 1;
        CredentialId(self.counters.credential)
    }

    pub(crate) fn next_box(&mut self) -> BoxId {
        self.counters.mailbox += 1;
        BoxId(self.counters.mailbox)
    }

    /// Greater than every one before, and about the time in seconds: a name that is made again is told apart.
    pub(crate) fn next_uid_validity(&mut self) -> UidValidity {
        let seconds = u32::try_from(self.core.clock.now().as_second()).unwrap_or(1);
        let next = seconds.max(self.counters.uid_validity.saturating_add(1)).max(1);
        self.counters.uid_validity = next;
        UidValidity::new(next).unwrap_or(UidValidity(std::num::NonZeroU32::MIN))
    }

    pub(crate) fn box_changed(&mut self, id: BoxId, modseq: ModSeq) {
        self.events.push(Event::Mailbox(id, modseq));
    }

    /// What the summary of a box does not hold: messages whose flags changed or that went, in this operation, and
    /// messages that are new since the summary.
    pub(crate) fn summary_behind(&mut self, id: BoxId, changes: u32, new: u32) {
        let after = self.core.summaries.after();
        let changes = if new >= after { changes.max(after) } else { changes };
        if changes > 0 {
            self.behind.push((id, changes));
        }
    }

    pub(crate) fn account_changed(&mut self, id: AccountId) {
        self.events.push(Event::Account(id));
    }

    /// What becomes of the lanes of the queue.
    pub(crate) fn lanes(&mut self) -> &mut LaneMarks {
        &mut self.due
    }

    /// Whoever looks at the queue looks again.
    pub(crate) fn queue_changed(&mut self) {
        if self.events.last() != Some(&Event::Queue) {
            self.events.push(Event::Queue);
        }
    }

    pub(crate) fn message_added(&mut self) {
        self.messages += 1;
    }
}

impl Sight for Txn<'_> {
    fn marks(&self) -> Result<Marks> {
        Ok(Marks::from(&self.counters))
    }
}

impl View for Txn<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.own.get(family, key).or_else(|| self.batch.get(family, key)) {
            Some(known) => Ok(known.cloned()),
            None => self.hot.get(&self.core.engine, family, key),
        }
    }

    fn scan(&self, family: Family, from: &[u8], until: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut laid = BTreeMap::new();
        self.batch.lay_over(family, from, until, &mut laid);
        self.own.lay_over(family, from, until, &mut laid);
        if laid.is_empty() {
            return self.core.engine.scan(family, from, until, visit);
        }
        merge(&self.core.engine, (family, from, until), laid, visit)
    }
}

/// Visits a range with changes laid over it. The range streams by: it may be that of a box of a million messages.
fn merge(
    engine: &Engine,
    (family, from, until): (Family, &[u8], &[u8]),
    laid: Overlay<'_>,
    visit: &mut Visit<'_>,
) -> Result<()> {
    let mut laid = laid.into_iter().peekable();
    let mut going = true;
    engine.scan(family, from, until, &mut |key, value| {
        while let Some((new, put)) = laid.next_if(|(new, _)| *new < key) {
            if let Some(put) = put {
                going = visit(new, put)?;
            }
            if !going {
                return Ok(false);
            }
        }
        going = match laid.next_if(|(new, _)| *new == key) {
            Some((_, Some(put))) => visit(key, put)?,
            Some((_, None)) => true,
            None => visit(key, value)?,
        };
        Ok(going)
    })?;
    for (key, put) in laid {
        if !going {
            break;
        }
        if let Some(put) = put {
            going = visit(key, put)?;
        }
    }
    Ok(())
}
