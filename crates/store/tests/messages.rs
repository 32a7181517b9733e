//! Messages through their whole life: delivered, listed, flagged, copied, moved, expunged, read back.

use crate::common::*;
use store::{
    Actor, CHUNK, Copy, Delivered, FlagChange, FlagMode, Flags, ModSeq, StoreError, Stored, SystemFlag, Uid,
};

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn change(mode: FlagMode, flag: SystemFlag) -> FlagChange {
    FlagChange { mode, flags: Flags::new().with(flag) }
}

#[test]
fn a_delivery_is_read_back_byte_for_byte_after_reopening() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let two = world.account(&store, "deux");
    let body = body_bytes(1, 3 * CHUNK + 17);
    let id = world.run(async {
        let mut delivery = delivery(&store, world.clock_now(), 1, &body, &[one.id, two.id]).await;
        delivery.variants.push(variant(2, &body));
        delivery.copies[1].variant = 1;
        let id = delivery.id;
        let Delivered::New(_, copies) = store.deliver(delivery).await.unwrap() else { panic!() };
        assert_eq!(copies, [(one.id, uid(1)), (two.id, uid(1))]);
        id
    });
    let check = |store: &store::Store| {
        for (account, number) in [(one.id, 1), (two.id, 2)] {
            let inbox = inbox(store, account);
            assert_eq!((inbox.exists, inbox.unseen, inbox.uid_next), (1, 1, uid(2)));
            let reader = store.reader();
            assert_eq!(reader.header(inbox.id, uid(1)).unwrap().unwrap(), header(number));
            assert_eq!(reader.index(inbox.id, uid(1)).unwrap().unwrap().size, inbox.bytes);
            assert_eq!(reader.origin(inbox.id, uid(1)).unwrap(), Some(id));
            assert_eq!(read_body(store, inbox.id, uid(1)), body);
        }
    };
    check(&store);
    world.close(store);
    let store = world.open();
    check(&store);
    assert_eq!(world.close(store).bodies, 1);
}

#[test]
fn bodies_of_every_length_come_back() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un");
    let lengths = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1];
    for (number, len) in lengths.into_iter().enumerate() {
        let body = body_bytes(number as u64, len);
        let uids = world.run(deliver(&store, world.clock_now(), number as u64, &body, &[account.id]));
        assert_eq!(read_body(&store, inbox(&store, account.id).id, uids[0]), body, "{len}");
    }
    world.close(store);
}

#[test]
fn a_chunk_is_read_from_any_offset() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un");
    let body = body_bytes(9, 2 * CHUNK + 100);
    let uids = world.run(deliver(&store, world.clock_now(), 1, &body, &[account.id]));
    let reader = store.reader().body(inbox(&store, account.id).id, uids[0]).unwrap().unwrap();
    for offset in [0, 1, CHUNK - 1, CHUNK, CHUNK + 5, 2 * CHUNK + 99] {
        let chunk = reader.chunk(offset as u64).unwrap();
        let end = ((offset / CHUNK + 1) * CHUNK).min(body.len());
        assert_eq!(chunk, body[offset..end], "{offset}");
    }
    assert!(reader.chunk(body.len() as u64).unwrap().is_empty());
    assert!(reader.chunk(u64::MAX).unwrap().is_empty());
    drop(reader);
    world.close(store);
}

#[test]
fn the_last_reference_takes_the_body_along() {
    let world = World::new();
    let store = world.open();
    let (one, two) = (world.account(&store, "un"), world.account(&store, "deux"));
    let body = body_bytes(3, CHUNK + 1);
    world.run(deliver(&store, world.clock_now(), 1, &body, &[one.id, two.id]));
    for (account, bodies_left) in [(one.id, 1), (two.id, 0)] {
        let inbox = inbox(&store, account).id;
        world
            .run(store.store_flags(
                inbox,
                vec![uid(1)],
                change(FlagMode::Add, SystemFlag::Deleted),
                Actor::default(),
            ))
            .unwrap();
        assert_eq!(world.run(store.expunge(inbox, None, Actor::default())).unwrap(), [uid(1)]);
        assert_eq!(settle_and_prove(&store).bodies, bodies_left);
    }
    world.close(store);
}

#[test]
fn a_body_that_nobody_commits_disappears() {
    let world = World::new();
    let store = world.open();
    world.account(&store, "un");
    world.run(async {
        let mut writer = store.body();
        writer.write(&body_bytes(1, 5 * CHUNK)).await.unwrap();
        drop(writer);
        drop(sealed(&store, &body_bytes(2, 3 * CHUNK)).await);
    });
    assert_eq!(settle_and_prove(&store).bodies, 0);
    world.close(store);
}

#[test]
fn a_delivery_that_fails_leaves_nothing() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let gone = store::AccountId::new(999);
    world.run(async {
        let body = body_bytes(1, CHUNK + 1);
        let mut wrong = delivery(&store, world.clock_now(), 1, &body, &[one.id, gone]).await;
        assert_eq!(store.deliver(wrong).await.unwrap_err(), StoreError::NotFound);
        wrong = delivery(&store, world.clock_now(), 1, &body, &[one.id]).await;
        wrong.copies.push(Copy { account: one.id, variant: 7 });
        assert_eq!(store.deliver(wrong).await.unwrap_err(), StoreError::NotFound);
    });
    assert_eq!(inbox(&store, one.id).exists, 0);
    assert_eq!(world.close(store).bodies, 0);
}

#[test]
fn a_long_body_of_an_operation_that_fails_after_it_was_taken_disappears() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let gone = store::AccountId::new(999);
    world.run(async {
        // So long that its chunks are written before the operation.
        let body = body_bytes(1, 8 * CHUNK);
        let whole = delivery(&store, world.clock_now(), 1, &body, &[one.id]).await;
        let report = delivery(&store, world.clock_now(), 2, b"report\r\n", &[gone]).await;
        assert_eq!(store.deliver_and_report(whole, report).await.unwrap_err(), StoreError::NotFound);
    });
    assert_eq!(world.close(store).bodies, 0);
}

#[test]
fn the_same_submission_within_seven_days_is_stored_once() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let body = body_bytes(1, CHUNK + 1);
    let submit = || {
        world.run(async {
            let mut delivery = delivery(&store, world.clock_now(), 1, &body, &[one.id]).await;
            delivery.once = Some([7; 32]);
            let id = delivery.id;
            (id, store.deliver(delivery).await.unwrap())
        })
    };
    let (first, Delivered::New(..)) = submit() else { panic!() };
    for days in [0, 1, 6] {
        world.clock.advance(hours(24 * days));
        let (_, Delivered::Again(_, known)) = submit() else { panic!() };
        assert_eq!(known, first);
    }
    assert_eq!(settle_and_prove(&store).messages, 1);
    world.clock.advance(hours(24 * 2));
    assert!(matches!(submit(), (_, Delivered::New(..))));
    assert_eq!(world.close(store).messages, 2);
}

#[test]
fn flags_change_what_they_name_and_nothing_else() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    for number in 1..=3 {
        world.run(deliver(&store, world.clock_now(), number, b"x\r\n", &[one.id]));
    }
    let inbox_id = inbox(&store, one.id).id;
    let before = inbox(&store, one.id).highest;
    let mut flags = Flags::new().with(SystemFlag::Seen);
    flags.add_keyword("$Forwarded").unwrap();
    let set = FlagChange { mode: FlagMode::Replace, flags };
    let entries =
        world.run(store.store_flags(inbox_id, vec![uid(2), uid(9)], set.clone(), Actor::default())).unwrap();
    assert_eq!(entries.len(), 1);
    assert!(entries[0].flags.has_keyword("$forwarded") && entries[0].modseq > before);
    let again = world.run(store.store_flags(inbox_id, vec![uid(2)], set, Actor::default())).unwrap();
    assert_eq!(again, entries, "nothing changed: the mod-sequence stays");
    let after = inbox(&store, one.id);
    assert_eq!((after.unseen, after.highest), (2, entries[0].modseq));
    assert_eq!(store.reader().entry(inbox_id, uid(2)).unwrap().as_ref(), Some(&entries[0]));
    assert_eq!(store.reader().entries(inbox_id, uid(2), uid(2)).unwrap(), entries);
    let changes = store.reader().changes(inbox_id, before).unwrap();
    assert_eq!((changes.changed, changes.vanished.len()), (entries, 0));
    world
        .run(store.store_flags(
            inbox_id,
            vec![uid(2)],
            change(FlagMode::Remove, SystemFlag::Seen),
            Actor::default(),
        ))
        .unwrap();
    assert_eq!(inbox(&store, one.id).unseen, 3);
    world.close(store);
}

#[test]
fn keywords_are_bounded() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let inbox_id = inbox(&store, one.id).id;
    let mut flags = Flags::new();
    for number in 0..store::KEYWORDS_PER_MESSAGE {
        flags.add_keyword(&format!("k{number}")).unwrap();
    }
    assert!(matches!(flags.add_keyword("more"), Err(StoreError::Limit(_))));
    assert!(matches!(
        Flags::new().add_keyword(&"k".repeat(store::KEYWORD_BYTES + 1)),
        Err(StoreError::Limit(_))
    ));
    world.run(async {
        for number in 0..9_usize {
            deliver(&store, world.clock_now(), number as u64, b"x\r\n", &[one.id]).await;
            let mut flags = Flags::new();
            for keyword in 0..store::KEYWORDS_PER_MESSAGE {
                flags.add_keyword(&format!("k{number}-{keyword}")).unwrap();
            }
            let uid = uid(u32::try_from(number + 1).unwrap());
            let set = FlagChange { mode: FlagMode::Replace, flags };
            let result = store.store_flags(inbox_id, vec![uid], set, Actor::default()).await;
            let full = (number + 1) * store::KEYWORDS_PER_MESSAGE > store::KEYWORDS_PER_BOX;
            assert_eq!(result.is_err(), full, "{number}: {result:?}");
        }
    });
    world.close(store);
}

#[test]
fn expunge_takes_only_what_is_marked() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    for number in 1..=6 {
        world.run(deliver(&store, world.clock_now(), number, b"x\r\n", &[one.id]));
    }
    let inbox_id = inbox(&store, one.id).id;
    let marked = vec![uid(1), uid(3), uid(4), uid(6)];
    world
        .run(store.store_flags(
            inbox_id,
            marked,
            change(FlagMode::Add, SystemFlag::Deleted),
            Actor::default(),
        ))
        .unwrap();
    let before = inbox(&store, one.id).highest;
    let gone = world
        .run(store.expunge(inbox_id, Some(vec![uid(2), uid(3), uid(4), uid(77)]), Actor::default()))
        .unwrap();
    assert_eq!(gone, [uid(3), uid(4)]);
    assert_eq!(world.run(store.expunge(inbox_id, None, Actor::default())).unwrap(), [uid(1), uid(6)]);
    let changes = store.reader().changes(inbox_id, before).unwrap();
    assert_eq!(changes.vanished.runs(), [(uid(1), uid(1)), (uid(3), uid(4)), (uid(6), uid(6))]);
    assert!(store.reader().changes(inbox_id, changes.highest).unwrap().vanished.is_empty());
    assert_eq!(store.reader().changes(inbox_id, ModSeq::new(1)).unwrap().changed.len(), 2);
    world.run(deliver(&store, world.clock_now(), 7, b"x\r\n", &[one.id]));
    let uids: Vec<_> = store.reader().messages(inbox_id).unwrap().into_iter().map(|e| e.uid).collect();
    assert_eq!(uids, [uid(2), uid(5), uid(7)], "a UID is never given again");
    world.close(store);
}

#[test]
fn copies_and_moves_keep_flags_dates_and_bodies() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let body = body_bytes(5, CHUNK + 5);
    let source = inbox(&store, one.id).id;
    let target = store.reader().box_by_name(one.id, "Trash").unwrap().unwrap().id;
    world.run(async {
        deliver(&store, world.clock_now(), 1, &body, &[one.id]).await;
        deliver(&store, world.clock_now(), 2, b"two\r\n", &[one.id]).await;
        let mut flags = Flags::new().with(SystemFlag::Flagged);
        flags.add_keyword("Vu").unwrap();
        store
            .store_flags(source, vec![uid(1)], FlagChange { mode: FlagMode::Add, flags }, Actor::default())
            .await
            .unwrap();
        let copied =
            store.copy(source, vec![uid(1), uid(1), uid(50)], target, Actor::default()).await.unwrap();
        assert_eq!(copied.pairs, [(uid(1), uid(1))]);
        let moved = store.move_(source, vec![uid(2), uid(1)], target, Actor::default()).await.unwrap();
        assert_eq!(moved.pairs, [(uid(1), uid(2)), (uid(2), uid(3))]);
        let within = store.move_(target, vec![uid(3)], target, Actor::default()).await.unwrap();
        assert_eq!(within.pairs, [(uid(3), uid(4))]);
    });
    assert_eq!(inbox(&store, one.id).exists, 0);
    let entries = store.reader().messages(target).unwrap();
    assert!(entries[..2].iter().all(|e| e.flags.has_keyword("vu") && e.flags.has(SystemFlag::Flagged)));
    assert_eq!(read_body(&store, target, uid(2)), body);
    let report = world.close(store);
    assert_eq!((report.messages, report.bodies), (3, 2));
}

/// When each message of a box was put there.
fn saved(store: &store::Store, id: store::BoxId) -> Vec<i64> {
    let reader = store.reader();
    let uids: Vec<Uid> = reader.messages(id).unwrap().iter().map(|entry| entry.uid).collect();
    let mut dates = vec![];
    reader
        .saved(id, &uids, &mut |_, date| {
            dates.push(date.unwrap());
            Ok(true)
        })
        .unwrap();
    dates
}

#[test]
fn each_copy_knows_when_it_was_put_where_it_is() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un");
    let id = inbox(&store, account.id).id;
    let trash = store.reader().box_by_name(account.id, "Trash").unwrap().unwrap().id;
    let now = || world.clock_now().as_second();
    let delivered = now();
    world.run(async {
        deliver(&store, world.clock_now(), 1, b"one\r\n", &[account.id]).await;
        deliver(&store, world.clock_now(), 2, b"two\r\n", &[account.id]).await;
        world.clock.advance(hours(1));
        store.append(id, incoming(&store, 3, b"three\r\n").await, None).await.unwrap();
        world.clock.advance(hours(1));
        store.copy(id, vec![uid(1)], trash, Actor::default()).await.unwrap();
        world.clock.advance(hours(1));
        store.move_(id, vec![uid(2)], trash, Actor::default()).await.unwrap();
        // Flags change nothing of it.
        store
            .store_flags(trash, vec![uid(1)], change(FlagMode::Add, SystemFlag::Seen), Actor::default())
            .await
            .unwrap();
    });
    assert_eq!(saved(&store, id), [delivered, delivered + 3600]);
    assert_eq!(saved(&store, trash), [delivered + 2 * 3600, now()]);
    world.close(store);
}

#[test]
fn flags_change_unless_somebody_else_was_there_before() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un");
    let id = inbox(&store, account.id).id;
    let seen = change(FlagMode::Add, SystemFlag::Seen);
    world.run(async {
        for number in 1..=3 {
            deliver(&store, world.clock_now(), number, b"x\r\n", &[account.id]).await;
        }
        let known = store.reader().box_info(id).unwrap().unwrap().highest;
        store
            .store_flags(id, vec![uid(2)], change(FlagMode::Add, SystemFlag::Flagged), Actor::default())
            .await
            .unwrap();
        let uids = vec![uid(1), uid(2), uid(3), uid(9)];
        let done =
            store.store_flags_unless(id, uids, seen.clone(), Some(known), Actor::default()).await.unwrap();
        let entries = store.reader().messages(id).unwrap();
        assert_eq!(done.len(), 3);
        for (stored, entry) in done.into_iter().zip(&entries) {
            if entry.uid == uid(2) {
                assert_eq!(stored, Stored::Modified(uid(2)));
                assert!(!entry.flags.has(SystemFlag::Seen) && entry.flags.has(SystemFlag::Flagged));
            } else {
                let Stored::Done { now, before } = stored else { panic!() };
                assert_eq!(&now, entry);
                assert!(before <= known && now.modseq > known && now.flags.has(SystemFlag::Seen));
            }
        }
        // Nothing is older than the beginning.
        let none = store
            .store_flags_unless(id, vec![uid(1)], seen, Some(ModSeq::new(0)), Actor::default())
            .await
            .unwrap();
        assert_eq!(none, [Stored::Modified(uid(1))]);
    });
    world.close(store);
}

#[test]
fn what_changed_and_went_is_told_without_the_rest() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un");
    let id = inbox(&store, account.id).id;
    world.run(async {
        for number in 1..=5 {
            deliver(&store, world.clock_now(), number, b"x\r\n", &[account.id]).await;
        }
        let since = store.reader().box_info(id).unwrap().unwrap().highest;
        store
            .store_flags(id, vec![uid(2)], change(FlagMode::Add, SystemFlag::Deleted), Actor::default())
            .await
            .unwrap();
        store
            .store_flags(id, vec![uid(4)], change(FlagMode::Add, SystemFlag::Seen), Actor::default())
            .await
            .unwrap();
        store.expunge(id, None, Actor::default()).await.unwrap();
        let reader = store.reader();
        let mut changed = vec![];
        reader
            .changed(id, since, &mut |listing| {
                changed.push(listing.uid());
                Ok(true)
            })
            .unwrap();
        assert_eq!(changed, [uid(4)]);
        assert_eq!(reader.vanished(id, since).unwrap().runs(), [(uid(2), uid(2))]);
        assert!(reader.vanished(store::BoxId::new(99), since).unwrap().is_empty());
    });
    world.close(store);
}

#[test]
fn a_watch_wakes_after_the_commit() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    let inbox_id = inbox(&store, one.id).id;
    let mut watch = store.watch(inbox_id);
    world.run(async {
        deliver(&store, world.clock_now(), 1, b"x\r\n", &[one.id]).await;
        watch.changed().await.unwrap();
        assert_eq!(*watch.borrow_and_update(), inbox(&store, one.id).highest);
    });
    world.close(store);
}

#[test]
fn a_clock_that_fell_behind_stops_mail_and_never_goes_back_a_day() {
    let world = World::new();
    let store = world.open();
    let one = world.account(&store, "un");
    world.run(deliver(&store, world.clock_now(), 1, b"x\r\n", &[one.id]));
    world.clock.advance(-hours(1));
    assert_eq!(world.run(store.body().write(b"x")).unwrap_err(), StoreError::ClockBehind);
    world.clock.set("2026-01-16T00:01:00Z".parse().unwrap());
    world.run(deliver(&store, world.clock_now(), 2, b"x\r\n", &[one.id]));
    world.clock.set("2026-01-15T23:59:00Z".parse().unwrap());
    let body = world.run(sealed(&store, b"late"));
    assert_eq!(body.id().day.to_string(), "2026-01-16");
    drop(body);
    world.close(store);
}

#[test]
fn bodies_are_bounded() {
    let mut world = World::new();
    world.settings.body_bytes = 1000;
    let store = world.open();
    world.account(&store, "un");
    world.run(async {
        let mut writer = store.body();
        writer.write(&[b'a'; 1000]).await.unwrap();
        assert!(matches!(writer.write(b"b").await, Err(StoreError::Limit(_))));
    });
    world.close(store);
}
