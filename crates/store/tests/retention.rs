//! Three months in seconds: what is erased is gone at once, everywhere, and what is not is as it was (S-4.3, I-4).

use crate::common::*;
use jiff::Timestamp;
use mssante::{Finess, Profile, State, StructureId, retention::MESSAGES};
use store::{
    AccountId, Action, Actor, Day, FlagChange, FlagMode, Flags, KeepPlan, Kept, ModSeq, Store, StoreError,
    SystemFlag, Trace, Uid,
};

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn keep(world: &World, store: &Store) -> Kept {
    let kept = world.run(store.keep(&KeepPlan::default())).unwrap();
    if let Some(proof) = &kept.proof {
        assert_eq!(proof.faults, Vec::<String>::new());
    }
    kept
}

/// Lives on to an instant, with rounds of retention in between: a step of 35 hours is still believed.
fn live_until(world: &World, store: &Store, until: &str) {
    let until: Timestamp = until.parse().unwrap();
    while world.clock_now() < until {
        let next = world.clock_now() + hours(35);
        world.clock.set(next.min(until));
        keep(world, store);
    }
}

/// What a person sees of a box.
fn shown(store: &Store, account: AccountId, name: &str) -> Vec<u32> {
    let reader = store.reader();
    let info = reader.box_by_name(account, name).unwrap().unwrap();
    let entries = reader.messages(info.id).unwrap();
    assert_eq!(info.exists as usize, entries.len(), "{name}");
    assert_eq!(info.bytes, entries.iter().map(|entry| entry.size).sum::<u64>(), "{name}");
    let unseen = entries.iter().filter(|entry| !entry.flags.has(SystemFlag::Seen)).count();
    assert_eq!(info.unseen as usize, unseen, "{name}");
    entries.into_iter().map(|entry| entry.uid.get()).collect()
}

fn used(store: &Store, account: AccountId) -> (u64, u64) {
    let reader = store.reader();
    let boxes = reader.boxes(account).unwrap();
    let usage = reader.usage(account).unwrap();
    let all =
        (boxes.iter().map(|info| u64::from(info.exists)).sum(), boxes.iter().map(|info| info.bytes).sum());
    assert_eq!((usage.messages, usage.bytes), all);
    all
}

#[test]
fn ninety_days_of_mail_go_day_by_day() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let inbox_id = inbox(&store, account).id;
    for number in 1..=95 {
        world.run(async {
            let two = [account, account];
            deliver(&store, world.clock_now(), number, &body_bytes(number, 300), &two[..1]).await;
            deliver(&store, world.clock_now(), number, &body_bytes(number, 300), &two[..1]).await;
        });
        world.clock.advance(hours(24));
        keep(&world, &store);
    }
    // 20 April: what came on 20 January and later is there, five days of two are not.
    assert_eq!(world.clock_now().to_string(), "2026-04-20T10:00:00Z");
    let mut before = inbox(&store, account);
    assert_eq!(before.exists, 2 * (95 - 5));
    let mut gone = 10_u32;
    while before.exists > 0 {
        world.clock.advance(hours(24));
        let kept = keep(&world, &store);
        let proof = kept.proof.expect("a new day");
        let after = inbox(&store, account);
        let due = Day::from(MESSAGES.last_due(Day::of(world.clock_now()).date()));
        assert_eq!((proof.erased_through, kept.tidied), (due, u64::from(before.exists - after.exists)));
        assert_eq!(proof.messages_erased, kept.tidied);
        let left = shown(&store, account, "INBOX");
        let went = before.exists - after.exists;
        gone += went;
        assert_eq!(
            kept.erased,
            (went > 0).then_some(due),
            "a month that is too short lets more days go at once"
        );
        assert_eq!(left.first().copied(), (after.exists > 0).then_some(gone + 1), "the oldest go first");
        assert_eq!(used(&store, account).0, u64::from(after.exists));
        let changes = store.reader().changes(inbox_id, before.highest).unwrap();
        let vanished: Vec<u32> = changes.vanished.iter().map(store::Uid::get).collect();
        assert_eq!(vanished, (gone - went + 1..=gone).collect::<Vec<_>>());
        before = after;
    }
    assert_eq!(gone, 2 * 95);
    let all = store.reader().changes(inbox_id, ModSeq::new(0)).unwrap();
    assert_eq!((all.vanished.len(), all.changed.len()), (190, 0));
    let report = world.close(store);
    assert_eq!((report.messages, report.bodies), (0, 0));
}

/// Two people with messages of three days, filed, copied, moved, flagged; 16 April has come, and nothing was kept up.
fn scene() -> (World, Store, AccountId, AccountId) {
    let world = World::new();
    let store = world.open();
    let (one, two) = (world.account(&store, "un").id, world.account(&store, "deux").id);
    let inbox_id = inbox(&store, one).id;
    let trash = store.reader().box_by_name(one, "Trash").unwrap().unwrap().id;
    world.run(async {
        for number in 1..=6 {
            let to = if number == 3 { &[one, two][..] } else { &[one] };
            deliver(&store, world.clock_now(), number, &body_bytes(number, 400), to).await;
            if number % 2 == 0 {
                world.clock.advance(hours(24));
            }
        }
        let seen = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Seen) };
        store.store_flags(inbox_id, vec![uid(1), uid(4)], seen, Actor::default()).await.unwrap();
        store.copy(inbox_id, vec![uid(1), uid(3), uid(5)], trash, Actor::default()).await.unwrap();
        store.move_(inbox_id, vec![uid(2)], trash, Actor::default()).await.unwrap();
    });
    live_until(&world, &store, "2026-04-15T09:00:00Z");
    (world, store, one, two)
}

#[test]
fn copies_and_moves_go_with_the_day_of_their_reception() {
    let (world, store, one, two) = scene();
    assert_eq!(shown(&store, one, "INBOX"), [1, 3, 4, 5, 6]);
    assert_eq!(shown(&store, one, "Trash"), [1, 2, 3, 4]);
    live_until(&world, &store, "2026-04-16T09:00:00Z");
    assert_eq!((shown(&store, one, "INBOX"), shown(&store, one, "Trash")), (vec![3, 4, 5, 6], vec![2, 3]));
    assert_eq!(used(&store, one).0, 6);
    live_until(&world, &store, "2026-04-17T09:00:00Z");
    assert_eq!((shown(&store, one, "INBOX"), shown(&store, one, "Trash")), (vec![5, 6], vec![3]));
    assert_eq!((shown(&store, two, "INBOX"), used(&store, two)), (vec![], (0, 0)));
    live_until(&world, &store, "2026-04-18T09:00:00Z");
    assert_eq!((used(&store, one), used(&store, two)), ((0, 0), (0, 0)));
    assert_eq!(world.close(store).bodies, 0);
}

/// Two people with messages in the structure that keeps them thirty days; one of another keeps them three months.
#[test]
fn a_structure_lets_messages_go_earlier_and_their_bodies_with_the_last_copy() {
    let world = World::new();
    let store = world.open();
    let here = StructureId::Finess(Finess::parse("350000022").unwrap());
    let of = |name: &str, structure| {
        let profile = Profile { structure, ..profile(name) };
        let trace = world.trace(Action::AccountCreate);
        world.run(store.create_account(profile, State::Valide, vec![], trace)).unwrap().id
    };
    let (one, other) = (of("un", Some(here.clone())), of("deux", None));
    let trash = store.reader().box_by_name(one, "Trash").unwrap().unwrap().id;
    world.run(async {
        deliver(&store, world.clock_now(), 1, &body_bytes(1, 300), &[one]).await;
        deliver(&store, world.clock_now(), 2, &body_bytes(2, 300), &[one, other]).await;
        store.copy(inbox(&store, one).id, vec![uid(1)], trash, Actor::default()).await.unwrap();
    });
    let plan = KeepPlan { structures: vec![(here, 30)], ..KeepPlan::default() };
    let live = |days: i64| {
        let mut left = 0;
        for _ in 0..days {
            world.clock.advance(hours(24));
            left += world.run(store.keep(&plan)).unwrap().left;
        }
        left
    };
    assert_eq!((live(30), used(&store, one).0), (0, 3));
    let before = inbox(&store, one).highest;
    assert_eq!((live(1), used(&store, one).0, used(&store, other).0), (3, 0, 1));
    assert_eq!(store.reader().changes(inbox(&store, one).id, before).unwrap().vanished.len(), 2);
    assert_eq!(settle_and_prove(&store).bodies, 1, "the body of two copies stays with the last one");
    assert_eq!(read_body(&store, inbox(&store, other).id, uid(1)), body_bytes(2, 300));
    live(60);
    assert_eq!(used(&store, other).0, 0);
    world.close(store);
}

#[test]
fn a_clock_that_leaps_erases_nothing_until_it_is_accepted() {
    let (world, store, one, _) = scene();
    assert_eq!(used(&store, one).0, 9);
    world.clock.set("2036-01-01T10:00:00Z".parse().unwrap());
    for _ in 0..3 {
        let kept = world.run(store.keep(&KeepPlan::default())).unwrap();
        assert!(kept.held && kept.erased.is_none());
        world.clock.advance(hours(24));
    }
    let held = store.reader().retention().unwrap();
    assert!(held.held && !held.proof.unwrap().faults.is_empty(), "the proof says that it is not kept");
    assert_eq!(used(&store, one).0, 9);
    world.close(store);
    let store = world.open();
    assert!(world.run(store.keep(&KeepPlan::default())).unwrap().held, "an opening accepts nothing");
    // It was a mistake, and is mended: mail is refused until the clock is accepted.
    world.clock.set("2026-04-15T11:00:00Z".parse().unwrap());
    assert_eq!(world.run(store.body().write(b"x")).unwrap_err(), StoreError::ClockBehind);
    world.run(store.accept_clock(world.trace(Action::Administer))).unwrap();
    world.run(deliver(&store, world.clock_now(), 20, b"new\r\n", &[one]));
    assert!(!keep(&world, &store).held);
    assert_eq!(used(&store, one).0, 10);
    live_until(&world, &store, "2026-04-16T09:00:00Z");
    assert_eq!(used(&store, one).0, 7, "what is due goes as before");
    world.close(store);
}

#[test]
fn mail_of_a_day_that_has_not_come_is_named_by_the_proof() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un").id;
    world.clock.set("2026-02-15T10:00:00Z".parse().unwrap());
    world.run(deliver(&store, world.clock_now(), 1, b"ahead\r\n", &[one]));
    world.clock.set("2026-01-16T10:00:00Z".parse().unwrap());
    world.run(store.accept_clock(world.trace(Action::Administer))).unwrap();
    let kept = world.run(store.keep(&KeepPlan::default())).unwrap();
    let faults = kept.proof.unwrap().faults;
    assert!(faults.len() == 1 && faults[0].contains("2026-02-15"), "{faults:?}");
    world.close(store);
}

#[test]
fn an_accepted_leap_was_true_and_what_is_due_goes_at_once() {
    let (world, store, one, two) = scene();
    world.clock.set("2026-06-01T10:00:00Z".parse().unwrap());
    assert!(world.run(store.keep(&KeepPlan::default())).unwrap().held);
    world.run(store.accept_clock(world.trace(Action::Administer))).unwrap();
    let kept = keep(&world, &store);
    assert_eq!((kept.tidied, used(&store, one).0, used(&store, two).0), (10, 0, 0));
    world.close(store);
}

#[test]
fn a_clock_far_behind_reopens_no_erased_day() {
    let (world, store, one, _) = scene();
    live_until(&world, &store, "2026-04-18T09:00:00Z");
    let erased = store.reader().retention().unwrap().erased_through;
    world.clock.set("2026-01-05T10:00:00Z".parse().unwrap());
    assert_eq!(world.run(store.body().write(b"x")).unwrap_err(), StoreError::ClockBehind);
    world.run(store.accept_clock(world.trace(Action::Administer))).unwrap();
    let body = world.run(sealed(&store, b"late"));
    assert!(body.id().day > erased);
    drop(body);
    world.run(deliver(&store, world.clock_now(), 30, b"late\r\n", &[one]));
    assert_eq!(shown(&store, one, "INBOX").len(), 1);
    world.close(store);
}

#[test]
fn an_old_backup_with_the_master_key_and_todays_key_file_reads_nothing_that_was_erased() {
    let (world, store, one, _) = scene();
    world.close(store);
    let (engine, backup) = (world.store_dir().join("engine"), world.dir.path().join("backup"));
    copy_files(&engine, &backup);
    let store = world.open();
    live_until(&world, &store, "2026-04-16T09:00:00Z");
    world.close(store);
    // The engine as it was, everything else as it is.
    std::fs::remove_dir_all(&engine).unwrap();
    copy_files(&backup, &engine);
    let store = world.open();
    assert_eq!(shown(&store, one, "INBOX"), [3, 4, 5, 6]);
    let inbox_id = inbox(&store, one).id;
    for gone in [1, 2] {
        assert!(store.reader().header(inbox_id, uid(gone)).unwrap().is_none());
        assert!(store.reader().body(inbox_id, uid(gone)).unwrap().is_none());
    }
    assert_eq!(read_body(&store, inbox_id, uid(5)), body_bytes(5, 400));
    keep(&world, &store);
    world.close(store);
}

fn copy_files(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_name() != "LOCK" {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn traces_go_after_their_own_term_and_journeys_with_them() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un").id;
    let journey = world.run(async {
        let mut first = delivery(&store, world.clock_now(), 1, b"x\r\n", &[one]).await;
        first.traces = vec![Trace { id: first.id, ..world.trace(Action::Receive) }];
        let id = first.id;
        store.deliver(first).await.unwrap();
        id
    });
    world.clock.advance(hours(24));
    keep(&world, &store);
    // The journey goes on the day after.
    let later = Trace { id: journey, ..world.trace(Action::FirstOpening) };
    world.run(store.trace(later)).unwrap();
    live_until(&world, &store, "2026-07-15T09:00:00Z");
    assert_eq!(store.reader().traces(&journey).unwrap().len(), 2, "messages went three months ago");
    live_until(&world, &store, "2026-07-16T09:00:00Z");
    let left = store.reader().traces(&journey).unwrap();
    assert_eq!(left.iter().map(|trace| trace.action).collect::<Vec<_>>(), [Action::FirstOpening]);
    live_until(&world, &store, "2026-07-17T09:00:00Z");
    assert_eq!(store.reader().traces(&journey).unwrap(), []);
    world.close(store);
}
