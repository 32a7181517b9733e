//! The key file beside the engine (I-4): the data key of each day and kind, wrapped, and the mark below which days are
//! erased for good. It is never part of a backup of the store: without it, what was sealed under an erased day's key is
//! noise. Each change rewrites the file whole under a fresh wrapping key and overwrites its predecessor.
//!
//! Reading keys takes no lock. Adding or erasing a day waits for the disk: never call it on a runtime thread.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use thiserror::Error;
use zeroize::Zeroizing;

use self::format::FormatError;
use crate::{
    day::Day,
    files::{self, OpenFileError},
    master::MasterKey,
    seal::{DayKey, SealError},
};

mod format;

/// What a day key seals. Kinds have keys of their own: traces outlive messages (M-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Messages received that day.
    Message,
    /// Traces of what was done that day.
    Trace,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "messages",
            Self::Trace => "traces",
        })
    }
}

/// The day keys of one store.
pub(crate) struct Keyring {
    path: PathBuf,
    master: MasterKey,
    contents: ArcSwap<Contents>,
    /// One writer at a time.
    writing: Mutex<()>,
}

/// What the key file holds.
#[derive(Clone, Default)]
struct Contents {
    keys: BTreeMap<(KeyKind, Day), DayKey>,
    /// The newest day erased of each kind: an older day that has no key never gets one.
    erased: BTreeMap<KeyKind, Day>,
}

impl Keyring {
    /// Makes the key file of a new store.
    ///
    /// # Errors
    /// The file exists already, or cannot be written.
    pub(crate) fn create(path: &Path, master: &MasterKey) -> Result<Self, KeyringError> {
        let contents = Contents::default();
        let bytes = format::encode(&contents, master)?;
        files::write_new(path, &bytes).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyringError::Exists(path.into()),
            _ => KeyringError::Io { path: path.into(), error },
        })?;
        Ok(Self::new(path, master, contents))
    }

    /// Reads the key file of a store, and clears what a rewrite that was killed left behind.
    ///
    /// # Errors
    /// The file is missing, readable by others, altered, of another version, or wrapped by another master key.
    pub(crate) fn open(path: &Path, master: &MasterKey) -> Result<Self, KeyringError> {
        let io = |error| KeyringError::Io { path: path.into(), error };
        let mut bytes = Vec::new();
        files::open_private(path)
            .map_err(|error| match error {
                OpenFileError::NotFound => KeyringError::NotFound(path.into()),
                OpenFileError::Permissions(mode) => KeyringError::Permissions { path: path.into(), mode },
                OpenFileError::Io(error) => io(error),
            })?
            .take(format::MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        let contents = format::decode(&bytes, master).map_err(|error| error.at(path))?;
        files::tidy(path).map_err(io)?;
        Ok(Self::new(path, master, contents))
    }

    fn new(path: &Path, master: &MasterKey, contents: Contents) -> Self {
        Self {
            path: path.into(),
            master: master.clone(),
            contents: ArcSwap::from_pointee(contents),
            writing: Mutex::new(()),
        }
    }

    /// The key of a day that has one.
    ///
    /// # Errors
    /// [`KeyringError::Erased`] or [`KeyringError::Unknown`] when it has none.
    pub(crate) fn day_key(&self, kind: KeyKind, day: Day) -> Result<DayKey, KeyringError> {
        let contents = self.contents.load();
        match contents.keys.get(&(kind, day)) {
            Some(key) => Ok(key.clone()),
            None if contents.is_erased(kind, day) => Err(KeyringError::Erased { kind, day }),
            None => Err(KeyringError::Unknown { kind, day }),
        }
    }

    /// The key of a day, made and synced to disk if the day had none.
    ///
    /// # Errors
    /// [`KeyringError::Erased`]: that day, or one after it, was erased. The disk refused: the day has no key.
    pub(crate) fn ensure(&self, kind: KeyKind, day: Day) -> Result<DayKey, KeyringError> {
        match self.day_key(kind, day) {
            Err(KeyringError::Unknown { .. }) => {}
            known => return known,
        }
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match self.day_key(kind, day) {
            Err(KeyringError::Unknown { .. }) => {}
            known => return known,
        }
        let key = DayKey::generate()?;
        let mut contents = Contents::clone(&self.contents.load());
        contents.keys.insert((kind, day), key.clone());
        self.rewrite(contents)?;
        Ok(key)
    }

    /// Destroys the key of a day, for good. A day without a key may be erased too: it will never have one.
    ///
    /// # Errors
    /// The disk refused: call again; until it succeeds the key may still be there.
    #[cfg_attr(not(test), allow(dead_code, reason = "retention is not built yet"))]
    pub(crate) fn erase(&self, kind: KeyKind, day: Day) -> Result<(), KeyringError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut contents = Contents::clone(&self.contents.load());
        contents.keys.remove(&(kind, day));
        let mark = contents.erased.entry(kind).or_insert(day);
        *mark = day.max(*mark);
        self.rewrite(contents)
    }

    /// The days that have a key of this kind, oldest first.
    #[cfg_attr(not(test), allow(dead_code, reason = "retention is not built yet"))]
    pub(crate) fn days(&self, kind: KeyKind) -> Vec<Day> {
        let contents = self.contents.load();
        contents.keys.keys().filter(|(of, _)| *of == kind).map(|(_, day)| *day).collect()
    }

    fn rewrite(&self, contents: Contents) -> Result<(), KeyringError> {
        let bytes = Zeroizing::new(format::encode(&contents, &self.master)?);
        files::replace(&self.path, &bytes)
            .map_err(|error| KeyringError::Io { path: self.path.clone(), error })?;
        self.contents.store(Arc::new(contents));
        Ok(())
    }
}

impl Contents {
    fn is_erased(&self, kind: KeyKind, day: Day) -> bool {
        self.erased.get(&kind).is_some_and(|mark| day <= *mark)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// Nothing is there.
    #[error("there is no key file at {0}: restore it from its own backup, without it nothing can be read")]
    NotFound(PathBuf),
    /// A new key file was asked for where one is.
    #[error("{0} exists already: a key file is never overwritten by a new store, choose another directory")]
    Exists(PathBuf),
    /// Others than its owner can reach it.
    #[error("{path} has mode {mode:03o}: make it readable by its owner only (chmod 600)")]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The content is something else.
    #[error("{0} is not a key file: restore it from its own backup")]
    Foreign(PathBuf),
    /// A newer program wrote it.
    #[error("{path} is a key file of version {version}, newer than this program: install the newer program")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u8,
    },
    /// The wrapping key does not open.
    #[error("{0} does not open under this master key: use the one it was made with, or its last successor")]
    Master(PathBuf),
    /// The wrapping key opens, the rest does not.
    #[error("{0} is damaged: restore it from its own backup")]
    Damaged(PathBuf),
    /// That day's key was destroyed.
    #[error("the keys of {day} ({kind}) are erased: what was sealed under them is gone for good")]
    Erased {
        /// What the key sealed.
        kind: KeyKind,
        /// The day.
        day: Day,
    },
    /// That day never had a key, or this key file is older than the store.
    #[error("{day} ({kind}) has no key: is this key file older than the store?")]
    Unknown {
        /// What the key would seal.
        kind: KeyKind,
        /// The day.
        day: Day,
    },
    /// There are more days than a key file may hold.
    #[error("the key file is full: erase the days whose time has passed")]
    Full,
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The cryptographic library refused.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl FormatError {
    fn at(self, path: &Path) -> KeyringError {
        match self {
            Self::Foreign => KeyringError::Foreign(path.into()),
            Self::Version(version) => KeyringError::Version { path: path.into(), version },
            Self::Master => KeyringError::Master(path.into()),
            Self::Damaged => KeyringError::Damaged(path.into()),
            Self::Seal(error) => KeyringError::Seal(error),
        }
    }
}

#[cfg(test)]
mod tests;
