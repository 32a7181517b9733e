//! Watches: who waits for a box, an account or the queue to change. Bounded: entries nobody waits on are removed as others come.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::ids::{AccountId, BoxId, ModSeq};

/// What a commit changed, told after it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A box reached this mod-sequence.
    Mailbox(BoxId, ModSeq),
    /// An account lost or gained a right, or is gone.
    Account(AccountId),
    /// Entries of the queue were added, or are due at another time.
    Queue,
}

/// The watches of one store.
#[derive(Default)]
pub(crate) struct Watches {
    boxes: Table<BoxId, ModSeq>,
    accounts: Table<AccountId, u64>,
    queue: watch::Sender<u64>,
}

impl Watches {
    pub(crate) fn mailbox(&self, id: BoxId) -> watch::Receiver<ModSeq> {
        self.boxes.watch(id)
    }

    pub(crate) fn account(&self, id: AccountId) -> watch::Receiver<u64> {
        self.accounts.watch(id)
    }

    pub(crate) fn queue(&self) -> watch::Receiver<u64> {
        self.queue.subscribe()
    }

    /// Everybody looks again: something may have changed that nobody knows of.
    pub(crate) fn tell_all(&self) {
        self.boxes.tell_all(|_| {});
        self.accounts.tell_all(|generation| *generation += 1);
        self.queue.send_modify(|generation| *generation += 1);
    }

    /// The boxes that somebody watches.
    pub(crate) fn watched(&self) -> Vec<BoxId> {
        let entries = self.boxes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = entries.senders.iter().filter(|(_, sender)| sender.receiver_count() > 0);
        held.map(|(id, _)| *id).collect()
    }

    pub(crate) fn tell(&self, events: &[Event]) {
        for event in events {
            match *event {
                Event::Mailbox(id, modseq) => self.boxes.tell(&id, |seen| *seen = modseq.max(*seen)),
                Event::Account(id) => self.accounts.tell(&id, |generation| *generation += 1),
                Event::Queue => self.queue.send_modify(|generation| *generation += 1),
            }
        }
    }
}

struct Table<K, V>(Mutex<Entries<K, V>>);

struct Entries<K, V> {
    senders: HashMap<K, watch::Sender<V>>,
    tidy_at: usize,
}

const TIDY_FROM: usize = 64;

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Entries { senders: HashMap::new(), tidy_at: TIDY_FROM }))
    }
}

impl<K: Hash + Eq, V: Default> Table<K, V> {
    fn watch(&self, key: K) -> watch::Receiver<V> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.senders.len() >= entries.tidy_at {
            entries.senders.retain(|_, sender| sender.receiver_count() > 0);
            entries.tidy_at = (2 * entries.senders.len()).max(TIDY_FROM);
        }
        entries.senders.entry(key).or_insert_with(|| watch::Sender::new(V::default())).subscribe()
    }

    fn tell_all(&self, change: impl Fn(&mut V)) {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.senders.values().for_each(|sender| sender.send_modify(&change));
    }

    fn tell(&self, key: &K, change: impl FnOnce(&mut V)) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = entries.senders.get(key) else { return };
        if sender.receiver_count() == 0 {
            entries.senders.remove(key);
        } else {
            sender.send_modify(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_sees_what_is_told_after_it_began() {
        let watches = Watches::default();
        watches.tell(&[Event::Mailbox(BoxId(1), ModSeq(5))]);
        let mut one = watches.mailbox(BoxId(1));
        let mut account = watches.account(AccountId(1));
        assert!(!one.has_changed().unwrap());
        watches.tell(&[Event::Mailbox(BoxId(1), ModSeq(6)), Event::Account(AccountId(1))]);
        assert_eq!(*one.borrow_and_update(), ModSeq(6));
        assert_eq!(*account.borrow_and_update(), 1);
    }

    #[test]
    fn watches_that_nobody_holds_do_not_pile_up() {
        let watches = Watches::default();
        let held = watches.mailbox(BoxId(7));
        for number in 0..10_000 {
            drop(watches.mailbox(BoxId(number)));
        }
        assert!(watches.boxes.0.lock().unwrap().senders.len() <= 2 * TIDY_FROM);
        watches.tell(&[Event::Mailbox(BoxId(7), ModSeq(2))]);
        assert!(held.has_changed().unwrap());
    }
}
