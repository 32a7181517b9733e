//! The engine's options, what is set and why: every option is set on every family (those of the default one do not
//! reach the others); one budget holds blocks and write buffers; a write that must last asks for sync, and fdatasync is
//! enough; the log is capped because its length decides how long opening takes after a crash.

use std::{path::Path, time::Instant};

use rocksdb::{
    BlockBasedOptions, Cache, DBCompressionType, Error, InfoLogger, LogLevel, Options, WriteBufferManager,
};

use crate::{engine::Family, health::Quiet};

/// How an engine treats damage of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A damaged file keeps it from being opened, and background work that meets one stops every write.
    Strict,
    /// It opens without damaged tables and goes on beside them: a read that needs one fails, and no background work touches
    /// tables but to add one.
    Careful,
}

const WAL_BYTES: u64 = 256 << 20;
const BACKGROUND_JOBS: i32 = 2;

/// Bytes a second that are taken at first while tables are written more slowly than memory fills up.
const HELD_BACK_TO: u64 = 128 << 20;

/// Tables of rows that are merged at once into those below them, which are all written again: with more of them that is
/// seldom, with fewer of them a box is read from fewer places.
const MERGED_TOGETHER: i32 = 8;

/// Bytes of a write buffer into which nothing is written.
const UNUSED_BUFFER: usize = 4 << 20;

/// Seconds before a table at the bottom is written again only because no snapshot needs its numbers any more. A table of
/// bodies never is: its day goes first. What was expunged while a snapshot saw it may lie there until then.
const BODIES_AT_REST: u32 = 200 * 86_400;
const ROWS_AT_REST: u32 = 86_400;

/// What concerns the process as a whole.
///
/// # Errors
/// The engine knows one of these options no more.
pub(super) fn process_options(
    dir: &Path,
    buffers: &WriteBufferManager,
    open_files: i32,
    mode: Mode,
) -> Result<Options, Error> {
    // On a disk a log whose room is claimed beforehand is synced sooner. Where files lie in memory it takes all its pages
    // at once, while deliveries wait.
    let named = format!("delayed_write_rate={HELD_BACK_TO};allow_fallocate={}", !is_in_memory(dir));
    let mut options = Options::default().get_options_from_string(named)?;
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(mode == Mode::Strict);
    options.set_use_fsync(false);
    options.set_max_total_wal_size(WAL_BYTES);
    options.set_write_buffer_manager(buffers);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_max_open_files(open_files);
    options.set_bytes_per_sync(1 << 20);
    // The committer is the only writer but for parts of long bodies: insertions side by side would cost each of them.
    options.set_allow_concurrent_memtable_write(false);
    options.set_enable_write_thread_adaptive_yield(false);
    options.set_info_logger(logger());
    Ok(options)
}

/// The family that every engine has and nothing uses. Its buffer counts where the room of the first log is claimed.
pub(super) fn unused() -> Options {
    let mut options = Options::default();
    options.set_write_buffer_size(UNUSED_BUFFER);
    options
}

/// Whether the files of a directory lie in memory, or will if it is still to be made.
fn is_in_memory(dir: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    let found = dir.ancestors().find_map(|dir| rustix::fs::statfs(dir).ok());
    found.is_some_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| kind == TMPFS))
}

/// Hands on what RocksDB says. It keeps no text log of its own: opening renames that before it asks whether another process
/// has the engine, and fails if the other one does so at the same moment.
pub(super) fn logger() -> InfoLogger {
    let quiet = Quiet::default();
    InfoLogger::new_callback_logger(LogLevel::Warn, move |level, text| {
        let said = text.trim_end();
        if !matches!(level, LogLevel::Error | LogLevel::Fatal) {
            tracing::debug!(said, "the storage engine says");
        } else if let Some(before) = quiet.due(Instant::now()) {
            tracing::warn!(said, before, "the storage engine reports a failure");
        }
    })
}

/// The part of the memory that all write buffers may take, those being written to disk included.
pub(super) fn write_buffers(memory: usize) -> usize {
    memory / 2
}

/// What concerns one family: how it is written and read decides.
///
/// # Errors
/// The engine knows one of these options no more.
pub(super) fn profile(family: Family, memory: usize, cache: &Cache, mode: Mode) -> Result<Options, Error> {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_format_version(5);
    let mut options = Options::default().get_options_from_string(named(family))?;
    let (buffer, block) = match family {
        Family::Accounts => (memory / 24, 4 << 10),
        Family::Index => (memory / 10, 16 << 10),
        Family::Bodies => (memory / 6, 64 << 10),
        Family::Traces => (memory / 24, 16 << 10),
        Family::Queue => (memory / 32, 4 << 10),
    };
    blocks.set_block_size(block);
    if family != Family::Bodies {
        // A chunk that is asked for exists, and files of bodies do not overlap: a filter would only cost.
        blocks.set_bloom_filter(10.0, false);
    }
    // From the first moment: a change of options later makes the engine look at every table again. Without compaction
    // the number of tables holds no write up either.
    options.set_disable_auto_compactions(mode == Mode::Careful);
    options.set_write_buffer_size(buffer);
    // The last one is filled slowly: writes that are held back a little need not be stopped.
    options.set_max_write_buffer_number(4);
    options.set_block_based_table_factory(&blocks);
    // Nearly all of it is ciphertext or random, which does not shrink.
    options.set_compression_type(DBCompressionType::None);
    if matches!(family, Family::Index | Family::Traces) {
        options.set_level_zero_file_num_compaction_trigger(MERGED_TOGETHER);
    }
    match family {
        // Counters and mod-sequences leave many tombstones: tidy a file once half of a stretch is deletions.
        Family::Accounts | Family::Index => {
            options.add_compact_on_deletion_collector_factory(4096, 2048, 0.5);
        }
        // Whatever is put in a queue leaves it: tidy early.
        Family::Queue => options.add_compact_on_deletion_collector_factory(1024, 256, 0.25),
        Family::Bodies | Family::Traces => {}
    }
    Ok(options)
}

/// Options that have no other way in than their names.
fn named(family: Family) -> String {
    let rest = if family == Family::Bodies { BODIES_AT_REST } else { ROWS_AT_REST };
    // Rows come in a few orderly streams: one for each box; one for each sort of what belongs to bodies and journeys, whose
    // identifiers begin with the time; one for each sort of the others, which a batch brings in order. A row's place is
    // looked for where the last of its stream went in, not from the top.
    let stream = match family {
        Family::Index => Some(9),
        Family::Traces => Some(5),
        Family::Accounts | Family::Queue => Some(1),
        Family::Bodies => None,
    };
    let hint = stream
        .map(|bytes| format!(";memtable_insert_with_hint_prefix_extractor=rocksdb.FixedPrefix.{bytes}"));
    format!("bottommost_file_compaction_delay={rest}{}", hint.unwrap_or_default())
}
