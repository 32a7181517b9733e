//! Three months in seconds: what is erased is gone at once, everywhere, and what is not is as it was (S-4.3, I-4).

use crate::common::*;
use jiff::Timestamp;
use mssante::retention::MESSAGES;
use store::{AccountId, Day, FlagChange, FlagMode, Flags, KeepPlan, Kept, ModSeq, Store, SystemFlag, Uid};

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

/// Lives on to an instant, a round of retention every day, as a service that runs does.
fn live_until(world: &World, store: &Store, until: &str) {
    let until: Timestamp = until.parse().unwrap();
    while world.clock_now() < until {
        let next = world.clock_now() + hours(24);
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
        let vanished: Vec<u32> = changes.vanished.iter().map(|uid| uid.get()).collect();
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
        store.store_flags(inbox_id, vec![uid(1), uid(4)], seen).await.unwrap();
        store.copy(inbox_id, vec![uid(1), uid(3), uid(5)], trash).await.unwrap();
        store.move_(inbox_id, vec![uid(2)], trash).await.unwrap();
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
