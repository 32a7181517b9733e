//! A whole store from a backup: its engine's files, and beside them the key file of today.
//!
//! What was erased since the backup stays erased: today's key file has no key for it, and opening rolls the rest forward
//! (I-4). UIDs that were given after the backup may be given again, to other messages: every box gets a new UIDVALIDITY, so
//! that no client takes one for the other (RFC 3501 §2.3.1.1).

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{BackupError, files, follow::Replayed, source::Source};
use crate::{
    Account, BoxId, Fault, MasterKey, OpenOptions, ProofReport, Result as StoreResult, Store, StoreError,
    Trace,
    engine::{Change, Durability, Engine, Family, View as _},
    keyring, keys as places,
    open::{ENGINE_DIR, KEY_FILE},
    ops,
    seal::{SealError, StoreKey},
};

/// Accounts looked at together, boxes changed by one operation.
const PAGE: usize = 200;

/// Memory of an engine while its log is written again, bytes.
const MEMORY: usize = 64 << 20;

/// What restoring takes.
pub struct RestoreOptions {
    /// The directory of backups.
    pub from: PathBuf,
    /// Which of them; the latest if none.
    pub id: Option<u32>,
    /// The key file as it is today, or as its own backup has it. Never older than the last erased day should be.
    pub keys: PathBuf,
    /// Where the store is to be (absent or empty), its master key, its limits. Nothing is created but from the backup.
    pub store: OpenOptions,
    /// The master key of the time of the backup, if `vaguemestre keys rotate` gave the store to another since.
    pub earlier_master: Option<MasterKey>,
    /// Traces that the store was restored (S-8.5).
    pub trace: Option<Trace>,
}

/// A store that was restored.
#[derive(Debug)]
pub struct Restored {
    /// The number of the backup; none if a second place was followed up.
    pub id: Option<u32>,
    /// When it was begun.
    pub taken: Option<Timestamp>,
    /// What the log of a second place came to.
    pub followed: Option<Replayed>,
    /// Bytes that were copied.
    pub bytes: u64,
    /// Boxes that got a new UIDVALIDITY.
    pub boxes: u64,
    /// Recipients in the outgoing queue: they may have got their message after the backup.
    pub queued: u64,
    /// The proof of the whole store, or what is wrong with it.
    pub proof: Result<ProofReport, Vec<Fault>>,
}

/// Restores a whole store. Blocking, for as long as the disk takes.
///
/// # Errors
/// [`BackupError`]: no such backup, it is damaged, the place is not empty, the key file or the master key is another's.
/// What was written is then left for a look; it is no store to run.
pub fn restore(options: RestoreOptions) -> Result<Restored, BackupError> {
    let RestoreOptions { from, id, keys, store, earlier_master, trace } = options;
    let source = Source::find(&from, id)?;
    let to = store.dir.clone();
    let engine = prepare(&to, &keys, &store.master)?;
    let bytes = source.copy(&engine)?;
    let followed = catch_up(&source, &engine)?;
    if let Some(earlier) = earlier_master {
        hand_over(&engine, &earlier, &store.master)?;
    }
    let store = Store::open(OpenOptions { create: None, ..store })?;
    let finished = finish(&store, trace.as_ref());
    store.close()?;
    let (boxes, queued, proof) = finished?;
    let (id, taken) = source.name();
    Ok(Restored { id, taken, followed, bytes, boxes, queued, proof })
}

/// Makes the place: the key file, which must open, and an empty directory for the engine.
fn prepare(to: &Path, keys: &Path, master: &MasterKey) -> Result<PathBuf, BackupError> {
    let key_file = to.join(KEY_FILE);
    let in_place = files::resolved(keys) == files::resolved(&key_file);
    if let Ok(entries) = fs::read_dir(to) {
        for entry in entries {
            let name = entry.map_err(BackupError::at(to))?.file_name();
            if !(in_place && name == KEY_FILE) {
                return Err(BackupError::NotEmpty(to.into()));
            }
        }
    }
    files::private_dir(to)?;
    if !in_place {
        files::copy(keys, &key_file).map_err(BackupError::at(keys))?;
    }
    if !keyring::opens_under(&key_file, master)? {
        return Err(BackupError::OtherMaster(keys.into()));
    }
    let engine = to.join(ENGINE_DIR);
    files::private_dir(&engine)?;
    Ok(engine)
}

/// Writes the log again that a directory that followed has.
fn catch_up(source: &Source<'_>, engine: &Path) -> Result<Option<Replayed>, BackupError> {
    if matches!(source, Source::Backup(..)) {
        return Ok(None);
    }
    let engine = Engine::open(engine, MEMORY, false)?;
    let replayed = source.write_log(&engine);
    engine.quiesce();
    replayed
}

/// Wraps the store key of a backup for the master key of today.
fn hand_over(engine: &Path, earlier: &MasterKey, master: &MasterKey) -> Result<(), BackupError> {
    let engine = Engine::open(engine, MEMORY, false)?;
    let wrapped = engine.get(Family::Accounts, places::STORE_KEY)?.unwrap_or_default();
    let handed = if StoreKey::unwrap(&wrapped, master).is_ok() {
        Ok(())
    } else {
        let failed = |error: SealError| StoreError::Engine(error.to_string());
        let key = StoreKey::unwrap(&wrapped, earlier).map_err(|_| BackupError::OtherStore)?;
        let wrapped = key.wrap(master).map_err(failed)?;
        let changes = [
            Change::Put(Family::Accounts, places::STORE_KEY.to_vec(), wrapped),
            Change::Delete(Family::Accounts, places::STORE_KEY_NEXT.to_vec()),
        ];
        engine.write(&changes, Durability::Synced).map_err(BackupError::from)
    };
    engine.quiesce();
    handed
}

type Finished = (u64, u64, Result<ProofReport, Vec<Fault>>);

fn finish(store: &Store, trace: Option<&Trace>) -> Result<Finished, BackupError> {
    let boxes = renew_boxes(store)?;
    if let Some(trace) = trace {
        store.trace_blocking(trace)?;
    }
    let queued = store.reader().queue_size()?;
    Ok((boxes, queued, store.prove()))
}

/// Gives every box a new UIDVALIDITY.
fn renew_boxes(store: &Store) -> StoreResult<u64> {
    let (mut renewed, mut after) = (0, None);
    loop {
        let page = store.reader().accounts(after, PAGE)?;
        let Some(Account { id: last, .. }) = page.last() else { return Ok(renewed) };
        after = Some(*last);
        let mut boxes: Vec<BoxId> = vec![];
        for account in &page {
            boxes.extend(store.reader().box_ids(account.id)?);
        }
        for some in boxes.chunks(PAGE) {
            let some = some.to_vec();
            renewed += some.len() as u64;
            store.submit_blocking(move |txn| ops::boxes::renew_validity(txn, &some))?;
        }
    }
}
