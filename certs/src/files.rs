//! Files, read if they are there and written whole or not at all.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use crate::DemoPkiError;

/// For everybody.
pub(crate) const PUBLIC: u32 = 0o644;
/// For the owner alone.
pub(crate) const PRIVATE: u32 = 0o600;

pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, DemoPkiError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DemoPkiError::File { path: path.into(), error }),
    }
}

pub(crate) fn read_text(path: &Path) -> Result<Option<String>, DemoPkiError> {
    Ok(read(path)?.and_then(|bytes| String::from_utf8(bytes).ok()))
}

pub(crate) fn directory(path: &Path) -> Result<(), DemoPkiError> {
    fs::create_dir_all(path).map_err(|error| DemoPkiError::File { path: path.into(), error })
}

/// Writes `path` whole or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DemoPkiError> {
    // The whole name and one more ending: `nord.pem` and `nord.key` have a new file each.
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    let write = || {
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(new, path)
    };
    write().map_err(|error| DemoPkiError::File { path: path.into(), error })
}
