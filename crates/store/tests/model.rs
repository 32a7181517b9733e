//! Random operations against a simple model kept in memory, with the store reopened at random moments.

use std::collections::BTreeMap;

use crate::common::*;
use proptest::prelude::*;
use store::{
    AccountId, BoxId, CHUNK, FlagChange, FlagMode, Flags, ModSeq, QueueId, Settlement, Store, StoreError,
    SystemFlag, Uid,
};

#[derive(Debug, Clone)]
enum Step {
    Deliver { size: usize },
    Send { size: usize, here: bool, to: usize },
    Settle { picks: Vec<(usize, u8)>, report: bool },
    Append { to: usize, size: usize },
    Flag { at: usize, uids: Vec<u32>, mode: u8, flag: u8 },
    Expunge { at: usize, uids: Option<Vec<u32>> },
    Transfer { from: usize, to: usize, uids: Vec<u32>, keep: bool },
    Create { name: usize },
    Delete { name: usize },
    Rename { name: usize, to: usize },
    Abandon { size: usize },
    Reopen,
}

const NAMES: [&str; 7] = ["INBOX", "A", "A/B", "A/B/C", "D", "Sent", "D/B"];

fn uids() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(1..12_u32, 0..5)
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..300_usize, 1 => CHUNK - 2..CHUNK + 3, 1 => Just(2 * CHUNK + 9)]
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        4 => size().prop_map(|size| Step::Deliver { size }),
        4 => (size(), any::<bool>(), 1..4_usize).prop_map(|(size, here, to)| Step::Send { size, here, to }),
        4 => (proptest::collection::vec((0..12_usize, 0..6_u8), 1..4), any::<bool>())
            .prop_map(|(picks, report)| Step::Settle { picks, report }),
        3 => (name(), size()).prop_map(|(to, size)| Step::Append { to, size }),
        4 => (name(), uids(), 0..3_u8, 0..4_u8)
            .prop_map(|(at, uids, mode, flag)| Step::Flag { at, uids, mode, flag }),
        2 => (name(), proptest::option::of(uids())).prop_map(|(at, uids)| Step::Expunge { at, uids }),
        3 => (name(), name(), uids(), any::<bool>())
            .prop_map(|(from, to, uids, keep)| Step::Transfer { from, to, uids, keep }),
        3 => name().prop_map(|name| Step::Create { name }),
        1 => name().prop_map(|name| Step::Delete { name }),
        2 => (name(), name()).prop_map(|(name, to)| Step::Rename { name, to }),
        1 => size().prop_map(|size| Step::Abandon { size }),
        1 => Just(Step::Reopen),
    ]
}

/// A message of the model.
#[derive(Debug, Clone, PartialEq)]
struct Message {
    number: u64,
    size: usize,
    flags: Flags,
}

/// A box of the model: what it holds, the next UID, what it held once.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    messages: BTreeMap<u32, Message>,
    next: u32,
    gone: Vec<u32>,
}

impl Model {
    fn add(&mut self, message: Message) -> u32 {
        self.next += 1;
        self.messages.insert(self.next, message);
        self.next
    }

    fn remove(&mut self, uid: u32) {
        if self.messages.remove(&uid).is_some() {
            self.gone.push(uid);
        }
    }
}

/// An entry of the model's queue.
#[derive(Debug, Clone, PartialEq)]
struct Waiting {
    message: Message,
    to: &'static str,
    /// Hours from the start.
    due: i64,
    attempts: u32,
}

const PEOPLE: [&str; 3] = ["a", "b", "c"];

struct Run {
    world: World,
    store: Option<Store>,
    account: AccountId,
    boxes: BTreeMap<String, Model>,
    queue: BTreeMap<QueueId, Waiting>,
    /// Every entry there ever was.
    entries: Vec<QueueId>,
    next: u64,
}

fn flags(which: u8) -> Flags {
    match which {
        0 => Flags::new().with(SystemFlag::Seen),
        1 => Flags::new().with(SystemFlag::Deleted),
        2 => Flags::new().with(SystemFlag::Flagged).with(SystemFlag::Deleted),
        _ => {
            let mut flags = Flags::new();
            flags.add_keyword("Mot").unwrap();
            flags
        }
    }
}

fn real_uids(uids: &[u32]) -> Vec<Uid> {
    uids.iter().filter_map(|&uid| Uid::new(uid)).collect()
}

impl Run {
    fn new() -> Self {
        let world = World::new();
        let store = world.open();
        let account = world.account(&store, "un").id;
        let boxes = ["INBOX", "Sent", "Drafts", "Trash"].map(|name| (name.to_owned(), Model::default()));
        Self {
            world,
            store: Some(store),
            account,
            boxes: boxes.into(),
            queue: BTreeMap::new(),
            entries: vec![],
            next: 0,
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn id(&self, name: &str) -> Option<BoxId> {
        self.store().reader().box_by_name(self.account, name).unwrap().map(|info| info.id)
    }

    fn message(&mut self, size: usize) -> Message {
        self.next += 1;
        Message { number: self.next, size, flags: Flags::new() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Deliver { size } => {
                let message = self.message(size);
                let body = body_bytes(message.number, size);
                let now = self.world.clock_now();
                let uids = self.world.run(deliver(self.store(), now, message.number, &body, &[self.account]));
                assert_eq!(uids[0].get(), self.boxes.get_mut("INBOX").unwrap().add(message));
            }
            Step::Send { size, here, to } => self.send(size, here, &PEOPLE[..to]),
            Step::Settle { picks, report } => self.settle(&picks, report),
            Step::Append { to, size } => self.append(NAMES[to], size),
            Step::Flag { at, uids, mode, flag } => self.flag(NAMES[at], &uids, mode, flag),
            Step::Expunge { at, uids } => self.expunge(NAMES[at], uids.as_deref()),
            Step::Transfer { from, to, uids, keep } => self.transfer(NAMES[from], NAMES[to], uids, keep),
            Step::Create { name } => self.create(NAMES[name]),
            Step::Delete { name } => self.delete(NAMES[name]),
            Step::Rename { name, to } => self.rename(NAMES[name], NAMES[to]),
            Step::Abandon { size } => drop(self.world.run(sealed(self.store(), &body_bytes(0, size)))),
            Step::Reopen => {
                let store = self.store.take().unwrap();
                self.world.close(store);
                self.store = Some(self.world.open());
            }
        }
    }

    fn send(&mut self, size: usize, here: bool, to: &[&'static str]) {
        let message = self.message(size);
        let now = self.world.clock_now();
        self.world.run(async {
            let copies = if here { vec![self.account] } else { vec![] };
            let body = body_bytes(message.number, size);
            let mut delivery = delivery(self.store(), now, message.number, &body, &copies).await;
            delivery.outgoing = Some(outgoing(now, to));
            self.store().deliver(delivery).await.unwrap();
        });
        if here {
            self.boxes.get_mut("INBOX").unwrap().add(message.clone());
        }
        let last = self.entries.last().copied();
        let new = self.store().reader().queue_list(last, 9).unwrap();
        assert_eq!(new.len(), to.len());
        for (queued, &to) in new.iter().zip(to) {
            self.entries.push(queued.id);
            self.queue.insert(queued.id, Waiting { message: message.clone(), to, due: 0, attempts: 0 });
        }
    }

    fn settle(&mut self, picks: &[(usize, u8)], report: bool) {
        if self.entries.is_empty() {
            return;
        }
        let start = self.world.clock_now();
        let mut after = self.queue.clone();
        let mut possible = true;
        let mut entries = vec![];
        for &(pick, how) in picks {
            // The latest most often: the others are mostly gone.
            let id = self.entries[self.entries.len().saturating_sub(1 + pick)];
            let hours_from_now = i64::from(how) - 3;
            let due = start + hours(hours_from_now);
            possible &= after.contains_key(&id);
            let waiting = after.get_mut(&id);
            entries.push(match how {
                0 | 1 => {
                    after.remove(&id);
                    (id, Settlement::Gone)
                }
                2 => {
                    waiting.into_iter().for_each(|waiting| waiting.due = hours_from_now);
                    (id, Settlement::Due(due))
                }
                _ => {
                    if let Some(waiting) = waiting {
                        waiting.due = hours_from_now;
                        waiting.attempts += 1;
                    }
                    let last = format!("451 {how}");
                    (id, Settlement::Later { due, last, distrusted_since: None, delay_told: how == 4 })
                }
            });
        }
        let told = self.message(50);
        let result = self.world.run(async {
            let body = body_bytes(told.number, told.size);
            let letter = delivery(self.store(), start, told.number, &body, &[self.account]).await;
            self.store().settle(entries, report.then_some(letter), vec![]).await
        });
        if !possible {
            return assert_eq!(result.unwrap_err(), StoreError::NotFound);
        }
        result.unwrap();
        self.queue = after;
        if report {
            self.boxes.get_mut("INBOX").unwrap().add(told);
        }
    }

    fn append(&mut self, name: &str, size: usize) {
        let Some(id) = self.id(name) else { return assert!(!self.boxes.contains_key(name)) };
        let message = self.message(size);
        let body = body_bytes(message.number, size);
        let appended = self.world.run(async {
            let incoming = incoming(self.store(), message.number, &body).await;
            self.store().append(id, incoming, None).await.unwrap()
        });
        assert_eq!(appended.uid.get(), self.boxes.get_mut(name).unwrap().add(message));
    }

    fn flag(&mut self, name: &str, uids: &[u32], mode: u8, flag: u8) {
        let Some(id) = self.id(name) else { return };
        let mode = [FlagMode::Add, FlagMode::Remove, FlagMode::Replace][usize::from(mode)];
        let change = FlagChange { mode, flags: flags(flag) };
        let entries = self.world.run(self.store().store_flags(id, real_uids(uids), change.clone())).unwrap();
        let model = self.boxes.get_mut(name).unwrap();
        assert_eq!(entries.len(), uids.iter().filter(|uid| model.messages.contains_key(uid)).count());
        for uid in uids {
            if let Some(message) = model.messages.get_mut(uid) {
                message.flags = change.apply(&message.flags).unwrap();
            }
        }
    }

    fn expunge(&mut self, name: &str, uids: Option<&[u32]>) {
        let Some(id) = self.id(name) else { return };
        let gone = self.world.run(self.store().expunge(id, uids.map(real_uids))).unwrap();
        let model = self.boxes.get_mut(name).unwrap();
        let marked = |uid: &u32, message: &Message| {
            message.flags.has(SystemFlag::Deleted) && uids.is_none_or(|uids| uids.contains(uid))
        };
        let expected: Vec<u32> = model
            .messages
            .iter()
            .filter(|(uid, message)| marked(uid, message))
            .map(|(uid, _)| *uid)
            .collect();
        assert_eq!(gone.iter().map(|uid| uid.get()).collect::<Vec<_>>(), expected);
        expected.into_iter().for_each(|uid| model.remove(uid));
    }

    fn transfer(&mut self, from: &str, to: &str, mut uids: Vec<u32>, keep: bool) {
        let (Some(source), Some(target)) = (self.id(from), self.id(to)) else { return };
        let store = self.store();
        let copied = if keep {
            self.world.run(store.copy(source, real_uids(&uids), target)).unwrap()
        } else {
            self.world.run(store.move_(source, real_uids(&uids), target)).unwrap()
        };
        uids.sort_unstable();
        uids.dedup();
        // Within one box, what is made on the way is not taken again.
        uids.retain(|uid| self.boxes[from].messages.contains_key(uid));
        let mut expected = vec![];
        for uid in uids {
            let message = self.boxes[from].messages[&uid].clone();
            let new = self.boxes.get_mut(to).unwrap().add(message);
            expected.push((uid, new));
        }
        if !keep {
            expected.iter().for_each(|(uid, _)| self.boxes.get_mut(from).unwrap().remove(*uid));
        }
        let pairs: Vec<_> = copied.pairs.iter().map(|(old, new)| (old.get(), new.get())).collect();
        assert_eq!(pairs, expected);
    }

    fn with_parents(&mut self, name: &str) {
        for (at, _) in name.match_indices('/') {
            self.boxes.entry(name[..at].to_owned()).or_default();
        }
    }

    fn create(&mut self, name: &str) {
        let made = self.world.run(self.store().create_box(self.account, name, None));
        assert_eq!(made.is_err(), self.boxes.contains_key(name));
        self.with_parents(name);
        self.boxes.entry(name.to_owned()).or_default();
    }

    fn delete(&mut self, name: &str) {
        let Some(id) = self.id(name) else { return };
        let result = self.world.run(self.store().delete_box(id));
        let prefix = format!("{name}/");
        let refused = name == "INBOX" || self.boxes.keys().any(|other| other.starts_with(&prefix));
        assert_eq!(result.is_err(), refused);
        if !refused {
            self.boxes.remove(name);
        }
    }

    fn rename(&mut self, name: &str, to: &str) {
        let Some(id) = self.id(name) else { return };
        let result = self.world.run(self.store().rename_box(id, to));
        let prefix = format!("{name}/");
        // The fixed names make no child collide: its new name would exist only under an existing target.
        let refused = self.boxes.contains_key(to) || (name != "INBOX" && to.starts_with(&prefix));
        assert_eq!(result.is_err(), refused, "{name} to {to}: {result:?}");
        if refused {
            return assert!(matches!(result, Err(StoreError::Conflict(_))));
        }
        if name == "INBOX" {
            let mut target = Model::default();
            let inbox = self.boxes.get_mut("INBOX").unwrap();
            for uid in inbox.messages.keys().copied().collect::<Vec<_>>() {
                target.add(inbox.messages[&uid].clone());
                inbox.remove(uid);
            }
            self.with_parents(to);
            self.boxes.insert(to.to_owned(), target);
            return;
        }
        let moving: Vec<_> =
            self.boxes.keys().filter(|other| *other == name || other.starts_with(&prefix)).cloned().collect();
        let moved: Vec<_> = moving
            .into_iter()
            .map(|old| (format!("{to}{}", &old[name.len()..]), self.boxes.remove(&old).unwrap()))
            .collect();
        self.with_parents(to);
        self.boxes.extend(moved);
    }

    /// The store's queue is the model's.
    fn compare_queue(&self) {
        let (reader, start) = (self.store().reader(), self.world.clock_now());
        let all = reader.queue_list(None, usize::MAX).unwrap();
        assert!(all.iter().map(|queued| queued.id).eq(self.queue.keys().copied()));
        for queued in &all {
            let waiting = &self.queue[&queued.id];
            assert_eq!((&queued.recipient, queued.attempts), (&remote(waiting.to), waiting.attempts));
            assert_eq!(queued.due, start + hours(waiting.due));
            let (number, size) = (waiting.message.number, waiting.message.size);
            assert_eq!(read_queued(self.store(), queued.id), (header(number), body_bytes(number, size)));
        }
        assert_eq!(reader.queue_size().unwrap(), self.queue.len() as u64);
        let first = self.queue.values().map(|waiting| waiting.due).min();
        assert_eq!(reader.queue_next_due().unwrap(), first.map(|due| start + hours(due)));
        for now in -3..3 {
            let due = reader.queue_due(start + hours(now), None, usize::MAX).unwrap();
            let mut expected: Vec<_> =
                self.queue.iter().filter(|(_, w)| w.due <= now).map(|(id, w)| (w.due, *id)).collect();
            expected.sort_unstable();
            assert!(due.iter().map(|queued| queued.id).eq(expected.into_iter().map(|(_, id)| id)));
        }
    }

    /// The store shows what the model holds.
    fn compare(&self) {
        self.compare_queue();
        let reader = self.store().reader();
        let all = reader.boxes(self.account).unwrap();
        assert!(all.iter().map(|info| &info.name).eq(self.boxes.keys()));
        for info in all {
            let model = &self.boxes[&info.name];
            assert_eq!((info.uid_next.get(), info.exists as usize), (model.next + 1, model.messages.len()));
            let entries = reader.messages(info.id).unwrap();
            let shown: Vec<_> = entries.iter().map(|entry| (entry.uid.get(), entry.flags.clone())).collect();
            let expected: Vec<_> = model.messages.iter().map(|(uid, m)| (*uid, m.flags.clone())).collect();
            assert_eq!(shown, expected);
            let changes = reader.changes(info.id, ModSeq::new(0)).unwrap();
            assert_eq!(changes.changed, entries);
            let mut gone = model.gone.clone();
            gone.sort_unstable();
            assert_eq!(changes.vanished.iter().map(|uid| uid.get()).collect::<Vec<_>>(), gone);
            for (uid, message) in &model.messages {
                let uid = Uid::new(*uid).unwrap();
                assert_eq!(reader.header(info.id, uid).unwrap().unwrap(), header(message.number));
                assert_eq!(read_body(self.store(), info.id, uid), body_bytes(message.number, message.size));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..40)) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        run.compare();
        let store = run.store.take().unwrap();
        run.world.close(store);
        run.store = Some(run.world.open());
        run.compare();
        run.world.close(run.store.take().unwrap());
    }
}
