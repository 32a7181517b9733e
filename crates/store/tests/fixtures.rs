//! Stores made by earlier versions of this program, kept as they were: each is opened, upgraded in place, proved, read
//! and used. `tests/fixtures/format-N` holds a master key and a closed store of format N; `VAGUEMESTRE_FIXTURE=<new
//! directory> cargo nextest run -p store --run-ignored only make_a_fixture` makes one of the present format.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::common::*;
use jiff::Timestamp;
use store::{
    Action, Actor, BodyKind, CHUNK, Delivered, FlagChange, FlagMode, Flags, ModSeq, QueueId, Settlement,
    Store, SystemFlag, Uid, Way,
};

/// Once everything was put in; five days after the first message.
const END: &str = "2026-01-20T10:00:00Z";
const SECRET: &[u8] = b"k7Qd9-fixture";
const ONCE: [u8; 32] = [5; 32];

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn body(number: u64) -> Vec<u8> {
    let len = if number == 2 { 2 * CHUNK + 5 } else { 40 + usize::try_from(number).unwrap() };
    body_bytes(number, len)
}

/// Everything a store can hold, over six days.
fn fill(world: &World, store: &Store) {
    let (one, two) = (world.account(store, "un").id, world.account(store, "deux").id);
    let next_day = || world.clock.advance(hours(24));
    let inbox = inbox(store, one).id;
    let named = |name: &str| store.reader().box_by_name(one, name).unwrap().unwrap().id;
    world.run(async {
        for number in 1..=6 {
            let to = if number == 3 { &[one, two][..] } else { &[one] };
            let mut new = delivery(store, world.clock_now(), number, &body(number), to).await;
            new.traces = vec![world.trace(Action::Receive)];
            new.carried = vec![(one, format!("<{number}@test>"))];
            new.once = (number == 6).then_some(ONCE);
            store.deliver(new).await.unwrap();
            if number % 2 == 0 && number < 6 {
                next_day();
            }
        }
        store.append(named("Sent"), incoming(store, 7, &body(7)).await, None).await.unwrap();
        next_day();
        let mut flags = Flags::new().with(SystemFlag::Flagged);
        flags.add_keyword("Vu").unwrap();
        let add = |flags| FlagChange { mode: FlagMode::Add, flags };
        store.store_flags(inbox, vec![uid(3)], add(flags), Actor::default()).await.unwrap();
        store
            .store_flags(inbox, vec![uid(2)], add(Flags::new().with(SystemFlag::Seen)), Actor::default())
            .await
            .unwrap();
        store
            .store_flags(inbox, vec![uid(4)], add(Flags::new().with(SystemFlag::Deleted)), Actor::default())
            .await
            .unwrap();
        store.expunge(inbox, None, Actor::default()).await.unwrap();
        store.copy(inbox, vec![uid(1), uid(3)], named("Trash"), Actor::default()).await.unwrap();
        let below = store.create_box(one, "Dossier/Sous", None, Actor::default()).await.unwrap().id;
        store.move_(inbox, vec![uid(5)], below, Actor::default()).await.unwrap();
        let passing = store.create_box(one, "Passage", None, Actor::default()).await.unwrap().id;
        store.append(passing, incoming(store, 8, &body(8)).await, None).await.unwrap();
        store.delete_box(passing, Actor::default()).await.unwrap();
        store
            .create_password(one, "poste".into(), SECRET, world.trace(Action::PasswordCreate))
            .await
            .unwrap();
        let mut leaving = delivery(store, world.clock_now(), 9, &body(9), &[]).await;
        leaving.outgoing = vec![outgoing(world.clock_now(), &["a", "b"])];
        store.deliver(leaving).await.unwrap();
        let due = world.clock_now() + hours(1);
        let later = Settlement::Later { due, last: "451".into(), distrusted_since: None, delay_told: true };
        store.settle(vec![(QueueId::new(1), later)], None, vec![]).await.unwrap();
    });
    world.clock.set(END.parse::<Timestamp>().unwrap());
    world.run(deliver(store, world.clock_now(), 10, &body(10), &[two]));
}

/// What [`fill`] put in is there.
fn check(world: &World, store: &Store) {
    let reader = store.reader();
    let one = reader.account_by_address(&address("un")).unwrap().unwrap().id;
    let two = reader.account_by_address(&address("deux")).unwrap().unwrap().id;
    for (account, name, shown, next) in [
        (one, "INBOX", &[(1, 1), (2, 2), (3, 3), (6, 6)][..], 7),
        (one, "Sent", &[(1, 7)], 2),
        (one, "Trash", &[(1, 1), (2, 3)], 3),
        (one, "Dossier/Sous", &[(1, 5)], 2),
        (one, "Dossier", &[], 1),
        (one, "Drafts", &[], 1),
        (two, "INBOX", &[(1, 3), (2, 10)], 3),
    ] {
        let info = reader.box_by_name(account, name).unwrap().unwrap();
        let entries = reader.messages(info.id).unwrap();
        assert_eq!((info.uid_next, info.exists as usize), (uid(next), entries.len()), "{name}");
        assert!(entries.iter().map(|entry| entry.uid.get()).eq(shown.iter().map(|(uid, _)| *uid)), "{name}");
        assert_eq!(info.bytes, entries.iter().map(|entry| entry.size).sum::<u64>(), "{name}");
        for (at, number) in shown {
            assert_eq!(read_body(store, info.id, uid(*at)), body(*number), "{name} {at}");
            assert_eq!(reader.header(info.id, uid(*at)).unwrap().unwrap(), header(*number));
        }
        let flagged = entries.iter().filter(|entry| entry.flags.has_keyword("vu")).count();
        let marked = shown.iter().filter(|(_, number)| account == one && *number == 3).count();
        assert_eq!(flagged, marked, "{name}");
    }
    let first = inbox(store, one);
    assert_eq!((first.unseen, first.exists), (3, 4));
    assert_eq!(reader.changes(first.id, ModSeq::new(0)).unwrap().vanished.runs(), [(uid(4), uid(5))]);
    assert!(reader.verify_password(one, SECRET).unwrap().is_some());
    assert!(reader.carried(one, "<2@test>").unwrap() && !reader.carried(two, "<2@test>").unwrap());
    let queued = reader.queue_list(None, 9).unwrap();
    assert_eq!(queued.iter().map(|entry| entry.attempts).collect::<Vec<_>>(), [1, 0]);
    assert!(queued.iter().all(|entry| (&entry.way, entry.body) == (&Way::Peers, BodyKind::SevenBit)));
    assert!(queued.iter().all(|entry| read_queued(store, entry.id) == (header(9), body(9))));
    let again = world.run(async {
        let mut again = delivery(store, world.clock_now(), 6, &body(6), &[one]).await;
        again.once = Some(ONCE);
        store.deliver(again).await.unwrap()
    });
    assert!(matches!(again, Delivered::Again(..)));
}

/// What is done to it afterwards works as in a new one.
fn go_on(world: &World, store: &Store) {
    let one = store.reader().account_by_address(&address("un")).unwrap().unwrap().id;
    let (inbox, trash) =
        (inbox(store, one).id, store.reader().box_by_name(one, "Trash").unwrap().unwrap().id);
    world.run(async {
        let new = deliver(store, world.clock_now(), 11, &body(11), &[one]).await;
        assert_eq!(new, [uid(7)]);
        let marked = FlagChange { mode: FlagMode::Replace, flags: Flags::new().with(SystemFlag::Deleted) };
        store.store_flags(inbox, vec![uid(2), uid(3)], marked, Actor::default()).await.unwrap();
        assert_eq!(store.expunge(inbox, None, Actor::default()).await.unwrap(), [uid(2), uid(3)]);
        assert_eq!(
            store.move_(inbox, vec![uid(1), uid(7)], trash, Actor::default()).await.unwrap().pairs.len(),
            2
        );
        store.settle(vec![(QueueId::new(2), Settlement::Gone)], None, vec![]).await.unwrap();
    });
    assert_eq!(store.reader().messages(trash).unwrap().len(), 4);
}

fn kept() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Files alone, private, as a store wants them.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name().into_string().unwrap();
        if source.is_dir() {
            copy(&source, &target);
        } else if !(name.starts_with("LOG") || name == "LOCK") {
            fs::copy(&source, &target).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

/// A world in which the store of a fixture lies, ready to be opened.
fn world_of(fixture: &Path) -> World {
    let world = World::new();
    fs::remove_file(world.dir.path().join("master")).unwrap();
    copy(fixture, world.dir.path());
    world.clock.set(END.parse().unwrap());
    world
}

#[test]
fn a_store_of_every_earlier_format_opens_upgraded_and_works() {
    let kept = kept();
    assert!(!kept.is_empty());
    for fixture in kept {
        let world = world_of(&fixture);
        let store = world.open();
        check(&world, &store);
        world.close(store);
        let store = world.open();
        check(&world, &store);
        go_on(&world, &store);
        world.close(store);
        world.close(world.open());
    }
}

#[test]
#[ignore = "makes a fixture of the present format"]
fn make_a_fixture() {
    let target = PathBuf::from(std::env::var_os("VAGUEMESTRE_FIXTURE").expect("names a new directory"));
    let world = World::new();
    let store = world.open();
    fill(&world, &store);
    check(&world, &store);
    world.close(store);
    // A second opening writes the log into tables; a last change stays in the new log.
    let store = world.open();
    world.run(store.trace(world.trace(Action::Login))).unwrap();
    world.close(store);
    copy(world.dir.path(), &target);
}
