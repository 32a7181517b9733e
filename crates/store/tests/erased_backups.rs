//! Backups from before an erasure, restored after it: what was erased stays erased, the rest comes back (I-4).

use std::path::{Path, PathBuf};

use crate::common::*;
use jiff::Timestamp;
use store::{
    AccountId, Action, Actor, BoxRestore, BoxRestored, FlagChange, FlagMode, Flags, KeepPlan, OpenOptions,
    ProofReport, RestoreOptions, Store, StoreError, SystemFlag, Uid, restore,
};

/// Two messages a day from 15 January on, and a backup of them all.
const COUNT: u64 = 6;

struct Scene {
    world: World,
    store: Store,
    account: AccountId,
    backup: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let store = world.open();
        let account = world.account(&store, "un").id;
        for number in 1..=COUNT {
            world.run(deliver(&store, world.clock_now(), number, &body(number), &[account]));
            if number % 2 == 0 {
                world.clock.advance(hours(24));
            }
        }
        let backup = world.dir.path().join("backup");
        store.back_up(&backup, 1).unwrap();
        Self { world, store, account, backup }
    }

    fn live_until(&self, until: &str) {
        let until: Timestamp = until.parse().unwrap();
        while self.world.clock_now() < until {
            self.world.clock.set((self.world.clock_now() + hours(35)).min(until));
            keep(&self.world, &self.store);
        }
    }

    fn expunge(&self, uid: u32) {
        let (id, uids) = (inbox(&self.store, self.account).id, vec![Uid::new(uid).unwrap()]);
        let change = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Deleted) };
        self.world.run(self.store.store_flags(id, uids.clone(), change, Actor::default())).unwrap();
        self.world.run(self.store.expunge(id, Some(uids), Actor::default())).unwrap();
    }

    fn restore_box(&self, into: Option<&str>) -> BoxRestored {
        let wanted = BoxRestore {
            from: self.backup.clone(),
            id: None,
            account: address("un"),
            name: "INBOX".into(),
            into: into.map(Into::into),
        };
        let done = self.store.restore_box(&wanted).unwrap();
        assert_eq!((done.damaged, &done.named), (0, &vec![]), "an erased message is not a damaged one");
        keep(&self.world, &self.store);
        settle_and_prove(&self.store);
        done
    }

    /// The whole backup with the key file of today, kept up once; gives its proof.
    fn restore_whole(&self, name: &str, numbers: &[u64]) -> ProofReport {
        let dir = self.world.dir.path().join(name);
        let restored = restore(RestoreOptions {
            from: self.backup.clone(),
            id: None,
            keys: self.world.store_dir().join("keys"),
            store: OpenOptions { dir: dir.clone(), ..self.world.options() },
            earlier_master: None,
            trace: None,
        });
        let restored = restored.unwrap();
        assert!(restored.proof.is_ok(), "{:?}", restored.proof);
        let copy = Store::open(OpenOptions { dir, create: None, ..self.world.options() }).unwrap();
        has_only(&copy, self.account, "INBOX", numbers);
        // To it the clock leaps by three months: it erases nothing more until that is accepted.
        assert!(self.world.run(copy.keep(&KeepPlan::default())).unwrap().held);
        has_only(&copy, self.account, "INBOX", numbers);
        self.world.run(copy.accept_clock(self.world.trace(Action::Administer))).unwrap();
        keep(&self.world, &copy);
        has_only(&copy, self.account, "INBOX", numbers);
        self.world.close(copy)
    }
}

fn body(number: u64) -> Vec<u8> {
    body_bytes(number, if number == 1 { 3 * store::CHUNK } else { 400 })
}

fn keep(world: &World, store: &Store) {
    let mut kept = world.run(store.keep(&KeepPlan::default())).unwrap();
    if kept.held {
        // The clock of this test walks in long steps.
        world.run(store.accept_clock(world.trace(Action::Administer))).unwrap();
        kept = world.run(store.keep(&KeepPlan::default())).unwrap();
    }
    assert!(!kept.held);
    if let Some(proof) = &kept.proof {
        assert_eq!(proof.faults, Vec::<String>::new());
    }
}

/// Whether a box has exactly these messages, however it is asked: as a client sees it, by UID, and as export does, which
/// shows what can be read of anything.
fn has_only(store: &Store, account: AccountId, name: &str, numbers: &[u64]) {
    let reader = store.reader();
    let info = reader.box_by_name(account, name).unwrap().unwrap();
    let number = |header: &[u8]| -> u64 {
        let text = String::from_utf8(header.to_vec()).unwrap();
        text.split(['<', '@']).nth(1).unwrap().parse().unwrap()
    };
    let mut listed = vec![];
    for entry in reader.messages(info.id).unwrap() {
        let found = number(&reader.header(info.id, entry.uid).unwrap().unwrap());
        assert_eq!(read_body(store, info.id, entry.uid), body(found));
        listed.push(found);
    }
    listed.sort_unstable();
    assert_eq!((listed.as_slice(), info.exists as usize), (numbers, numbers.len()), "{name}");
    let (mut by_uid, mut exported) = (0, vec![]);
    for uid in (1..=2 * COUNT).map(|uid| Uid::new(u32::try_from(uid).unwrap()).unwrap()) {
        let shown = [
            reader.header(info.id, uid).unwrap().is_some(),
            reader.body(info.id, uid).unwrap().is_some(),
            reader.index(info.id, uid).unwrap().is_some(),
        ];
        assert!(shown == [true; 3] || shown == [false; 3], "{uid}: {shown:?}");
        by_uid += usize::from(shown[0]);
    }
    assert_eq!(by_uid, numbers.len(), "{name}");
    let visit = |_, found: Result<store::Salvaged<'_>, StoreError>| {
        exported.push(number(&found?.header));
        Ok::<_, StoreError>(())
    };
    reader.salvage(info.id, visit).unwrap();
    exported.sort_unstable();
    assert_eq!(exported, numbers, "{name}");
}

/// The names of what lies in a directory.
fn names(dir: &Path) -> Vec<std::ffi::OsString> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn what_was_erased_since_a_backup_comes_back_in_no_way() {
    let scene = Scene::new();
    scene.live_until("2026-04-16T09:00:00Z");
    scene.expunge(5);
    has_only(&scene.store, scene.account, "INBOX", &[3, 4, 6]);
    let done = scene.restore_box(None);
    assert_eq!((done.restored, done.present, done.erased), (1, 3, 2), "{done:?}");
    has_only(&scene.store, scene.account, "INBOX", &[3, 4, 5, 6]);
    let done = scene.restore_box(Some("Retrouvés"));
    assert_eq!((done.restored, done.present, done.erased), (4, 0, 2), "{done:?}");
    has_only(&scene.store, scene.account, "Retrouvés", &[3, 4, 5, 6]);
    let proof = scene.restore_whole("first", &[3, 4, 5, 6]);
    assert_eq!((proof.messages, proof.bodies), (4, 4));
    // What came back goes with the day on which it was first received, not with that of its return.
    scene.live_until("2026-04-17T09:00:00Z");
    has_only(&scene.store, scene.account, "Retrouvés", &[5, 6]);
    let done = scene.restore_box(None);
    assert_eq!((done.restored, done.present, done.erased), (0, 2, 4), "{done:?}");
    let proof = scene.restore_whole("second", &[5, 6]);
    assert_eq!((proof.messages, proof.bodies), (2, 2));
    scene.live_until("2026-04-18T09:00:00Z");
    let done = scene.restore_box(None);
    assert_eq!((done.restored, done.present, done.erased), (0, 0, 6), "{done:?}");
    let proof = scene.restore_whole("third", &[]);
    assert_eq!((proof.messages, proof.bodies), (0, 0));
    assert!(names(&scene.world.store_dir()).len() <= 2, "no copy is left in the store");
    let Scene { world, store, .. } = scene;
    assert_eq!(world.close(store).bodies, 0);
}
