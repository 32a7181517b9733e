//! What can go wrong with backups, told with what to do.

use std::{io, path::PathBuf};

use crate::{OpenError, StoreError, keyring::KeyringError};

/// Why a backup was not made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The other end of a stream of commits went, or what came is damaged.
    #[error("the other end: {0}")]
    Stream(io::Error),
    /// The directory lies in the store that is to be backed up.
    #[error("{0} lies in the store itself: name a directory on another disk, better on another machine")]
    Inside(PathBuf),
    /// Others than its owner can reach the directory.
    #[error("{path} has mode {mode:03o}: chmod 700 it, or name a new directory in it")]
    Permissions {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is something else there.
    #[error("{0} is not empty and holds no backups: name a new directory")]
    Foreign(PathBuf),
    /// Nothing was ever backed up there.
    #[error("{0} holds no whole backup: name the directory that `vaguemestre backup` was given")]
    Absent(PathBuf),
    /// There is no backup of that number.
    #[error("{path} has no backup {id}; it has {known}")]
    Unknown {
        /// The directory.
        path: PathBuf,
        /// What was asked for.
        id: u32,
        /// The numbers there are.
        known: String,
    },
    /// The numbers of the store's log are below those that are there.
    #[error(
        "{0} follows another history of this store, or another store: after a restore, follow into a new directory"
    )]
    OtherHistory(PathBuf),
    /// Another process works in the directory.
    #[error("{0} is in use by another backup or restore: wait until it has ended")]
    Busy(PathBuf),
    /// Files are missing, or are not as they were written.
    #[error("the backup is damaged: {}", .0.join("; "))]
    Damaged(Vec<String>),
    /// The place to restore to holds something.
    #[error(
        "{0} is not empty: restore into a new directory, or move the damaged `engine` away and leave only `keys`"
    )]
    NotEmpty(PathBuf),
    /// The key file does not open.
    #[error("{0}")]
    Keys(#[from] KeyringError),
    /// The key file was made under another master key.
    #[error("{0} does not open under this master key: give the one that its store has now")]
    OtherMaster(PathBuf),
    /// What the backup holds is sealed under the keys of another store.
    #[error("this is a backup of another store, or of a time when it had a master key that was not given")]
    OtherStore,
    /// No such account or box, here or in the backup.
    #[error("{0}")]
    NotFound(String),
    /// The store did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BackupError {
    /// A failure of the system at `path`.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
