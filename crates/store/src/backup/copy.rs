//! A backup opened as an engine, in a directory of its own in the store's: tables are links to where they lie in the backup,
//! which nobody changes; what the engine writes itself is copied. It goes when it is dropped.

use std::os::unix::fs::symlink;

use super::{
    BackupError,
    files::{self, Scratch},
    full,
    source::Source,
};
use crate::{
    AccountId, BoxId, Result as StoreResult, StoreError, Uid,
    core::Core,
    engine::{Engine, Family, View as _, backup::is_table},
    keys,
    records::{self, Format, Listing},
    rows::boxes,
    seal::StoreKey,
    upgrade,
};

/// Memory of its engine, bytes.
const MEMORY: usize = 32 << 20;

/// A backup that can be read as the store can.
pub(super) struct OpenCopy {
    engine: Engine,
    /// After the engine: it closes first.
    _dir: Scratch,
}

impl OpenCopy {
    /// Opens it, and makes it of the present format.
    pub(super) fn open(source: &Source<'_>, core: &Core) -> Result<Self, BackupError> {
        let dir = Scratch::new(&core.dir);
        files::private_dir(&dir.0)?;
        for (path, name, crc) in source.files() {
            let here = dir.0.join(name);
            if is_table(name) {
                symlink(files::resolved(&path), &here).map_err(BackupError::at(&here))?;
            } else if files::copy(&path, &here).map_err(BackupError::at(&path))?.0 != crc {
                return Err(BackupError::Damaged(vec![full::altered(&path)]));
            }
        }
        let engine = Engine::open(&dir.0, MEMORY, false)?;
        let copy = Self { engine, _dir: dir };
        source.write_log(&copy.engine)?;
        let format = copy.row(Family::Accounts, keys::FORMAT)?.unwrap_or_default();
        let format: Format = records::decode(&format, "format")?;
        if !(records::OLDEST_FORMAT..=records::FORMAT).contains(&format.version) {
            return Err(BackupError::OtherStore);
        }
        if format.version < records::FORMAT {
            upgrade::upgrade(&copy.engine, format)?;
        }
        Ok(copy)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The value of a key.
    pub(super) fn row(&self, family: Family, key: &[u8]) -> StoreResult<Option<Vec<u8>>> {
        self.engine.get(family, key)
    }

    /// The box of that name that an account had.
    pub(super) fn find_box(
        &self,
        keys: &StoreKey,
        account: AccountId,
        name: &str,
    ) -> Result<BoxId, BackupError> {
        let name = boxes::canonical(name);
        let known = boxes::of_account(&self.engine, account)?;
        for id in &known {
            match boxes::record(&self.engine, keys, *id) {
                Ok(Some(record)) if record.name == name => return Ok(*id),
                Err(StoreError::Corrupt(_)) if known.first() == Some(id) => {
                    return Err(BackupError::OtherStore);
                }
                Ok(_) | Err(StoreError::Corrupt(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(BackupError::NotFound(format!("the backup has no box {name:?} of this account")))
    }

    /// At most `limit` listings of a box from a UID on; those that do not decode with that.
    pub(super) fn listings(
        &self,
        id: BoxId,
        from: Uid,
        limit: usize,
    ) -> StoreResult<Vec<(Uid, StoreResult<Listing>)>> {
        let mut found = vec![];
        let (_, until) = keys::under(&keys::listings(id));
        self.engine.scan(Family::Index, &keys::listing(id, from), &until, &mut |key, value| {
            let uid = keys::last_uid(key).ok_or(StoreError::Corrupt("message key"))?;
            found.push((uid, records::decode(value, "message")));
            Ok(found.len() < limit)
        })?;
        Ok(found)
    }
}

impl Drop for OpenCopy {
    fn drop(&mut self) {
        self.engine.quiesce();
    }
}
