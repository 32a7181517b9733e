//! Bodies in a store: where their chunks ride, what format 2 left, what a chunk out of place does.

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use super::*;
use crate::{
    Actor, Store, StoreError, Uid,
    common::{World, body_bytes, deliver, inbox, read_body, sealed},
    engine::{Change, Durability, Family, View as _},
    keyring::KeyKind,
    keys, records,
    rows::messages,
    seal::derive,
};

struct Scene {
    world: World,
    store: Store,
    inbox: crate::BoxId,
}

impl Scene {
    /// A store whose only box has one message with this body.
    fn new(body: &[u8]) -> Self {
        let world = World::new();
        let store = world.open();
        let account = world.account(&store, "un").id;
        world.run(deliver(&store, world.clock_now(), 1, body, &[account]));
        let inbox = inbox(&store, account).id;
        Self { world, store, inbox }
    }

    fn id(&self) -> BodyId {
        messages::reference(&self.store.core.engine, self.inbox, Uid::MIN).unwrap().unwrap().body
    }

    fn place(&self) -> Place {
        messages::body(&self.store.core.engine, self.id()).unwrap().unwrap().place(self.id())
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.store.core.engine.get(Family::Bodies, key).unwrap()
    }

    fn write(&self, changes: &[Change]) {
        self.store.core.engine.write(changes, Durability::Synced).unwrap();
    }
}

/// A chunk as format 2 sealed it.
fn sealed_before(scene: &Scene, index: u8, last: bool, plain: &[u8]) -> Vec<u8> {
    let id = scene.id();
    let day = scene.store.core.reading_key(KeyKind::Message, id.day).unwrap();
    let key: LessSafeKey = derive(day.secret(), &id.id, b"vaguemestre body 1").unwrap();
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - 2] = index;
    nonce[NONCE_LEN - 1] = u8::from(last);
    let mut chunk = plain.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut chunk).unwrap();
    chunk
}

#[test]
fn bodies_of_format_2_are_read_and_go() {
    let body = body_bytes(3, CHUNK + 100);
    let scene = Scene::new(&body);
    let (now, before) = (scene.place(), Place { id: scene.id(), turn: None });
    let (first, second) = body.split_at(CHUNK);
    let record = records::encode(&(body.len() as u64, 1_u32, 1_u16)).unwrap();
    scene.write(&[
        Change::Delete(Family::Bodies, keys::chunk(now, 0)),
        Change::Delete(Family::Bodies, keys::chunk(now, 1)),
        Change::Put(Family::Bodies, keys::chunk(before, 0), sealed_before(&scene, 0, false, first)),
        Change::Put(Family::Bodies, keys::chunk(before, 1), sealed_before(&scene, 1, true, second)),
        Change::Put(Family::Index, keys::body(before.id), record),
    ]);
    scene.store.prove().unwrap();
    assert_eq!(read_body(&scene.store, scene.inbox, Uid::MIN), body);
    scene.world.run(async {
        let deleted = crate::FlagChange {
            mode: crate::FlagMode::Add,
            flags: crate::Flags::new().with(crate::SystemFlag::Deleted),
        };
        scene.store.store_flags(scene.inbox, vec![Uid::MIN], deleted, Actor::default()).await.unwrap();
        scene.store.expunge(scene.inbox, None, Actor::default()).await.unwrap();
    });
    assert_eq!(scene.get(&keys::chunk(before, 0)), None);
    scene.world.close(scene.store);
}

#[test]
fn a_chunk_cut_moved_or_taken_from_elsewhere_is_not_read() {
    let scene = Scene::new(&body_bytes(3, 3 * CHUNK));
    let place = scene.place();
    let chunk = |index| keys::chunk(place, index);
    let kept = scene.get(&chunk(0)).unwrap();
    let body = scene.store.reader().body(scene.inbox, Uid::MIN).unwrap().unwrap();
    let other = scene.get(&chunk(1)).unwrap();
    let as_before = sealed_before(&scene, 0, false, &body_bytes(3, CHUNK));
    for wrong in [kept[..kept.len() - 1].to_vec(), kept[1..].to_vec(), vec![], other, as_before] {
        scene.write(&[Change::Put(Family::Bodies, chunk(0), wrong)]);
        assert_eq!(body.chunk(0), Err(StoreError::Corrupt("body")));
        assert!(body.chunk(CHUNK as u64).is_ok(), "the others are read as before");
    }
    scene.write(&[Change::Put(Family::Bodies, chunk(0), kept)]);
    drop(body);
    scene.world.close(scene.store);
}

#[test]
fn a_body_of_a_few_chunks_rides_in_its_commit_and_a_longer_one_is_written_as_it_arrives() {
    let scene = Scene::new(b"first\r\n");
    let chunks = |store: &Store| {
        let mut found = 0;
        let mut count = |_: &[u8], _: &[u8]| {
            found += 1;
            Ok(true)
        };
        store.core.engine.scan(Family::Bodies, &[], &[0xff; 40], &mut count).unwrap();
        found
    };
    let longest = HELD * CHUNK;
    for (len, written) in [(longest, 0), (longest + 1, HELD), (2 * longest + 1, 2 * HELD)] {
        let body = scene.world.run(sealed(&scene.store, &body_bytes(1, len)));
        assert_eq!(chunks(&scene.store), 1 + written, "{len}");
        drop(body);
        scene.world.run(scene.store.submit(|_| Ok(()))).unwrap();
        assert_eq!(chunks(&scene.store), 1, "dropped, it leaves nothing");
    }
    scene.world.close(scene.store);
}

#[test]
fn without_memory_to_hold_them_chunks_are_written_one_by_one() {
    let mut world = World::new();
    world.settings.held = 0;
    let store = world.open();
    let account = world.account(&store, "un").id;
    let body = body_bytes(5, 3 * CHUNK + 1);
    world.run(deliver(&store, world.clock_now(), 1, &body, &[account]));
    assert_eq!(read_body(&store, inbox(&store, account).id, Uid::MIN), body);
    world.close(store);
}

#[test]
fn chunks_are_counted() {
    let chunk = CHUNK as u64;
    let of = [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 1].map(chunk_count);
    assert_eq!(of, [1, 1, 1, 1, 2, 2, 3]);
}
