//! The master key: 32 bytes in a small file that only the service may read (I-5). It wraps other keys and seals nothing
//! else, so it can be changed without rewriting data. It is never written to the store, and never shown.

use std::{
    fmt,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::constant_time;
use data_encoding::BASE64;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    files::{self, OpenFileError},
    seal::{self, SealError},
};

/// A longer file is not a master key: 44 characters, and room for white space around them.
const MAX_FILE_BYTES: u64 = 128;

/// The key above all others. Debug output hides it; memory is wiped when the last clone goes.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Reads the key from `path`: 32 bytes in base64 (RFC 4648 §4, padded), white space around them ignored.
    ///
    /// # Errors
    /// The file is missing, readable by group or others, or holds something else.
    pub fn load(path: &Path) -> Result<Self, MasterKeyError> {
        Self::read(path, 0o077)
    }

    /// Reads the key, of the same shape, from the systemd credential `name` in the directory that the service manager
    /// made for this service (`$CREDENTIALS_DIRECTORY`). It gives the service access by an access control list, whose
    /// mask shows as a group that may read.
    ///
    /// # Errors
    /// No plain file name; no such credential; readable by others; something else in it.
    pub fn load_credential(directory: &Path, name: &str) -> Result<Self, MasterKeyError> {
        if !is_credential_name(name) {
            return Err(MasterKeyError::Name(name.into()));
        }
        let path = directory.join(name);
        match Self::read(&path, 0o037) {
            Err(MasterKeyError::NotFound(_)) => Err(MasterKeyError::NoCredential(path)),
            read => read,
        }
    }

    fn read(path: &Path, forbidden: u32) -> Result<Self, MasterKeyError> {
        let mut text = Zeroizing::new(Vec::with_capacity(256));
        files::open_guarded(path, forbidden)
            .map_err(|error| MasterKeyError::reading(path, error))?
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|error| MasterKeyError::Io { path: path.into(), error })?;
        let malformed = || MasterKeyError::Malformed(path.into());
        let bytes = Zeroizing::new(BASE64.decode(text.trim_ascii()).map_err(|_| malformed())?);
        seal::key_of(&bytes).map(Self).ok_or_else(malformed)
    }

    /// Draws a key and writes it to the new file `path` (mode 0600), synced with its directory before it returns.
    ///
    /// # Errors
    /// The file exists already (it is never overwritten: what it wraps would be lost), or cannot be written.
    pub fn create(path: &Path) -> Result<Self, MasterKeyError> {
        let key = seal::random::<32>()?;
        let mut text = Zeroizing::new(BASE64.encode(key.as_slice()));
        text.push('\n');
        files::write_new(path, text.as_bytes()).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => MasterKeyError::Exists(path.into()),
            _ => MasterKeyError::Io { path: path.into(), error },
        })?;
        Ok(Self(key))
    }

    /// Whether both are the same key.
    pub(crate) fn is(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.bytes(), other.bytes()).is_ok()
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Whether a text may name a credential: a file name of at most 255 bytes (systemd.exec(5)).
#[must_use]
pub fn is_credential_name(name: &str) -> bool {
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
    (1..=255).contains(&name.len()) && plain && name != "." && name != ".."
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Why there is no master key.
#[derive(Debug, Error)]
pub enum MasterKeyError {
    /// Nothing is there.
    #[error("there is no master key at {0}: restore it from its backup, or create one for a new store")]
    NotFound(PathBuf),
    /// The service manager gave no such credential.
    #[error(
        "there is no credential at {0}: add LoadCredential=NAME:FILE or LoadCredentialEncrypted=NAME:FILE to the service"
    )]
    NoCredential(PathBuf),
    /// No credential has such a name.
    #[error("{0:?} is no name of a credential: write a plain file name")]
    Name(String),
    /// A new key was asked for where one is.
    #[error("{0} exists already: a master key is never overwritten, name another file or load this one")]
    Exists(PathBuf),
    /// Others than its owner can reach it.
    #[error(
        "{path} has mode {mode:03o}: make it readable by its owner only (chmod 600) and consider it seen"
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The content is not a key.
    #[error("{0} does not hold a master key (32 bytes in base64): restore it from its backup")]
    Malformed(PathBuf),
    /// The system refused.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No random bytes to be had.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl MasterKeyError {
    fn reading(path: &Path, error: OpenFileError) -> Self {
        match error {
            OpenFileError::NotFound => Self::NotFound(path.into()),
            OpenFileError::Permissions(mode) => Self::Permissions { path: path.into(), mode },
            OpenFileError::Io(error) => Self::Io { path: path.into(), error },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master.key");
        (dir, path)
    }

    #[test]
    fn what_was_created_loads_and_is_private() {
        let (_dir, path) = place();
        let key = MasterKey::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(MasterKey::load(&path).unwrap().bytes(), key.bytes());
        assert_eq!(format!("{key:?}"), "MasterKey(…)");
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let (_dir, path) = place();
        let key = MasterKey::create(&path).unwrap();
        assert!(matches!(MasterKey::create(&path), Err(MasterKeyError::Exists(_))));
        assert_eq!(MasterKey::load(&path).unwrap().bytes(), key.bytes());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let (_dir, path) = place();
        MasterKey::create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = MasterKey::load(&path).unwrap_err();
            assert!(matches!(error, MasterKeyError::Permissions { mode: found, .. } if found == mode));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        MasterKey::load(&path).unwrap();
    }

    #[test]
    fn a_credential_is_read_as_the_service_manager_gives_it() {
        let (dir, path) = place();
        let key = MasterKey::create(&path).unwrap();
        let load = |name: &str| MasterKey::load_credential(dir.path(), name);
        for mode in [0o400, 0o440, 0o600] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(load("master.key").unwrap().is(&key), "{mode:o}");
        }
        for mode in [0o444, 0o460, 0o402] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(load("master.key"), Err(MasterKeyError::Permissions { .. })), "{mode:o}");
        }
        assert!(matches!(load("master"), Err(MasterKeyError::NoCredential(_))));
        for name in ["", ".", "..", "../master.key", "a/b", "a b", "a:b", &"a".repeat(256)] {
            assert!(matches!(load(name), Err(MasterKeyError::Name(_))), "{name}");
        }
    }

    #[test]
    fn anything_but_one_key_is_refused() {
        let (_dir, path) = place();
        assert!(matches!(MasterKey::load(&path), Err(MasterKeyError::NotFound(_))));
        let good = BASE64.encode(&[7; 32]);
        for text in ["", "hello", &BASE64.encode(&[7; 31]), &BASE64.encode(&[7; 33]), &good.repeat(3)] {
            let _ = fs::remove_file(&path);
            files::write_new(&path, text.as_bytes()).unwrap();
            assert!(matches!(MasterKey::load(&path), Err(MasterKeyError::Malformed(_))), "{text}");
        }
        fs::remove_file(&path).unwrap();
        files::write_new(&path, format!("  {good}\r\n").as_bytes()).unwrap();
        assert_eq!(MasterKey::load(&path).unwrap().bytes(), &[7; 32]);
    }
}
