//! What a view may show: messages whose day of reception is erased are gone, whether their rows were removed yet or not
//! (I-4). Boxes are tidied behind; until then their counters are those they will have.

use crate::{
    Result, StoreError,
    day::Day,
    engine::{Family, View},
    ids::{AccountId, BoxId, ModSeq, Uid},
    keys,
    records::{self, BoxState, Counters, DayTally, GoneDay, Listing, UsageRecord},
    rows::{accounts, boxes, messages},
};

/// How far retention got, as a view has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Messages received on that day or before are gone.
    pub(crate) erased: Day,
    /// No box has rows of a day up to here.
    pub(crate) tidied: Day,
}

impl Marks {
    /// Whether a message received that day is gone.
    pub(crate) fn are_past(&self, day: Day) -> bool {
        day <= self.erased
    }

    /// Whether boxes may have rows of messages that are gone.
    pub(crate) fn leave_rows(&self) -> bool {
        self.tidied < self.erased
    }
}

impl From<&Counters> for Marks {
    fn from(counters: &Counters) -> Self {
        Self { erased: counters.erased, tidied: counters.tidied }
    }
}

/// A view that knows what is gone.
pub(crate) trait Sight: View {
    /// How far retention got.
    fn marks(&self) -> Result<Marks>;
}

#[cfg(test)]
impl Sight for crate::engine::Engine {
    fn marks(&self) -> Result<Marks> {
        counters(self).map(|counters| Marks::from(&counters))
    }
}

/// The counters a view has.
pub(crate) fn counters(view: &impl View) -> Result<Counters> {
    let bytes = view.get(Family::Accounts, keys::COUNTERS)?.ok_or(StoreError::Corrupt("counters"))?;
    records::decode(&bytes, "counters")
}

/// A box without what is gone of it.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    /// Its counters, those days taken out, each with a mod-sequence of its own.
    pub(crate) state: BoxState,
    /// Its counters as they are kept.
    pub(crate) kept: BoxState,
    /// Days that are gone and still in the counters that are kept: oldest first.
    pub(crate) gone: Vec<(Day, DayTally, ModSeq)>,
}

/// A box without what is gone of it; none if there is no such box.
pub(crate) fn present(view: &impl Sight, id: BoxId) -> Result<Option<Present>> {
    let Some(kept) = boxes::state(view, id)? else { return Ok(None) };
    let mut state = kept;
    let marks = view.marks()?;
    let mut gone = vec![];
    if marks.leave_rows() {
        for (day, tally) in boxes::tallies(view, id, marks.erased)? {
            state = state.less(tally).ok_or(StoreError::Corrupt("box counters"))?;
            state.highest = ModSeq(state.highest.0 + 1);
            gone.push((day, tally, state.highest));
        }
    }
    Ok(Some(Present { state, kept, gone }))
}

/// What an account has in all its boxes, without what is gone of them.
pub(crate) fn usage(view: &impl Sight, account: AccountId) -> Result<UsageRecord> {
    let mut used = accounts::usage(view, account)?;
    if view.marks()?.leave_rows() {
        for id in boxes::of_account(view, account)? {
            for (_, tally, _) in present(view, id)?.map_or(vec![], |present| present.gone) {
                used = used.less(tally).ok_or(StoreError::Corrupt("usage"))?;
            }
        }
    }
    Ok(used)
}

/// Days of a box that are out of its counters and of which rows may be left.
pub(crate) fn gone_days(view: &impl View, id: BoxId) -> Result<Vec<(Day, GoneDay)>> {
    let mut found = vec![];
    let (from, until) = keys::under(&keys::gone_days(id));
    view.scan(Family::Accounts, &from, &until, &mut |key, value| {
        let day = keys::last_day(key).ok_or(StoreError::Corrupt("erased day"))?;
        found.push((day, records::decode(value, "erased day")?));
        Ok(true)
    })?;
    Ok(found)
}

/// UIDs that went with their days after a mod-sequence and are not in the log of vanished UIDs yet, ascending.
pub(crate) fn vanished(view: &impl Sight, id: BoxId, present: &Present, since: ModSeq) -> Result<Vec<Uid>> {
    if !view.marks()?.leave_rows() {
        return Ok(vec![]);
    }
    let mut days: Vec<(Day, u32)> = vec![];
    for (day, gone) in gone_days(view, id)? {
        if !gone.listed && gone.modseq > since {
            days.push((day, gone.messages));
        }
    }
    for (day, tally, modseq) in &present.gone {
        if *modseq > since {
            days.push((*day, tally.messages));
        }
    }
    let mut uids = vec![];
    each_of(view, id, &days, &mut |uid, _| {
        uids.push(uid);
        Ok(())
    })?;
    Ok(uids)
}

/// Visits the rows of messages of some days, of each as many as are told; ascending. Ends as soon as all are found.
pub(crate) fn each_of(
    view: &impl View,
    id: BoxId,
    days: &[(Day, u32)],
    visit: &mut dyn FnMut(Uid, &Listing) -> Result<()>,
) -> Result<()> {
    let mut left: u64 = days.iter().map(|(_, messages)| u64::from(*messages)).sum();
    if left == 0 {
        return Ok(());
    }
    messages::rows(view, id, Uid::MIN, Uid::MAX, &mut |uid, listing| {
        if days.iter().any(|(day, _)| *day == listing.day) {
            visit(uid, &listing)?;
            left -= 1;
        }
        Ok(left > 0)
    })
}
