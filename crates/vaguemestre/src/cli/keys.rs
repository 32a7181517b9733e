//! The words of `keys`: the master key, and the file that holds the keys of the days.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::MasterKeyPlace;

/// `keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a new master key in FILE (mode 0600), which must not exist.
    Create {
        /// The file to make.
        file: PathBuf,
    },
    /// Give the store to another master key; nothing that it holds is rewritten (offline: the daemon must not run).
    ///
    /// May be stopped at any moment and run again with the same keys. When it is done, the old key opens the store no more:
    /// set [store] master_key to the new one.
    Rotate {
        /// The new master key: a file, or credential:NAME.
        #[arg(long, value_name = "PLACE", value_parser = place)]
        new: MasterKeyPlace,
        #[command(flatten)]
        at: KeyPlace,
    },
    /// Copy the file of the days' keys to FILE, whose last copy it replaces; the daemon may run.
    ///
    /// No backup of the store holds these keys. Keep one copy, the newest: an older one would keep readable what has been
    /// erased since.
    Backup {
        /// The file to write, outside the store and its backups.
        file: PathBuf,
        #[command(flatten)]
        at: KeyPlace,
    },
    /// Which days have keys and up to which day they are erased; no key is shown, and the daemon may run.
    Show {
        #[command(flatten)]
        at: KeyPlace,
    },
}

/// Which store, and which master key opens it.
#[derive(Debug, Args)]
pub(crate) struct KeyPlace {
    #[command(flatten)]
    pub(crate) config: super::Config,
    /// The master key in use, in place of the configuration's: a file, or credential:NAME.
    #[arg(long, value_name = "PLACE", value_parser = place)]
    pub(crate) master: Option<MasterKeyPlace>,
}

pub(super) fn place(text: &str) -> Result<MasterKeyPlace, String> {
    MasterKeyPlace::parse(text).ok_or_else(|| {
        "write the path of a file, or credential:NAME for a credential of the service".to_owned()
    })
}
