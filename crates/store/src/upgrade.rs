//! Stores of earlier formats, made one of the present format where they lie, when they are opened.
//!
//! Format 3 says of each message the day of its reception, and of each box and account what it holds of each day. One
//! box after the other is rewritten, its counters last, and the format itself after all: a process that is killed on
//! the way goes on where it was, because a record of the old form does not decode as a new one.
//! Format 4 sorts the queue by next hops (`queue`), once the keys are open. Must never touch: bodies; keys of encryption, but
//! for that.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    Result, StoreError,
    day::Day,
    engine::{Change, Durability, Engine, Family, View},
    flags::SystemFlag,
    ids::{AccountId, BoxId, ModSeq, Uid},
    keys,
    records::{self, BoxState, Counters, DayTally, Format, Listing, Reference, UsageRecord},
};

mod queue;

pub(crate) use queue::sort_queue;

/// The format that gave days to listings.
const DAYS: u32 = 3;

/// Rows that are rewritten at once.
const PAGE: usize = 4096;

/// Counters before format 3.
#[derive(Deserialize)]
struct OldCounters {
    account: u64,
    mailbox: u64,
    credential: u64,
    trace: u64,
    uid_validity: u32,
    committed: i64,
    day: Day,
}

/// Counters of a box before format 3.
#[derive(Deserialize)]
struct OldState {
    uid_next: Uid,
    highest: ModSeq,
    exists: u32,
    unseen: u32,
    bytes: u64,
}

/// A listing before format 3.
#[derive(Deserialize)]
struct OldListing {
    modseq: ModSeq,
    bits: u8,
    internal_date: i64,
    size: u64,
    keywords: Vec<u8>,
}

/// Makes an older store one of this format, once its master key is known to be right. The engine made the families it
/// lacked; a program that knows only the older format does not open it any more.
pub(crate) fn upgrade(engine: &Engine, from: Format) -> Result<()> {
    let mut changes = if from.version < DAYS { give_days(engine)? } else { vec![] };
    let format = Format { version: records::FORMAT, kind: from.kind };
    changes.push(put_header(keys::FORMAT, records::encode(&format)?));
    engine.write(&changes, Durability::Synced)?;
    tracing::info!(from = from.version, to = format.version, "the store was upgraded");
    Ok(())
}

/// Gives every listing its day; what is still to be written once all have theirs.
fn give_days(engine: &Engine) -> Result<Vec<Change>> {
    let bytes = engine.get(Family::Accounts, keys::COUNTERS)?.unwrap_or_default();
    let counters: OldCounters = records::decode(&bytes, "counters")?;
    let mut usage: BTreeMap<AccountId, UsageRecord> = BTreeMap::new();
    for (account, id) in all_boxes(engine)? {
        let state = upgrade_box(engine, account, id, counters.day)?;
        let used = usage.entry(account).or_default();
        used.messages += u64::from(state.exists);
        used.bytes += state.bytes;
    }
    let mut changes = vec![];
    for (account, used) in usage {
        changes.push(Change::Put(Family::Accounts, keys::usage(account), records::encode(&used)?));
    }
    changes.push(put_header(keys::COUNTERS, records::encode(&Counters::from(counters))?));
    Ok(changes)
}

fn put_header(key: &[u8], value: Vec<u8>) -> Change {
    Change::Put(Family::Accounts, key.to_vec(), value)
}

fn all_boxes(engine: &Engine) -> Result<Vec<(AccountId, BoxId)>> {
    let mut found = vec![];
    let (from, until) = keys::under(b"l");
    engine.scan(Family::Accounts, &from, &until, &mut |key, _| {
        let account = keys::part(key, 1).map(u64::from_be_bytes).ok_or(StoreError::Corrupt("box key"))?;
        let id = keys::last_u64(key).ok_or(StoreError::Corrupt("box key"))?;
        found.push((AccountId(account), BoxId(id)));
        Ok(true)
    })?;
    Ok(found)
}

/// Rewrites a box, or finds that it was; gives its counters.
fn upgrade_box(engine: &Engine, account: AccountId, id: BoxId, newest: Day) -> Result<BoxState> {
    let bytes = engine.get(Family::Accounts, &keys::box_state(id))?;
    let bytes = bytes.ok_or(StoreError::Corrupt("box counters"))?;
    if let Ok(state) = records::decode::<BoxState>(&bytes, "box counters") {
        return Ok(state);
    }
    let OldState { uid_next, highest, exists, unseen, bytes } = records::decode(&bytes, "box counters")?;
    let tallies = upgrade_listings(engine, id, newest)?;
    let runs = count(engine, &keys::vanished_all(id))?;
    let state = BoxState { uid_next, highest, exists, unseen, bytes, runs, ..BoxState::new(account) };
    let mut changes = vec![];
    for (day, tally) in tallies {
        changes.push(Change::Put(Family::Index, keys::tally(id, day), records::encode(&tally)?));
    }
    changes.push(Change::Put(Family::Accounts, keys::box_state(id), records::encode(&state)?));
    engine.write(&changes, Durability::Later)?;
    Ok(state)
}

/// Gives every listing of a box its day; what the box holds of each day.
fn upgrade_listings(engine: &Engine, id: BoxId, newest: Day) -> Result<BTreeMap<Day, DayTally>> {
    let mut tallies: BTreeMap<Day, DayTally> = BTreeMap::new();
    let (mut from, until) = keys::under(&keys::listings(id));
    loop {
        let mut page = vec![];
        engine.scan(Family::Index, &from, &until, &mut |key, value| {
            page.push((key.to_vec(), value.to_vec()));
            Ok(page.len() < PAGE)
        })?;
        let Some((last, _)) = page.last() else { return Ok(tallies) };
        from.clone_from(last);
        from.push(0);
        let mut changes = vec![];
        for (key, value) in page {
            let (listing, old) = listing(engine, id, &key, &value, newest)?;
            let tally = tallies.entry(listing.day).or_default();
            tally.messages += 1;
            tally.unseen += u32::from(listing.bits & SystemFlag::Seen.bit() == 0);
            tally.bytes += listing.size;
            if old {
                changes.push(Change::Put(Family::Index, key, records::encode(&listing)?));
            }
        }
        engine.write(&changes, Durability::Later)?;
    }
}

/// A listing of either form, with its day, and whether it was of the old one. A message whose body is not known, which
/// the proof tells of, counts as received on the newest day: it must not be lost to a guess.
fn listing(engine: &Engine, id: BoxId, key: &[u8], value: &[u8], newest: Day) -> Result<(Listing, bool)> {
    if let Ok(listing) = records::decode(value, "message") {
        return Ok((listing, false));
    }
    let OldListing { modseq, bits, internal_date, size, keywords } = records::decode(value, "message")?;
    let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("message key"))?;
    let reference = engine.get(Family::Index, &keys::reference(id, uid))?;
    let reference = reference.and_then(|bytes| records::decode::<Reference>(&bytes, "reference").ok());
    let day = reference.map_or(newest, |reference| reference.body.day);
    // Nobody knows when it was put there, nor whether it was marked as not read again.
    let opened = bits & SystemFlag::Seen.bit() != 0;
    Ok((Listing { modseq, bits, internal_date, size, keywords, day, saved: None, opened }, true))
}

fn count(engine: &Engine, prefix: &[u8]) -> Result<u32> {
    let mut rows = 0;
    let (from, until) = keys::under(prefix);
    engine.scan(Family::Index, &from, &until, &mut |_, _| {
        rows += 1;
        Ok(true)
    })?;
    Ok(rows)
}

impl From<OldCounters> for Counters {
    fn from(old: OldCounters) -> Self {
        let OldCounters { account, mailbox, credential, trace, uid_validity, committed, day } = old;
        Self { account, mailbox, credential, trace, uid_validity, committed, day, ..Self::new() }
    }
}

#[cfg(test)]
mod tests;
