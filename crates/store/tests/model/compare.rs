//! What the store shows against what the model holds.

use store::{Entry, ModSeq, Reader, SystemFlag, Uid};

use super::{
    plain::{Box, Message},
    run::Run,
};
use crate::common::*;

impl Run {
    /// Names, counters and what changed: after every step.
    pub(super) fn compare(&mut self) {
        self.followers_look();
        let reader = self.store().reader();
        for account in &self.plain.accounts {
            let all = reader.boxes(account.id).unwrap();
            assert!(all.iter().map(|info| &info.name).eq(account.boxes.keys()));
            for info in all {
                let one = &account.boxes[&info.name];
                let unseen = one.messages.values().filter(|m| !m.flags.has(SystemFlag::Seen)).count();
                let bytes: u64 = one.messages.values().map(Message::bytes).sum();
                assert_eq!((info.id, info.account), (one.id, account.id));
                assert_eq!((info.special_use, info.subscribed), (one.special_use, one.subscribed));
                assert_eq!((info.exists as usize, info.unseen as usize), (one.messages.len(), unseen));
                assert_eq!((info.uid_next.get(), info.bytes), (one.last + 1, bytes), "{}", info.name);
            }
            assert!(reader.left_subscriptions(account.id).unwrap().iter().eq(&account.left));
            let usage = reader.usage(account.id).unwrap();
            assert_eq!((usage.messages, usage.bytes), account.usage());
        }
    }

    /// Every message to its last byte: at the end.
    pub(super) fn compare_whole(&mut self) {
        self.compare();
        self.compare_queue();
        let reader = self.store().reader();
        for one in self.plain.accounts.iter().flat_map(|account| account.boxes.values()) {
            let entries = reader.messages(one.id).unwrap();
            self.compare_box(&reader, one, &entries);
        }
    }

    fn compare_box(&self, reader: &Reader<'_>, one: &Box, entries: &[Entry]) {
        let shown = entries.iter().map(|entry| (entry.uid.get(), &entry.flags, entry.size));
        let held = one.messages.iter().map(|(uid, message)| (*uid, &message.flags, message.bytes()));
        assert!(shown.eq(held), "box {}", one.id);
        let changes = reader.changes(one.id, ModSeq::new(0)).unwrap();
        assert_eq!(changes.changed, entries);
        assert!(changes.vanished.iter().map(Uid::get).eq(one.gone.iter().copied()), "box {}", one.id);
        for (uid, message) in &one.messages {
            let uid = Uid::new(*uid).unwrap();
            assert_eq!(reader.entry(one.id, uid).unwrap().unwrap().flags, message.flags);
            assert_eq!(reader.header(one.id, uid).unwrap().unwrap(), header(message.number));
            assert_eq!(reader.index(one.id, uid).unwrap().unwrap().size, message.bytes());
            assert_eq!(read_body(self.store(), one.id, uid), body_bytes(message.number, message.size));
        }
        for uid in one.gone.iter().copied().filter_map(Uid::new) {
            assert_eq!(reader.entry(one.id, uid).unwrap(), None);
            assert!(reader.body(one.id, uid).unwrap().is_none());
        }
    }
}
