//! One open engine; snapshots of it are in `snapshot`.
//!
//! Must never touch: what keys and values mean; when to open anew.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rocksdb::{
    BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DEFAULT_COLUMN_FAMILY_NAME, ErrorKind, WriteBatch, WriteBufferManager, WriteOptions,
};

use super::{
    options::{Mode, process_options, profile, unused, write_buffers},
    reach,
    snapshot::{Source, reading},
    tables,
};
use crate::{
    Result, StoreError,
    engine::{Bounds, Change, Damage, Durability, Family, View, Visit},
};

/// What RocksDB says where the system says `ENOSPC`.
const NO_SPACE: &str = "No space left on device";
/// And where it says `ENOENT`.
const NO_FILE: &str = "No such file or directory";
/// And where tables hold what came after the damage of a log.
pub(super) const INCONSISTENT: &str = "Column family inconsistency";

/// An engine while it is open.
pub(super) struct Open {
    db: DB,
    cache: Cache,
    buffers: WriteBufferManager,
    mode: Mode,
    /// The number of the last change that was found, and the log that was begun then.
    found: u64,
    first_log: u64,
    damage: Arc<Damage>,
    /// It is to be closed: whoever reads for long ends.
    leaving: AtomicBool,
    /// How many hold it for long and cannot be told to end.
    held: AtomicUsize,
}

/// Says that it is held for long.
pub(super) struct Holding<'open>(&'open Open);

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Open {
    pub(super) fn new(
        dir: &Path,
        bounds: Bounds,
        (create, mode): (bool, Mode),
        damage: &Arc<Damage>,
    ) -> Result<Self> {
        let Bounds { memory, open_files } = bounds;
        let cache = Cache::new_lru_cache(memory);
        let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(
            write_buffers(memory),
            false,
            cache.clone(),
        );
        let mut families = Vec::with_capacity(Family::ALL.len());
        for family in Family::ALL {
            let options = profile(family, memory, &cache, mode).map_err(|error| failure(&error))?;
            families.push(ColumnFamilyDescriptor::new(family.name(), options));
        }
        families.push(ColumnFamilyDescriptor::new(DEFAULT_COLUMN_FAMILY_NAME, unused()));
        let mut options = process_options(dir, &buffers, i32::try_from(open_files).unwrap_or(i32::MAX), mode)
            .map_err(|error| failure(&error))?;
        options.create_if_missing(create);
        let db = DB::open_cf_descriptors(&options, dir, families).map_err(|error| failure(&error))?;
        let found = db.latest_sequence_number();
        // Unknown, none counts as written since: what an earlier opening left may be torn.
        let first_log = reach::newest(dir).ok().flatten().map_or(u64::MAX, |(number, _)| number);
        let (damage, leaving, held) = (Arc::clone(damage), AtomicBool::new(false), AtomicUsize::new(0));
        Ok(Self { db, cache, buffers, mode, found, first_log, damage, leaving, held })
    }

    /// How it treats damage.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// The number of the last change that was found when it was opened.
    pub(super) fn found(&self) -> u64 {
        self.found
    }

    /// The first log that it wrote to.
    pub(super) fn first_log(&self) -> u64 {
        self.first_log
    }

    /// Whether it is to be closed.
    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// It is to be closed, or not any more.
    pub(super) fn leave(&self, now: bool) {
        self.leaving.store(now, Ordering::Relaxed);
    }

    /// `Busy` once it is to be closed.
    pub(super) fn stays(&self) -> Result<()> {
        if self.is_leaving() { Err(StoreError::Busy) } else { Ok(()) }
    }

    /// Holds it for as long as it takes: it is not closed meanwhile.
    pub(super) fn hold(&self) -> Holding<'_> {
        self.held.fetch_add(1, Ordering::AcqRel);
        Holding(self)
    }

    pub(super) fn is_held(&self) -> bool {
        self.held.load(Ordering::Acquire) > 0
    }

    pub(super) fn db(&self) -> &DB {
        &self.db
    }

    pub(super) fn write(&self, changes: &[Change], durability: Durability) -> Result<()> {
        let mut batch = WriteBatch::with_capacity_bytes(changes.iter().map(Change::weight).sum());
        // Looked up once: each is found by its name.
        let mut handles = Vec::with_capacity(Family::ALL.len());
        for family in Family::ALL {
            handles.push(self.family(family)?);
        }
        for change in changes {
            match change {
                Change::Put(family, key, value) => batch.put_cf(handles[*family as usize], key, value),
                Change::Delete(family, key) => batch.delete_cf(handles[*family as usize], key),
                Change::DeleteRange(family, from, until) => {
                    batch.delete_range_cf(handles[*family as usize], from, until);
                }
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        self.db.write_opt(batch, &options).map_err(|error| self.failed(&error))
    }

    /// Whether it takes writes, at once or after a pause: nothing is written, not even to the log.
    pub(super) fn ask(&self) -> Result<()> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        options.set_no_slowdown(true);
        match self.db.write_opt(WriteBatch::default(), &options) {
            Err(error) if error.kind() != ErrorKind::Incomplete => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }

    pub(super) fn memory_used(&self) -> u64 {
        (self.cache.get_usage().max(self.buffers.get_usage())) as u64
    }

    pub(super) fn live_bytes(&self) -> u64 {
        let of = |family: Family| {
            let handle = self.db.cf_handle(family.name())?;
            self.db.property_int_value_cf(handle, "rocksdb.estimate-live-data-size").ok().flatten()
        };
        Family::ALL.into_iter().filter_map(of).sum()
    }

    pub(super) fn sync(&self) -> Result<()> {
        self.db.flush_wal(true).map_err(|error| self.failed(&error))
    }

    pub(super) fn flush(&self) -> Result<()> {
        for family in Family::ALL {
            self.db.flush_cf(self.family(family)?).map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    pub(super) fn scrub(&self, family: Family, from: &[u8], until: &[u8]) -> Result<()> {
        // the log goes once no family needs it
        self.flush()?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db.compact_range_cf_opt(self.family(family)?, Some(from), Some(until), &options);
        Ok(())
    }

    pub(super) fn drop_files(&self, family: Family, from: &[u8], until: &[u8]) -> Result<()> {
        let dropped = self.db.delete_file_in_range_cf(self.family(family)?, from, until);
        dropped.map_err(|error| self.failed(&error))
    }

    pub(super) fn number(&self, property: &str) -> u64 {
        self.db.property_int_value(property).ok().flatten().unwrap_or(0)
    }

    pub(super) fn family(&self, family: Family) -> Result<&ColumnFamily> {
        self.db
            .cf_handle(family.name())
            .ok_or_else(|| StoreError::Engine(format!("the family {} is missing", family.name())))
    }

    /// What went wrong; damage is remembered.
    pub(super) fn failed(&self, error: &rocksdb::Error) -> StoreError {
        let error = failure(error);
        if let StoreError::Damaged(file) = &error {
            self.damage.met(file);
        }
        error
    }
}

impl View for Open {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = self.db.get_cf_opt(self.family(family)?, key, &reading(family));
        found.map_err(|error| self.failed(&error))
    }

    fn scan(&self, family: Family, from: &[u8], until: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut options = reading(family);
        options.set_iterate_upper_bound(until);
        Source::whole(self).walk(self.db.raw_iterator_cf_opt(self.family(family)?, options), from, visit)
    }
}

/// A full disk and damage ask for something else than any other failure.
pub(super) fn failure(error: &rocksdb::Error) -> StoreError {
    let text = error.as_ref();
    let named = tables::named(text);
    match (error.kind(), named) {
        // No file of it is damaged: what is between its files is.
        (ErrorKind::Corruption, None) if text.contains(INCONSISTENT) => StoreError::Engine(text.to_owned()),
        (ErrorKind::Corruption, Some(file)) => StoreError::Damaged(file),
        (ErrorKind::Corruption, None) => StoreError::Damaged("engine".into()),
        (ErrorKind::IOError, Some(file)) if text.contains(NO_FILE) => StoreError::Damaged(file),
        (ErrorKind::IOError, _) if text.contains(NO_SPACE) => StoreError::Full,
        _ => StoreError::Engine(text.to_owned()),
    }
}
