//! Backups: what was acknowledged before one began is in it, files are shared, damage is named, a restore gives a store
//! that is proved and that clients do not mistake for the one they knew.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use store::{
    AccountId, Action, Actor, BackupError, BoxRestore, CHUNK, FlagChange, FlagMode, Flags, MasterKey,
    OpenOptions, RestoreOptions, Restored, Store, SystemFlag, Uid, backups, restore, verify_backup,
};

use crate::common::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn files_under(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_under(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn options(world: &World, from: &Path, to: &Path) -> RestoreOptions {
    RestoreOptions {
        from: from.into(),
        id: None,
        keys: world.store_dir().join("keys"),
        store: OpenOptions { dir: to.into(), ..world.options() },
        earlier_master: None,
        trace: Some(world.trace(Action::Administer)),
    }
}

fn restored(world: &World, from: &Path, to: &Path) -> Restored {
    let restored = restore(options(world, from, to)).unwrap();
    assert!(restored.proof.is_ok(), "{:?}", restored.proof);
    restored
}

fn open_at(world: &World, dir: &Path) -> Store {
    Store::open(OpenOptions { dir: dir.into(), create: None, ..world.options() }).unwrap()
}

/// The numbers of the messages of an INBOX, each read whole.
fn numbers(store: &Store, account: AccountId) -> BTreeSet<u64> {
    let inbox = inbox(store, account).id;
    let reader = store.reader();
    let number = |uid| {
        let header = reader.header(inbox, uid).unwrap().unwrap();
        let text = String::from_utf8(header.to_vec()).unwrap();
        text.split(['<', '@']).nth(1).unwrap().parse().unwrap()
    };
    reader
        .messages(inbox)
        .unwrap()
        .iter()
        .map(|entry| {
            let number = number(entry.uid);
            assert_eq!(read_body(store, inbox, entry.uid), body_bytes(number, size(number)));
            number
        })
        .collect()
}

fn size(number: u64) -> usize {
    if number.is_multiple_of(7) { 2 * CHUNK + 100 } else { 900 }
}

fn deliver_some(world: &World, store: &Store, to: AccountId, numbers: std::ops::Range<u64>) {
    world.run(async {
        for number in numbers {
            deliver(store, world.clock_now(), number, &body_bytes(number, size(number)), &[to]).await;
        }
    });
}

#[test]
fn everything_acknowledged_before_a_backup_is_in_it_while_mail_goes_on() {
    let world = World::new();
    let store = world.open();
    let to = world.account(&store, "un").id;
    let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(BTreeSet::new())));
    let writers: Vec<_> = (0..4_u64)
        .map(|writer| {
            let (store, stop, told, now) =
                (store.clone(), Arc::clone(&stop), Arc::clone(&told), world.clock_now());
            world.runtime.spawn(async move {
                let mut number = writer;
                while !stop.load(Ordering::Relaxed) {
                    deliver(&store, now, number, &body_bytes(number, size(number)), &[to]).await;
                    told.lock().unwrap().insert(number);
                    number += 4;
                }
            })
        })
        .collect();
    let dir = world.dir.path().join("backup");
    for round in 1..4 {
        std::thread::sleep(std::time::Duration::from_millis(150));
        let before = told.lock().unwrap().clone();
        let report = store.back_up(&dir, 10).unwrap();
        assert_eq!(report.id, round);
        store.prove_running().unwrap();
        let to_dir = world.dir.path().join(format!("restored-{round}"));
        let done = restored(&world, &dir, &to_dir);
        assert_eq!(done.id, Some(round));
        let copy = open_at(&world, &to_dir);
        let there = numbers(&copy, to);
        assert!(before.is_subset(&there), "round {round}: {:?} is missing", before.difference(&there));
        world.close(copy);
    }
    stop.store(true, Ordering::Relaxed);
    world.run(async {
        for writer in writers {
            writer.await.unwrap();
        }
    });
    world.close(store);
}

#[test]
fn a_later_backup_shares_what_did_not_change_and_old_ones_go() {
    let world = World::new();
    let store = world.open();
    let to = world.account(&store, "un").id;
    let dir = world.dir.path().join("backup");
    deliver_some(&world, &store, to, 0..300);
    let first = store.back_up(&dir, 2).unwrap();
    assert_eq!((first.id, first.written), (1, first.bytes));
    deliver_some(&world, &store, to, 300..303);
    let second = store.back_up(&dir, 2).unwrap();
    assert!(second.bytes > first.bytes, "{second:?}");
    assert!(second.written * 4 < second.bytes, "{second:?}");
    let on_disk: u64 = files_under(&dir).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(on_disk < second.bytes + second.bytes / 2, "{on_disk} for {second:?}");
    let third = store.back_up(&dir, 2).unwrap();
    assert_eq!(third.kept, [2, 3]);
    assert_eq!(backups(&dir).unwrap().iter().map(|backup| backup.id).collect::<Vec<_>>(), [2, 3]);
    for id in [2, 3] {
        assert_eq!(verify_backup(&dir, Some(id)).unwrap().id, Some(id));
    }
    assert!(matches!(verify_backup(&dir, Some(1)), Err(BackupError::Unknown { id: 1, .. })));
    assert_eq!(mode(&dir), 0o700);
    // neither key is in it: the key file begins with its name, the master key is base64 of 32 bytes
    let master = fs::read(world.dir.path().join("master")).unwrap();
    for path in files_under(&dir) {
        let bytes = fs::read(&path).unwrap();
        let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
        assert!(!holds(b"VGMKEYS") && !holds(master.trim_ascii()), "{}", path.display());
    }
    world.close(store);
}

#[test]
fn a_damaged_file_is_found_and_named() {
    let world = World::new();
    let store = world.open();
    let to = world.account(&store, "un").id;
    let dir = world.dir.path().join("backup");
    deliver_some(&world, &store, to, 0..50);
    store.back_up(&dir, 2).unwrap();
    let whole = verify_backup(&dir, None).unwrap();
    assert!(whole.files > 4 && whole.bytes > 50 * 900, "{whole:?}");
    let tables: Vec<_> =
        files_under(&dir).into_iter().filter(|path| path.extension().is_some_and(|e| e == "sst")).collect();
    let (flipped, gone) = (&tables[0], &tables[1]);
    let mut bytes = fs::read(flipped).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(flipped, &bytes).unwrap();
    fs::remove_file(gone).unwrap();
    let Err(BackupError::Damaged(named)) = verify_backup(&dir, None) else { panic!() };
    assert_eq!(named.len(), 2, "{named:?}");
    for path in [flipped, gone] {
        assert!(named.iter().any(|name| name.contains(path.to_str().unwrap())), "{named:?}");
    }
    let refused = restore(options(&world, &dir, &world.dir.path().join("restored"))).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged(_) | BackupError::File { .. }), "{refused:?}");
    // what the refusal said to do: move the altered file away, back up again
    fs::remove_file(flipped).unwrap();
    let again = store.back_up(&dir, 1).unwrap();
    assert_eq!(verify_backup(&dir, None).unwrap().id, Some(again.id));
    restored(&world, &dir, &world.dir.path().join("again"));
    world.close(store);
}

#[test]
fn a_restored_box_is_another_one_to_clients() {
    let world = World::new();
    let store = world.open();
    let to = world.account(&store, "un").id;
    deliver_some(&world, &store, to, 0..3);
    let dir = world.dir.path().join("backup");
    store.back_up(&dir, 1).unwrap();
    deliver_some(&world, &store, to, 3..5);
    let known = inbox(&store, to);
    world.close(store);
    let to_dir = world.dir.path().join("restored");
    let done = restored(&world, &dir, &to_dir);
    assert_eq!(done.boxes, 4);
    let copy = open_at(&world, &to_dir);
    let after = inbox(&copy, to);
    assert!(after.uid_next < known.uid_next && after.uid_validity > known.uid_validity);
    assert_eq!(numbers(&copy, to), (0..3).collect());
    deliver_some(&world, &copy, to, 10..12);
    world.close(copy);
}

#[test]
fn a_backup_goes_where_nothing_is_lost() {
    let world = World::new();
    let store = world.open();
    assert!(matches!(store.back_up(&world.store_dir().join("b"), 1), Err(BackupError::Inside(_))));
    assert!(!world.store_dir().join("b").exists());
    let open = world.dir.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(store.back_up(&open, 1), Err(BackupError::Permissions { mode: 0o755, .. })));
    fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(open.join("letter.txt"), "x").unwrap();
    assert!(matches!(store.back_up(&open, 1), Err(BackupError::Foreign(_))));
    assert!(matches!(backups(&open), Err(BackupError::Absent(_))));
    world.close(store);
}

#[test]
fn a_restore_goes_where_nothing_is_and_under_its_own_keys_only() {
    let world = World::new();
    let store = world.open();
    let dir = world.dir.path().join("backup");
    store.back_up(&dir, 1).unwrap();
    world.close(store);
    let refused = restore(options(&world, &dir, &world.store_dir())).unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty(_)), "{refused:?}");
    let other = World::new();
    other.close(other.open());
    let foreign = RestoreOptions { from: dir.clone(), ..options(&other, &dir, &other.dir.path().join("r")) };
    let refused = restore(foreign).unwrap_err();
    assert!(matches!(refused, BackupError::Open(_)), "{refused:?}");
    // a store whose engine is lost keeps its key file where it is
    fs::remove_dir_all(world.store_dir().join("engine")).unwrap();
    restored(&world, &dir, &world.store_dir());
    world.close(open_at(&world, &world.store_dir()));
}

fn wanted(from: &Path, into: Option<&str>) -> BoxRestore {
    BoxRestore {
        from: from.into(),
        id: None,
        account: address("un"),
        name: "INBOX".into(),
        into: into.map(Into::into),
    }
}

fn all_uids(store: &Store, account: AccountId) -> Vec<Uid> {
    store.reader().messages(inbox(store, account).id).unwrap().iter().map(|entry| entry.uid).collect()
}

/// Removes messages as a client does.
fn expunge(world: &World, store: &Store, account: AccountId, uids: &[Uid]) {
    let id = inbox(store, account).id;
    let deleted = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Deleted) };
    world.run(store.store_flags(id, uids.to_vec(), deleted, Actor::default())).unwrap();
    world.run(store.expunge(id, Some(uids.to_vec()), Actor::default())).unwrap();
}

#[test]
fn what_is_missing_of_a_box_comes_back_as_it_was() {
    let world = World::new();
    let store = world.open();
    let (to, other) = (world.account(&store, "un").id, world.account(&store, "deux").id);
    deliver_some(&world, &store, to, 0..30);
    // one body that another box has too, and keeps
    world.run(async {
        let both = [to, other];
        deliver(&store, world.clock_now(), 30, &body_bytes(30, size(30)), &both).await;
    });
    let id = inbox(&store, to).id;
    let uids = all_uids(&store, to);
    let mut flags = Flags::new().with(SystemFlag::Flagged);
    flags.add_keyword("Urgent").unwrap();
    world
        .run(store.store_flags(
            id,
            vec![uids[3]],
            FlagChange { mode: FlagMode::Replace, flags: flags.clone() },
            Actor::default(),
        ))
        .unwrap();
    let dates: Vec<_> =
        store.reader().messages(id).unwrap().iter().map(|entry| entry.internal_date).collect();
    let (dir, second) = (world.dir.path().join("backup"), world.dir.path().join("other"));
    store.back_up(&dir, 1).unwrap();
    world.clock.advance(hours(30));
    deliver_some(&world, &store, to, 40..43);
    expunge(&world, &store, to, &uids[2..8]);
    expunge(&world, &store, to, &uids[30..]);
    let none = store.restore_box(&BoxRestore { account: address("deux"), ..wanted(&dir, None) }).unwrap();
    assert_eq!((none.restored, none.present), (0, 1));
    let done = store.restore_box(&wanted(&dir, None)).unwrap();
    assert_eq!((done.restored, done.present, done.erased, done.damaged), (7, 24, 0, 0), "{done:?}");
    assert_eq!(numbers(&store, to), (0..31).chain(40..43).collect());
    let entries = store.reader().messages(id).unwrap();
    let back: Vec<_> = entries.iter().filter(|entry| entry.flags == flags).collect();
    assert!(back.len() == 1 && back[0].internal_date == dates[3], "{back:?}");
    // again: nothing is missing; into another box: all of it
    assert_eq!(store.restore_box(&wanted(&dir, None)).unwrap().restored, 0);
    let beside = store.restore_box(&wanted(&dir, Some("Retrouvés/Janvier"))).unwrap();
    assert_eq!((beside.restored, beside.present), (31, 0));
    settle_and_prove(&store);
    // a damaged backup gives the rest
    store.back_up(&second, 1).unwrap();
    let refused = store.restore_box(&BoxRestore { name: "Absent".into(), ..wanted(&second, None) });
    assert!(matches!(refused, Err(BackupError::NotFound(_))), "{refused:?}");
    assert!(fs::read_dir(world.store_dir()).unwrap().count() <= 2, "no copy is left in the store");
    world.close(store);
    world.close(world.open());
}

#[test]
fn a_message_of_a_day_to_come_brings_no_new_mail_there_when_it_comes_back() {
    let world = World::new();
    let store = world.open();
    let to = world.account(&store, "un").id;
    let start = world.clock_now();
    deliver_some(&world, &store, to, 0..2);
    world.clock.advance(hours(30 * 24));
    deliver_some(&world, &store, to, 2..3);
    let dir = world.dir.path().join("backup");
    store.back_up(&dir, 1).unwrap();
    world.clock.set(start + hours(1));
    world.run(store.accept_clock(world.trace(Action::Administer))).unwrap();
    expunge(&world, &store, to, &[Uid::new(3).unwrap()]);
    settle_and_prove(&store);
    assert_eq!(store.restore_box(&wanted(&dir, None)).unwrap().restored, 1);
    let body = world.run(sealed(&store, b"today"));
    assert_eq!(body.id().day, store::Day::of(start));
    drop(body);
    world.close(store);
}

#[test]
fn a_box_of_another_store_is_refused() {
    let (world, other) = (World::new(), World::new());
    let store = world.open();
    world.account(&store, "un");
    let dir = world.dir.path().join("backup");
    store.back_up(&dir, 1).unwrap();
    let stranger = other.open();
    other.account(&stranger, "un");
    let refused = stranger.restore_box(&wanted(&dir, None));
    assert!(matches!(refused, Err(BackupError::OtherStore)), "{refused:?}");
    other.close(stranger);
    world.close(store);
}

#[test]
fn a_backup_of_the_time_before_another_master_key_is_restored_with_both() {
    let world = World::new();
    let store = world.open();
    let to = world.account(&store, "un").id;
    deliver_some(&world, &store, to, 0..3);
    let dir = world.dir.path().join("backup");
    store.back_up(&dir, 1).unwrap();
    world.close(store);
    let (old, new) =
        (world.options().master, MasterKey::create(&world.dir.path().join("new-master")).unwrap());
    store::rotate_master(&world.store_dir(), &old, &new).unwrap();
    let with = |earlier_master, name: &str| {
        let store = OpenOptions { dir: world.dir.path().join(name), master: new.clone(), ..world.options() };
        restore(RestoreOptions {
            earlier_master,
            store,
            ..options(&world, &dir, &world.dir.path().join(name))
        })
    };
    assert!(matches!(with(None, "one"), Err(BackupError::Open(_))));
    let restored = with(Some(old), "both").unwrap();
    assert!(restored.proof.is_ok(), "{:?}", restored.proof);
    let copy = Store::open(OpenOptions {
        dir: world.dir.path().join("both"),
        master: new,
        create: None,
        ..world.options()
    });
    let copy = copy.unwrap();
    assert_eq!(numbers(&copy, to), (0..3).collect());
    world.close(copy);
}

#[test]
fn an_upgrade_is_told_before_it_is_done() {
    let world = World::new();
    assert!(store::check_upgrade(&world.store_dir()).is_err());
    let store = world.open();
    let open = store::check_upgrade(&world.store_dir()).unwrap();
    world.close(store);
    assert_eq!(store::check_upgrade(&world.store_dir()).unwrap(), open);
    assert!(open.found == open.known && open.oldest < open.known, "{open:?}");
}
