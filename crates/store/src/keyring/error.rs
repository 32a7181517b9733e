//! What can be wrong with a key file, and what to do about it. No text holds a key.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{KeyKind, StoreId, format::FormatError};
use crate::{day::Day, seal::SealError};

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// Nothing is there.
    #[error(
        "there is no key file at {0}: put the copy there that `vaguemestre keys backup` made last (mode 600), without it \
         nothing can be read"
    )]
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
    #[error("{0} is not a key file: put the copy there that `vaguemestre keys backup` made last")]
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
    #[error(
        "{0} does not open under this master key: give the one that it was made with, or the one of the last \
         `vaguemestre keys rotate`"
    )]
    Master(PathBuf),
    /// The wrapping key opens, the rest does not.
    #[error("{0} is damaged: put the copy there that `vaguemestre keys backup` made last")]
    Damaged(PathBuf),
    /// That day's key was destroyed.
    #[error("the keys of {day} ({kind}) are erased: what was sealed under them is gone for good")]
    Erased {
        /// What the key sealed.
        kind: KeyKind,
        /// The day.
        day: Day,
    },
    /// It belongs to another store.
    #[error(
        "{path} is the key file of the store {other}, and this is the store {store}: put this store's own key file there"
    )]
    OtherStore {
        /// The file.
        path: PathBuf,
        /// The store that was opened.
        store: StoreId,
        /// The store that the file belongs to.
        other: StoreId,
    },
    /// It opens nothing of this store, and does not say to which it belongs.
    #[error("{0} is the key file of another store: put this store's own key file there")]
    Stranger(PathBuf),
    /// The store holds what days received that have no key here.
    #[error(
        "{path} is older than its store: it has no key for {}. Put the newest copy of the key file back; if there is none, \
         what those days received is lost: restore a backup of the store of the same age as the key file",
        .days.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Days that the store holds, without a key; at most ten are named.
        days: Vec<Day>,
    },
    /// A copy of the key file must not lie there.
    #[error("{path}: {why}")]
    Place {
        /// Where it was to be.
        path: PathBuf,
        /// Why not, and where instead.
        why: &'static str,
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

impl KeyringError {
    /// Whether the disk had no room for the key file.
    pub(crate) fn is_for_space(&self) -> bool {
        matches!(self, Self::Io { error, .. } if error.kind() == io::ErrorKind::StorageFull)
    }
}

impl FormatError {
    pub(super) fn at(self, path: &Path) -> KeyringError {
        match self {
            Self::Foreign => KeyringError::Foreign(path.into()),
            Self::Version(version) => KeyringError::Version { path: path.into(), version },
            Self::Master => KeyringError::Master(path.into()),
            Self::Damaged => KeyringError::Damaged(path.into()),
            Self::Seal(error) => KeyringError::Seal(error),
        }
    }
}
