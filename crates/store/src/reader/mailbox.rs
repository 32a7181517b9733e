//! Boxes and their messages, as one snapshot has them.

use std::sync::Arc;

use bytes::Bytes;
use message::IndexRecord;

use super::{Asked, Reader};
use crate::{
    AccountId, BodyReader, BoxId, BoxInfo, Changes, Entry, ListingRef, ModSeq, Result, StoreError,
    SystemFlag, TraceId, Uid, UidRuns, Usage,
    engine::{Family, View},
    ids::BodyId,
    keyring::KeyKind,
    keys,
    rows::{
        boxes, messages,
        messages::Keywords,
        sight::{self, Present},
    },
    seal::Shape,
};

#[allow(clippy::missing_errors_doc, reason = "said once, at the type")]
impl Reader<'_> {
    /// Boxes of an account, by name.
    pub fn boxes(&self, account: AccountId) -> Result<Vec<BoxInfo>> {
        let mut found = vec![];
        for id in self.box_ids(account)? {
            found.extend(self.box_info(id)?);
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Names that an account is subscribed to and that no box has any more (RFC 3501 §6.3.6), in order.
    pub fn left_subscriptions(&self, account: AccountId) -> Result<Vec<String>> {
        let mut left = boxes::left_subscriptions(self.view(), &self.core().keys, account)?;
        left.sort_unstable();
        Ok(left)
    }

    /// The box of that name; INBOX without case.
    pub fn box_by_name(&self, account: AccountId, name: &str) -> Result<Option<BoxInfo>> {
        let name = boxes::canonical(name);
        match boxes::by_name(self.view(), &self.core().keys, account, &name)? {
            Some(id) => self.box_info(id),
            None => Ok(None),
        }
    }

    /// The box, if it exists.
    pub fn box_info(&self, id: BoxId) -> Result<Option<BoxInfo>> {
        boxes::info(self.view(), &self.core().keys, id)
    }

    /// What messages marked `\\Deleted` of a box come to: their number and bytes, counted in the box's summary (I-7).
    /// Nothing if there is no such box.
    pub fn deleted(&self, id: BoxId) -> Result<Usage> {
        let mut deleted = Usage::default();
        self.listings(id, Uid::MIN, Uid::MAX, &mut |listing| {
            if listing.has(SystemFlag::Deleted) {
                deleted.messages += 1;
                deleted.bytes += listing.size();
            }
            Ok(true)
        })?;
        Ok(deleted)
    }

    /// Every message of the box, ascending: one range scan. Empty if there is no such box.
    pub fn messages(&self, id: BoxId) -> Result<Vec<Entry>> {
        self.entries(id, Uid::MIN, Uid::MAX)
    }

    /// Messages with UIDs from `from` to `to`, both included, ascending.
    pub fn entries(&self, id: BoxId, from: Uid, to: Uid) -> Result<Vec<Entry>> {
        let keywords = Keywords::load(self.view(), &self.core().keys, id)?;
        let mut found = vec![];
        messages::listings(self.view(), id, from, to, &mut |uid, listing| {
            found.push(keywords.entry(uid, &listing)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// One message.
    pub fn entry(&self, id: BoxId, uid: Uid) -> Result<Option<Entry>> {
        let Some(listing) = messages::listing(self.view(), id, uid)? else { return Ok(None) };
        let keywords = if listing.keywords.is_empty() {
            Keywords::default()
        } else {
            Keywords::load(self.view(), &self.core().keys, id)?
        };
        keywords.entry(uid, &listing).map(Some)
    }

    /// What changed since a mod-sequence (RFC 7162). `NotFound` if there is no such box.
    pub fn changes(&self, id: BoxId, since: ModSeq) -> Result<Changes> {
        let present = sight::present(self.view(), id)?.ok_or(StoreError::NotFound)?;
        let mut changed = vec![];
        self.changed_in(id, &present, since, &mut |listing| {
            changed.push(listing.entry()?);
            Ok(true)
        })?;
        let vanished = self.vanished_in(id, &present, since)?;
        Ok(Changes { changed, vanished, uid_next: present.state.uid_next, highest: present.state.highest })
    }

    /// Visits the messages whose last change is above a mod-sequence, ascending, until `visit` says no. Costs what changed,
    /// or, from before the summary of the box, a walk through it. None of a box that does not exist.
    pub fn changed(
        &self,
        id: BoxId,
        since: ModSeq,
        visit: &mut dyn FnMut(ListingRef<'_>) -> Result<bool>,
    ) -> Result<()> {
        match sight::present(self.view(), id)? {
            Some(present) => self.changed_in(id, &present, since, visit),
            None => Ok(()),
        }
    }

    /// UIDs that went since a mod-sequence, and maybe some that went before (RFC 7162 §3.2.5.2). None of a box that does
    /// not exist.
    pub fn vanished(&self, id: BoxId, since: ModSeq) -> Result<UidRuns> {
        match sight::present(self.view(), id)? {
            Some(present) => self.vanished_in(id, &present, since),
            None => Ok(UidRuns::new()),
        }
    }

    /// The journey that brought a message here, if one did (S-4.5).
    pub fn origin(&self, id: BoxId, uid: Uid) -> Result<Option<TraceId>> {
        Ok(messages::reference(self.view(), id, uid)?.and_then(|reference| reference.origin))
    }

    /// Index record of a message.
    pub fn index(&self, id: BoxId, uid: Uid) -> Result<Option<IndexRecord>> {
        let asked = Asked { index: true, ..Asked::default() };
        Ok(self.parts(id, uid, asked)?.and_then(|parts| parts.index))
    }

    /// Header of a message: its variant, blank line included.
    pub fn header(&self, id: BoxId, uid: Uid) -> Result<Option<Bytes>> {
        let asked = Asked { header: true, ..Asked::default() };
        Ok(self.parts(id, uid, asked)?.and_then(|parts| parts.header))
    }

    /// Body of a message.
    pub fn body(&self, id: BoxId, uid: Uid) -> Result<Option<BodyReader>> {
        let asked = Asked { body: true, ..Asked::default() };
        Ok(self.parts(id, uid, asked)?.and_then(|parts| parts.body))
    }

    pub(crate) fn body_of(&self, id: BodyId) -> Result<BodyReader> {
        let record = messages::body(self.view(), id)?.ok_or(StoreError::Corrupt("body record"))?;
        let key = self.core().reading_key(KeyKind::Message, id.day)?;
        let shape = if record.turn.is_some() { Shape::Coded } else { Shape::Bare };
        let opener = key.body_opener(&id.id, shape).map_err(|_| StoreError::Corrupt("body key"))?;
        Ok(BodyReader::new(Arc::clone(self.core), opener, record.place(id), record.len))
    }

    /// Opens a header or index record.
    pub(crate) fn sealed_record(&self, body: BodyId, key: &[u8]) -> Result<Vec<u8>> {
        let sealed = self.view().get(Family::Index, key)?.ok_or(StoreError::Corrupt("header variant"))?;
        let day = self.core().reading_key(KeyKind::Message, body.day)?;
        day.open_record(key, &sealed).map_err(|_| StoreError::Corrupt("header variant"))
    }

    fn changed_in(
        &self,
        id: BoxId,
        present: &Present,
        since: ModSeq,
        visit: &mut dyn FnMut(ListingRef<'_>) -> Result<bool>,
    ) -> Result<()> {
        let words = Keywords::load(self.view(), &self.core().keys, id)?;
        let scene = self.scene(id, &present.state)?;
        scene.changed_since(since, &mut |seen| visit(ListingRef { seen, words: &words }))
    }

    fn vanished_in(&self, id: BoxId, present: &Present, since: ModSeq) -> Result<UidRuns> {
        let state = &present.state;
        if since < state.floor {
            // Below its floor the log has gaps: every UID that is not there may have gone since (RFC 7162 §3.2.5.2).
            let last = Uid::new(state.uid_next.get() - 1);
            let there = self.scene(id, state)?.open()?.uids;
            return Ok(last.map(|last| there.missing_through(last)).unwrap_or_default());
        }
        let after = ModSeq(since.0.saturating_add(1));
        let mut gone = vec![];
        let (_, until) = keys::under(&keys::vanished_all(id));
        self.view().scan(Family::Index, &keys::vanished(id, after, Uid::MIN), &until, &mut |key, last| {
            let first = keys::last_uid(key).ok_or(StoreError::Corrupt("vanished key"))?;
            let last = keys::last_uid(last).ok_or(StoreError::Corrupt("vanished"))?;
            gone.push((first, last));
            Ok(true)
        })?;
        for uid in sight::vanished(self.view(), id, present, since)? {
            gone.push((uid, uid));
        }
        Ok(UidRuns::of(gone))
    }
}

/// What was read, or nothing if the keys of its day were destroyed after the snapshot was taken (I-4).
pub(super) fn there<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Err(StoreError::NotFound) => Ok(None),
        read => read.map(Some),
    }
}
