//! An upgrade that was killed goes on where it was.

use serde::Serialize;

use super::*;
use crate::{
    Kind, Store,
    common::{World, deliver, delivery, hours, inbox, outgoing, read_body},
    engine::swap_family,
    ids::Uid,
    queue::Settlement,
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
