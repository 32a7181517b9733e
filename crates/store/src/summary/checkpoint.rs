//! Renewing the summary of a box: built from its rows in one snapshot, off the committer, then put in few short
//! operations. Only the windows in which something happened are built again.
//!
//! Until the last operation says up to where the summary goes, readers lay what happened since the former one over
//! segments that may be newer: the same again. So a crash in between leaves nothing wrong, and the next renewal ends it.
//! One renewal at a time: the thread of `worker.rs` is the only caller but tests and commands, under its lock.

use std::{collections::BTreeSet, ops::RangeInclusive};

use super::{
    overlay::Overlay,
    read::Scene,
    segment::{self, Head, Segment, first_of, last_of, window_of},
};
use crate::{
    Result, StoreError,
    committer::txn::Txn,
    day::Day,
    engine::{Family, Snapshot, View},
    ids::{BoxId, ModSeq, Uid},
    keys::{self, Part},
    records::{self, BoxState, Listing},
    rows::boxes,
};

/// Windows put by one operation: about half a megabyte.
const WINDOWS: usize = 12;
/// Rows `q` that go one by one; more of them go as a range.
const SINGLE_DELETES: usize = 256;

/// One operation of a renewal; false: the box is gone or was renewed by another.
pub(crate) type Step = Box<dyn FnOnce(&mut Txn<'_>) -> Result<bool> + Send>;

/// Renews the summary of a box, if there is one and at least so much happened since; `commit` makes an operation durable
/// and waits for it.
pub(crate) fn renew(
    view: &Snapshot,
    id: BoxId,
    erased: Day,
    least: u32,
    commit: &mut dyn FnMut(Step) -> Result<bool>,
) -> Result<()> {
    let Some(state) = boxes::state(view, id)? else { return Ok(()) };
    let scene = Scene { view, id, state: &state, erased };
    let overlay = scene.overlay()?;
    if scene.behind(&overlay) < least {
        return Ok(());
    }
    let seen = Seen { id, covered: state.covered, summarised: state.summarised };
    let windows: Vec<u32> = stale(&scene, &overlay)?.into_iter().collect();
    for some in windows.chunks(WINDOWS) {
        let segments = some.iter().map(|window| build(&scene, *window)).collect::<Result<Vec<_>>>()?;
        if !commit(Box::new(move |txn| put(txn, seen, segments)))? {
            return Ok(());
        }
    }
    let mut changes = vec![];
    scene.reflagged(ModSeq(0), &mut |one| {
        changes.push((one.modseq, one.uid));
        Ok(())
    })?;
    commit(Box::new(move |txn| advance(txn, seen, &state, &changes))).map(drop)
}

/// The summary that a renewal began with: another one since makes it void.
#[derive(Clone, Copy)]
struct Seen {
    id: BoxId,
    covered: Uid,
    summarised: ModSeq,
}

impl Seen {
    /// The box as it is now, if its summary is still that one.
    fn current(&self, txn: &Txn<'_>) -> Result<Option<BoxState>> {
        let state = boxes::state(txn, self.id)?;
        Ok(state.filter(|state| (state.covered, state.summarised) == (self.covered, self.summarised)))
    }
}

/// The windows in which something happened since the summary, and those that hold erased days or do not open.
fn stale(scene: &Scene<'_>, overlay: &Overlay) -> Result<BTreeSet<u32>> {
    let mut windows = BTreeSet::new();
    let last = Uid::new(scene.state.uid_next.get() - 1);
    if let Some(last) = last.filter(|last| *last >= scene.covered()) {
        windows.extend(within(scene.covered(), last));
    }
    for (first, last) in overlay.touched() {
        windows.extend(within(first, last));
    }
    let (from, until) = keys::under(&keys::segments(scene.id, Part::Head));
    scene.view.scan(Family::Index, &from, &until, &mut |key, bytes| {
        let window = keys::window_at(key).ok_or(StoreError::Corrupt("summary key"))?;
        if Head::decode(window, bytes).map_or(true, |head| head.has_day_until(scene.erased)) {
            windows.insert(window);
        }
        Ok(true)
    })?;
    Ok(windows)
}

fn within(first: Uid, last: Uid) -> RangeInclusive<u32> {
    window_of(first)..=window_of(last)
}

/// The segment of a window; none if it has no message.
fn build(scene: &Scene<'_>, window: u32) -> Result<(u32, Option<Segment>)> {
    let mut rows: Vec<(Uid, Listing)> = vec![];
    scene.rows(first_of(window), last_of(window), &mut |seen| {
        let listing = Listing {
            modseq: seen.modseq,
            bits: seen.bits,
            internal_date: seen.internal_date,
            size: seen.size,
            keywords: seen.keywords.to_vec(),
            day: seen.day,
            saved: None,
            opened: false,
        };
        rows.push((seen.uid, listing));
        Ok(true)
    })?;
    Ok((window, (!rows.is_empty()).then(|| segment::encode(&rows))))
}

fn put(txn: &mut Txn<'_>, seen: Seen, segments: Vec<(u32, Option<Segment>)>) -> Result<bool> {
    if seen.current(txn)?.is_none() {
        return Ok(false);
    }
    for (window, segment) in segments {
        let [head, columns] = [Part::Head, Part::Columns].map(|part| keys::segment(seen.id, part, window));
        match segment {
            Some(segment) => {
                txn.put(Family::Index, head, segment.head);
                txn.put(Family::Index, columns, segment.columns);
            }
            None => {
                txn.delete(Family::Index, head);
                txn.delete(Family::Index, columns);
            }
        }
    }
    Ok(true)
}

/// Says up to where the summary goes, and forgets the changes that it holds.
fn advance(txn: &mut Txn<'_>, seen: Seen, built: &BoxState, changes: &[(ModSeq, Uid)]) -> Result<bool> {
    let Some(mut state) = seen.current(txn)? else { return Ok(false) };
    state.covered = built.uid_next;
    state.summarised = built.highest;
    txn.put(Family::Accounts, keys::box_state(seen.id), records::encode(&state)?);
    if changes.len() > SINGLE_DELETES {
        let from = keys::change(seen.id, ModSeq(0), Uid::MIN);
        let until = keys::change(seen.id, ModSeq(built.highest.0 + 1), Uid::MIN);
        txn.delete_range(Family::Index, (from, until));
    } else {
        for (modseq, uid) in changes {
            txn.delete(Family::Index, keys::change(seen.id, *modseq, *uid));
        }
    }
    Ok(true)
}
