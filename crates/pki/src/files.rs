//! Reading the files that an operator names: whole, and never more than they can rightly hold.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::error::PkiError;

/// A file of certificates or keys is never larger.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 20;
/// A directory of certificates or revocation lists never holds more files; the rest is not read.
pub(crate) const MAX_FILES: usize = 256;

/// A whole small file and its permission bits.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, u32), PkiError> {
    let unreadable = |error| PkiError::Unreadable { path: path.into(), error };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    let bytes = bounded(file, MAX_FILE_BYTES).map_err(unreadable)?;
    Ok((bytes.ok_or_else(|| PkiError::TooLarge(path.into()))?, mode))
}

/// A whole file; none when it holds more than `most` bytes.
pub(crate) fn bounded(file: File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// The plain files of a directory in the order of their names, hidden ones left out; whether there were more than
/// [`MAX_FILES`].
pub(crate) fn listed(directory: &Path) -> io::Result<(Vec<PathBuf>, bool)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // through symbolic links: certificate directories are full of them
        if !entry.file_name().as_encoded_bytes().starts_with(b".") && entry.path().is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    let more = found.len() > MAX_FILES;
    found.truncate(MAX_FILES);
    Ok((found, more))
}
