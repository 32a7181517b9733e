//! The engine's options, what is set and why: every option is set on every family (those of the default one do not
//! reach the others); one budget holds blocks and write buffers; a write that must last asks for sync, and fdatasync is
//! enough; the log is capped because its length decides how long opening takes after a crash.

use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, LogLevel, Options, WriteBufferManager};

use crate::engine::Family;

const WAL_BYTES: u64 = 256 << 20;
const BACKGROUND_JOBS: i32 = 2;

/// What concerns the process as a whole.
pub(super) fn process_options(buffers: &WriteBufferManager, open_files: i32) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_use_fsync(false);
    options.set_max_total_wal_size(WAL_BYTES);
    options.set_write_buffer_manager(buffers);
    options.set_max_background_jobs(BACKGROUND_JOBS);
    options.set_max_open_files(open_files);
    options.set_bytes_per_sync(1 << 20);
    // The committer is the only writer but for parts of long bodies: insertions side by side would cost each of them.
    options.set_allow_concurrent_memtable_write(false);
    options.set_enable_write_thread_adaptive_yield(false);
    options.set_log_level(LogLevel::Warn);
    options.set_max_log_file_size(1 << 20);
    options.set_keep_log_file_num(2);
    options
}

/// The part of the memory that all write buffers may take, those being written to disk included.
pub(super) fn write_buffers(memory: usize) -> usize {
    memory / 2
}

/// What concerns one family: how it is written and read decides.
pub(super) fn profile(family: Family, memory: usize, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_format_version(5);
    let mut options = Options::default();
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
    options.set_write_buffer_size(buffer);
    options.set_max_write_buffer_number(3);
    options.set_block_based_table_factory(&blocks);
    options.set_compression_type(match family {
        // Ciphertext does not shrink.
        Family::Bodies => DBCompressionType::None,
        Family::Accounts | Family::Index | Family::Traces | Family::Queue => DBCompressionType::Lz4,
    });
    match family {
        // Counters and mod-sequences leave many tombstones: tidy a file once half of a stretch is deletions.
        Family::Accounts | Family::Index => {
            options.add_compact_on_deletion_collector_factory(4096, 2048, 0.5);
        }
        // Whatever is put in a queue leaves it: tidy early.
        Family::Queue => options.add_compact_on_deletion_collector_factory(1024, 256, 0.25),
        Family::Bodies | Family::Traces => {}
    }
    options
}
