//! One box from a backup, into the store while it runs: messages that are missing come back with their flags, their
//! INTERNALDATE and their day of reception, so that they stay no longer than they would have (I-4).
//!
//! What is brought back is copied as it is sealed, under the key of its day, after it was seen to open: a day that was
//! erased since has no key, and nothing of it comes back.

use std::{collections::HashSet, path::PathBuf};

use jiff::Timestamp;
use message::IndexRecord;
use mssante::Address;

use super::{BackupError, copy::OpenCopy, source::Source};
use crate::{
    AccountId, BoxId, BoxInfo, Result as StoreResult, Store, StoreError, Uid,
    body::{Place, chunk_count},
    engine::{Change, Durability, Family, View as _},
    ids::BodyId,
    keyring::KeyKind,
    keys,
    ops::{
        self,
        returning::{Brought, Returning},
    },
    records::{self, BodyRecord, Listing, Reference},
    rows::{messages, messages::Keywords},
    seal::Shape,
};

/// Messages put back by one operation: with a few rows each it stays short.
const TOGETHER: usize = 64;
/// Chunks written at once.
const CHUNKS: usize = 16;
/// Damaged messages that are named at most.
const NAMED: usize = 100;
/// Listings read at once.
const PAGE: usize = 1000;

/// Which box, from where, to where.
#[derive(Debug, Clone)]
pub struct BoxRestore {
    /// The directory of backups, or one that followed.
    pub from: PathBuf,
    /// Which backup; the latest if none.
    pub id: Option<u32>,
    /// An address of the account.
    pub account: Address,
    /// The name of the box in the backup.
    pub name: String,
    /// The box that gets the messages, made if absent; the one of the same name if none.
    pub into: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoxRestored {
    /// When the backup was begun; none for a directory that followed.
    pub taken: Option<Timestamp>,
    /// Messages that were missing and are back.
    pub restored: u64,
    /// Messages that were there: the same body, or the same Message-ID and size.
    pub present: u64,
    /// Messages whose day was erased since: they stay erased.
    pub erased: u64,
    /// Messages that do not open in the backup.
    pub damaged: u64,
    /// The first of them.
    pub named: Vec<String>,
}

impl Store {
    /// Brings back what is missing of a box. Blocking, for as long as the disks take; mail goes on.
    ///
    /// # Errors
    /// [`BackupError`]: no such backup, account or box, it is another store's, the store refused. What was brought back
    /// before stays; the next time it is present.
    pub fn restore_box(&self, wanted: &BoxRestore) -> Result<BoxRestored, BackupError> {
        let account = self.reader().account_by_address(&wanted.account)?;
        let account = account.ok_or_else(|| {
            let masked = wanted.account.masked();
            BackupError::NotFound(format!(
                "no account has the address {masked}: a whole restore brings accounts back"
            ))
        })?;
        let source = Source::find(&wanted.from, wanted.id)?;
        let copy = OpenCopy::open(&source, &self.core)?;
        let lost = copy.find_box(&self.core.keys, account.id, &wanted.name)?;
        let target = self.target(account.id, wanted.into.as_deref().unwrap_or(&wanted.name))?;
        let keywords = Keywords::load(copy.engine(), &self.core.keys, lost).unwrap_or_default();
        let mut work = Work {
            store: self,
            copy: &copy,
            target,
            keywords,
            bodies: HashSet::new(),
            known: HashSet::new(),
            brought: HashSet::new(),
            waiting: vec![],
            done: BoxRestored { taken: source.name().1, ..BoxRestored::default() },
        };
        work.look_at_target()?;
        work.bring_all(lost)?;
        Ok(work.done)
    }

    fn target(&self, account: AccountId, name: &str) -> Result<BoxId, BackupError> {
        if let Some(BoxInfo { id, .. }) = self.reader().box_by_name(account, name)? {
            return Ok(id);
        }
        let name = name.to_owned();
        let made = self.submit_blocking(move |txn| ops::boxes::create(txn, account, &name, None))?;
        Ok(made.id)
    }
}

struct Work<'w> {
    store: &'w Store,
    copy: &'w OpenCopy,
    target: BoxId,
    keywords: Keywords,
    /// Bodies that the target had before.
    bodies: HashSet<BodyId>,
    /// Message-IDs and sizes that it had.
    known: HashSet<(String, u64)>,
    /// Bodies brought back already, for other messages.
    brought: HashSet<BodyId>,
    waiting: Vec<Returning>,
    done: BoxRestored,
}

impl Work<'_> {
    fn look_at_target(&mut self) -> StoreResult<()> {
        let reader = self.store.reader();
        for entry in reader.messages(self.target)? {
            let Some(reference) = messages::reference(reader.view(), self.target, entry.uid)? else {
                continue;
            };
            self.bodies.insert(reference.body);
            let index = reader.index(self.target, entry.uid).ok().flatten();
            if let Some(id) = index.and_then(|index| index.message_id) {
                self.known.insert((id, entry.size));
            }
        }
        Ok(())
    }

    fn bring_all(&mut self, lost: BoxId) -> Result<(), BackupError> {
        let mut from = Some(Uid::MIN);
        while let Some(first) = from {
            let page = self.copy.listings(lost, first, PAGE)?;
            from = page.last().and_then(|(uid, _)| Uid::new(uid.get().wrapping_add(1)));
            for (uid, listing) in page {
                match listing.and_then(|listing| self.bring(lost, uid, &listing)) {
                    Ok(()) => {}
                    Err(StoreError::Corrupt(what)) => self.damaged(uid, what),
                    Err(error) => return Err(error.into()),
                }
                if self.waiting.len() >= TOGETHER {
                    self.put_back()?;
                }
            }
        }
        self.put_back()
    }

    /// Has one message ready to be put back, unless it is there, erased or damaged.
    fn bring(&mut self, lost: BoxId, uid: Uid, listing: &Listing) -> StoreResult<()> {
        let core = &self.store.core;
        let reference = self.copy.row(Family::Index, &keys::reference(lost, uid))?.unwrap_or_default();
        let reference: Reference = records::decode(&reference, "message reference")?;
        let Reference { body, variant, .. } = reference;
        let key = match core.reading_key(KeyKind::Message, body.day) {
            Err(StoreError::NotFound) => {
                self.done.erased += 1;
                return Ok(());
            }
            key => key?,
        };
        if self.bodies.contains(&body) {
            self.done.present += 1;
            return Ok(());
        }
        let place = keys::index(body, variant);
        let sealed = self.copy.row(Family::Index, &place)?.ok_or(StoreError::Corrupt("index record"))?;
        let plain = key.open_record(&place, &sealed).map_err(|_| StoreError::Corrupt("index record"))?;
        let index = IndexRecord::decode(&plain).map_err(|_| StoreError::Corrupt("index record"))?;
        if index.message_id.is_some_and(|id| self.known.contains(&(id, listing.size))) {
            self.done.present += 1;
            return Ok(());
        }
        let flags = self.keywords.flags(listing)?;
        let there = messages::body(&core.engine, body)?.is_some() || self.brought.contains(&body);
        let brought = if there { None } else { Some(self.bring_body(body)?) };
        self.brought.insert(body);
        let (internal_date, size) = (listing.internal_date, listing.size);
        self.waiting.push(Returning { reference, brought, flags, internal_date, size });
        Ok(())
    }

    /// Copies a body that the store does not have: its rows wait for the operation, its chunks are written beside a marker
    /// that the operation removes, as those of a message that is coming in.
    fn bring_body(&self, id: BodyId) -> StoreResult<Brought> {
        let record = messages::body(self.copy.engine(), id)?.ok_or(StoreError::Corrupt("body record"))?;
        let key = self.store.core.reading_key(KeyKind::Message, id.day)?;
        let mut rows = vec![];
        for variant in 0..record.variants {
            for place in [keys::header(id, variant), keys::index(id, variant)] {
                let sealed = self.copy.row(Family::Index, &place)?;
                let sealed = sealed.ok_or(StoreError::Corrupt("header variant"))?;
                key.open_record(&place, &sealed).map_err(|_| StoreError::Corrupt("header variant"))?;
                rows.push((place, sealed));
            }
        }
        let written = self.bring_chunks(id, &record);
        if written.is_err() {
            self.take_back(record.place(id))?;
        }
        written.map(|()| Brought { record, rows })
    }

    fn bring_chunks(&self, id: BodyId, record: &BodyRecord) -> StoreResult<()> {
        let core = &self.store.core;
        let place = record.place(id);
        let shape = if place.turn.is_some() { Shape::Coded } else { Shape::Bare };
        let opener = core.reading_key(KeyKind::Message, id.day)?.body_opener(&id.id, shape);
        let opener = opener.map_err(|_| StoreError::Corrupt("body key"))?;
        let count = chunk_count(record.len);
        let mut changes = vec![Change::Put(Family::Accounts, keys::orphan(id), keys::turn(place.turn))];
        for index in 0..count {
            let key = keys::chunk(place, index);
            let sealed = self.copy.row(Family::Bodies, &key)?.ok_or(StoreError::Corrupt("body"))?;
            let mut plain = sealed.clone();
            opener.open(index, index + 1 == count, &mut plain).map_err(|_| StoreError::Corrupt("body"))?;
            changes.push(Change::Put(Family::Bodies, key, sealed));
            if changes.len() > CHUNKS {
                core.engine.write(&changes, Durability::Later)?;
                changes.clear();
            }
        }
        core.engine.write(&changes, Durability::Later)
    }

    /// Removes the chunks of a body that does not open whole.
    fn take_back(&self, place: Place) -> StoreResult<()> {
        let mut changes = vec![];
        let (from, until) = keys::under(&keys::chunks(place));
        self.store.core.engine.scan(Family::Bodies, &from, &until, &mut |key, _| {
            changes.push(Change::Delete(Family::Bodies, key.to_vec()));
            Ok(true)
        })?;
        changes.push(Change::Delete(Family::Accounts, keys::orphan(place.id)));
        self.store.core.engine.write(&changes, Durability::Later)
    }

    fn put_back(&mut self) -> Result<(), BackupError> {
        let (target, some) = (self.target, std::mem::take(&mut self.waiting));
        if some.is_empty() {
            return Ok(());
        }
        let place = |one: &Returning| one.brought.as_ref().map(|body| body.record.place(one.reference.body));
        let brought: Vec<_> = some.iter().filter_map(place).collect();
        match self.store.submit_blocking(move |txn| ops::returning::put_back(txn, target, some)) {
            Ok((back, erased)) => {
                self.done.restored += back;
                self.done.erased += erased;
                Ok(())
            }
            Err(error) => {
                for place in brought {
                    self.take_back(place)?;
                }
                Err(error.into())
            }
        }
    }

    fn damaged(&mut self, uid: Uid, what: &str) {
        self.done.damaged += 1;
        if self.done.named.len() < NAMED {
            self.done.named.push(format!("UID {uid} in the backup: {what} does not open"));
        }
    }
}
