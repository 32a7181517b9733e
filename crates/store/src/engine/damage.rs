//! Which files of the store are known to be damaged, and why. Shared by who finds damage and who asks before new mail is
//! taken.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Most files that are named at once; more than that is no longer a list to read.
const NAMED: usize = 100;

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is gone.
    Missing,
    /// It has another length than it must.
    Length {
        /// What it has, bytes.
        found: u64,
        /// What it must have.
        expected: u64,
    },
    /// A read found that its content is not what was written.
    Content,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is missing"),
            Self::Length { found, expected } => write!(f, "it has {found} bytes instead of {expected}"),
            Self::Content => f.write_str("its content is not what was written"),
        }
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Damage {
    any: AtomicBool,
    files: Mutex<BTreeMap<String, Wrong>>,
}

impl Damage {
    /// A read met it in this file.
    pub(crate) fn met(&self, file: &str) {
        self.change(|files| {
            if files.len() < NAMED {
                files.entry(file.to_owned()).or_insert(Wrong::Content);
            }
        });
    }

    /// What is known now.
    pub(crate) fn known(&self) -> BTreeMap<String, Wrong> {
        if self.any.load(Ordering::Acquire) { self.lock().clone() } else { BTreeMap::new() }
    }

    /// One of the files.
    pub(crate) fn first(&self) -> Option<String> {
        if self.any.load(Ordering::Acquire) { self.lock().keys().next().cloned() } else { None }
    }

    /// A file is wrong in this way, or whole.
    pub(crate) fn set(&self, file: &str, wrong: Option<Wrong>) {
        self.change(|files| match wrong {
            Some(wrong) if files.len() < NAMED || files.contains_key(file) => {
                files.insert(file.to_owned(), wrong);
            }
            Some(_) => {}
            None => {
                files.remove(file);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Wrong>)) {
        let mut files = self.lock();
        change(&mut files);
        self.any.store(!files.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Wrong>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
