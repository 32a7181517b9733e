//! An upgrade that was killed goes on where it was.

use serde::Serialize;

use super::*;
use crate::{
    Kind, Store,
    common::{World, deliver, delivery, due, hours, inbox, outgoing, read_body},
    engine::swap_family,
    ids::Uid,
    queue::{Outgoing, QueueId, Settlement},
    rows,
};

/// Makes a store one of an earlier format: what it holds is as that program wrote it.
fn downgrade(store: &Store, version: u32, boxes: &[BoxId]) {
    let engine = &store.core.engine;
    let put = |family, key: Vec<u8>, value: Vec<u8>| {
        engine.write(&[Change::Put(family, key, value)], Durability::Synced).unwrap();
    };
    let bytes = engine.get(Family::Accounts, keys::COUNTERS).unwrap().unwrap();
    let c: Counters = records::decode(&bytes, "counters").unwrap();
    let old = (c.account, c.mailbox, c.credential, c.trace, c.uid_validity, c.committed, c.day);
    put(Family::Accounts, keys::COUNTERS.to_vec(), encode(&old));
    let format = Format { version, kind: Kind::Demonstration };
    put(Family::Accounts, keys::FORMAT.to_vec(), encode(&format));
    for &id in boxes {
        let bytes = engine.get(Family::Accounts, &keys::box_state(id)).unwrap().unwrap();
        let s: BoxState = records::decode(&bytes, "box counters").unwrap();
        put(
            Family::Accounts,
            keys::box_state(id),
            encode(&(s.uid_next, s.highest, s.exists, s.unseen, s.bytes)),
        );
        let (from, until) = keys::under(&keys::tallies(id));
        engine.write(&[Change::DeleteRange(Family::Index, from, until)], Durability::Synced).unwrap();
        let (from, until) = keys::under(&keys::listings(id));
        let mut listings = vec![];
        engine
            .scan(Family::Index, &from, &until, &mut |key, value| {
                listings.push((key.to_vec(), records::decode::<Listing>(value, "message").unwrap()));
                Ok(true)
            })
            .unwrap();
        for (key, l) in listings {
            put(Family::Index, key, encode(&(l.modseq, l.bits, l.internal_date, l.size, l.keywords)));
        }
    }
    let (from, until) = keys::under(b"u");
    engine.write(&[Change::DeleteRange(Family::Accounts, from, until)], Durability::Synced).unwrap();
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    records::encode(value).unwrap()
}

fn boxes(store: &Store) -> Vec<BoxId> {
    all_boxes(&store.core.engine).unwrap().into_iter().map(|(_, id)| id).collect()
}

/// A store with messages of three days in two accounts.
fn filled(world: &World) -> (Store, AccountId) {
    let store = world.open();
    let (one, two) = (world.account(&store, "un").id, world.account(&store, "deux").id);
    for number in 1..=9 {
        world.run(deliver(&store, world.clock_now(), number, b"kept\r\n", &[one, two]));
        world.clock.advance(hours(8));
    }
    (store, one)
}

#[test]
fn a_store_of_the_format_without_a_queue_is_upgraded_in_place() {
    let world = World::new();
    let (store, account) = filled(&world);
    let all = boxes(&store);
    world.close(store);
    let store = world.open();
    downgrade(&store, 1, &all);
    store.close().unwrap();
    swap_family(&world.store_dir().join("engine"), Some(Family::Queue), None);
    for number in 20..22 {
        let store = world.open();
        assert_eq!(read_body(&store, inbox(&store, account).id, Uid::MIN), b"kept\r\n");
        world.run(async {
            let mut leaving = delivery(&store, world.clock_now(), number, b"away\r\n", &[]).await;
            leaving.outgoing = vec![outgoing(world.clock_now(), &["trois"])];
            store.deliver(leaving).await.unwrap();
            let first = store.reader().queue_list(None, 1).unwrap()[0].id;
            store.settle(vec![(first, Settlement::Gone)], None, vec![]).await.unwrap();
        });
        let format = store.core.engine.get(Family::Accounts, keys::FORMAT).unwrap().unwrap();
        assert_eq!(records::decode::<Format>(&format, "format").unwrap().version, records::FORMAT);
        world.close(store);
    }
}

/// Makes the queue one of format 3: what it holds is as that program wrote it. Some entries are sorted already, as by an opening
/// that was killed.
fn unsort(store: &Store, sorted: usize) {
    let engine = &store.core.engine;
    let mut changes = vec![];
    let all = store.reader().queue_list(None, usize::MAX).unwrap();
    let (mut lanes, mut senders) = (BTreeMap::new(), BTreeMap::new());
    for (at, queued) in all.iter().enumerate() {
        let row = rows::queue::entry(engine, queued.id).unwrap().unwrap();
        let message = rows::queue::message(engine, row.dispatch()).unwrap();
        if at < sorted {
            *lanes.entry(row.lane).or_insert(0_u64) += 1;
            *senders.entry(queued.sender.unwrap()).or_insert(0_u64) += 1;
            continue;
        }
        changes
            .push(Change::Delete(Family::Queue, keys::lane_due(row.lane, row.class(), row.due, queued.id)));
        changes.push(Change::Delete(Family::Queue, keys::lane_entry(row.lane, queued.id)));
        changes.push(Change::Put(Family::Queue, keys::old_due(row.due, queued.id), vec![]));
        let old = encode(&(row.body, row.due, row.sealed.clone()));
        changes.push(Change::Put(Family::Queue, keys::queued(queued.id), old));
        let first = all[..at].iter().take(sorted).any(|other| other.message == queued.message);
        if let Some(message) = message.filter(|_| !first) {
            let old = encode(&(message.left, message.sealed));
            changes.push(Change::Put(Family::Queue, keys::queued_message(row.dispatch()), old));
        }
    }
    let (from, until) = keys::under(b"n");
    changes.push(Change::DeleteRange(Family::Queue, from, until));
    let (from, until) = keys::under(b"o");
    changes.push(Change::DeleteRange(Family::Queue, from, until));
    let lane = |id| rows::queue::lane(engine, id).unwrap().unwrap();
    let kept: Vec<_> =
        lanes.into_iter().map(|(id, entries)| (id, records::LaneRow { entries, ..lane(id) })).collect();
    engine.write(&changes, Durability::Synced).unwrap();
    let put = |key, value| Change::Put(Family::Queue, key, value);
    let mut changes: Vec<Change> = kept.iter().map(|(id, row)| put(keys::lane(*id), encode(row))).collect();
    changes.extend(senders.into_iter().map(|(id, entries)| put(keys::queued_of(id), encode(&entries))));
    let format = Format { version: 3, kind: Kind::Demonstration };
    changes.push(Change::Put(Family::Accounts, keys::FORMAT.to_vec(), encode(&format)));
    engine.write(&changes, Durability::Synced).unwrap();
}

#[test]
fn the_queue_of_a_store_without_lanes_is_sorted_however_often_that_is_cut_short() {
    for sorted in 0..4 {
        let world = World::new();
        let store = world.open();
        let account = world.account(&store, "un").id;
        for (number, to) in [(1, &["a", "b"][..]), (2, &["c"]), (3, &["d"])] {
            world.run(async {
                let mut leaving = delivery(&store, world.clock_now(), number, b"away\r\n", &[]).await;
                leaving.outgoing =
                    vec![Outgoing { sender: Some(account), ..outgoing(world.clock_now(), to) }];
                store.deliver(leaving).await.unwrap();
            });
        }
        let before = store.reader().queue_list(None, 9).unwrap();
        unsort(&store, sorted);
        store.close().unwrap();
        let store = world.open();
        assert_eq!(store.reader().queue_list(None, 9).unwrap(), before);
        assert_eq!(due(&store, world.clock_now()), before);
        assert_eq!(store.reader().queued_of(account).unwrap(), 4);
        assert_eq!(world.close(store).queued, 4);
    }
}

#[test]
fn an_entry_that_does_not_open_stays_where_it_takes_no_other_along() {
    let world = World::new();
    let store = world.open();
    world.account(&store, "un");
    world.run(async {
        let mut leaving = delivery(&store, world.clock_now(), 1, b"away\r\n", &[]).await;
        leaving.outgoing = vec![outgoing(world.clock_now(), &["a", "b"])];
        store.deliver(leaving).await.unwrap();
    });
    let before = store.reader().queue_list(None, 9).unwrap();
    let row = rows::queue::entry(&store.core.engine, before[0].id).unwrap().unwrap();
    let key = keys::queued(before[0].id);
    let put = |row: &records::EntryRow| {
        store
            .core
            .engine
            .write(&[Change::Put(Family::Queue, key.clone(), encode(row))], Durability::Synced)
            .unwrap();
    };
    put(&records::EntryRow { sealed: vec![0; 40], ..row.clone() });
    let engine = &store.core.engine;
    engine.write(&[Change::Delete(Family::Queue, keys::old_due(0, QueueId(9)))], Durability::Synced).unwrap();
    let changes = [
        Change::Delete(Family::Queue, keys::lane_due(row.lane, row.class(), row.due, before[0].id)),
        Change::Delete(Family::Queue, keys::lane_entry(row.lane, before[0].id)),
        Change::Put(Family::Queue, keys::old_due(row.due, before[0].id), vec![]),
        Change::Put(Family::Queue, key.clone(), encode(&(row.body, row.due, vec![0_u8; 40]))),
        Change::Put(
            Family::Queue,
            keys::lane(row.lane),
            encode(&records::LaneRow { entries: 1, ..rows::queue::lane(engine, row.lane).unwrap().unwrap() }),
        ),
    ];
    engine.write(&changes, Durability::Synced).unwrap();
    store.close().unwrap();
    let store = world.open();
    assert_eq!(due(&store, world.clock_now()), before[1..]);
    assert_eq!(store.reader().queue_lanes(None, 9).unwrap().len(), 1, "whose it is nobody can say");
    let gone = vec![(before[0].id, Settlement::Gone)];
    world.run(store.settle(gone, None, vec![])).unwrap();
    world.close(store);
}

#[test]
fn an_upgrade_that_was_killed_goes_on() {
    // Killed with none, some or all of the boxes done, or in the middle of one, its counters not yet written.
    for done in 0..3 {
        let world = World::new();
        let (store, account) = filled(&world);
        let before = store.reader().boxes(account).unwrap();
        let all = boxes(&store);
        downgrade(&store, 2, &all[done * 4..]);
        if let Some(&half) = all.get(done * 4) {
            let key = keys::listing(half, Uid::MIN);
            let value = store.core.engine.get(Family::Index, &key).unwrap().unwrap();
            let (listing, old) =
                listing(&store.core.engine, half, &key, &value, Day::from_number(0)).unwrap();
            assert!(old);
            let put = Change::Put(Family::Index, key, encode(&listing));
            store.core.engine.write(&[put], Durability::Synced).unwrap();
        }
        store.close().unwrap();
        let store = world.open();
        assert_eq!(store.reader().boxes(account).unwrap(), before);
        assert_eq!(store.reader().usage(account).unwrap().messages, 9);
        // When they were put there nobody knows; a box that is done already keeps what it says.
        let uids: Vec<Uid> = (1..=9).filter_map(Uid::new).collect();
        let mut saved = vec![];
        let mut note = |_, date: Option<i64>| {
            saved.push(date);
            Ok(true)
        };
        store.reader().saved(inbox(&store, account).id, &uids, &mut note).unwrap();
        assert_eq!(saved.len(), 9);
        assert!(saved.iter().all(|date| date.is_some() == (done > 0)));
        world.close(store);
    }
}
