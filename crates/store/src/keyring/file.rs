//! The key file as a file: read, shown without its keys, copied to safety, given to another master key. None of this
//! takes the engine, so it works beside a running service; only [`rewrap`] must have the store to itself.

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    thread,
    time::Duration,
};

use super::{
    KeyKind, KeyringError, StoreId,
    format::{self, FormatError, KeyFile},
};
use crate::{
    day::Day,
    files::{self, OpenFileError},
    master::MasterKey,
    open::KEY_FILE,
};

/// How often a file that is being replaced is read again, and the pause between: what it held is overwritten a moment
/// after its successor has its name.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// What a key file says, without its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFileView {
    /// The store that it belongs to; none if no program that says so has opened the store yet.
    pub store: Option<StoreId>,
    /// Days of received messages that can be read, oldest first.
    pub messages: Vec<Day>,
    /// Days of traces that can be read, oldest first.
    pub traces: Vec<Day>,
    /// The newest day whose messages were erased; days up to it never get a key again.
    pub messages_erased: Option<Day>,
    /// The same for traces.
    pub traces_erased: Option<Day>,
    /// Master keys that open it: two while one follows another.
    pub masters: u8,
}

impl From<&KeyFile> for KeyFileView {
    fn from(file: &KeyFile) -> Self {
        let contents = &file.contents;
        let days = |kind| contents.keys.keys().filter(|(of, _)| *of == kind).map(|(_, day)| *day).collect();
        Self {
            store: file.store,
            messages: days(KeyKind::Message),
            traces: days(KeyKind::Trace),
            messages_erased: contents.erased.get(&KeyKind::Message).copied(),
            traces_erased: contents.erased.get(&KeyKind::Trace).copied(),
            masters: file.masters,
        }
    }
}

/// What the key file of the store in `dir` says; the service may run. Blocking.
///
/// # Errors
/// [`KeyringError`]: it is missing, readable by others, damaged, newer, or another master key's.
pub fn show_keys(dir: &Path, master: &MasterKey) -> Result<KeyFileView, KeyringError> {
    read_moving(&dir.join(KEY_FILE), master).map(|(_, file)| KeyFileView::from(&file))
}

/// Copies the key file of the store in `dir` to the file `to`, whose last copy it replaces and overwrites; the service
/// may run. Blocking.
///
/// # Errors
/// [`KeyringError`]: as [`show_keys`]; `to` is inside the store or a backup of a store, a link, something else than a
/// copy of this store's keys; the system refused.
pub fn backup_keys(dir: &Path, master: &MasterKey, to: &Path) -> Result<KeyFileView, KeyringError> {
    let (bytes, file) = read_moving(&dir.join(KEY_FILE), master)?;
    check_place(dir, to)?;
    let failed = |error| KeyringError::Io { path: to.into(), error };
    if check_predecessor(to, &file)? {
        files::replace(to, &bytes).map_err(failed)?;
    } else {
        files::write_new(to, &bytes).map_err(failed)?;
    }
    Ok(KeyFileView::from(&file))
}

/// Whether a key file that nobody replaces meanwhile opens under this master key.
///
/// # Errors
/// It cannot be read, or is no key file.
pub(crate) fn opens_under(path: &Path, master: &MasterKey) -> Result<bool, KeyringError> {
    match format::decode(&read_bytes(path)?, master) {
        Ok(_) => Ok(true),
        Err(FormatError::Master) => Ok(false),
        Err(error) => Err(error.at(path)),
    }
}

/// Writes the key file anew for the holders of `masters`; `master` opens it now.
///
/// # Errors
/// It does not open, or the disk refused.
pub(crate) fn rewrap(
    path: &Path,
    store: StoreId,
    master: &MasterKey,
    masters: &[&MasterKey],
) -> Result<(), KeyringError> {
    let file = read(path, master, store)?;
    let bytes = format::encode(&file.contents, file.store, masters)?;
    files::replace(path, &bytes).map_err(|error| KeyringError::Io { path: path.into(), error })
}

/// Reads and opens a key file that nobody replaces meanwhile, of that store if it says of which.
pub(super) fn read(path: &Path, master: &MasterKey, store: StoreId) -> Result<KeyFile, KeyringError> {
    let bytes = read_bytes(path)?;
    // which store it names is told first: under another store's master key it would only seem to be the wrong key
    if let Some(other) = format::named_store(&bytes).filter(|other| *other != store) {
        return Err(KeyringError::OtherStore { path: path.into(), store, other });
    }
    format::decode(&bytes, master).map_err(|error| error.at(path))
}

/// The same, with its bytes, while a service may replace it.
fn read_moving(path: &Path, master: &MasterKey) -> Result<(Vec<u8>, KeyFile), KeyringError> {
    let mut tries = 1;
    loop {
        let bytes = read_bytes(path)?;
        match format::decode(&bytes, master) {
            Ok(file) => return Ok((bytes, file)),
            Err(error) if tries == TRIES => return Err(error.at(path)),
            Err(_) => thread::sleep(PAUSE),
        }
        tries += 1;
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, KeyringError> {
    let io = |error| KeyringError::Io { path: path.into(), error };
    let mut bytes = Vec::new();
    files::open_private(path)
        .map_err(|error| match error {
            OpenFileError::NotFound => KeyringError::NotFound(path.into()),
            OpenFileError::Permissions(mode) => KeyringError::Permissions { path: path.into(), mode },
            OpenFileError::Io(error) => io(error),
        })?
        .take(format::MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    Ok(bytes)
}

/// Refuses a place from which the copy would travel with a backup of the store: together they would undo erasures.
fn check_place(store_dir: &Path, to: &Path) -> Result<(), KeyringError> {
    let refused = |why| Err(KeyringError::Place { path: to.into(), why });
    let parent = match to.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let canonical =
        |path: &Path| fs::canonicalize(path).map_err(|error| KeyringError::Io { path: path.into(), error });
    let parent = canonical(parent)?;
    if parent.starts_with(canonical(store_dir)?) {
        return refused("this is inside the store: give a file on another disk");
    }
    if parent.ancestors().any(is_store_backup) {
        return refused(
            "this is inside a backup of a store, which must never hold keys: give a file elsewhere",
        );
    }
    Ok(())
}

/// Whether a directory looks like a backup of a store, or like a store or its engine.
fn is_store_backup(dir: &Path) -> bool {
    let has = |names: [&str; 2]| names.iter().all(|name| dir.join(name).exists());
    let follows = dir.join("follow").is_file();
    follows || has(["meta", "private"]) || has(["engine", "keys"]) || has(["CURRENT", "IDENTITY"])
}

/// Whether there is a copy to replace; it must be one, of this store.
fn check_predecessor(to: &Path, new: &KeyFile) -> Result<bool, KeyringError> {
    let refused = |why| Err(KeyringError::Place { path: to.into(), why });
    match fs::symlink_metadata(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(KeyringError::Io { path: to.into(), error }),
        Ok(found) if !found.is_file() || is_linked(&found) => {
            return refused("this is a link or no plain file, nothing is written: give a file of its own");
        }
        Ok(_) => {}
    }
    let bytes = fs::read(to).map_err(|error| KeyringError::Io { path: to.into(), error })?;
    if !format::is_key_file(&bytes) {
        return refused(
            "something else than a copy of the keys is there, it is left alone: give another file",
        );
    }
    match (format::named_store(&bytes), new.store) {
        (Some(other), Some(store)) if other != store => {
            refused("the keys of another store are there, they are left alone: give another file")
        }
        _ => Ok(true),
    }
}

fn is_linked(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    found.nlink() != 1
}
