//! Opening a store: what it takes, how it is made, how it fails. The engine's own lock keeps a second process out.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};

use crate::{
    StoreError, backup, binding,
    clock::Clock,
    core::{Core, Numbers},
    engine::{self, Bounds, Change, Durability, Engine, Family, View as _},
    health::Health,
    housekeeping,
    keyring::{Keyring, KeyringError},
    keys,
    lanes::Lanes,
    master::MasterKey,
    ops,
    records::{self, Counters, Format},
    retention, rows,
    seal::StoreKey,
    settings::{MEMORY_MIN, Settings},
    shed::Latch,
    summary::worker::Summaries,
    upgrade,
    watch::Watches,
};

/// What a store is for; fixed when it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Real mail.
    Production,
    /// A demonstration: known passwords, loopback only.
    Demonstration,
}

/// What opening takes.
pub struct OpenOptions {
    /// The store's directory.
    pub dir: PathBuf,
    /// The key that opens its key file.
    pub master: MasterKey,
    /// Where instants come from (I-10).
    pub clock: Arc<dyn Clock>,
    /// Its limits.
    pub settings: Settings,
    /// Make the store, of this kind, if there is none. None: an absent store is an error.
    pub create: Option<Kind>,
}

/// Why a store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no store there.
    #[error("there is no store in {0}: create one, or correct the path")]
    Absent(PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("the store in {0} is in use by another process: stop that one first")]
    InUse(PathBuf),
    /// The key file does not open.
    #[error("the keys of the store do not open: {0}")]
    Keys(String),
    /// A later version keeps things in it that this one does not know.
    #[error("the store in {0} was last used by a newer version of this program: use that one")]
    Newer(PathBuf),
    /// It was made by another version.
    #[error("the store has format {found}, this program knows {known}: use the version that made it")]
    Format {
        /// The store's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A file of the engine is gone, cut or altered.
    #[error(
        "the store is damaged: {file} in {dir} is missing, cut or altered: put it back whole, or restore the store from a backup"
    )]
    Damaged {
        /// The engine's directory.
        dir: PathBuf,
        /// The file.
        file: String,
    },
    /// The log of commits says less than was on the disk.
    #[error(
        "the store is damaged: the log of commits {file} in {dir} is missing, cut or altered before its end, and what was \
         acknowledged since would be lost without a word: put it back whole, or restore the store from a backup \
         (`vaguemestre restore`); `vaguemestre store accept-loss` opens it without what the log no longer says, unless tables that were \
         written since need it"
    )]
    LogDamaged {
        /// The engine's directory.
        dir: PathBuf,
        /// The log.
        file: String,
    },
    /// A log of commits says less than it did, and tables hold what came after: without it they are half of what was written.
    #[error(
        "the store is damaged: a log of commits in {0} is cut or altered, and it cannot be left out, since tables that were \
         written after it need it: put it back whole, or restore the store from a backup (`vaguemestre restore`)"
    )]
    LogNeeded(PathBuf),
    /// The engine failed.
    #[error("the storage engine failed: {0}")]
    Engine(String),
}

/// Name of the key file in the store's directory; the engine has a directory of its own beside it.
pub(crate) const KEY_FILE: &str = "keys";
pub(crate) const ENGINE_DIR: &str = "engine";

/// What is said to whoever gives a master key that opens nothing.
pub(crate) const OTHER_MASTER: &str = "this master key does not open the store: give the one that made it, or the one of \
     the last `vaguemestre keys rotate`";

/// What opening gives the door.
pub(crate) struct Opened {
    pub(crate) core: Arc<Core>,
    pub(crate) counters: Counters,
}

/// What the logs of commits must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logs {
    /// All that they are known to have said.
    Whole,
    /// Whatever they still say: what is lost is being accepted.
    WhatIsLeft,
}

/// Opens or creates the store.
pub(crate) fn open(options: OpenOptions, logs: Logs) -> Result<Opened, OpenError> {
    let OpenOptions { dir, master, clock, settings, create } = options;
    if create.is_none() && !Engine::is_there(&dir.join(ENGINE_DIR)) {
        return Err(OpenError::Absent(dir));
    }
    make_private_dir(&dir)?;
    let engine = match logs {
        Logs::Whole => open_engine(&dir, settings.bounds(), create.is_some())?,
        Logs::WhatIsLeft => {
            let opened = Engine::open_on_what_is_left(&dir.join(ENGINE_DIR), settings.bounds());
            opened.map_err(|error| explained(&dir, error))?
        }
    };
    // Behind the engine's lock: whoever had copies under way is gone.
    backup::sweep(&dir);
    let Header { keys, counters, kind } = match read_header(&engine, &master)? {
        Some(header) => header,
        None => create_header(&engine, &master, &dir, create)?,
    };
    let keyring = binding::open_keyring(&engine, &dir.join(KEY_FILE), &master, keys.store_id())?;
    upgrade::sort_queue(&engine, &keys, &keyring)?;
    let (swept, leftovers) = housekeeping::leftovers(&engine)?;
    if swept > 0 {
        engine.write(&leftovers, Durability::Synced)?;
        tracing::info!(bodies = swept, "removed what unfinished messages had left");
    }
    let core = Core {
        latch: Latch::new(engine.background_errors()),
        health: Health::of(&dir, settings.disk_reserve),
        dir,
        numbers: Numbers::new(&counters, &rows::queue::counters(&engine)?, clock.now()),
        lanes: Lanes::find(&engine)?,
        summaries: Summaries::new(settings.summary_changes),
        watches: Watches::default(),
        abandoned: Mutex::default(),
        engine,
        keys,
        keyring,
        clock,
        settings,
        kind,
    };
    let counters = retention::roll_forward(&core, counters)?;
    Ok(Opened { core: Arc::new(core), counters })
}

/// The engine of a store; nobody else has it open.
pub(crate) fn open_engine(dir: &Path, bounds: impl Into<Bounds>, create: bool) -> Result<Engine, OpenError> {
    let Bounds { memory, open_files } = bounds.into();
    let bounds = Bounds { memory: memory.max(MEMORY_MIN), open_files };
    Engine::open(&dir.join(ENGINE_DIR), bounds, create).map_err(|error| explained(dir, error))
}

/// Why the engine of the store in `dir` did not open.
fn explained(dir: &Path, error: StoreError) -> OpenError {
    if let StoreError::Damaged(file) = error {
        let (dir, is_log) = (dir.join(ENGINE_DIR), file.ends_with(".log"));
        if is_log { OpenError::LogDamaged { dir, file } } else { OpenError::Damaged { dir, file } }
    } else if Engine::needs_its_log(&error) {
        OpenError::LogNeeded(dir.join(ENGINE_DIR))
    } else if Engine::is_lock_failure(&error) {
        OpenError::InUse(dir.into())
    } else if Engine::is_newer(&error) {
        OpenError::Newer(dir.into())
    } else {
        error.into()
    }
}

/// What opening a store would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpgradeCheck {
    /// The format of the store.
    pub found: u32,
    /// The format of this program, which opening gives an older store.
    pub known: u32,
    /// The oldest format that it upgrades.
    pub oldest: u32,
    /// What the store is for.
    pub kind: Kind,
}

/// Looks at a store that may be open, and changes nothing. Blocking.
///
/// # Errors
/// [`OpenError`]: there is none, it is damaged, or a later version keeps things in it that this one does not know.
pub fn check_upgrade(dir: &Path) -> Result<UpgradeCheck, OpenError> {
    let engine = dir.join(ENGINE_DIR);
    if !engine.exists() {
        return Err(OpenError::Absent(dir.into()));
    }
    let format = engine::peek(&engine, Family::Accounts, keys::FORMAT)?;
    let format: Format = records::decode(&format.unwrap_or_default(), "format")?;
    Ok(UpgradeCheck {
        found: format.version,
        known: records::FORMAT,
        oldest: records::OLDEST_FORMAT,
        kind: format.kind,
    })
}

struct Header {
    keys: StoreKey,
    counters: Counters,
    kind: Kind,
}

/// What the store says of itself; none if it was never finished.
fn read_header(engine: &Engine, master: &MasterKey) -> Result<Option<Header>, OpenError> {
    let get = |key: &[u8]| engine.get(Family::Accounts, key);
    let Some(format) = get(keys::FORMAT)? else { return Ok(None) };
    let format: Format = records::decode(&format, "format")?;
    if !(records::OLDEST_FORMAT..=records::FORMAT).contains(&format.version) {
        return Err(OpenError::Format { found: format.version, known: records::FORMAT });
    }
    let (current, next) = (get(keys::STORE_KEY)?.unwrap_or_default(), get(keys::STORE_KEY_NEXT)?);
    if next.is_some() {
        tracing::warn!(
            "a change of the master key is half done: stop the service and run `vaguemestre keys rotate` again"
        );
    }
    let keys = StoreKey::unwrap(&current, master)
        .or_else(|error| next.map_or(Err(error), |next| StoreKey::unwrap(&next, master)))
        .map_err(|_| OpenError::Keys(OTHER_MASTER.into()))?;
    if format.version < records::FORMAT {
        upgrade::upgrade(engine, format)?;
    }
    ops::openings::list_once(engine, &keys)?;
    let counters = get(keys::COUNTERS)?.unwrap_or_default();
    let counters = records::decode(&counters, "counters")?;
    Ok(Some(Header { keys, counters, kind: format.kind }))
}

/// Makes a new store: the key file first, the record that says it is whole last. A creation that was killed between
/// left a key file without keys of any day, which serves as well.
fn create_header(
    engine: &Engine,
    master: &MasterKey,
    dir: &Path,
    create: Option<Kind>,
) -> Result<Header, OpenError> {
    let kind = create.ok_or_else(|| OpenError::Absent(dir.to_path_buf()))?;
    let path = dir.join(KEY_FILE);
    if !path.exists() {
        Keyring::create(&path, master)?;
    }
    let failed = |error: crate::seal::SealError| OpenError::Keys(error.to_string());
    let keys = StoreKey::generate().map_err(failed)?;
    let counters = Counters::new();
    let put = |key: &[u8], value| Change::Put(Family::Accounts, key.to_vec(), value);
    let format = Format { version: records::FORMAT, kind };
    let changes = [
        put(keys::OPENINGS, vec![]),
        put(keys::STORE_KEY, keys.wrap(master).map_err(failed)?),
        put(keys::COUNTERS, records::encode(&counters)?),
        put(keys::FORMAT, records::encode(&format)?),
    ];
    engine.write(&changes, Durability::Synced)?;
    Ok(Header { keys, counters, kind })
}

fn make_private_dir(dir: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::File { path: dir.to_path_buf(), source };
    if dir.exists() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Engine(text) => Self::Engine(text),
            other => Self::Engine(other.to_string()),
        }
    }
}

impl From<KeyringError> for OpenError {
    fn from(error: KeyringError) -> Self {
        Self::Keys(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Store, common::World, engine::swap_family};

    fn write_version(store: &Store, version: u32) {
        let format = Format { version, kind: Kind::Demonstration };
        let value = records::encode(&format).unwrap();
        let put = Change::Put(Family::Accounts, keys::FORMAT.to_vec(), value);
        store.core.engine.write(&[put], Durability::Synced).unwrap();
    }

    #[test]
    fn a_store_with_families_of_a_later_version_says_so() {
        let world = World::new();
        world.close(world.open());
        swap_family(&world.store_dir().join(ENGINE_DIR), None, Some("search"));
        let refused = Store::open(world.options()).err();
        assert!(matches!(refused, Some(OpenError::Newer(_))), "{refused:?}");
    }

    #[test]
    fn a_format_that_is_not_known_is_left_alone() {
        for version in [0, records::FORMAT + 1] {
            let world = World::new();
            let store = world.open();
            write_version(&store, version);
            world.close(store);
            let refused = Store::open(world.options()).err();
            assert!(
                matches!(refused, Some(OpenError::Format { found, .. }) if found == version),
                "{version}: {refused:?}"
            );
        }
    }
}
