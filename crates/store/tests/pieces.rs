//! Works on many messages: cut into short operations, each whole; what is deleted goes at once and is released behind.

use crate::common::*;
use store::{
    AccountId, Actor, BoxId, Conflict, FlagChange, FlagMode, Flags, KEYWORDS_PER_BOX, Limit, ModSeq, Store,
    StoreError, SystemFlag, Uid,
};

fn mark(flag: SystemFlag) -> FlagChange {
    FlagChange { mode: FlagMode::Add, flags: Flags::new().with(flag) }
}

fn uids(store: &Store, id: BoxId) -> Vec<Uid> {
    store.reader().messages(id).unwrap().into_iter().map(|entry| entry.uid).collect()
}

fn exists(store: &Store, id: BoxId) -> usize {
    store.reader().box_info(id).unwrap().map_or(0, |info| info.exists as usize)
}

fn operations(store: &Store) -> u64 {
    store.statistics().operations
}

/// An INBOX with that many messages: a few bodies, copied over and over.
fn fill(world: &World, store: &Store, account: AccountId, bodies: u64, doublings: u32) -> BoxId {
    let id = inbox(store, account).id;
    world.run(async {
        for number in 0..bodies {
            deliver(store, world.clock_now(), number, &body_bytes(number, 300), &[account]).await;
        }
        for _ in 0..doublings {
            store.copy(id, uids(store, id), id, Actor::default()).await.unwrap();
        }
    });
    assert_eq!(exists(store, id), (bodies as usize) << doublings);
    id
}

fn trash(store: &Store, account: AccountId) -> BoxId {
    store.reader().box_by_name(account, "Trash").unwrap().unwrap().id
}

#[test]
fn flags_and_expunges_of_many_take_several_commits() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let id = fill(&world, &store, account, 5, 9);
    let before = operations(&store);
    let since = inbox(&store, account).highest;
    world.run(async {
        let all = uids(&store, id);
        let flagged =
            store.store_flags(id, all.clone(), mark(SystemFlag::Deleted), Actor::default()).await.unwrap();
        assert!(flagged.iter().map(|entry| entry.uid).eq(all.iter().copied()));
        let kept: Vec<Uid> = all.iter().copied().filter(|uid| uid.get() % 1000 == 0).collect();
        let unmark = FlagChange { mode: FlagMode::Remove, flags: Flags::new().with(SystemFlag::Deleted) };
        store.store_flags(id, kept.clone(), unmark, Actor::default()).await.unwrap();
        let gone = store.expunge(id, None, Actor::default()).await.unwrap();
        assert_eq!((gone.len() + kept.len(), uids(&store, id)), (all.len(), kept));
        let changes = store.reader().changes(id, since).unwrap();
        assert!(changes.vanished.iter().eq(gone));
    });
    // 2,560 messages, two rows of each for its flags and three for its end.
    assert!(operations(&store) - before >= 6);
    assert_eq!(world.close(store).messages, 2);
}

#[test]
fn a_copy_that_fails_on_its_way_leaves_the_target_as_it_was() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let (source, target) = (fill(&world, &store, account, 3, 10), trash(&store, account));
    world.run(async {
        let keyword = |word: &str| {
            let mut flags = Flags::new();
            flags.add_keyword(word).unwrap();
            FlagChange { mode: FlagMode::Replace, flags }
        };
        let first = uids(&store, source)[0];
        store.copy(source, vec![first], target, Actor::default()).await.unwrap();
        for number in 0..KEYWORDS_PER_BOX {
            store
                .store_flags(target, vec![Uid::MIN], keyword(&format!("k{number}")), Actor::default())
                .await
                .unwrap();
        }
        // The last message cannot be copied: the target has no room for one more keyword.
        let last = *uids(&store, source).last().unwrap();
        store.store_flags(source, vec![last], keyword("one-more"), Actor::default()).await.unwrap();
        let mut follower = Follower::at(&store, target);
        let failed = store.copy(source, uids(&store, source), target, Actor::default()).await;
        assert_eq!(failed.unwrap_err(), StoreError::Limit(Limit::BoxKeywords));
        assert_eq!((exists(&store, target), uids(&store, target)), (1, vec![Uid::MIN]));
        follower.look(&store);
        assert_eq!(follower.uids, [Uid::MIN]);
        // A MOVE keeps what it did, each message being here or there.
        let moved = store.move_(source, uids(&store, source), target, Actor::default()).await.unwrap_err();
        let pairs = moved.done.unwrap().pairs;
        assert_eq!((pairs.len() + exists(&store, source), pairs.len() + 1), (3072, exists(&store, target)));
        assert_eq!(uids(&store, source).last(), Some(&last));
    });
    world.close(store);
}

#[test]
fn a_copy_whose_caller_goes_away_is_taken_back_or_whole() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let (source, target) = (fill(&world, &store, account, 3, 10), trash(&store, account));
    let mut taken_back = 0;
    for round in 0..12 {
        let before = exists(&store, target);
        world.run(async {
            let (task_store, all) = (store.clone(), uids(&store, source));
            let task =
                tokio::spawn(async move { task_store.copy(source, all, target, Actor::default()).await });
            // From a call that has not begun to one that is through.
            for _ in 0..round {
                tokio::time::sleep(std::time::Duration::from_millis(3)).await;
            }
            task.abort();
            let _ = task.await;
            store.cleared().await;
        });
        let more = exists(&store, target) - before;
        assert!(more == 0 || more == 3072, "{more}");
        taken_back += usize::from(more == 0);
        settle_and_prove(&store);
    }
    assert!(taken_back > 0);
    world.close(store);
}

#[test]
fn a_deleted_box_is_gone_at_once_and_released_behind_even_after_a_restart() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let shared = fill(&world, &store, account, 4, 0);
    let doomed = world.run(store.create_box(account, "gros", None, Actor::default())).unwrap();
    world.run(async {
        for number in 10..14 {
            let incoming = incoming(&store, number, &body_bytes(number, 200_000)).await;
            store.append(doomed.id, incoming, None).await.unwrap();
        }
        store.copy(shared, uids(&store, shared), doomed.id, Actor::default()).await.unwrap();
        for _ in 0..10 {
            store.copy(doomed.id, uids(&store, doomed.id), doomed.id, Actor::default()).await.unwrap();
        }
        assert_eq!(exists(&store, doomed.id), 8192);
        let (mut watch, before) = (store.watch(doomed.id), operations(&store));
        watch.mark_unchanged();
        store.delete_box(doomed.id, Actor::default()).await.unwrap();
        assert!(watch.has_changed().unwrap());
        assert!(operations(&store) - before < 5, "nothing that grows with the box is waited for");
        assert!(store.reader().box_by_name(account, "gros").unwrap().is_none());
        assert!(store.reader().messages(doomed.id).unwrap().is_empty());
        assert_eq!(store.reader().changes(doomed.id, ModSeq::new(1)).unwrap_err(), StoreError::NotFound);
        let again = store.create_box(account, "gros", None, Actor::default()).await.unwrap();
        assert!(again.uid_validity > doomed.uid_validity && again.id > doomed.id);
    });
    // It stops in the middle, and goes on.
    let between = store.prove().unwrap();
    store.close().unwrap();
    let store = world.open();
    world.run(store.cleared());
    let after = world.close(store);
    assert_eq!((after.messages, after.bodies), (4, 4));
    assert!(between.clearing == 1 || between.bodies == 4, "{between:?}");
}

#[test]
fn renaming_a_large_inbox_moves_all_of_it() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let id = fill(&world, &store, account, 3, 11);
    world.run(async {
        store.rename_box(id, "vieux/2025", Actor::default()).await.unwrap();
        assert_eq!(
            store.rename_box(id, "vieux", Actor::default()).await.unwrap_err(),
            StoreError::Conflict(Conflict::BoxExists)
        );
    });
    let target = store.reader().box_by_name(account, "vieux/2025").unwrap().unwrap();
    assert_eq!((target.exists, exists(&store, id)), (6144, 0));
    assert_eq!(world.close(store).messages, 6144);
}

#[test]
fn an_account_with_many_boxes_is_removed_in_short_operations() {
    let world = World::new();
    let store = world.open();
    let (one, two) = (world.account(&store, "un").id, world.account(&store, "deux").id);
    world.run(async {
        deliver(&store, world.clock_now(), 1, b"x\r\n", &[one, two]).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..900 {
            let store = store.clone();
            tasks.spawn(async move {
                let made =
                    store.create_box(one, &format!("b{number}"), None, Actor::default()).await.unwrap();
                if number % 100 == 0 {
                    let message = incoming(&store, number, &body_bytes(number, 500)).await;
                    store.append(made.id, message, None).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let trace = world.trace(store::Action::AccountRemove);
        store.remove_account(one, trace).await.unwrap();
        assert!(store.reader().account(one).unwrap().is_none());
        store.cleared().await;
        assert!(store.reader().boxes(one).unwrap().is_empty());
    });
    let report = world.close(store);
    assert_eq!((report.boxes, report.messages, report.bodies), (4, 1, 1));
}

/// A client that only ever asks what changed (RFC 7162).
struct Follower {
    id: BoxId,
    since: ModSeq,
    uids: Vec<Uid>,
}

impl Follower {
    fn at(store: &Store, id: BoxId) -> Self {
        let since = store.reader().box_info(id).unwrap().unwrap().highest;
        Self { id, since, uids: uids(store, id) }
    }

    fn look(&mut self, store: &Store) {
        let changes = store.reader().changes(self.id, self.since).unwrap();
        self.uids.extend(changes.changed.into_iter().map(|entry| entry.uid));
        self.uids.sort_unstable();
        self.uids.dedup();
        self.uids.retain(|uid| !changes.vanished.contains(*uid));
        self.since = changes.highest;
    }
}
