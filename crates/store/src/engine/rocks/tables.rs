//! What the engine says of its own files: which it needs, how long they are, whether their blocks are what was written, and
//! which one an error is about.
//!
//! Must never write.

use std::{fs, path::Path};

use rocksdb::{DB, ReadOptions};

use super::open::Open;
use crate::Result;

/// The file that says which manifest counts: without it the engine is empty.
const ROOT: &str = "CURRENT";

/// A file of a table: written once, never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its name in the engine's directory.
    pub(crate) name: String,
    /// Its length, bytes.
    pub(crate) bytes: u64,
    /// The family whose keys it holds.
    pub(crate) family: String,
    /// Its first key and its last.
    keys: (Vec<u8>, Vec<u8>),
}

/// The tables that the engine needs now.
pub(super) fn live(db: &DB) -> Result<Vec<Table>> {
    let files = db.live_files().map_err(|error| crate::StoreError::Engine(error.into_string()))?;
    let table = |file: rocksdb::LiveFile| Table {
        name: file.name.trim_start_matches('/').to_owned(),
        bytes: file.size as u64,
        family: file.column_family_name,
        keys: (file.start_key.unwrap_or_default(), file.end_key.unwrap_or_default()),
    };
    Ok(files.into_iter().map(table).collect())
}

/// Reads what lies between the first key of a table and its last: each block that holds anything of it is checked, and those
/// of other tables that lie there too. `Busy` if the engine is to be closed.
pub(super) fn verify(open: &Open, table: &Table) -> Result<()> {
    let Some(family) = open.db().cf_handle(&table.family) else { return Ok(()) };
    let (first, mut end) = table.keys.clone();
    end.push(0);
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(first);
    options.set_iterate_upper_bound(end);
    options.set_verify_checksums(true);
    options.fill_cache(false);
    let mut cursor = open.db().raw_iterator_cf_opt(family, options);
    cursor.seek_to_first();
    while cursor.valid() {
        open.stays()?;
        cursor.next();
    }
    cursor.status().map_err(|error| open.failed(&error))
}

/// The file that a message of the engine is about: a table before whatever else it names.
pub(super) fn named(message: &str) -> Option<String> {
    let words = message.split([' ', ',', ';', ':', '"', '\'', '\n']);
    let names = words.map(|word| word.rsplit('/').next().unwrap_or(word).trim_end_matches('.'));
    let numbered = |name: &str, rest: Option<&str>| {
        let digits = rest.filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        digits.map(|_| name.to_owned())
    };
    let table = |name: &str| numbered(name, name.strip_suffix(".sst"));
    let other = |name: &str| {
        let rest = name.strip_suffix(".log").or_else(|| name.strip_prefix("MANIFEST-"));
        numbered(name, rest).or_else(|| (name == ROOT).then(|| name.to_owned()))
    };
    names.clone().find_map(table).or_else(|| names.clone().find_map(other))
}

/// Whether there is an engine.
pub(super) fn has_root(dir: &Path) -> bool {
    dir.join(ROOT).exists()
}

/// Names the root if it is lost while there are tables: an engine that may be made would be made empty.
pub(super) fn lost_root(dir: &Path) -> Option<String> {
    if has_root(dir) {
        return None;
    }
    let mut entries = fs::read_dir(dir).ok()?.filter_map(std::result::Result::ok);
    let tables = entries.any(|entry| entry.file_name().to_string_lossy().ends_with(".sst"));
    tables.then(|| ROOT.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_message_is_found() {
        for (message, name) in [
            ("Corruption: File size mismatch: /var/lib/store/engine/000012.sst", Some("000012.sst")),
            (
                "Corruption: truncated block read from /a/000009.sst offset 0, expected 25 bytes",
                Some("000009.sst"),
            ),
            (
                "Corruption: Can't access /000010.sst: IO error: No such file or directory: While stat a file for size: /a b/000010.sst",
                Some("000010.sst"),
            ),
            (
                "IO error: No such file or directory: While opening a file: /a/MANIFEST-000005: gone",
                Some("MANIFEST-000005"),
            ),
            ("Corruption: CURRENT file does not end with newline", Some("CURRENT")),
            ("Corruption: File size mismatch: /a/000021.sst in file /a/MANIFEST-000005.", Some("000021.sst")),
            ("Corruption: something else.sst", None),
        ] {
            assert_eq!(named(message).as_deref(), name, "{message}");
        }
    }
}
