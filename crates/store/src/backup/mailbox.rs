//! One box from a backup, into the store while it runs: messages that are missing come back with their flags, their
//! INTERNALDATE and their day of reception, so that they stay no longer than they would have (I-4).
//!
//! What is brought back is copied as it is sealed, under the key of its day, after it was seen to open: a day that was
//! erased since has no key, and nothing of it comes back.

use std::{
    collections::HashSet,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use message::IndexRecord;
use mssante::Address;

use super::{BackupError, copy::OpenCopy, source::Source};
use crate::{
    AccountId, Actor, BoxId, BoxInfo, Flags, Result as StoreResult, Store, StoreError, Uid,
    body::chunk_count,
    engine::{Change, Durability, Family},
    ids::BodyId,
    keyring::KeyKind,
    keys,
    ops::{
        self,
        returning::{Brought, Returning},
    },
    prepare::asked_blocking,
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
/// How long a store that has too much to do is waited for before each message, and between two looks.
const PATIENCE: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(50);

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
        let mut work = Work::new(self, &copy, lost, target);
        work.done.taken = source.name().1;
        work.look_at_target()?;
        work.bring_all(lost)?;
        Ok(work.done)
    }

    fn target(&self, account: AccountId, name: &str) -> Result<BoxId, BackupError> {
        if let Some(BoxInfo { id, .. }) = self.reader().box_by_name(account, name)? {
            return Ok(id);
        }
        let (name, asked) = (name.to_owned(), asked_blocking(&self.core, Actor::default())?);
        let made = self.submit_blocking(move |txn| ops::boxes::create(txn, account, &name, None, &asked))?;
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

impl<'w> Work<'w> {
    fn new(store: &'w Store, copy: &'w OpenCopy, lost: BoxId, target: BoxId) -> Self {
        Self {
            store,
            copy,
            target,
            // Without them messages come back all the same, with their system flags.
            keywords: Keywords::load(copy.engine(), &store.core.keys, lost).unwrap_or_default(),
            bodies: HashSet::new(),
            known: HashSet::new(),
            brought: HashSet::new(),
            waiting: vec![],
            done: BoxRestored::default(),
        }
    }

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

    /// Brings what is missing. What is ready goes back even if what follows it cannot be brought: nothing waits for
    /// ever beside its marker.
    fn bring_all(&mut self, lost: BoxId) -> Result<(), BackupError> {
        let outcome = self.bring_pages(lost);
        let last = self.put_back();
        outcome.and(last)
    }

    fn bring_pages(&mut self, lost: BoxId) -> Result<(), BackupError> {
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
        Ok(())
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
        self.wait_for_room()?;
        let flags = self.keywords.flags(listing).unwrap_or_else(|_| Flags::from_bits(listing.bits));
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
        let epoch = self.store.core.engine.epoch();
        let written = self.bring_chunks(id, &record);
        if written.is_err() {
            self.take_back(vec![(id, record)]);
        }
        written.map(|()| Brought { record, rows, epoch })
    }

    /// Whether a message may be taken now, as one that comes in: the disk keeps its reserve. Waits a
    /// while for a store that has too much to do, which may be this work's own doing.
    fn wait_for_room(&self) -> StoreResult<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.store.core.admit() {
                Err(StoreError::Busy) if Instant::now() < deadline => thread::sleep(GLANCE),
                answer => return answer,
            }
        }
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
                self.write(&changes)?;
                changes.clear();
            }
        }
        self.write(&changes)
    }

    fn write(&self, changes: &[Change]) -> StoreResult<()> {
        let core = &self.store.core;
        let written = core.engine.write(changes, Durability::Later);
        written.inspect_err(|_| core.latch.shut(Instant::now()))
    }

    /// Removes what was written of bodies that do not come back. Where the store refuses that, their markers stay and
    /// the engine's next opening removes them.
    fn take_back(&self, bodies: Vec<(BodyId, BodyRecord)>) {
        for (id, record) in bodies {
            let taken = self.store.submit_blocking(move |txn| ops::returning::take_back(txn, id, &record));
            if let Err(error) = taken {
                tracing::warn!(%error, "what was copied from a backup stays until the engine is opened anew");
                return;
            }
        }
    }

    fn put_back(&mut self) -> Result<(), BackupError> {
        let (target, some) = (self.target, std::mem::take(&mut self.waiting));
        if some.is_empty() {
            return Ok(());
        }
        let body = |one: &Returning| one.brought.as_ref().map(|body| (one.reference.body, body.record));
        let brought: Vec<_> = some.iter().filter_map(body).collect();
        match self.store.submit_blocking(move |txn| ops::returning::put_back(txn, target, some)) {
            Ok((back, erased)) => {
                self.done.restored += back;
                self.done.erased += erased;
                Ok(())
            }
            Err(error) => {
                self.take_back(brought);
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

#[cfg(test)]
#[path = "mailbox/tests.rs"]
mod tests;
