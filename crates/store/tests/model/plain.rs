//! The plain model: what a store is, in memory, without any of the ways it is kept.

use std::collections::{BTreeMap, BTreeSet};

use store::{AccountId, BoxId, Day, Flags, QueueId, SpecialUse};

use crate::common::header;

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    /// Which header and body it has.
    pub(super) number: u64,
    /// Bytes of its body.
    pub(super) size: usize,
    pub(super) flags: Flags,
    /// The day of its reception; copies keep it.
    pub(super) day: Day,
}

impl Message {
    /// RFC822.SIZE.
    pub(super) fn bytes(&self) -> u64 {
        (header(self.number).len() + self.size) as u64
    }
}

/// A box.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Box {
    pub(super) id: BoxId,
    pub(super) messages: BTreeMap<u32, Message>,
    /// The last UID given.
    pub(super) last: u32,
    /// UIDs that went.
    pub(super) gone: BTreeSet<u32>,
    pub(super) special_use: Option<SpecialUse>,
    pub(super) subscribed: bool,
}

impl Box {
    pub(super) fn new(id: BoxId, special_use: Option<SpecialUse>, subscribed: bool) -> Self {
        Self { id, messages: BTreeMap::new(), last: 0, gone: BTreeSet::new(), special_use, subscribed }
    }

    pub(super) fn add(&mut self, message: Message) -> u32 {
        self.last += 1;
        self.messages.insert(self.last, message);
        self.last
    }

    pub(super) fn remove(&mut self, uid: u32) {
        if self.messages.remove(&uid).is_some() {
            self.gone.insert(uid);
        }
    }

    /// Which of these UIDs are there, ascending, each once.
    pub(super) fn present(&self, uids: &[u32]) -> Vec<u32> {
        self.messages.keys().copied().filter(|uid| uids.contains(uid)).collect()
    }
}

/// An account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) id: AccountId,
    /// By name.
    pub(super) boxes: BTreeMap<String, Box>,
    /// Names that are subscribed to and that no box has any more.
    pub(super) left: BTreeSet<String>,
}

impl Account {
    /// Messages and bytes in all boxes.
    pub(super) fn usage(&self) -> (u64, u64) {
        let all = || self.boxes.values().flat_map(|one| one.messages.values());
        (all().count() as u64, all().map(Message::bytes).sum())
    }

    pub(super) fn has_children(&self, name: &str) -> bool {
        let prefix = format!("{name}/");
        self.boxes.keys().any(|other| other.starts_with(&prefix))
    }

    /// The names above `name` that are not there.
    pub(super) fn missing_parents(&self, name: &str) -> Vec<String> {
        let parents = name.match_indices('/').map(|(at, _)| name[..at].to_owned());
        parents.filter(|parent| !self.boxes.contains_key(parent)).collect()
    }

    /// The box and those under it get the new name.
    pub(super) fn rename(&mut self, name: &str, to: &str) {
        let prefix = format!("{name}/");
        let family = |other: &String| *other == name || other.starts_with(&prefix);
        for old in self.boxes.keys().filter(|other| family(other)).cloned().collect::<Vec<_>>() {
            let mut one = self.boxes.remove(&old).unwrap();
            let new = format!("{to}{}", &old[name.len()..]);
            one.subscribed |= self.left.remove(&new);
            self.boxes.insert(new, one);
        }
    }
}

/// An entry of the queue.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Waiting {
    pub(super) message: Message,
    pub(super) to: &'static str,
    pub(super) due: jiff::Timestamp,
    pub(super) attempts: u32,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Plain {
    pub(super) accounts: Vec<Account>,
    pub(super) queue: BTreeMap<QueueId, Waiting>,
    /// Every entry there ever was.
    pub(super) entries: Vec<QueueId>,
    /// The last number given to a message.
    pub(super) last: u64,
}
