//! Whole backups: made while the store runs, listed, verified.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    BackupError,
    files::{self, DirLock},
    follow,
};
use crate::{
    Store,
    engine::backup::{self, BackupFile, EngineBackup},
};

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// Its number in its directory.
    pub id: u32,
    /// When it was begun: everything acknowledged before is in it.
    pub taken: Timestamp,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Those of them that were written now; the others are shared with older backups.
    pub written: u64,
    /// The backups that the directory has now, ascending.
    pub kept: Vec<u32>,
}

/// A backup that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupInfo {
    /// Its number.
    pub id: u32,
    /// When it was begun.
    pub taken: Timestamp,
}

/// A backup whose every byte is as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedBackup {
    /// Its number; none for a second place that followed.
    pub id: Option<u32>,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Backs everything up into `dir` (made if absent, mode 0700), sharing what older backups there have, and removes
    /// the oldest beyond `keep`. Mail goes on. What was written now is read back. Blocking, for as long as the disk takes.
    ///
    /// # Errors
    /// [`BackupError`]: the directory lies in the store, can be reached by others, holds something else, or is in use;
    /// the disk or the engine failed, what was written does not read back.
    pub fn back_up(&self, dir: &Path, keep: usize) -> Result<BackupReport, BackupError> {
        if files::lies_in(dir, &self.core.dir) {
            return Err(BackupError::Inside(dir.into()));
        }
        files::private_dir(dir)?;
        let _lock = DirLock::take(dir)?;
        let before = known(dir)?;
        if before.is_empty() && has_more_than_a_lock(dir)? {
            return Err(BackupError::Foreign(dir.into()));
        }
        let mut shared = BTreeSet::new();
        for id in before {
            // One that cannot be read shares nothing; whether it is damaged is for `verify_backup` to say.
            let listed = listed(dir, id).map(|backup| backup.files).unwrap_or_default();
            shared.extend(listed.into_iter().map(|file| file.path));
        }
        self.core.engine.back_up(dir, keep.max(1))?;
        let kept = known(dir)?;
        let id = *kept.last().ok_or_else(|| BackupError::Absent(dir.into()))?;
        let made = listed(dir, id)?;
        let new: Vec<_> = made.files.iter().filter(|file| !shared.contains(&file.path)).cloned().collect();
        let written = verify(dir, &new)?;
        let bytes = made.files.iter().map(|file| length(dir, file)).sum::<Result<u64, _>>()?;
        Ok(BackupReport { id, taken: time(&made), bytes, written, kept })
    }
}

/// The backups of a directory, oldest first.
///
/// # Errors
/// [`BackupError::Absent`] if there are none, `Damaged` if the list of one cannot be read.
pub fn backups(dir: &Path) -> Result<Vec<BackupInfo>, BackupError> {
    let ids = known(dir)?;
    if ids.is_empty() {
        return Err(BackupError::Absent(dir.into()));
    }
    ids.into_iter()
        .map(|id| {
            let backup = listed(dir, id)?;
            Ok(BackupInfo { id, taken: time(&backup) })
        })
        .collect()
}

/// Reads a backup whole (the latest if none is named) and compares every file with its checksum. Blocking.
///
/// # Errors
/// [`BackupError::Damaged`] names each file that is missing or altered; `Absent`, `Unknown`.
pub fn verify_backup(dir: &Path, id: Option<u32>) -> Result<VerifiedBackup, BackupError> {
    if follow::is_followed(dir) {
        let (files, bytes) = follow::verify(dir)?;
        return Ok(VerifiedBackup { id: None, files, bytes });
    }
    let backup = find(dir, id)?;
    let bytes = verify(dir, &backup.files)?;
    Ok(VerifiedBackup { id: Some(backup.id), files: backup.files.len() as u64, bytes })
}

/// One backup of a directory: that of this number, or the latest.
pub(super) fn find(dir: &Path, id: Option<u32>) -> Result<EngineBackup, BackupError> {
    let ids = known(dir)?;
    let latest = *ids.last().ok_or_else(|| BackupError::Absent(dir.into()))?;
    let wanted = id.unwrap_or(latest);
    if !ids.contains(&wanted) {
        let known = ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        return Err(BackupError::Unknown { path: dir.into(), id: wanted, known });
    }
    listed(dir, wanted)
}

/// When a backup was begun.
pub(super) fn time(backup: &EngineBackup) -> Timestamp {
    Timestamp::from_second(backup.taken).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn known(dir: &Path) -> Result<Vec<u32>, BackupError> {
    backup::backup_ids(dir).map_err(BackupError::at(dir))
}

fn listed(dir: &Path, id: u32) -> Result<EngineBackup, BackupError> {
    let list = dir.join(backup::backup_list(id));
    backup::backup_files(dir, id)
        .map_err(BackupError::at(&list))?
        .ok_or_else(|| BackupError::Damaged(vec![format!("{} is altered", list.display())]))
}

/// Compares files with their checksums; gives their bytes.
fn verify(dir: &Path, files: &[BackupFile]) -> Result<u64, BackupError> {
    let (mut bytes, mut damaged) = (0, vec![]);
    for file in files {
        let path = dir.join(&file.path);
        match files::checksum(&path) {
            Ok((crc, length)) if crc == file.crc => bytes += length,
            Ok(_) => damaged.push(altered(&path)),
            Err(error) => damaged.push(format!("{}: {error}", path.display())),
        }
    }
    if damaged.is_empty() { Ok(bytes) } else { Err(BackupError::Damaged(damaged)) }
}

/// What is said of a file whose bytes are not those that were written.
pub(super) fn altered(path: &Path) -> String {
    format!("{} is altered: move it away and back up again, which writes it anew", path.display())
}

fn length(dir: &Path, file: &BackupFile) -> Result<u64, BackupError> {
    let path: PathBuf = dir.join(&file.path);
    fs::metadata(&path).map(|found| found.len()).map_err(BackupError::at(path))
}

fn has_more_than_a_lock(dir: &Path) -> Result<bool, BackupError> {
    // An interrupted first backup leaves the engine's own folders, and they are taken up again.
    const OURS: [&str; 5] = ["lock", "meta", "private", "shared", "shared_checksum"];
    for entry in fs::read_dir(dir).map_err(BackupError::at(dir))? {
        let entry = entry.map_err(BackupError::at(dir))?;
        if !entry.file_name().to_str().is_some_and(|name| OURS.contains(&name)) {
            return Ok(true);
        }
    }
    Ok(false)
}
