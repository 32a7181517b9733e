//! Snapshots of an engine that keep it open, and those of them that never touch the disk.
//!
//! Must never touch: what keys and values mean; when to open the engine anew.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use rocksdb::{DB, DBRawIterator, Error, ErrorKind, ReadOptions, ReadTier, SnapshotWithThreadMode};
use self_cell::self_cell;

use super::{Cursor, open::Open};
use crate::{
    Result, StoreError,
    engine::{Family, View, Visit},
};

type Inner<'open> = SnapshotWithThreadMode<'open, DB>;

self_cell!(
    struct Held {
        owner: Arc<Open>,
        #[covariant]
        dependent: Inner,
    }
);

/// Removed keys that a reading of what lies in memory steps over before it gives up.
const STEPPED_OVER: u64 = 1_000;

/// One snapshot of an engine, which stays open as long as this lives.
pub(crate) struct Snapshot {
    held: Option<Held>,
    near: Option<Near>,
}

impl Snapshot {
    /// Of an engine that is open, or of none. With a number of keys it reads only what lies in memory, and so many of them.
    pub(super) fn new(open: Option<Arc<Open>>, keys: Option<u32>) -> Self {
        let held = open.map(|open| Held::new(open, |open| open.db().snapshot()));
        Self { held, near: keys.map(Near::new) }
    }

    /// Keys from `from`, included, to `until`, excluded, to be walked in both directions; it stands on the first.
    pub(crate) fn cursor(&self, family: Family, from: &[u8], until: &[u8]) -> Result<Cursor<'_>> {
        let (open, snapshot) = self.held()?;
        let mut options = self.reading(family);
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(until);
        let inner = snapshot.raw_iterator_cf_opt(open.family(family)?, options);
        Cursor::new(Source { open, near: self.near.as_ref() }, inner)
    }

    /// Whether something was asked for that does not lie in memory, or too much was. Then what it told is worth nothing: it is to
    /// be asked again of a snapshot that may touch the disk. Always false of such a one.
    pub(crate) fn missed(&self) -> bool {
        self.near.as_ref().is_some_and(Near::has_missed)
    }

    /// As [`Snapshot::missed`], and forgets it: whoever asked can do without.
    pub(crate) fn forgive(&self) -> bool {
        self.near.as_ref().is_some_and(|near| near.missed.swap(false, Ordering::Relaxed))
    }

    /// Whether it reads only what lies in memory.
    pub(crate) fn is_near(&self) -> bool {
        self.near.is_some()
    }

    /// Whether nothing can be read through it any more: the engine is being opened anew.
    pub(crate) fn is_over(&self) -> bool {
        self.held().is_err()
    }

    fn held(&self) -> Result<(&Open, &Inner<'_>)> {
        let held = self.held.as_ref().ok_or(StoreError::Busy)?;
        held.borrow_owner().stays()?;
        Ok((held.borrow_owner(), held.borrow_dependent()))
    }

    fn reading(&self, family: Family) -> ReadOptions {
        let mut options = reading(family);
        if self.is_near() {
            options.set_read_tier(ReadTier::BlockCache);
            options.set_max_skippable_internal_keys(STEPPED_OVER);
        }
        options
    }
}

impl View for Snapshot {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let (open, snapshot) = self.held()?;
        let source = Source { open, near: self.near.as_ref() };
        source.step()?;
        let found = snapshot.get_cf_opt(open.family(family)?, key, self.reading(family));
        found.map_err(|error| source.failed(&error))
    }

    fn scan(&self, family: Family, from: &[u8], until: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let (open, snapshot) = self.held()?;
        let source = Source { open, near: self.near.as_ref() };
        let mut options = self.reading(family);
        options.set_iterate_upper_bound(until);
        source.walk(snapshot.raw_iterator_cf_opt(open.family(family)?, options), from, visit)
    }
}

/// What is read: an engine, and what may be read of it.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    open: &'s Open,
    near: Option<&'s Near>,
}

impl<'s> Source<'s> {
    /// All that an engine has.
    pub(super) fn whole(open: &'s Open) -> Self {
        Self { open, near: None }
    }

    /// Visits keys from `from` on, as long as `visit` says true.
    pub(super) fn walk(
        self,
        mut cursor: DBRawIterator<'_>,
        from: &[u8],
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        cursor.seek(from);
        while let Some((key, value)) = cursor.item() {
            self.step()?;
            if !visit(key, value)? {
                return Ok(());
            }
            cursor.next();
        }
        cursor.status().map_err(|error| self.failed(&error))
    }

    /// One key more.
    ///
    /// # Errors
    /// `Busy` once the engine is to be closed, or if that is one too many.
    pub(super) fn step(self) -> Result<()> {
        self.open.stays()?;
        self.near.map_or(Ok(()), Near::step)
    }

    /// What went wrong. What does not lie in memory is no failure: whoever asks, asks again.
    pub(super) fn failed(self, error: &Error) -> StoreError {
        match self.near {
            Some(near) if error.kind() == ErrorKind::Incomplete => near.miss(),
            _ => self.open.failed(error),
        }
    }
}

/// The bounds of a snapshot that never touches the disk.
struct Near {
    /// Keys that may still be asked for.
    left: AtomicU32,
    missed: AtomicBool,
}

impl Near {
    fn new(keys: u32) -> Self {
        Self { left: AtomicU32::new(keys), missed: AtomicBool::new(false) }
    }

    fn step(&self) -> Result<()> {
        match self.left.load(Ordering::Relaxed).checked_sub(1) {
            Some(left) if !self.has_missed() => {
                self.left.store(left, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(self.miss()),
        }
    }

    fn miss(&self) -> StoreError {
        self.missed.store(true, Ordering::Relaxed);
        StoreError::Busy
    }

    fn has_missed(&self) -> bool {
        self.missed.load(Ordering::Relaxed)
    }
}

/// A body read once would push everything useful out of the cache.
pub(super) fn reading(family: Family) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(family != Family::Bodies);
    options
}
