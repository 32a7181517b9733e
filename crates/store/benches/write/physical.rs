//! What the machine itself can do, in the directory where the store will be: syncs of a growing file, sealing on one core,
//! and the engine below the store with one writer.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rocksdb::{DB, Options, WriteBatch, WriteOptions};

const TURN: Duration = Duration::from_secs(1);
/// Bytes of a message.
const MESSAGE: usize = 4 << 10;

/// Messages made durable a second, by messages a sync.
pub(crate) struct Limits {
    /// A file that grows, 64 messages a sync.
    pub(crate) file: f64,
    /// The engine, 64 messages a sync, one key each.
    pub(crate) engine: f64,
}

pub(crate) fn measure(dir: &Path) -> Limits {
    let mut limits = Limits { file: 0.0, engine: 0.0 };
    for together in [1, 16, 64] {
        let syncs = syncs(dir, together);
        limits.file = syncs * together as f64;
        println!(
            "  fdatasync, {together} x 4 KiB: {syncs:.0}/s, {:.0} messages/s, {:.0} MB/s",
            limits.file,
            limits.file * MESSAGE as f64 / 1e6
        );
    }
    println!("  AES-256-GCM, 64 KiB at a time: {:.1} GB/s", seal_rate(64 << 10) / 1e9);
    println!("  AES-256-GCM, 4 KiB at a time: {:.1} GB/s", seal_rate(MESSAGE) / 1e9);
    for together in [1, 16, 64] {
        let batches = engine_batches(dir, together);
        limits.engine = batches * together as f64;
        println!(
            "  engine, synced batch of {together} x 4 KiB: {batches:.0}/s, {:.0} messages/s",
            limits.engine
        );
    }
    limits
}

/// Runs a turn; how often a second.
fn rate(mut once: impl FnMut()) -> f64 {
    let (start, mut times) = (Instant::now(), 0.0);
    while start.elapsed() < TURN {
        once();
        times += 1.0;
    }
    times / start.elapsed().as_secs_f64()
}

fn syncs(dir: &Path, together: usize) -> f64 {
    let path = dir.join("log");
    let mut file = File::create(&path).unwrap();
    let bytes = super::noise(MESSAGE * together);
    let rate = rate(|| {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    });
    std::fs::remove_file(path).unwrap();
    rate
}

fn seal_rate(bytes: usize) -> f64 {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let mut buffer = super::noise(bytes);
    let seals = rate(|| {
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut buffer).unwrap();
        drop(std::hint::black_box(tag));
    });
    seals * bytes as f64
}

fn engine_batches(dir: &Path, together: usize) -> f64 {
    let path = dir.join("engine");
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compression_type(rocksdb::DBCompressionType::None);
    let db = DB::open(&options, &path).unwrap();
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    let value = super::noise(MESSAGE);
    let mut number = 0_u64;
    let rate = rate(|| {
        let mut batch = WriteBatch::default();
        for _ in 0..together {
            batch.put(number.to_be_bytes(), &value);
            number += 1;
        }
        db.write_opt(batch, &synced).unwrap();
    });
    drop(db);
    DB::destroy(&options, &path).unwrap();
    rate
}
