//! Reading a box whatever is wrong with it: each message alone, so that a bad record costs one message (export).

use std::{collections::BTreeSet, io};

use bytes::Bytes;

use super::Reader;
use crate::{
    AccountId, BoxId, BoxInfo, Flags, Result, StoreError, Uid,
    body::chunk_count,
    engine::{Family, View},
    ids::BodyId,
    keys,
    records::{self, Reference},
    rows::{messages, messages::Keywords, sight::Sight as _},
};

/// One message of a box, as far as it can be read.
pub struct Salvaged<'r> {
    reader: &'r Reader<'r>,
    body: BodyId,
    /// Its header, blank line included.
    pub header: Bytes,
    /// Its flags and its INTERNALDATE (Unix seconds); none if their record is damaged.
    pub listing: Option<(Flags, i64)>,
}

impl Salvaged<'_> {
    /// Hands on the body of the message, as the reader's snapshot has it, a chunk at a time.
    ///
    /// # Errors
    /// What `write` gives; `InvalidData` if the body does not open whole. Then what was handed on is not all.
    pub fn read_body(&self, write: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let damaged = |error: StoreError| match error {
            StoreError::NotFound => {
                io::Error::new(io::ErrorKind::InvalidData, "a piece of its body is missing")
            }
            error => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
        };
        let body = self.reader.body_of(self.body).map_err(damaged)?;
        for index in 0..chunk_count(body.len()) {
            write(&body.open(self.reader.view(), index).map_err(damaged)?)?;
        }
        Ok(())
    }
}

impl<'store> Reader<'store> {
    /// Visits every message of the box, ascending, each with what is wrong with it if it cannot be read. Messages whose
    /// day was erased are not shown.
    ///
    /// # Errors
    /// `Engine` if the engine cannot even list them, `Busy` if it is opened anew meanwhile; what `visit` gives.
    pub fn salvage<E: From<StoreError>>(
        &self,
        id: BoxId,
        mut visit: impl FnMut(Uid, Result<Salvaged<'_>>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let keywords = Keywords::load(self.view(), &self.core().keys, id).unwrap_or_default();
        for uid in self.uids_of(id)? {
            match self.salvage_one(id, uid, &keywords) {
                Err(StoreError::NotFound) => {}
                // The engine is being opened anew: that says nothing of the message.
                Err(StoreError::Busy) => return Err(StoreError::Busy.into()),
                found => visit(uid, found)?,
            }
        }
        Ok(())
    }

    /// The boxes of an account that can be read, by name, and those whose record cannot.
    ///
    /// # Errors
    /// `Engine` if the engine cannot even list them.
    pub fn salvage_boxes(&self, account: AccountId) -> Result<(Vec<BoxInfo>, Vec<BoxId>)> {
        let (mut found, mut damaged) = (vec![], vec![]);
        for id in self.box_ids(account)? {
            match self.box_info(id) {
                Ok(Some(info)) => found.push(info),
                Ok(None) | Err(StoreError::Corrupt(_)) => damaged.push(id),
                Err(error) => return Err(error),
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((found, damaged))
    }

    /// The UIDs that listings or references speak of.
    fn uids_of(&self, id: BoxId) -> Result<BTreeSet<Uid>> {
        let mut uids = BTreeSet::new();
        for prefix in [keys::listings(id), keys::references(id)] {
            let (from, until) = keys::under(&prefix);
            self.view().scan(Family::Index, &from, &until, &mut |key, _| {
                uids.extend(keys::last_uid(key));
                Ok(true)
            })?;
        }
        Ok(uids)
    }

    /// `NotFound` if its day was erased.
    fn salvage_one(&self, id: BoxId, uid: Uid, keywords: &Keywords) -> Result<Salvaged<'_>> {
        let lost = StoreError::Corrupt("message reference");
        let reference = match self.view().get(Family::Index, &keys::reference(id, uid))? {
            Some(bytes) => records::decode::<Reference>(&bytes, "message reference")?,
            None => {
                let gone = matches!(messages::listing(self.view(), id, uid), Ok(None));
                return Err(if gone { StoreError::NotFound } else { lost });
            }
        };
        if self.view().marks()?.are_past(reference.body.day) {
            return Err(StoreError::NotFound);
        }
        let listing = messages::listing(self.view(), id, uid).ok().flatten().map(|listing| {
            let flags = keywords.flags(&listing).unwrap_or_else(|_| Flags::from_bits(listing.bits));
            (flags, listing.internal_date)
        });
        let key = keys::header(reference.body, reference.variant);
        let header = self.sealed_record(reference.body, &key)?.into();
        Ok(Salvaged { reader: self, body: reference.body, header, listing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        common::{World, body_bytes, deliver, inbox},
        engine::{Change, Durability},
        seal::CHUNK,
    };

    /// What each UID of the box gives: its body, or why not.
    fn read(reader: &Reader<'_>, id: BoxId) -> Vec<(u32, std::result::Result<Vec<u8>, String>)> {
        let mut found = vec![];
        let visit = |uid: Uid, message: Result<Salvaged<'_>>| {
            let mut body = vec![];
            let read = message.map_err(|error| error.to_string()).and_then(|message| {
                let mut write = |piece: &[u8]| {
                    body.extend_from_slice(piece);
                    Ok(())
                };
                message.read_body(&mut write).map_err(|error| error.to_string())
            });
            found.push((uid.get(), read.map(|()| body)));
            Ok::<_, StoreError>(())
        };
        reader.salvage(id, visit).unwrap();
        found
    }

    #[test]
    fn a_bad_record_costs_one_message() {
        let world = World::new();
        let store = world.open();
        let account = world.account(&store, "un").id;
        let body = |number: u64| body_bytes(number, CHUNK + 10);
        world.run(async {
            for number in 1..=6 {
                deliver(&store, world.clock_now(), number, &body(number), &[account]).await;
            }
        });
        let id = inbox(&store, account).id;
        let reference = |uid: u32| {
            let uid = Uid::new(uid).unwrap();
            messages::reference(store.reader().view(), id, uid).unwrap().unwrap()
        };
        let flipped = |family, key: Vec<u8>| {
            let mut value = store.core.engine.get(family, &key).unwrap().unwrap();
            let middle = value.len() / 2;
            value[middle] ^= 1;
            Change::Put(family, key, value)
        };
        let two = reference(2);
        let place = |uid: u32| {
            let body = reference(uid).body;
            messages::body(store.reader().view(), body).unwrap().unwrap().place(body)
        };
        let damage = [
            flipped(Family::Index, keys::header(two.body, two.variant)),
            flipped(Family::Bodies, keys::chunk(place(3), 1)),
            Change::Delete(Family::Bodies, keys::chunk(place(4), 0)),
            Change::Delete(Family::Index, keys::reference(id, Uid::new(5).unwrap())),
            Change::Put(Family::Index, keys::listing(id, Uid::new(6).unwrap()), vec![0xff]),
        ];
        store.core.engine.write(&damage, Durability::Synced).unwrap();
        let reader = store.reader();
        let found = read(&reader, id);
        assert_eq!(found.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        for (uid, read) in &found {
            match uid {
                1 | 6 => assert_eq!(read.as_ref(), Ok(&body(u64::from(*uid)))),
                _ => assert!(read.is_err(), "{uid}"),
            }
        }
        let dates = |uid: u32| {
            let mut known = None;
            let visit = |at: Uid, message: Result<Salvaged<'_>>| {
                if at.get() == uid {
                    known = message?.listing.map(|(_, date)| date);
                }
                Ok::<_, StoreError>(())
            };
            reader.salvage(id, visit).map(|()| known)
        };
        assert!(matches!(dates(1), Ok(Some(_))) && matches!(dates(6), Ok(None)));
        drop(reader);
        assert!(store.prove().is_err(), "the damage shows in the proof too");
        store.close().unwrap();
    }
}
