//! Opening a store: what it takes and how it fails.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{clock::Clock, master::MasterKey, settings::Settings};

/// What a store is for; fixed when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Real mail.
    Production,
    /// A demonstration: known passwords, loopback only.
    Demonstration,
}

/// What opening takes.
pub struct OpenOptions {
    /// The store's directory.
    pub dir: PathBuf,
    /// The key that opens its key file.
    pub master: MasterKey,
    /// Where instants come from (I-10).
    pub clock: Arc<dyn Clock>,
    /// Its limits.
    pub settings: Settings,
    /// Make the store, of this kind, if there is none. None: an absent store is an error.
    pub create: Option<Kind>,
}

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no store there.
    #[error("there is no store in {0}: create one, or correct the path")]
    Absent(PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("the store in {0} is in use by another process: stop that one first")]
    InUse(PathBuf),
    /// The key file does not open.
    #[error("the keys of the store do not open: {0}")]
    Keys(String),
    /// It was made by another version.
    #[error("the store has format {found}, this program knows {known}: use the version that made it")]
    Format {
        /// The store's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The engine failed.
    #[error("the storage engine failed: {0}")]
    Engine(String),
}
