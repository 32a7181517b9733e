//! How long operations are, and what a process leaves that ends between two of them.

use super::*;
use crate::{
    FlagMode, Flags, ModSeq,
    common::{World, body_bytes, deliver, inbox, incoming, settle_and_prove},
    prepare::asked_blocking,
    rows::boxes,
    seal::CHUNK,
};

/// One account; its INBOX with a long body and several short ones, copied over and over; its Trash.
struct Scene {
    world: World,
    store: Store,
    account: AccountId,
    inbox: BoxId,
    trash: BoxId,
}

impl Scene {
    fn new(world: World, doublings: u32) -> Self {
        let store = world.open();
        let account = world.account(&store, "un").id;
        let inbox = inbox(&store, account).id;
        let trash = store.reader().box_by_name(account, "Trash").unwrap().unwrap().id;
        world.run(async {
            let long = incoming(&store, 1, &body_bytes(1, 48 * CHUNK)).await;
            store.append(inbox, long, None).await.unwrap();
            for number in 2..4 {
                deliver(&store, world.clock_now(), number, b"short\r\n", &[account]).await;
            }
            for _ in 0..doublings {
                let all = store.read(move |reader| uids(reader, inbox, |_| true)).await.unwrap();
                store.copy(inbox, all, inbox, Actor::default()).await.unwrap();
            }
        });
        Self { world, store, account, inbox, trash }
    }

    fn uids(&self, id: BoxId) -> Vec<Uid> {
        uids(&self.store.reader(), id, |_| true).unwrap()
    }

    fn mark(&self, uids: Vec<Uid>) {
        let change = deleted();
        self.world.run(self.store.store_flags(self.inbox, uids, change, Actor::default())).unwrap();
    }

    /// Does a work on messages, as much at a time as it takes; the rows that the longest operation changed.
    fn longest(
        &self,
        uids: &[Uid],
        work: impl Fn(&mut Txn<'_>, &[Uid]) -> Result<usize> + Clone + Send + 'static,
    ) -> usize {
        let (mut at, mut longest) = (0, 0);
        while at < uids.len() {
            let (left, work) = (uids[at..].to_vec(), work.clone());
            let step = move |txn: &mut Txn<'_>| Ok((work(txn, &left)?, txn.changes()));
            let (taken, changes) = self.world.run(self.store.submit(step)).unwrap();
            at += taken;
            longest = longest.max(changes);
        }
        longest
    }
}

/// A COPY of which no piece is the last.
const UNFINISHED: CopyPiece = CopyPiece { number: 7_000_000, last: false };

fn deleted() -> FlagChange {
    FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Deleted) }
}

#[test]
fn no_operation_changes_many_more_rows_than_it_may() {
    let scene = Scene::new(World::new(), 11);
    let (inbox, trash) = (scene.inbox, scene.trash);
    let all = scene.uids(inbox);
    assert_eq!(all.len(), 6144);
    let asked = asked_blocking(&scene.store.core, Actor::default()).unwrap();
    let copied = scene.longest(&all, move |txn, uids| {
        ops::messages::copy(txn, inbox, uids, trash, UNFINISHED, &asked).map(|(_, piece)| piece.taken)
    });
    // Each step takes one run at most: the list only says how often to ask.
    let taken_back = scene.longest(&all[..20], move |txn, _| {
        ops::messages::take_back(txn, UNFINISHED.number, &asked).map(|_| 1)
    });
    assert!(scene.uids(trash).is_empty());
    let moved = scene.longest(&all, move |txn, uids| {
        ops::messages::move_to(txn, inbox, uids, trash, &asked).map(|(_, piece)| piece.taken)
    });
    let all = scene.uids(trash);
    let flagged = scene.longest(&all, move |txn, uids| {
        ops::messages::store_flags(txn, trash, uids, &deleted(), None, &asked).map(|piece| piece.taken)
    });
    let expunged = scene.longest(&all, move |txn, uids| {
        ops::messages::expunge(txn, trash, uids, &asked).map(|piece| piece.taken)
    });
    // One message more is taken before an operation sees that it is long, and its box is written last.
    let most = scene.store.core.settings.operation_changes + 100;
    let all = [copied, taken_back, moved, flagged, expunged];
    assert!(all.iter().all(|changes| (1_000..=most).contains(changes)), "{all:?}");
    scene.world.close(scene.store);
}

#[test]
fn a_copy_that_a_killed_process_left_is_taken_back_at_the_next_start() {
    let scene = Scene::new(World::new(), 3);
    let Scene { world, store, account, inbox, trash } = scene;
    let some = uids(&store.reader(), inbox, |_| true).unwrap();
    let asked = asked_blocking(&store.core, Actor::default()).unwrap();
    world.run(async {
        store.copy(inbox, some[..2].to_vec(), trash, Actor::default()).await.unwrap();
        for piece in [0..4, 4..9] {
            let uids = some[piece].to_vec();
            store
                .submit(move |txn| {
                    ops::messages::copy(txn, inbox, &uids, trash, UNFINISHED, &asked).map(drop)
                })
                .await
                .unwrap();
            // Between two pieces somebody else puts a message there.
            store.copy(inbox, vec![some[0]], trash, Actor::default()).await.unwrap();
        }
    });
    assert_eq!(store.prove().unwrap().clearing, 2);
    store.close().unwrap();
    let store = world.open();
    world.run(store.cleared());
    let left = store.reader().box_by_name(account, "Trash").unwrap().unwrap();
    assert_eq!((left.exists, left.uid_next), (4, Uid::new(14).unwrap()));
    world.close(store);
}

#[test]
fn the_log_of_vanished_uids_is_bounded_and_tells_all_that_is_not_there_below_its_floor() {
    let mut world = World::new();
    world.settings.vanished_runs = 8;
    let scene = Scene::new(world, 6);
    let all = scene.uids(scene.inbox);
    let mut marks = vec![];
    for pair in all.chunks(2) {
        scene.mark(vec![pair[0]]);
        scene.world.run(scene.store.expunge(scene.inbox, None, Actor::default())).unwrap();
        let highest = scene.store.reader().box_info(scene.inbox).unwrap().unwrap().highest;
        marks.push((highest, pair[0]));
        let state = boxes::state(&scene.store.core.engine, scene.inbox).unwrap().unwrap();
        assert!(state.runs <= 8);
    }
    let state = boxes::state(&scene.store.core.engine, scene.inbox).unwrap().unwrap();
    assert!(state.floor > ModSeq::new(1) && state.floor < state.highest);
    for (place, (since, _)) in marks.iter().enumerate() {
        let vanished = scene.store.reader().changes(scene.inbox, *since).unwrap().vanished;
        let later: Vec<Uid> = marks[place + 1..].iter().map(|(_, uid)| *uid).collect();
        if *since >= state.floor {
            assert!(vanished.iter().eq(later), "exact above the floor");
        } else {
            assert!(vanished.iter().eq(marks.iter().map(|(_, uid)| *uid)), "all that is not there below it");
        }
    }
    settle_and_prove(&scene.store);
    scene.world.close(scene.store);
}
