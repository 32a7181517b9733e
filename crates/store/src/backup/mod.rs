//! Backups of the store: whole and incremental into a directory, proved by checksums, restored whole or one box at a
//! time. What is backed up is what lies on the disk: sealed. The key file is never in a backup, nor is the master key, so
//! that what was erased cannot be read back (I-4).
//!
//! Blocking: never on a runtime thread. May use the engine's own backups; must never touch what records mean, but for
//! the box that is restored.

mod copy;
mod error;
mod files;
mod follow;
mod full;
mod mailbox;
mod restore;
mod source;

pub use error::BackupError;
pub use follow::{FollowOptions, Followed, Position, Receiver, Replayed};
pub use full::{BackupInfo, BackupReport, VerifiedBackup, backups, verify_backup};
pub use mailbox::{BoxRestore, BoxRestored};
pub use restore::{RestoreOptions, Restored, restore};

/// Removes copies of the engine that a process that ended had under way in the store's directory.
pub(crate) fn sweep(store: &std::path::Path) {
    let Ok(entries) = std::fs::read_dir(store) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(files::SCRATCH));
        if ours && let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(%error, "what a process that ended had left could not be removed");
        }
    }
}
