//! Backups by the engine's own means: each is whole, and table files that did not change are kept once for all of them.
//! Knows how RocksDB lays a backup out (`meta/ID` lists the files, their CRC-32C beside them), and nothing of the store.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rocksdb::{
    Env,
    backup::{BackupEngine, BackupEngineOptions},
};

use super::{Engine, open::failure};
use crate::Result;

/// The folder whose files list what belongs to each backup.
const META: &str = "meta";

/// One backup in a directory of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EngineBackup {
    /// Its number, above those of all before it.
    pub(crate) id: u32,
    /// When it was begun, Unix seconds.
    pub(crate) taken: i64,
    /// What it is made of.
    pub(crate) files: Vec<BackupFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BackupFile {
    /// Where it lies, from the directory of backups.
    pub(crate) path: PathBuf,
    /// Its name in the directory of an engine.
    pub(crate) name: String,
    /// CRC-32C of its bytes.
    pub(crate) crc: u32,
}

/// Whether a file of the engine never changes once it is written: a table.
pub(crate) fn is_table(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "sst")
}

impl Engine {
    /// Adds a backup of all that was written before the call to `dir`, and removes the oldest beyond `keep`. What is in
    /// `dir` and unchanged is shared; all is synced. Reads and writes go on meanwhile.
    pub(crate) fn back_up(&self, dir: &Path, keep: usize) -> Result<()> {
        let open = self.now()?;
        let _held = open.hold();
        let made = || {
            let mut backups = BackupEngine::open(&BackupEngineOptions::new(dir)?, &Env::new()?)?;
            // Flushed: what is in memory then lies in tables, which the next backup shares; the log could not be.
            backups.create_new_backup_flush(open.db(), true)?;
            backups.purge_old_backups(keep)
        };
        made().map_err(|error| failure(&error))
    }
}

/// The numbers of the backups in a directory, ascending; none if it holds no backup.
pub(crate) fn backup_ids(dir: &Path) -> io::Result<Vec<u32>> {
    let entries = match fs::read_dir(dir.join(META)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(error),
    };
    let mut ids = vec![];
    for entry in entries {
        // What is being written ends in `.tmp`.
        ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// What a backup of a directory is made of; none if its list does not make sense.
pub(crate) fn backup_files(dir: &Path, id: u32) -> io::Result<Option<EngineBackup>> {
    Ok(parse(id, &fs::read_to_string(dir.join(META).join(id.to_string()))?))
}

/// Where the list of a backup's files lies, from the directory of backups.
pub(crate) fn backup_list(id: u32) -> PathBuf {
    Path::new(META).join(id.to_string())
}

/// Time, sequence number, perhaps facts of the program's, the number of files, then each file with its checksum.
fn parse(id: u32, text: &str) -> Option<EngineBackup> {
    let mut lines = text.lines().filter(|line| !line.starts_with("metadata "));
    let taken = lines.next()?.parse().ok()?;
    let _sequence: u64 = lines.next()?.parse().ok()?;
    let count: usize = lines.next()?.parse().ok()?;
    let files = lines.map(parse_file).collect::<Option<Vec<_>>>()?;
    (files.len() == count).then_some(EngineBackup { id, taken, files })
}

fn parse_file(line: &str) -> Option<BackupFile> {
    let mut words = line.split(' ');
    let path = PathBuf::from(words.next()?);
    let crc = match (words.next()?, words.next()?) {
        ("crc32", number) => number.parse().ok()?,
        _ => return None,
    };
    let inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let name = path.file_name()?.to_str()?;
    // A shared table is named after its number, who wrote it and its size: `000012_s…_4096.sst`.
    let name = match name.split_once('_') {
        Some((number, rest)) if is_table(rest) => format!("{number}.sst"),
        _ => name.to_owned(),
    };
    inside.then_some(BackupFile { path, name, crc })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_files_is_read_and_a_foreign_one_is_not() {
        let text = "1763700000\n42\n3\nprivate/7/CURRENT crc32 12\nprivate/7/MANIFEST-000004 crc32 0\n\
                    shared_checksum/000012_sABC_4096.sst crc32 4294967295\n";
        let backup = parse(7, text).unwrap();
        assert_eq!((backup.id, backup.taken, backup.files.len()), (7, 1_763_700_000, 3));
        assert_eq!(backup.files[1].name, "MANIFEST-000004");
        assert_eq!((backup.files[2].name.as_str(), backup.files[2].crc), ("000012.sst", u32::MAX));
        for foreign in ["", "1\n2\n", "1\n2\n2\na crc32 1\n", "1\n2\n1\n../a crc32 1\n", "1\n2\n1\na md5 1\n"]
        {
            assert_eq!(parse(7, foreign), None, "{foreign:?}");
        }
    }
}
