//! Speed of writing on this machine: `cargo bench -p store --bench write -- [physical] [deliver] [micro] [4x64…] [directory]…`.
//! Prints a line a measurement, for each directory in turn: what the machine itself can do, what the store makes of it, and
//! the parts of one delivery. A directory decides what a sync costs; the default is the system's temporary one.
//! `4x64` is 4 KiB from 64 callers: only such deliveries are then measured. Deliveries carry bytes that no compression shrinks, and everything an accepted message leaves: two records, two traces'
//! rows, counters.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

#[path = "../../tests/common/mod.rs"]
mod common;

mod deliver;
mod micro;
mod physical;
#[path = "../../../../benches/measure/mod.rs"]
#[allow(unreachable_pub, reason = "shared with benches that are crates of their own")]
mod rows;

use std::path::{Path, PathBuf};

/// The one of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let (words, dirs): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).partition(|arg| !arg.contains('/'));
    let loads: Vec<(usize, usize)> = words.iter().filter_map(|word| load(word)).collect();
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
            deliver::measure(fresh(&dir).path(), &deliver::ALL, limits.as_ref());
        } else if !loads.is_empty() {
            deliver::measure(fresh(&dir).path(), &loads, limits.as_ref());
        }
        if wanted("micro") {
            let place = fresh(&dir);
            let store = deliver::open(place.path());
            micro::measure(&store);
            store.close().unwrap();
        }
    }
}

/// KiB and callers.
fn load(word: &str) -> Option<(usize, usize)> {
    let (size, callers) = word.split_once('x')?;
    Some((size.parse().ok()?, callers.parse().ok()?))
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

/// The same in lines of base64, as attachments travel.
fn base64(bytes: &[u8]) -> Vec<u8> {
    let text = data_encoding::BASE64.encode(bytes);
    text.as_bytes().chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()
}
