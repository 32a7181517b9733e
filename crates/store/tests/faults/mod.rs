//! A failing disk for a process under test: compiles `faults.c`, loads it before libc, and gives it orders while the process
//! runs. What each order simulates, and what not, is said at the head of `faults.c`.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "test helpers; each program uses a part"
)]

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCE: &str = include_str!("faults.c");

/// Calls that an order counts.
pub const DATA: i32 = 1;
pub const SYNC: i32 = 2;
pub const NAME: i32 = 4;
pub const LENGTH: i32 = 8;
pub const ALL: i32 = DATA | SYNC | NAME | LENGTH;

pub const EIO: i32 = 5;
pub const ENOSPC: i32 = 28;

/// What is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Nothing: calls are counted.
    Nothing,
    /// Killed before the step that follows so many.
    Kill(i32),
    /// The same, but half of the step's bytes are written.
    Torn(i32),
    /// The power fails before the step that follows so many: what was not synced is lost.
    Cut(i32),
    /// Each step gives this error, for so many steps; none: until the next order.
    Fail { error: i32, steps: Option<i32> },
}

/// The orders to one process at a time.
pub struct Faults {
    control: File,
    path: PathBuf,
    under: PathBuf,
}

impl Faults {
    /// Orders about files under `under`, which need not exist yet; kept in the file `control`.
    pub fn new(control: &Path, under: &Path) -> Self {
        fs::write(control, [0; 64]).unwrap();
        let file = File::options().read(true).write(true).open(control).unwrap();
        Self { control: file, path: control.to_owned(), under: under.to_owned() }
    }

    /// Has the process of `command` under these orders.
    pub fn over<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("LD_PRELOAD", library())
            .env("FAULTS_CONTROL", &self.path)
            .env("FAULTS_UNDER", &self.under)
    }

    /// Gives an order about calls of these kinds; counting starts anew.
    pub fn order(&self, order: Order, kinds: i32) {
        // The order itself is set last: until then the other words mean nothing.
        self.set(0, 0);
        let (number, countdown, error, window) = match order {
            Order::Nothing => (0, 0, 0, 0),
            Order::Kill(after) => (1, after, 0, 0),
            Order::Torn(after) => (2, after, 0, 0),
            Order::Cut(after) => (3, after, 0, 0),
            Order::Fail { error, steps } => (4, 0, error, steps.unwrap_or(0)),
        };
        for (word, value) in [(1, countdown), (2, error), (3, window), (4, kinds), (5, 0), (6, 0)] {
            self.set(word, value);
        }
        self.set(0, number);
    }

    /// Steps since the last order, of all kinds.
    pub fn steps(&self) -> i32 {
        self.get(5)
    }

    /// Steps that failed since the last order.
    pub fn failed(&self) -> i32 {
        self.get(6)
    }

    fn set(&self, word: u64, value: i32) {
        self.control.write_all_at(&value.to_le_bytes(), 4 * word).unwrap();
    }

    fn get(&self, word: u64) -> i32 {
        let mut bytes = [0; 4];
        self.control.read_exact_at(&mut bytes, 4 * word).unwrap();
        i32::from_le_bytes(bytes)
    }
}

/// The compiled library, made once for each version of its source.
fn library() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    SOURCE.hash(&mut hasher);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = dir.join(format!("faults-{:016x}.so", hasher.finish()));
    if !path.exists() {
        let scratch = tempfile::tempdir_in(dir).unwrap();
        let (source, made) = (scratch.path().join("faults.c"), scratch.path().join("faults.so"));
        fs::write(&source, SOURCE).unwrap();
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&made, &source])
            .args(["-ldl", "-lpthread"])
            .status()
            .unwrap();
        assert!(compiled.success(), "faults.c does not compile");
        fs::rename(made, &path).unwrap();
    }
    path
}
