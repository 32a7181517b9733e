//! Files of backups: private, copied with their checksum, synced. Knows paths and bytes only.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::BackupError;

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Makes a directory that only its owner can reach, or checks that one that is there is.
pub(crate) fn private_dir(path: &Path) -> Result<(), BackupError> {
    match fs::metadata(path) {
        Ok(found) => {
            let mode = found.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(BackupError::Permissions { path: path.into(), mode });
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.map_err(BackupError::at(path))
        }
        Err(error) => Err(BackupError::at(path)(error)),
    }
}

/// The path as the system knows it, whether its last parts exist or not.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let known = absolute.ancestors().find_map(|above| {
        let known = above.canonicalize().ok()?;
        let rest = absolute.strip_prefix(above).ok()?;
        // Joined with nothing, a file would end with a slash.
        Some(if rest.as_os_str().is_empty() { known } else { known.join(rest) })
    });
    known.unwrap_or(absolute)
}

/// Whether one path is the other or lies below it.
pub(crate) fn lies_in(path: &Path, dir: &Path) -> bool {
    resolved(path).starts_with(resolved(dir))
}

/// A lock that one process at a time has on a directory; given back when it is dropped.
pub(crate) struct DirLock {
    _file: fs::File,
}

impl DirLock {
    /// Takes the lock, or says that another has it.
    pub(crate) fn take(dir: &Path) -> Result<Self, BackupError> {
        let path = dir.join("lock");
        let open = fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = open.map_err(BackupError::at(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(fs::TryLockError::WouldBlock) => Err(BackupError::Busy(dir.into())),
            Err(fs::TryLockError::Error(error)) => Err(BackupError::at(path)(error)),
        }
    }
}

/// CRC-32C and length of a file.
pub(crate) fn checksum(path: &Path) -> io::Result<(u32, u64)> {
    read_through(path, |_| Ok(()))
}

/// Copies a file to a new one of mode 0600, synced; gives the CRC-32C and length of what was read.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<(u32, u64)> {
    let mut new = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let read = read_through(from, |piece| new.write_all(piece))?;
    new.sync_all()?;
    Ok(read)
}

fn read_through(path: &Path, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<(u32, u64)> {
    let mut file = fs::File::open(path)?;
    let mut piece = vec![0; PIECE];
    let (mut crc, mut length) = (0, 0);
    loop {
        let read = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok((crc, length));
        };
        each(bytes)?;
        crc = crc32c::crc32c_append(crc, bytes);
        length += read as u64;
    }
}

/// What copies of the engine under way are called in the store's directory.
pub(super) const SCRATCH: &str = "copy-";

/// A directory for a copy of the engine under way, in the store's: not made yet, removed when it is dropped.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(store: &Path) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self(store.join(format!("{SCRATCH}{}", NUMBER.fetch_add(1, Ordering::Relaxed))))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a copy that is done with could not be removed; the next start does");
            }
            _ => {}
        }
    }
}

/// Makes the names in a directory last.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_recognised_through_links_and_before_it_exists() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        fs::create_dir(&store).unwrap();
        std::os::unix::fs::symlink(&store, dir.path().join("link")).unwrap();
        assert!(lies_in(&store, &store));
        assert!(lies_in(&dir.path().join("link/new/backup"), &store));
        assert!(!lies_in(&dir.path().join("store-backup"), &store));
        assert!(!lies_in(dir.path(), &store));
        fs::write(store.join("file"), "x").unwrap();
        assert!(resolved(&store.join("file")).is_file());
    }

    #[test]
    fn one_process_at_a_time_works_in_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::take(dir.path()).unwrap();
        assert!(matches!(DirLock::take(dir.path()), Err(BackupError::Busy(_))));
        drop(held);
        assert!(DirLock::take(dir.path()).is_ok());
    }

    #[test]
    fn a_directory_that_others_reach_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("a/b");
        private_dir(&new).unwrap();
        assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o700);
        fs::set_permissions(&new, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(private_dir(&new), Err(BackupError::Permissions { mode: 0o750, .. })));
    }

    #[test]
    fn a_copy_gives_the_checksum_that_is_known_for_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        // RFC 3720, B.4: 32 bytes of zeros.
        fs::write(&from, [0; 32]).unwrap();
        assert_eq!(copy(&from, &to).unwrap(), (0x8a91_36aa, 32));
        assert_eq!(checksum(&to).unwrap(), (0x8a91_36aa, 32));
        assert!(copy(&from, &to).is_err(), "nothing is overwritten");
    }
}
