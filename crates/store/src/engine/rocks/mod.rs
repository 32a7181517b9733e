//! The embedded engine behind the wall: RocksDB. The only folder that names it; its options are in `options`.

use std::path::Path;

use rocksdb::{
    BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor, CompactOptions, DB,
    DBRawIterator, ReadOptions, SnapshotWithThreadMode, WriteBatch, WriteBufferManager, WriteOptions,
};

pub(crate) use self::cursor::Cursor;
use self::options::{process_options, profile, write_buffers};
use super::{Change, Durability, Family, View, Visit};
use crate::{Result, StoreError};

mod cursor;
mod options;

/// One open engine. Dropping it closes it.
pub(crate) struct Engine {
    db: DB,
    cache: Cache,
    buffers: WriteBufferManager,
}

impl Engine {
    /// Opens the engine in `dir`, made if absent, with `memory` bytes for cache and write buffers together.
    pub(crate) fn open(dir: &Path, memory: usize) -> Result<Self> {
        let cache = Cache::new_lru_cache(memory);
        let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(
            write_buffers(memory),
            false,
            cache.clone(),
        );
        let families = Family::ALL
            .map(|family| ColumnFamilyDescriptor::new(family.name(), profile(family, memory, &cache)));
        let db = DB::open_cf_descriptors(&process_options(&buffers), dir, families).map_err(failed)?;
        Ok(Self { db, cache, buffers })
    }

    /// Whether the failure of [`Engine::open`] means that another process has it open.
    pub(crate) fn is_lock_failure(error: &StoreError) -> bool {
        matches!(error, StoreError::Engine(text) if text.contains("/LOCK: "))
    }

    /// Whether the failure of [`Engine::open`] means that it has families that this program does not know.
    pub(crate) fn is_newer(error: &StoreError) -> bool {
        matches!(error, StoreError::Engine(text) if text.contains("Column families not opened"))
    }

    /// All of `changes` or none, in their order.
    pub(crate) fn write(&self, changes: &[Change], durability: Durability) -> Result<()> {
        let mut batch = WriteBatch::with_capacity_bytes(changes.iter().map(Change::weight).sum());
        for change in changes {
            match change {
                Change::Put(family, key, value) => batch.put_cf(self.family(*family)?, key, value),
                Change::Delete(family, key) => batch.delete_cf(self.family(*family)?, key),
                Change::DeleteRange(family, from, until) => {
                    batch.delete_range_cf(self.family(*family)?, from, until);
                }
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Synced);
        self.db.write_opt(batch, &options).map_err(failed)
    }

    /// A view that no later write changes.
    pub(crate) fn snapshot(&self) -> Snapshot<'_> {
        Snapshot { engine: self, inner: self.db.snapshot() }
    }

    /// How many times background work failed since it was opened.
    pub(crate) fn background_errors(&self) -> u64 {
        self.number("rocksdb.background-errors")
    }

    /// Bytes of cache and write buffers in use.
    pub(crate) fn memory_used(&self) -> u64 {
        (self.cache.get_usage().max(self.buffers.get_usage())) as u64
    }

    /// Bytes of live data, estimated.
    pub(crate) fn live_bytes(&self) -> u64 {
        let of = |family: Family| {
            let handle = self.db.cf_handle(family.name())?;
            self.db.property_int_value_cf(handle, "rocksdb.estimate-live-data-size").ok().flatten()
        };
        Family::ALL.into_iter().filter_map(of).sum()
    }

    /// Waits until everything written is on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.db.flush_wal(true).map_err(failed)
    }

    /// Writes what is in memory to the disk and rewrites the files of a range, so that values which were replaced or
    /// removed there lie in none of them any more.
    pub(crate) fn scrub(&self, family: Family, from: &[u8], until: &[u8]) -> Result<()> {
        for each in Family::ALL {
            // the log goes once no family needs it
            self.db.flush_cf(self.family(each)?).map_err(failed)?;
        }
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        self.db.compact_range_cf_opt(self.family(family)?, Some(from), Some(until), &options);
        Ok(())
    }

    /// Ends background work for good, so that a process may exit while something still holds the engine. Only reads
    /// are possible afterwards.
    pub(crate) fn quiesce(&self) {
        self.db.cancel_all_background_work(true);
    }

    fn number(&self, property: &str) -> u64 {
        self.db.property_int_value(property).ok().flatten().unwrap_or(0)
    }

    fn family(&self, family: Family) -> Result<&ColumnFamily> {
        self.db
            .cf_handle(family.name())
            .ok_or_else(|| StoreError::Engine(format!("the family {} is missing", family.name())))
    }
}

impl View for Engine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.db.get_cf_opt(self.family(family)?, key, &reading(family)).map_err(failed)
    }

    fn scan(&self, family: Family, from: &[u8], until: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut options = reading(family);
        options.set_iterate_upper_bound(until);
        walk(self.db.raw_iterator_cf_opt(self.family(family)?, options), from, visit)
    }
}

/// One snapshot of an engine.
pub(crate) struct Snapshot<'engine> {
    engine: &'engine Engine,
    inner: SnapshotWithThreadMode<'engine, DB>,
}

impl View for Snapshot<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.inner.get_cf_opt(self.engine.family(family)?, key, reading(family)).map_err(failed)
    }

    fn scan(&self, family: Family, from: &[u8], until: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let mut options = reading(family);
        options.set_iterate_upper_bound(until);
        walk(self.inner.raw_iterator_cf_opt(self.engine.family(family)?, options), from, visit)
    }
}

impl Snapshot<'_> {
    /// Keys from `from`, included, to `until`, excluded, to be walked in both directions; it stands on the first.
    pub(crate) fn cursor(&self, family: Family, from: &[u8], until: &[u8]) -> Result<Cursor<'_>> {
        let mut options = reading(family);
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(until);
        Cursor::new(self.inner.raw_iterator_cf_opt(self.engine.family(family)?, options))
    }
}

fn walk(mut cursor: DBRawIterator<'_>, from: &[u8], visit: &mut Visit<'_>) -> Result<()> {
    cursor.seek(from);
    while let Some((key, value)) = cursor.item() {
        if !visit(key, value)? {
            return Ok(());
        }
        cursor.next();
    }
    cursor.status().map_err(failed)
}

/// A body read once would push everything useful out of the cache.
fn reading(family: Family) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(family != Family::Bodies);
    options
}

/// Makes the engine of a closed store as a program knew it that had no such family, and another of this name.
#[cfg(test)]
pub(crate) fn swap_family(dir: &Path, gone: Option<Family>, new: Option<&str>) {
    let options = rocksdb::Options::default();
    let names = DB::list_cf(&options, dir).expect("an engine is there");
    let mut db = DB::open_cf(&options, dir, names).expect("it opens");
    if let Some(family) = gone {
        db.drop_cf(family.name()).expect("the family is there");
    }
    if let Some(name) = new {
        db.create_cf(name, &options).expect("no such family is there");
    }
}

fn failed(error: rocksdb::Error) -> StoreError {
    StoreError::Engine(error.into_string())
}
