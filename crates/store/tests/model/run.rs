//! Each step, done to the store and to the plain model; what the store answers is compared at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use store::{
    Actor, BoxId, Conflict, FlagChange, FlagMode, Flags, OpenError, SpecialUse, Store, StoreError,
    SystemFlag, Uid,
};

use super::{
    follow::Follower,
    plain::{Account, Box, Message, Plain},
    steps::{ACCOUNTS, NAMES, Place, Step},
};
use crate::common::*;

/// Opens the store of a world: the engine under test.
pub(super) type Open = fn(&World) -> Result<Store, OpenError>;

/// A store, the model of it, and those who watch.
pub(super) struct Run {
    pub(super) world: World,
    open: Open,
    store: Option<Store>,
    pub(super) plain: Plain,
    /// Of each box: one client that looks after every step, one that looks rarely.
    followers: BTreeMap<BoxId, [Follower; 2]>,
    /// Accounts made so far: no address is given twice.
    made: usize,
}

impl Run {
    pub(super) fn new(open: Open) -> Self {
        let mut world = World::new();
        // So little that works on a handful of messages take several operations, and logs are cut.
        world.settings.operation_changes = 9;
        world.settings.vanished_runs = 4;
        world.settings.summary_changes = 6;
        let store = Some(open(&world).unwrap());
        let (plain, followers) = (Plain::default(), BTreeMap::new());
        let mut run = Self { world, open, store, plain, followers, made: 0 };
        for place in 0..ACCOUNTS {
            let account = run.new_account();
            run.plain.accounts.insert(place, account);
        }
        run
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    /// Closes with a proof, and opens again.
    pub(super) fn reopen(&mut self) {
        let store = self.store.take().unwrap();
        self.world.close(store);
        let deadline = Instant::now() + Duration::from_secs(10);
        self.store = loop {
            match (self.open)(&self.world) {
                Ok(store) => break Some(store),
                // A round of retention whose caller went away is finished behind; until then it holds the engine.
                Err(OpenError::InUse(_)) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => panic!("{error}"),
            }
        };
        let store = self.store.as_ref().unwrap();
        self.followers.values_mut().flatten().for_each(|follower| follower.reconnect(store));
    }

    /// The end.
    pub(super) fn close(mut self) {
        self.world.close(self.store.take().unwrap());
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Deliver { to, size } => self.deliver(to, size),
            Step::Send { size, here, to } => self.send(size, here, to),
            Step::Settle { picks, report } => self.settle(&picks, report),
            Step::Append { to, size, flag } => self.append(to, size, flag),
            Step::Flag { at, uids, mode, flag } => self.flag(at, &uids, mode, flag),
            Step::Expunge { at, uids } => self.expunge(at, uids.as_deref()),
            Step::Transfer { from, to, uids, keep } => self.transfer(from, to, &uids, keep),
            Step::Forsake { from, to, after } => self.forsake(from, to, after),
            Step::Create { at, special } => self.create(at, special),
            Step::Delete { at } => self.delete(at),
            Step::Rename { at, to } => self.rename(at, NAMES[to]),
            Step::Subscribe { at, on } => self.subscribe(at, on),
            Step::Replace { account } => self.replace(account),
            Step::Abandon { size } => drop(self.world.run(sealed(self.store(), &body_bytes(0, size)))),
            Step::Live { days, cut } => self.live(days, cut),
            Step::Summarise { at } => {
                let Some(id) = self.at(at).map(|one| one.id) else { return };
                self.store().summarise(id).unwrap();
            }
            Step::Look => self.late_followers_look(),
            Step::Reopen => self.reopen(),
        }
    }

    /// The box, if there is one of that name.
    fn at(&mut self, place: Place) -> Option<&mut Box> {
        self.plain.accounts[place.account].boxes.get_mut(NAMES[place.name])
    }

    pub(super) fn inbox(&mut self, account: usize) -> &mut Box {
        self.plain.accounts[account].boxes.get_mut("INBOX").unwrap()
    }

    /// A message that comes now.
    pub(super) fn message(&mut self, size: usize) -> Message {
        self.plain.last += 1;
        let day = store::Day::of(self.world.clock_now());
        Message { number: self.plain.last, size, flags: Flags::new(), day }
    }

    fn new_account(&mut self) -> Account {
        self.made += 1;
        let id = self.world.account(self.store(), &format!("n{}", self.made)).id;
        let mut account = Account { id, boxes: BTreeMap::new(), left: BTreeSet::new() };
        let uses = [Some(SpecialUse::Sent), Some(SpecialUse::Drafts), Some(SpecialUse::Trash), None];
        for (name, special_use) in ["Sent", "Drafts", "Trash", "INBOX"].into_iter().zip(uses) {
            self.learn(&mut account, name, special_use, true);
        }
        account
    }

    /// A box is there that was not: it gets followers.
    fn learn(
        &mut self,
        account: &mut Account,
        name: &str,
        special_use: Option<SpecialUse>,
        subscribed: bool,
    ) {
        let store = self.store.as_ref().unwrap();
        let info = store.reader().box_by_name(account.id, name).unwrap().unwrap();
        let subscribed = account.left.remove(name) || subscribed;
        let known = account.boxes.insert(name.to_owned(), Box::new(info.id, special_use, subscribed));
        assert!(known.is_none());
        let new = self.followers.insert(info.id, [0, 1].map(|_| Follower::new(store, info.id)));
        assert!(new.is_none(), "a box number is never given again");
    }

    fn deliver(&mut self, mut to: Vec<usize>, size: usize) {
        to.sort_unstable();
        to.dedup();
        let message = self.message(size);
        let accounts: Vec<_> = to.iter().map(|&account| self.plain.accounts[account].id).collect();
        let (now, body) = (self.world.clock_now(), body_bytes(message.number, size));
        let uids = self.world.run(deliver(self.store(), now, message.number, &body, &accounts));
        for (account, uid) in to.into_iter().zip(uids) {
            assert_eq!(uid.get(), self.inbox(account).add(message.clone()));
        }
    }

    fn append(&mut self, to: Place, size: usize, flag: u8) {
        let Some(id) = self.at(to).map(|one| one.id) else { return };
        let message = Message { flags: flags(flag), ..self.message(size) };
        let appended = self.world.run(async {
            let body = body_bytes(message.number, size);
            let mut incoming = incoming(self.store(), message.number, &body).await;
            incoming.flags = message.flags.clone();
            self.store().append(id, incoming, None).await.unwrap()
        });
        assert_eq!(appended.uid.get(), self.at(to).unwrap().add(message));
    }

    fn flag(&mut self, at: Place, uids: &[u32], mode: u8, flag: u8) {
        let Some(id) = self.at(at).map(|one| one.id) else { return };
        let mode = [FlagMode::Add, FlagMode::Remove, FlagMode::Replace][usize::from(mode)];
        let change = FlagChange { mode, flags: flags(flag) };
        let entries = self
            .world
            .run(self.store().store_flags(id, real(uids), change.clone(), Actor::default()))
            .unwrap();
        let one = self.at(at).unwrap();
        let named: Vec<u32> = uids.iter().copied().filter(|uid| one.messages.contains_key(uid)).collect();
        assert!(entries.iter().map(|entry| entry.uid.get()).eq(named.iter().copied()));
        for (uid, entry) in named.iter().zip(&entries) {
            let message = one.messages.get_mut(uid).unwrap();
            message.flags = change.apply(&message.flags).unwrap();
            assert_eq!(entry.flags, message.flags);
        }
    }

    fn expunge(&mut self, at: Place, uids: Option<&[u32]>) {
        let Some(id) = self.at(at).map(|one| one.id) else { return };
        let gone = self.world.run(self.store().expunge(id, uids.map(real), Actor::default())).unwrap();
        let one = self.at(at).unwrap();
        let marked = |(uid, message): (&u32, &Message)| {
            let wanted = uids.is_none_or(|uids| uids.contains(uid));
            (wanted && message.flags.has(SystemFlag::Deleted)).then_some(*uid)
        };
        let expected: Vec<u32> = one.messages.iter().filter_map(marked).collect();
        assert!(gone.iter().map(|uid| uid.get()).eq(expected.iter().copied()));
        expected.into_iter().for_each(|uid| one.remove(uid));
    }

    fn transfer(&mut self, from: Place, to: Place, uids: &[u32], keep: bool) {
        let (Some(source), Some(target)) = (self.at(from).map(|s| s.id), self.at(to).map(|t| t.id)) else {
            return;
        };
        let copied = self.world.run(async {
            match keep {
                true => self.store().copy(source, real(uids), target, Actor::default()).await.unwrap(),
                false => self.store().move_(source, real(uids), target, Actor::default()).await.unwrap(),
            }
        });
        let expected = self.copy_in_model(from, to, uids);
        if !keep {
            expected.iter().for_each(|(uid, _)| self.at(from).unwrap().remove(*uid));
        }
        let pairs: Vec<_> = copied.pairs.iter().map(|(old, new)| (old.get(), new.get())).collect();
        assert_eq!(pairs, expected);
    }

    fn copy_in_model(&mut self, from: Place, to: Place, uids: &[u32]) -> Vec<(u32, u32)> {
        // Within one box, what is made on the way is not taken again.
        let source = self.at(from).unwrap();
        let taken: Vec<_> =
            source.present(uids).into_iter().map(|uid| (uid, source.messages[&uid].clone())).collect();
        let target = self.at(to).unwrap();
        taken.into_iter().map(|(uid, message)| (uid, target.add(message))).collect()
    }

    /// A COPY whose caller goes away is whole or taken back; the UIDs it gave are never given again.
    fn forsake(&mut self, from: Place, to: Place, after: usize) {
        let (Some(source), Some(target)) = (self.at(from).map(|s| s.id), self.at(to).map(|t| t.id)) else {
            return;
        };
        let uids: Vec<u32> = self.at(from).unwrap().messages.keys().copied().collect();
        self.world.run(async {
            let (store, uids) = (self.store().clone(), real(&uids));
            let task = tokio::spawn(async move { store.copy(source, uids, target, Actor::default()).await });
            for _ in 0..after {
                tokio::time::sleep(Duration::from_micros(300)).await;
            }
            task.abort();
            let _ = task.await;
            self.store().cleared().await;
        });
        let info = self.store().reader().box_info(target).unwrap().unwrap();
        let one = self.at(to).unwrap();
        if info.exists as usize == one.messages.len() {
            one.gone.extend(one.last + 1..info.uid_next.get());
            one.last = info.uid_next.get() - 1;
        } else {
            self.copy_in_model(from, to, &uids);
        }
    }

    fn create(&mut self, at: Place, special: u8) {
        let special = [None, Some(SpecialUse::Archive), Some(SpecialUse::Junk), None][usize::from(special)];
        let (mut account, name) = (self.plain.accounts[at.account].clone(), NAMES[at.name]);
        let made = self.world.run(self.store().create_box(account.id, name, special, Actor::default()));
        if account.boxes.contains_key(name) {
            return assert_eq!(made.unwrap_err(), StoreError::Conflict(Conflict::BoxExists));
        }
        assert_eq!(made.unwrap().special_use, special);
        for parent in account.missing_parents(name) {
            self.learn(&mut account, &parent, None, false);
        }
        self.learn(&mut account, name, special, false);
        self.plain.accounts[at.account] = account;
    }

    fn delete(&mut self, at: Place) {
        let Some(id) = self.at(at).map(|one| one.id) else { return };
        let result = self.world.run(self.store().delete_box(id, Actor::default()));
        let (account, name) = (&mut self.plain.accounts[at.account], NAMES[at.name]);
        if name == "INBOX" || account.has_children(name) {
            return assert!(matches!(result, Err(StoreError::Conflict(_))), "{result:?}");
        }
        result.unwrap();
        if account.boxes.remove(name).unwrap().subscribed {
            account.left.insert(name.to_owned());
        }
        self.forget(id);
    }

    /// Who watched a box that is deleted is told so.
    fn forget(&mut self, id: BoxId) {
        let [one, other] = self.followers.remove(&id).unwrap();
        assert!(one.is_woken() && other.is_woken());
        assert_eq!(self.store().reader().box_info(id).unwrap(), None);
    }

    fn rename(&mut self, at: Place, to: &str) {
        let Some(id) = self.at(at).map(|one| one.id) else { return };
        let result = self.world.run(self.store().rename_box(id, to, Actor::default()));
        let (mut account, name) = (self.plain.accounts[at.account].clone(), NAMES[at.name]);
        // The fixed names make no child collide: its new name would exist only under an existing target.
        if account.boxes.contains_key(to) || (name != "INBOX" && to.starts_with(&format!("{name}/"))) {
            return assert!(matches!(result, Err(StoreError::Conflict(_))), "{name} to {to}: {result:?}");
        }
        result.unwrap();
        let parents = account.missing_parents(to);
        if name == "INBOX" {
            self.learn(&mut account, to, None, false);
            let messages = std::mem::take(&mut account.boxes.get_mut("INBOX").unwrap().messages);
            account.boxes.get_mut("INBOX").unwrap().gone.extend(messages.keys());
            messages.into_values().for_each(|message| {
                account.boxes.get_mut(to).unwrap().add(message);
            });
        } else {
            account.rename(name, to);
        }
        for parent in parents {
            self.learn(&mut account, &parent, None, false);
        }
        self.plain.accounts[at.account] = account;
    }

    fn subscribe(&mut self, at: Place, on: bool) {
        let id = self.plain.accounts[at.account].id;
        let result = self.world.run(self.store().subscribe(id, NAMES[at.name], on, Actor::default()));
        let left = !on && self.plain.accounts[at.account].left.remove(NAMES[at.name]);
        match self.at(at) {
            Some(one) => one.subscribed = on,
            None if left => {}
            None => return assert_eq!(result, Err(StoreError::NotFound)),
        }
        result.unwrap();
    }

    fn replace(&mut self, place: usize) {
        let old = self.plain.accounts[place].clone();
        let trace = self.world.trace(store::Action::AccountRemove);
        self.world.run(self.store().remove_account(old.id, trace)).unwrap();
        assert_eq!(self.store().reader().account(old.id).unwrap(), None);
        self.world.run(self.store().cleared());
        old.boxes.values().for_each(|one| self.forget(one.id));
        self.plain.accounts[place] = self.new_account();
    }

    /// Days pass. What waits in the queue never does for long: it goes before its day can.
    fn live(&mut self, days: u8, cut: Option<usize>) {
        if days > 3 {
            let all = self.plain.queue.keys().map(|&id| (id, store::Settlement::Gone)).collect();
            self.world.run(self.store().settle(all, None, vec![])).unwrap();
            self.plain.queue.clear();
        }
        for _ in 0..days {
            self.world.clock.advance(hours(24));
            let id = self.plain.accounts[0].id;
            let on = self.inbox(0).subscribed;
            self.world.run(self.store().subscribe(id, "INBOX", on, Actor::default())).unwrap();
        }
        self.world.run(async {
            let store = self.store().clone();
            let round = tokio::spawn(async move { store.keep(&store::KeepPlan::default()).await });
            if let Some(looks) = cut {
                for _ in 0..looks {
                    tokio::time::sleep(Duration::from_micros(200)).await;
                }
                round.abort();
            }
            match round.await {
                Ok(kept) => assert!(!kept.unwrap().held),
                Err(gone) => assert!(gone.is_cancelled()),
            }
        });
        let due = mssante::retention::MESSAGES.last_due(store::Day::of(self.world.clock_now()).date());
        let erased = self.store().reader().retention().unwrap().erased_through;
        assert!(erased <= due.into() && (cut.is_some() || erased == due.into()));
        if erased < due.into() {
            // It was cut before the days were gone, or is about to erase them behind: the next round does it.
            self.world.run(self.store().keep(&store::KeepPlan::default())).unwrap();
        }
        let erased = store::Day::from(due);
        for one in self.plain.accounts.iter_mut().flat_map(|account| account.boxes.values_mut()) {
            let old: Vec<u32> = one
                .messages
                .iter()
                .filter(|(_, message)| message.day <= erased)
                .map(|(uid, _)| *uid)
                .collect();
            old.into_iter().for_each(|uid| one.remove(uid));
        }
    }

    fn late_followers_look(&mut self) {
        let store = self.store.as_ref().unwrap();
        for one in self.plain.accounts.iter().flat_map(|account| account.boxes.values()) {
            self.followers.get_mut(&one.id).unwrap()[1].check(store, one);
        }
    }

    /// Everyone who looks at every change knows what the model holds.
    pub(super) fn followers_look(&mut self) {
        let store = self.store.as_ref().unwrap();
        for one in self.plain.accounts.iter().flat_map(|account| account.boxes.values()) {
            self.followers.get_mut(&one.id).unwrap()[0].check(store, one);
        }
    }
}

fn flags(which: u8) -> Flags {
    let keyword = |word: &str| {
        let mut flags = Flags::new();
        flags.add_keyword(word).unwrap();
        flags
    };
    match which {
        0 => Flags::new().with(SystemFlag::Seen),
        1 => Flags::new().with(SystemFlag::Deleted),
        2 => Flags::new().with(SystemFlag::Flagged).with(SystemFlag::Deleted),
        3 => keyword("Mot"),
        4 => keyword("Autre").with(SystemFlag::Answered),
        _ => Flags::new(),
    }
}

fn real(uids: &[u32]) -> Vec<Uid> {
    uids.iter().filter_map(|&uid| Uid::new(uid)).collect()
}
