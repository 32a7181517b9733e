//! Where the files of an engine come from: a backup, or a directory that followed.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{
    BackupError, files,
    follow::{self, Replayed},
    full,
};
use crate::engine::{Engine, backup::EngineBackup};

/// Where the files of an engine come from.
pub(super) enum Source<'d> {
    /// A backup of a directory of backups.
    Backup(&'d Path, EngineBackup),
    /// A directory that followed.
    Followed(&'d Path, follow::Base),
}

impl<'d> Source<'d> {
    /// What a directory has.
    pub(super) fn find(from: &'d Path, id: Option<u32>) -> Result<Self, BackupError> {
        if follow::is_followed(from) {
            return Ok(Self::Followed(from, follow::find_base(from)?));
        }
        Ok(Self::Backup(from, full::find(from, id)?))
    }

    /// The number of the backup and when it was begun; neither for a directory that followed.
    pub(super) fn name(&self) -> (Option<u32>, Option<Timestamp>) {
        match self {
            Self::Backup(_, backup) => (Some(backup.id), Some(full::time(backup))),
            Self::Followed(..) => (None, None),
        }
    }

    /// Its files: where each lies, its name in an engine, its checksum.
    pub(super) fn files(&self) -> Vec<(PathBuf, &str, u32)> {
        match self {
            Self::Backup(dir, backup) => {
                backup.files.iter().map(|file| (dir.join(&file.path), file.name.as_str(), file.crc)).collect()
            }
            Self::Followed(_, base) => {
                base.files.iter().map(|(name, crc, _)| (base.dir.join(name), name.as_str(), *crc)).collect()
            }
        }
    }

    /// Copies them to where an engine opens them; gives their bytes.
    pub(super) fn copy(&self, engine: &Path) -> Result<u64, BackupError> {
        let mut bytes = 0;
        for (path, name, crc) in self.files() {
            let (found, length) = files::copy(&path, &engine.join(name)).map_err(BackupError::at(&path))?;
            if found != crc {
                return Err(BackupError::Damaged(vec![full::altered(&path)]));
            }
            bytes += length;
        }
        files::sync_dir(engine).map_err(BackupError::at(engine))?;
        Ok(bytes)
    }

    /// Writes the log again that a directory that followed has, on an engine made of its files.
    pub(super) fn write_log(&self, engine: &Engine) -> Result<Option<Replayed>, BackupError> {
        match self {
            Self::Backup(..) => Ok(None),
            Self::Followed(dir, _) => follow::catch_up(dir, engine).map(Some),
        }
    }
}
