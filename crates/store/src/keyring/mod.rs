//! The key file beside the engine (I-4): the data key of each day and kind, wrapped, and the mark below which days are
//! erased for good. It is never part of a backup of the store: without it, what was sealed under an erased day's key is
//! noise. Each change rewrites the file whole under a fresh wrapping key and overwrites its predecessor. It names the
//! store that it belongs to, so that another's is refused.
//!
//! Reading keys takes no lock. Adding or erasing a day waits for the disk: never call it on a runtime thread.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use self::file::read;
pub(crate) use self::file::{opens_under, rewrap};
pub use self::{
    error::KeyringError,
    file::{KeyFileView, backup_keys, show_keys},
};
use crate::{day::Day, files, master::MasterKey, seal::DayKey};

mod error;
mod file;
mod format;

/// What a day key seals. Kinds have keys of their own: traces outlive messages (M-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Messages received that day.
    Message,
    /// Traces of what was done that day.
    Trace,
}

impl KeyKind {
    /// The number that files and keys know it by.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Message => 1,
            Self::Trace => 2,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "messages",
            Self::Trace => "traces",
        })
    }
}

/// Tells one store from another: made from its store key, so every backup of a store has it too.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(pub(crate) [u8; StoreId::LEN]);

impl StoreId {
    /// Its length in bytes.
    pub(crate) const LEN: usize = 16;
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreId({self})")
    }
}

/// The day keys of one store.
pub(crate) struct Keyring {
    path: PathBuf,
    master: MasterKey,
    /// The store it belongs to; none until it is bound.
    store: Option<StoreId>,
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
    /// Makes the key file of a new store, which [`Keyring::bind`] then names.
    ///
    /// # Errors
    /// The file exists already, or cannot be written.
    pub(crate) fn create(path: &Path, master: &MasterKey) -> Result<Self, KeyringError> {
        let contents = Contents::default();
        let bytes = format::encode(&contents, None, &[master])?;
        files::write_new(path, &bytes).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeyringError::Exists(path.into()),
            _ => KeyringError::Io { path: path.into(), error },
        })?;
        Ok(Self::new(path, master, None, contents))
    }

    /// Reads the key file of the store `store`, and clears what a rewrite that was killed left behind. It may be bound
    /// to no store yet: see [`Keyring::is_bound`].
    ///
    /// # Errors
    /// The file is missing, readable by others, altered, of another version or store, or wrapped by another master key.
    pub(crate) fn open(path: &Path, master: &MasterKey, store: StoreId) -> Result<Self, KeyringError> {
        let file = read(path, master, store)?;
        files::tidy(path).map_err(|error| KeyringError::Io { path: path.into(), error })?;
        Ok(Self::new(path, master, file.store, file.contents))
    }

    /// Whether the file says which store it belongs to.
    pub(crate) fn is_bound(&self) -> bool {
        self.store.is_some()
    }

    /// Says for good which store it belongs to. The caller has seen that it does.
    ///
    /// # Errors
    /// The disk refused.
    pub(crate) fn bind(&mut self, store: StoreId) -> Result<(), KeyringError> {
        self.store = Some(store);
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.rewrite(Contents::clone(&self.contents.load()))
    }

    fn new(path: &Path, master: &MasterKey, store: Option<StoreId>, contents: Contents) -> Self {
        Self {
            path: path.into(),
            master: master.clone(),
            store,
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

    /// Destroys the keys of a day and of every day before it, for good: none of these days ever has a key again.
    ///
    /// # Errors
    /// The disk refused: call again; until it succeeds the key may still be there.
    pub(crate) fn erase(&self, kind: KeyKind, day: Day) -> Result<(), KeyringError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut contents = Contents::clone(&self.contents.load());
        contents.keys.retain(|(of, known), _| *of != kind || *known > day);
        let mark = contents.erased.entry(kind).or_insert(day);
        *mark = day.max(*mark);
        self.rewrite(contents)
    }

    /// The newest day whose keys are destroyed; none if none are.
    pub(crate) fn erased(&self, kind: KeyKind) -> Option<Day> {
        self.contents.load().erased.get(&kind).copied()
    }

    /// The days that have a key of this kind, oldest first.
    pub(crate) fn days(&self, kind: KeyKind) -> Vec<Day> {
        let contents = self.contents.load();
        contents.keys.keys().filter(|(of, _)| *of == kind).map(|(_, day)| *day).collect()
    }

    fn rewrite(&self, contents: Contents) -> Result<(), KeyringError> {
        let bytes = Zeroizing::new(format::encode(&contents, self.store, &[&self.master])?);
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

#[cfg(test)]
mod tests;
