//! A second place that follows: what was acknowledged before its last word is restored from it, a second run goes on where
//! the first ended, and what is damaged or missing is told.

use std::{
    fs,
    io::BufReader,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use store::{
    AccountId, BackupError, FollowOptions, Followed, OpenOptions, Receiver, RestoreOptions, Restored, Store,
    restore, verify_backup,
};

use crate::common::*;

const QUICK: FollowOptions = FollowOptions { interval: Duration::from_millis(20), log_bytes: 4 << 30 };

/// A second place at work.
struct Second {
    stop: Arc<AtomicBool>,
    sending: thread::JoinHandle<Result<(), BackupError>>,
    receiving: thread::JoinHandle<Result<Vec<Followed>, BackupError>>,
}

impl Second {
    fn start(store: &Store, dir: &Path, options: FollowOptions) -> Self {
        let (mut near, far) = UnixStream::pair().unwrap();
        let mut receiver = Receiver::open(dir).unwrap();
        let (position, stop) = (receiver.position(), Arc::new(AtomicBool::new(false)));
        let (store, ended) = (store.clone(), Arc::clone(&stop));
        let sending = thread::spawn(move || store.follow(position, options, &mut near, &ended));
        let receiving = thread::spawn(move || {
            let (mut from, mut told) = (BufReader::new(far), vec![]);
            loop {
                match receiver.take(&mut from)? {
                    Followed::Going => {}
                    Followed::Ended => return Ok(told),
                    other => told.push(other),
                }
            }
        });
        Self { stop, sending, receiving }
    }

    /// Ends it after its last look; gives what it told.
    fn end(self) -> Vec<Followed> {
        self.stop.store(true, Ordering::Release);
        self.sending.join().unwrap().unwrap();
        self.receiving.join().unwrap().unwrap()
    }
}

fn copies(told: &[Followed]) -> usize {
    told.iter().filter(|followed| **followed == Followed::CopyWhole).count()
}

fn deliver_some(world: &World, store: &Store, to: AccountId, numbers: std::ops::Range<u64>) {
    world.run(async {
        for number in numbers {
            deliver(store, world.clock_now(), number, &body_bytes(number, 3000), &[to]).await;
        }
    });
}

fn restored(world: &World, from: &Path, name: &str) -> (Restored, PathBuf) {
    let dir = world.dir.path().join(name);
    let options = RestoreOptions {
        from: from.into(),
        id: None,
        keys: world.store_dir().join("keys"),
        store: OpenOptions { dir: dir.clone(), ..world.options() },
        earlier_master: None,
        trace: None,
    };
    let restored = restore(options).unwrap();
    assert!(restored.proof.is_ok(), "{:?}", restored.proof);
    (restored, dir)
}

fn messages(world: &World, dir: &Path, account: AccountId) -> u64 {
    let store = Store::open(OpenOptions { dir: dir.into(), create: None, ..world.options() }).unwrap();
    let count = store.reader().messages(inbox(&store, account).id).unwrap().len() as u64;
    world.close(store);
    count
}

/// The copies that are whole.
fn whole_copies(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.join("complete").exists()).collect()
}

/// Waits until there is a whole copy that is none of these, which takes some looks.
fn wait_for_copy(dir: &Path, known: &[PathBuf]) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while whole_copies(dir).iter().all(|copy| known.contains(copy)) {
        assert!(Instant::now() < deadline, "no copy comes");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_was_acknowledged_is_restored_and_a_second_run_goes_on() {
    let world = World::new();
    let dir = world.dir.path().join("second");
    let store = world.open();
    let to = world.account(&store, "un").id;
    deliver_some(&world, &store, to, 0..20);
    let second = Second::start(&store, &dir, QUICK);
    deliver_some(&world, &store, to, 20..60);
    wait_for_copy(&dir, &[]);
    deliver_some(&world, &store, to, 60..80);
    let told = second.end();
    assert_eq!(copies(&told), 1, "{told:?}");
    assert!(matches!(told.last(), Some(Followed::UpTo(_))), "{told:?}");
    deliver_some(&world, &store, to, 80..90);
    let (first, there) = restored(&world, &dir, "first");
    assert!(first.followed.unwrap().batches > 0 && first.id.is_none(), "{first:?}");
    assert_eq!(messages(&world, &there, to), 80);

    // What was written meanwhile is still in the log.
    let second = Second::start(&store, &dir, QUICK);
    deliver_some(&world, &store, to, 90..100);
    let told = second.end();
    assert_eq!(copies(&told), 0, "{told:?}");
    let (again, there) = restored(&world, &dir, "again");
    assert_eq!(again.followed.unwrap().until, Some(world.clock_now()));
    assert_eq!(messages(&world, &there, to), 100);
    assert!(fs::read_dir(world.store_dir()).unwrap().count() <= 2, "no copy is left in the store");

    // A start begins a new log: the second place gets a new copy by itself.
    world.close(store);
    let store = world.open();
    deliver_some(&world, &store, to, 100..110);
    let second = Second::start(&store, &dir, QUICK);
    deliver_some(&world, &store, to, 110..120);
    thread::sleep(Duration::from_millis(500));
    deliver_some(&world, &store, to, 120..130);
    let told = second.end();
    assert!(copies(&told) <= 1, "{told:?}");
    let (_, there) = restored(&world, &dir, "after the start");
    assert_eq!(messages(&world, &there, to), 130);
    world.close(store);
}

#[test]
fn a_long_log_is_ended_by_a_new_copy() {
    let world = World::new();
    let dir = world.dir.path().join("second");
    let store = world.open();
    let to = world.account(&store, "un").id;
    let second = Second::start(&store, &dir, FollowOptions { log_bytes: 100_000, ..QUICK });
    wait_for_copy(&dir, &[]);
    let first = whole_copies(&dir);
    for round in 0..6 {
        deliver_some(&world, &store, to, 30 * round..30 * round + 30);
    }
    wait_for_copy(&dir, &first);
    let told = second.end();
    assert!(copies(&told) > 1, "{told:?}");
    let whole = verify_backup(&dir, None).unwrap();
    assert!(whole.id.is_none() && whole.bytes > 0);
    let bases = fs::read_dir(&dir).unwrap().flatten();
    let bases = bases.filter(|entry| entry.file_name().to_str().unwrap().starts_with("base-")).count();
    assert!(bases <= 2, "old copies go: {bases}");
    let (_, there) = restored(&world, &dir, "restored");
    assert_eq!(messages(&world, &there, to), 180);
    world.close(store);
}

#[test]
fn a_log_ends_over_many_short_connections_too() {
    let world = World::new();
    let dir = world.dir.path().join("second");
    let store = world.open();
    let to = world.account(&store, "un").id;
    // Each connection brings about a third of what a log may be.
    let options = FollowOptions { log_bytes: 150_000, ..QUICK };
    let mut seen = 0;
    for round in 0..12 {
        let second = Second::start(&store, &dir, options);
        if round == 0 {
            wait_for_copy(&dir, &[]);
        }
        deliver_some(&world, &store, to, 15 * round..15 * round + 15);
        thread::sleep(Duration::from_millis(150));
        let told = second.end();
        seen += copies(&told);
        assert!(copies(&told) <= 1, "round {round}: {told:?}");
    }
    assert!(seen > 2 && seen < 12, "{seen} copies");
    let (_, there) = restored(&world, &dir, "restored");
    assert_eq!(messages(&world, &there, to), 180);
    world.close(store);
}

#[test]
fn a_torn_end_is_cut_and_damage_is_named() {
    let world = World::new();
    let dir = world.dir.path().join("second");
    let store = world.open();
    let to = world.account(&store, "un").id;
    let second = Second::start(&store, &dir, QUICK);
    wait_for_copy(&dir, &[]);
    deliver_some(&world, &store, to, 0..10);
    thread::sleep(Duration::from_millis(60));
    deliver_some(&world, &store, to, 10..12);
    second.end();
    let log = || {
        let mut found: Vec<_> =
            fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.sort();
        found
    };
    let last = log().pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 20]).unwrap();
    verify_backup(&dir, None).unwrap();
    let (_, there) = restored(&world, &dir, "torn");
    assert!((10..=12).contains(&messages(&world, &there, to)));
    let second = Second::start(&store, &dir, QUICK);
    deliver_some(&world, &store, to, 12..20);
    assert_eq!(copies(&second.end()), 0, "it goes on behind the last whole piece");
    let (_, there) = restored(&world, &dir, "whole");
    assert_eq!(messages(&world, &there, to), 20);

    let first = log().remove(0);
    let mut bytes = fs::read(&first).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&first, &bytes).unwrap();
    let Err(BackupError::Damaged(named)) = verify_backup(&dir, None) else { panic!() };
    assert!(named.iter().any(|name| name.contains(first.to_str().unwrap())), "{named:?}");
    world.close(store);
}

#[test]
fn another_history_takes_no_part_in_this_one() {
    let world = World::new();
    let dir = world.dir.path().join("second");
    let store = world.open();
    let to = world.account(&store, "un").id;
    deliver_some(&world, &store, to, 0..5);
    store.back_up(&world.dir.path().join("backup"), 1).unwrap();
    let second = Second::start(&store, &dir, QUICK);
    wait_for_copy(&dir, &[]);
    deliver_some(&world, &store, to, 5..200);
    second.end();
    world.close(store);
    let (_, back) = restored(&world, &world.dir.path().join("backup"), "back");
    let store = Store::open(OpenOptions { dir: back, create: None, ..world.options() }).unwrap();
    let second = Second::start(&store, &dir, QUICK);
    let refused = second.receiving.join().unwrap();
    assert!(matches!(refused, Err(BackupError::OtherHistory(_))), "{refused:?}");
    second.stop.store(true, Ordering::Release);
    let _ = second.sending.join().unwrap();
    verify_backup(&dir, None).unwrap();
    world.close(store);
}
