//! Between an erasure and the end of its tidying: what is seen and done at each moment, and after a kill at each step.

use super::*;
use crate::{
    AccountId, Actor, BoxId, FlagChange, FlagMode, Flags, SystemFlag, Uid,
    common::{World, body_bytes, deliver, delivery, hours, inbox, outgoing, settle_and_prove},
    ids::ModSeq,
    retention::tidy,
};

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

/// Messages 1 to 4 of a first day, 5 and 6 of the next, in an INBOX; 1, 2 and 5 in Trash too. Then three months pass.
struct Scene {
    world: World,
    store: Store,
    account: AccountId,
    inbox: BoxId,
    trash: BoxId,
    first: Day,
}

impl Scene {
    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method alone is of one lifetime only")]
    fn new() -> Self {
        let world = World::new();
        let store = world.open();
        let account = world.account(&store, "un").id;
        let inbox = inbox(&store, account).id;
        let trash = store.reader().box_by_name(account, "Trash").unwrap().unwrap().id;
        let first = Day::of(world.clock_now());
        world.run(async {
            for number in 1..=6 {
                if number == 5 {
                    world.clock.advance(hours(24));
                }
                deliver(&store, world.clock_now(), number, &body_bytes(number, 400), &[account]).await;
            }
            let seen = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Seen) };
            store.store_flags(inbox, vec![uid(1), uid(6)], seen, Actor::default()).await.unwrap();
            store.copy(inbox, vec![uid(1), uid(2), uid(5)], trash, Actor::default()).await.unwrap();
        });
        while Day::of(world.clock_now()) < Day::from(MESSAGES.due(first.date())) {
            world.clock.advance(hours(24));
            world.run(store.submit(|txn| txn.tick())).unwrap();
        }
        Self { world, store, account, inbox, trash, first }
    }

    fn erase(&self) {
        self.world.run(self.store.erase(KeyKind::Message, MESSAGES, self.first)).unwrap();
    }

    fn uids(&self, id: BoxId) -> Vec<u32> {
        self.store.reader().messages(id).unwrap().into_iter().map(|entry| entry.uid.get()).collect()
    }

    fn vanished(&self, id: BoxId, since: ModSeq) -> Vec<u32> {
        let changes = self.store.reader().changes(id, since).unwrap();
        changes.vanished.iter().map(Uid::get).collect()
    }

    /// What a person sees once the first day is gone.
    fn check(&self) {
        assert_eq!((self.uids(self.inbox), self.uids(self.trash)), (vec![5, 6], vec![3]));
        let reader = self.store.reader();
        let (inbox, trash) =
            (reader.box_info(self.inbox).unwrap().unwrap(), reader.box_info(self.trash).unwrap().unwrap());
        assert_eq!((inbox.exists, inbox.unseen, trash.exists, trash.unseen), (2, 1, 1, 1));
        let usage = reader.usage(self.account).unwrap();
        assert_eq!((usage.messages, usage.bytes), (3, inbox.bytes + trash.bytes));
        assert_eq!(self.vanished(self.inbox, ModSeq::new(0)), [1, 2, 3, 4]);
        assert_eq!(self.vanished(self.trash, ModSeq::new(0)), [1, 2]);
        for gone in 1..=4 {
            assert!(reader.entry(self.inbox, uid(gone)).unwrap().is_none());
            assert!(reader.index(self.inbox, uid(gone)).unwrap().is_none());
            assert!(reader.header(self.inbox, uid(gone)).unwrap().is_none());
            assert!(reader.body(self.inbox, uid(gone)).unwrap().is_none());
        }
        settle_and_prove(&self.store);
    }

    fn reopen(&mut self) {
        let old = std::mem::replace(&mut self.store, self.world.empty());
        old.close().unwrap();
        self.store = self.world.open();
    }
}

impl World {
    /// Another store, to hold a place for a moment.
    fn empty(&self) -> Store {
        let options = crate::OpenOptions { dir: self.dir.path().join("other"), ..self.options() };
        Store::open(options).unwrap()
    }
}

#[test]
fn from_the_erasure_on_every_view_leaves_out_what_is_gone() {
    let mut scene = Scene::new();
    let before = scene.store.reader().box_info(scene.inbox).unwrap().unwrap().highest;
    let old = scene.store.reader();
    let body = old.body(scene.inbox, uid(1)).unwrap().unwrap();
    scene.erase();
    assert_eq!(old.messages(scene.inbox).unwrap().len(), 6, "a snapshot stays what it was");
    assert!(old.index(scene.inbox, uid(1)).unwrap().is_none(), "and yet nothing of it opens any more");
    assert!(body.chunk(0).is_err());
    drop((old, body));
    scene.check();
    assert_eq!(scene.vanished(scene.inbox, before), [1, 2, 3, 4]);
    scene.reopen();
    scene.check();
    let after = scene.store.reader().box_info(scene.inbox).unwrap().unwrap().highest;
    assert_eq!(scene.vanished(scene.inbox, after), [0; 0]);
    scene.world.run(scene.store.keep(&KeepPlan::default())).unwrap();
    scene.check();
    assert_eq!(scene.vanished(scene.inbox, before), [1, 2, 3, 4], "the same, from the log");
    assert_eq!(scene.vanished(scene.inbox, after), [0; 0]);
    assert_eq!(scene.store.reader().box_info(scene.inbox).unwrap().unwrap().highest, after);
    scene.world.close(scene.store);
}

#[test]
fn operations_find_only_what_is_there() {
    let scene = Scene::new();
    scene.erase();
    let (store, all) = (&scene.store, (1..=6).map(uid).collect::<Vec<_>>());
    let before = store.reader().box_info(scene.inbox).unwrap().unwrap().highest;
    scene.world.run(async {
        let deleted = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Deleted) };
        assert_eq!(
            store.store_flags(scene.inbox, all.clone(), deleted, Actor::default()).await.unwrap().len(),
            2
        );
        settle_and_prove(store);
        let copied = store.copy(scene.inbox, all.clone(), scene.trash, Actor::default()).await.unwrap();
        assert_eq!(copied.pairs, [(uid(5), uid(4)), (uid(6), uid(5))]);
        settle_and_prove(store);
        assert_eq!(store.expunge(scene.inbox, None, Actor::default()).await.unwrap(), [uid(5), uid(6)]);
        settle_and_prove(store);
        deliver(store, scene.world.clock_now(), 9, b"new\r\n", &[scene.account]).await;
        store.delete_box(scene.trash, Actor::default()).await.unwrap();
    });
    assert_eq!(scene.uids(scene.inbox), [7]);
    assert_eq!(scene.vanished(scene.inbox, before), [5, 6], "what was gone had vanished before");
    assert_eq!(scene.vanished(scene.inbox, ModSeq::new(0)), [1, 2, 3, 4, 5, 6]);
    settle_and_prove(store);
    scene.world.run(store.keep(&KeepPlan::default())).unwrap();
    assert_eq!(scene.vanished(scene.inbox, ModSeq::new(0)), [1, 2, 3, 4, 5, 6]);
    assert_eq!(scene.store.reader().usage(scene.account).unwrap().messages, 1);
    scene.world.close(scene.store);
}

#[test]
fn a_box_deleted_before_it_is_tidied_leaves_nothing() {
    let scene = Scene::new();
    scene.erase();
    scene.world.run(scene.store.delete_box(scene.trash, Actor::default())).unwrap();
    settle_and_prove(&scene.store);
    scene.world.run(scene.store.keep(&KeepPlan::default())).unwrap();
    assert_eq!(scene.store.reader().usage(scene.account).unwrap().messages, 2);
    scene.world.close(scene.store);
}

#[test]
fn a_kill_between_the_keys_and_the_commit_is_made_good_at_opening() {
    let mut scene = Scene::new();
    scene.store.core.keyring.erase(KeyKind::Message, scene.first).unwrap();
    scene.reopen();
    scene.check();
    scene.world.run(scene.store.keep(&KeepPlan::default())).unwrap();
    scene.check();
    scene.world.close(scene.store);
}

#[test]
fn an_older_key_file_loses_the_keys_of_erased_days_again() {
    let mut scene = Scene::new();
    let path = scene.world.store_dir().join("keys");
    let older = std::fs::read(&path).unwrap();
    scene.erase();
    let store = std::mem::replace(&mut scene.store, scene.world.empty());
    store.close().unwrap();
    std::fs::write(&path, older).unwrap();
    scene.store = scene.world.open();
    assert_eq!(scene.store.core.keyring.erased(KeyKind::Message), Some(scene.first));
    scene.check();
    scene.world.close(scene.store);
}

#[test]
fn a_kill_at_each_step_of_tidying_loses_and_doubles_nothing() {
    for steps in 0..4 {
        let mut scene = Scene::new();
        let store = scene.store.clone();
        scene.erase();
        if steps > 0 {
            let (listed, _) = tidy::list(&store.reader(), &[scene.inbox, scene.trash]).unwrap();
            scene.world.run(store.submit(move |txn| ops::retention::take_out(txn, listed))).unwrap();
            scene.check();
        }
        if steps > 1 {
            let (days, _) = tidy::remove_rows(&store.core, &[scene.inbox, scene.trash]).unwrap();
            assert_eq!(days.len(), 2);
            scene.check();
            if steps > 2 {
                scene.world.run(store.submit(move |txn| ops::retention::forget(txn, &days))).unwrap();
                scene.check();
            }
        }
        drop(store);
        scene.reopen();
        scene.check();
        let kept = scene.world.run(scene.store.keep(&KeepPlan::default())).unwrap();
        assert_eq!(kept.proof.unwrap().faults, Vec::<String>::new());
        scene.check();
        scene.world.close(scene.store);
    }
}

#[test]
fn a_kill_between_two_pieces_of_one_day_tells_each_run_once() {
    let mut scene = Scene::new();
    // Of the first day UIDs 1 and 3 are left: two runs.
    let (store, inbox) = (scene.store.clone(), scene.inbox);
    scene.world.run(async {
        let deleted = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Deleted) };
        store.store_flags(inbox, vec![uid(2), uid(4)], deleted, Actor::default()).await.unwrap();
        store.expunge(inbox, None, Actor::default()).await.unwrap();
    });
    scene.erase();
    let runs = [(uid(1), uid(1)), (uid(3), uid(3))];
    let mut pieces = ops::retention::Listed::in_pieces(inbox, scene.first, &runs, 1);
    assert_eq!(pieces.len(), 2);
    pieces.truncate(1);
    scene.world.run(store.submit(move |txn| ops::retention::take_out(txn, pieces))).unwrap();
    settle_and_prove(&store);
    assert_eq!(scene.vanished(inbox, ModSeq::new(0)), [1, 2, 3, 4]);
    drop(store);
    scene.reopen();
    scene.world.run(scene.store.keep(&KeepPlan::default())).unwrap();
    assert_eq!(scene.vanished(inbox, ModSeq::new(0)), [1, 2, 3, 4]);
    scene.world.close(scene.store);
}

#[test]
fn a_queue_entry_does_not_outlive_its_body() {
    let scene = Scene::new();
    let Scene { world, store, .. } = &scene;
    let day = Day::of(world.clock_now());
    world.run(async {
        let mut leaving = delivery(store, world.clock_now(), 20, b"away\r\n", &[scene.account]).await;
        leaving.outgoing = vec![outgoing(world.clock_now(), &["a", "b"])];
        store.deliver(leaving).await.unwrap();
        world.clock.advance(hours(24));
        let mut leaving = delivery(store, world.clock_now(), 21, b"away\r\n", &[]).await;
        leaving.outgoing = vec![outgoing(world.clock_now(), &["c"])];
        store.deliver(leaving).await.unwrap();
        store.erase(KeyKind::Message, MESSAGES, day).await.unwrap();
    });
    assert_eq!(store.reader().queue_size().unwrap(), 1);
    settle_and_prove(store);
    let Scene { world, store, .. } = scene;
    world.close(store);
}

#[test]
fn a_watch_of_a_box_that_loses_messages_wakes_and_no_other() {
    let scene = Scene::new();
    let drafts = scene.store.reader().box_by_name(scene.account, "Drafts").unwrap().unwrap().id;
    let (mut inbox, drafts) = (scene.store.watch(scene.inbox), scene.store.watch(drafts));
    scene.erase();
    assert!(inbox.has_changed().unwrap() && !drafts.has_changed().unwrap());
    assert_eq!(
        *inbox.borrow_and_update(),
        scene.store.reader().box_info(scene.inbox).unwrap().unwrap().highest
    );
    scene.world.close(scene.store);
}

mod faults;
