//! Speed of writing on this machine: `cargo bench -p store --bench write -- [physical] [deliver] [micro] [directory]…`.
//! Prints a line a measurement, for each directory in turn: what the machine itself can do, what the store makes of it, and
//! the parts of one delivery. A directory decides what a sync costs; the default is the system's temporary one.
//! Deliveries carry bytes that no compression shrinks, and everything an accepted message leaves: two records, two traces'
//! rows, counters.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

#[path = "../../tests/common/mod.rs"]
mod common;

mod deliver;
mod micro;
mod physical;

use std::path::{Path, PathBuf};

fn main() {
    let (words, dirs): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).partition(|arg| !arg.contains('/'));
    let wanted = |word: &str| words.is_empty() || words.iter().any(|given| given == word);
    let dirs: Vec<PathBuf> = if dirs.is_empty() {
        vec![std::env::temp_dir()]
    } else {
        dirs.into_iter().map(PathBuf::from).collect()
    };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    println!("load of the machine before: {}", load.trim());
    for dir in dirs {
        println!("\n{}", dir.display());
        let limits = wanted("physical").then(|| physical::measure(fresh(&dir).path()));
        if wanted("deliver") {
            deliver::measure(fresh(&dir).path(), limits.as_ref());
        }
    }
    if wanted("micro") {
        micro::measure();
    }
}

fn fresh(parent: &Path) -> tempfile::TempDir {
    tempfile::tempdir_in(parent).unwrap()
}

/// Bytes that look like noise, the same each time.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
