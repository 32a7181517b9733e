//! Tidying boxes behind an erasure: their counters let go of the days, the log of vanished UIDs takes the messages up,
//! then their rows are removed.
//!
//! Three steps for a group of boxes, each of which may be the last before a kill: (1) operations that take the days out
//! of the counters and write what vanished; (2) rows removed straight from the engine: nothing reads or writes the rows of
//! a message that is gone and in the log; (3) an operation that forgets the days, which makes the removals durable before.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    Result, Store, StoreError,
    core::Core,
    day::Day,
    engine::{Change, Durability, Family, View as _},
    ids::{BoxId, Uid},
    keys,
    ops::{self, retention::Listed},
    reader::Reader,
    retention::Skipped,
    rows::{
        boxes,
        sight::{self, Sight as _},
    },
};

/// Boxes looked at in one read.
const BOXES: usize = 1024;
/// Rows that one operation changes at most, about.
const ROWS: usize = 2000;
/// Messages whose rows are removed by one write.
const REMOVED_AT_ONCE: usize = 1000;
/// Messages in a row from which on one mark for the range is cheaper than one for each.
const RANGE_FROM: usize = 64;

impl Store {
    /// Tidies every box but those that are damaged; how many messages' rows were removed.
    pub(super) async fn tidy(&self, skipped: &mut Skipped) -> Result<u64> {
        let marks = self.read(|reader| reader.view().marks()).await?;
        if !marks.leave_rows() {
            return Ok(0);
        }
        let (mut tidied, mut after) = (0, Some(BoxId(0)));
        while let Some(last) = after {
            let (boxes, next, damaged) = self.read(move |reader| untidy(reader, last)).await?;
            skipped.absorb(damaged);
            tidied += self.tidy_group(boxes, skipped).await?;
            after = next;
        }
        let core = Arc::clone(&self.core);
        let drop_files = move || drop_bodies(&core, marks.erased);
        tokio::task::spawn_blocking(drop_files).await.map_err(|_| StoreError::Busy)??;
        if !skipped.is_empty() {
            return Ok(tidied);
        }
        self.submit(move |txn| {
            let counters = txn.counters_mut();
            counters.tidied = counters.tidied.max(marks.erased);
            txn.tick()
        })
        .await?;
        Ok(tidied)
    }

    async fn tidy_group(&self, boxes: Vec<BoxId>, skipped: &mut Skipped) -> Result<u64> {
        if boxes.is_empty() {
            return Ok(0);
        }
        let boxes = Arc::new(boxes);
        let group = Arc::clone(&boxes);
        let mut piece = vec![];
        let mut rows = 0;
        let (listed, damaged) = self.read(move |reader| list(reader, &group)).await?;
        skipped.absorb(damaged);
        for listed in listed {
            rows += listed.rows();
            piece.push(listed);
            if rows >= ROWS {
                let full = std::mem::take(&mut piece);
                rows = 0;
                self.take_out(full, skipped).await?;
            }
        }
        self.take_out(piece, skipped).await?;
        let epoch = self.core.engine.epoch();
        let core = Arc::clone(&self.core);
        let remove = move || remove_rows(&core, &boxes);
        let (days, damaged) = tokio::task::spawn_blocking(remove).await.map_err(|_| StoreError::Busy)??;
        skipped.absorb(damaged);
        let mut messages = 0;
        for some in days.chunks(ROWS / 2) {
            match self.forget(some, epoch).await {
                Err(error) if error.is_damage() => {
                    for one in some {
                        let forgot = self.forget(&[*one], epoch).await;
                        messages += skipped.of_box(one.0, forgot)?.unwrap_or(0);
                    }
                }
                forgot => messages += forgot?,
            }
        }
        self.core.numbers.gone.fetch_add(messages, Ordering::Relaxed);
        Ok(messages)
    }

    /// One operation for all; where that meets damage, one for each.
    async fn take_out(&self, pieces: Vec<Listed>, skipped: &mut Skipped) -> Result<()> {
        let all = pieces.clone();
        match self.submit(move |txn| ops::retention::take_out(txn, all)).await {
            Err(error) if error.is_damage() => {}
            done => return done,
        }
        for piece in pieces {
            let id = piece.id();
            // A day's last piece must not be told without those before it.
            if !skipped.has_box(id) {
                let done = self.submit(move |txn| ops::retention::take_out(txn, vec![piece])).await;
                skipped.of_box(id, done)?;
            }
        }
        Ok(())
    }

    async fn forget(&self, days: &[(BoxId, Day)], epoch: u64) -> Result<u64> {
        let days = days.to_vec();
        self.submit(move |txn| {
            // An engine that was opened anew may have lost the removals.
            if txn.core.engine.epoch() != epoch {
                return Err(StoreError::Busy);
            }
            ops::retention::forget(txn, &days)
        })
        .await
    }
}

/// Gives the room of bodies that are gone back to the disk, without waiting for the engine to tidy up.
fn drop_bodies(core: &Core, through: Day) -> Result<()> {
    let (from, until) = keys::through_day(b"", through);
    core.engine.drop_files(Family::Bodies, &from, &until)?;
    core.engine.write(&[Change::DeleteRange(Family::Bodies, from, until)], Durability::Later)
}

/// Boxes of a page that have something of erased days; where the next page begins; those that are damaged.
type Page = (Vec<BoxId>, Option<BoxId>, Skipped);

fn untidy(reader: &Reader<'_>, after: BoxId) -> Result<Page> {
    let view = reader.view();
    let mut page = vec![];
    let (_, until) = keys::under(b"s");
    let from = keys::box_state(BoxId(after.0 + 1));
    view.scan(Family::Accounts, &from, &until, &mut |key, _| {
        page.push(BoxId(keys::last_u64(key).ok_or(StoreError::Corrupt("box key"))?));
        Ok(page.len() < BOXES)
    })?;
    let next = if page.len() < BOXES { None } else { page.last().copied() };
    let (mut found, mut skipped) = (vec![], Skipped::default());
    for id in page {
        if skipped.of_box(id, is_untidy(reader, id))? == Some(true) {
            found.push(id);
        }
    }
    Ok((found, next, skipped))
}

fn is_untidy(reader: &Reader<'_>, id: BoxId) -> Result<bool> {
    let view = reader.view();
    let gone = sight::present(view, id)?.is_some_and(|present| !present.gone.is_empty());
    Ok(gone || !sight::gone_days(view, id)?.is_empty())
}

/// What is to be taken out of boxes: for each day the runs of UIDs that vanish with it.
pub(super) fn list(reader: &Reader<'_>, boxes: &[BoxId]) -> Result<(Vec<Listed>, Skipped)> {
    let (mut found, mut skipped) = (vec![], Skipped::default());
    for &id in boxes {
        found.extend(skipped.of_box(id, list_box(reader, id))?.into_iter().flatten());
    }
    Ok((found, skipped))
}

fn list_box(reader: &Reader<'_>, id: BoxId) -> Result<Vec<Listed>> {
    let view = reader.view();
    let Some(present) = sight::present(view, id)? else { return Ok(vec![]) };
    let mut days: Vec<(Day, u32)> = vec![];
    for (day, gone) in sight::gone_days(view, id)? {
        if !gone.listed {
            days.push((day, gone.messages));
        }
    }
    days.extend(present.gone.iter().map(|(day, tally, _)| (*day, tally.messages)));
    let mut runs: Vec<Vec<(Uid, Uid)>> = vec![vec![]; days.len()];
    sight::each_of(view, id, &days, &mut |uid, listing| {
        let at = days.iter().position(|(day, _)| *day == listing.day);
        if let Some(runs) = at.and_then(|at| runs.get_mut(at)) {
            extend(runs, uid);
        }
        Ok(())
    })?;
    let pieces = days.into_iter().zip(runs);
    Ok(pieces.flat_map(|((day, _), runs)| Listed::in_pieces(id, day, &runs, ROWS)).collect())
}

/// Adds an ascending UID to runs.
fn extend(runs: &mut Vec<(Uid, Uid)>, uid: Uid) {
    match runs.last_mut() {
        Some((_, last)) if last.get().checked_add(1) == Some(uid.get()) => *last = uid,
        _ => runs.push((uid, uid)),
    }
}

/// Removes the rows of messages whose days are out of their boxes' counters and logs; gives these days.
pub(super) fn remove_rows(core: &Arc<Core>, boxes: &[BoxId]) -> Result<(Vec<(BoxId, Day)>, Skipped)> {
    let reader = Reader::new(core);
    let mut removal = Removal { core, changes: vec![], messages: 0, run: vec![] };
    let (mut done, mut skipped) = (vec![], Skipped::default());
    for &id in boxes {
        let removed = remove_of_box(&reader, id, &mut removal);
        // Of a damaged box as well: what was found until then.
        removal.end_run(id);
        done.extend(skipped.of_box(id, removed)?.into_iter().flatten().map(|day| (id, day)));
    }
    removal.write()?;
    Ok((done, skipped))
}

/// Removes rows of one box but for the last run; gives the days of which no others are left.
fn remove_of_box(reader: &Reader<'_>, id: BoxId, removal: &mut Removal<'_>) -> Result<Vec<Day>> {
    let listed: Vec<_> =
        sight::gone_days(reader.view(), id)?.into_iter().filter(|(_, gone)| gone.listed).collect();
    let Some(state) = boxes::state(reader.view(), id)? else { return Ok(vec![]) };
    let days: Vec<(Day, u32)> = listed.iter().map(|(day, gone)| (*day, gone.messages)).collect();
    sight::each_of(reader.view(), id, &days, &mut |uid, listing| {
        if listing.modseq > state.summarised {
            removal.changes.push(Change::Delete(Family::Index, keys::change(id, listing.modseq, uid)));
        }
        removal.add(id, uid)
    })?;
    Ok(days.into_iter().map(|(day, _)| day).collect())
}

/// Rows being removed from one box after the other.
struct Removal<'core> {
    core: &'core Core,
    changes: Vec<Change>,
    messages: usize,
    /// UIDs whose rows are still to be removed. Between them no message is left.
    run: Vec<Uid>,
}

impl Removal<'_> {
    fn add(&mut self, id: BoxId, uid: Uid) -> Result<()> {
        let apart = self.run.last().is_some_and(|last| last.get().checked_add(1) != Some(uid.get()));
        if apart {
            self.end_run(id);
        }
        self.run.push(uid);
        self.messages += 1;
        if self.messages >= REMOVED_AT_ONCE {
            self.end_run(id);
            self.write()?;
        }
        Ok(())
    }

    fn end_run(&mut self, id: BoxId) {
        let run = std::mem::take(&mut self.run);
        let (Some(&first), Some(&last)) = (run.first(), run.last()) else { return };
        for key in [keys::listing, keys::reference] {
            if run.len() >= RANGE_FROM {
                let mut until = key(id, last);
                until.push(0);
                self.changes.push(Change::DeleteRange(Family::Index, key(id, first), until));
            } else {
                self.changes.extend(run.iter().map(|uid| Change::Delete(Family::Index, key(id, *uid))));
            }
        }
    }

    fn write(&mut self) -> Result<()> {
        self.messages = 0;
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() { Ok(()) } else { self.core.engine.write(&changes, Durability::Later) }
    }
}
