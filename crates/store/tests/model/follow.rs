//! Clients that never list a box again: they only ask what changed since they last looked (RFC 7162), and only when a
//! watch woke them.

use std::collections::BTreeMap;

use store::{BoxId, Flags, ModSeq, Store};
use tokio::sync::watch;

use super::plain::Box;

/// One such client, in one box.
pub(super) struct Follower {
    id: BoxId,
    since: ModSeq,
    known: BTreeMap<u32, Flags>,
    woken: watch::Receiver<ModSeq>,
}

impl Follower {
    /// Begins before the first message.
    pub(super) fn new(store: &Store, id: BoxId) -> Self {
        Self { id, since: ModSeq::new(0), known: BTreeMap::new(), woken: watched(store, id) }
    }

    /// The store was opened again: what is known stays known.
    pub(super) fn reconnect(&mut self, store: &Store) {
        self.woken = watched(store, self.id);
        self.woken.mark_changed();
    }

    /// Looks if it was woken; whether or not, it must know what the box holds.
    pub(super) fn check(&mut self, store: &Store, plain: &Box) {
        if self.woken.has_changed().unwrap() {
            self.woken.mark_unchanged();
            self.look(store);
        }
        let held: BTreeMap<u32, Flags> =
            plain.messages.iter().map(|(uid, message)| (*uid, message.flags.clone())).collect();
        assert_eq!(self.known, held, "box {}", self.id);
    }

    /// Whether it was woken since it last looked.
    pub(super) fn is_woken(&self) -> bool {
        self.woken.has_changed().unwrap()
    }

    fn look(&mut self, store: &Store) {
        let changes = store.reader().changes(self.id, self.since).unwrap();
        assert!(changes.highest >= self.since);
        for entry in changes.changed {
            assert!(entry.modseq > self.since && entry.modseq <= changes.highest);
            self.known.insert(entry.uid.get(), entry.flags);
        }
        for uid in changes.vanished.iter() {
            assert!(uid < changes.uid_next);
            self.known.remove(&uid.get());
        }
        self.since = changes.highest;
    }
}

fn watched(store: &Store, id: BoxId) -> watch::Receiver<ModSeq> {
    let mut woken = store.watch(id);
    woken.mark_changed();
    woken
}
