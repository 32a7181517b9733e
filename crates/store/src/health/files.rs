//! The table files on the disk against what the engine believes: one that is gone, cut or replaced is found at the next
//! look, long before a reader or a compaction stumbles on it.
//!
//! Beside a damaged table the engine works carefully: nothing in the background touches it. A table that looks whole again is
//! believed once the engine was opened anew and read all of it.
//!
//! Looks at names, lengths and stamps. Must never open or write a file.

use std::{collections::BTreeMap, ffi::OsStr, fs, os::unix::fs::MetadataExt as _, path::Path};

use crate::{
    StoreError,
    engine::{Engine, Table, Wrong},
};

/// Files looked at in one round at most: a store with more has them looked at in turn.
const LOOKED_AT: usize = 1_000;

/// What tells a file from another put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

/// A file that is known to be damaged.
struct Case {
    /// The damaged file itself.
    stamp: Option<Stamp>,
    /// It looks whole since then: the engine's opening at that time, which knows the damaged file still.
    whole_in: Option<u64>,
}

/// What the rounds remember.
#[derive(Default)]
pub(super) struct Files {
    tables: Vec<Table>,
    next: usize,
    cases: BTreeMap<String, Case>,
}

/// What a round found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Newly found damage.
    pub(super) damaged: Vec<(String, Wrong)>,
    /// Files that are whole again, and the engine knows.
    pub(super) whole: Vec<String>,
    /// The engine should be opened anew: before files that look whole count as such, or to work beside damaged ones.
    pub(super) reopen: bool,
}

impl Files {
    /// One round; the engine's list of damage is brought up to date.
    pub(super) fn look(&mut self, engine: &Engine) -> Round {
        let Some(tables) = engine.tables() else { return self.note(engine) };
        self.tables = tables;
        let mut wrong = self.some_wrong(engine.dir());
        if !wrong.is_empty() {
            // What was not needed any more when it was looked at is no loss.
            let needed = engine.tables().unwrap_or_default();
            wrong.retain(|(name, _)| needed.iter().any(|table| table.name == *name));
        }
        for (name, what) in wrong {
            engine.damage().set(&name, Some(what));
        }
        self.follow(engine)
    }

    /// While the engine is not open nobody knows which files it needs: opening it tells. What that found is noted as it
    /// is now, so that another file in its place is seen.
    fn note(&mut self, engine: &Engine) -> Round {
        let mut round = Round::default();
        for (name, what) in engine.damage().known() {
            self.cases.entry(name.clone()).or_insert_with(|| {
                round.damaged.push((name.clone(), what));
                Case { stamp: stamp(&engine.dir().join(&name)), whole_in: None }
            });
        }
        round
    }

    /// The next files in turn that are not as they must be.
    fn some_wrong(&mut self, dir: &Path) -> Vec<(String, Wrong)> {
        let count = self.tables.len();
        let turn = (0..count.min(LOOKED_AT)).map(|step| (self.next + step) % count);
        let found = turn.filter_map(|at| self.tables.get(at));
        let found = found.filter_map(|table| wrong(dir, table).map(|what| (table.name.clone(), what)));
        let found = found.collect();
        self.next = if count == 0 { 0 } else { (self.next + LOOKED_AT) % count };
        found
    }

    /// Follows what is damaged until it is whole.
    fn follow(&mut self, engine: &Engine) -> Round {
        let (known, epoch) = (engine.damage().known(), engine.epoch());
        let (mut round, mut careful) = (Round::default(), false);
        self.cases.retain(|name, _| known.contains_key(name));
        for (name, what) in known {
            let stamp = stamp(&engine.dir().join(&name));
            let case = self.cases.entry(name.clone()).or_insert_with(|| {
                round.damaged.push((name.clone(), what));
                Case { stamp, whole_in: None }
            });
            let table = self.tables.iter().find(|table| table.name == name);
            if table.is_none() && !is_compared(&name) {
                careful = true;
                continue;
            }
            let as_it_must = table.is_none_or(|table| wrong(engine.dir(), table).is_none());
            let replaced = what != Wrong::Content || table.is_none() || stamp != case.stamp;
            if !as_it_must || !replaced {
                case.whole_in = None;
                careful = true;
                continue;
            }
            if *case.whole_in.get_or_insert(epoch) == epoch {
                round.reopen = true;
                continue;
            }
            match table.map_or(Ok(()), |table| engine.verify(table)) {
                Ok(()) => {
                    engine.damage().set(&name, None);
                    self.cases.remove(&name);
                    round.whole.push(name);
                }
                Err(StoreError::Damaged(file)) => {
                    careful = true;
                    // Another one that lies between is followed by itself.
                    if file == name {
                        engine.damage().set(&name, Some(Wrong::Content));
                        *case = Case { stamp, whole_in: None };
                    }
                }
                // Asked again.
                Err(_) => {}
            }
        }
        engine.be_careful(careful);
        round.reopen |= engine.is_careful().is_some_and(|is| is != careful);
        round
    }
}

/// Whether an engine that was opened anew knows that this file is whole, or needs it no more: a table, or a log. Nothing proves
/// another one while the store is open, nor an unnamed one: a start does.
fn is_compared(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    matches!(extension, Some("sst" | "log"))
}

fn wrong(dir: &Path, table: &Table) -> Option<Wrong> {
    match fs::metadata(dir.join(&table.name)) {
        Ok(found) if found.len() == table.bytes => None,
        Ok(found) => Some(Wrong::Length { found: found.len(), expected: table.bytes }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Wrong::Missing),
        // A system that does not tell says nothing about the file.
        Err(_) => None,
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp { inode: found.ino(), modified: (found.mtime(), found.mtime_nsec()), bytes: found.len() })
}
