//! Boxes: made, renamed, removed, subscribed to, watched.

use crate::common::*;
use store::{
    AccountId, Actor, Conflict, FlagChange, FlagMode, Flags, SpecialUse, Store, StoreError, SystemFlag, Uid,
};

fn names(store: &Store, account: AccountId) -> Vec<String> {
    let first = ["INBOX", "Sent", "Drafts", "Trash"];
    let all = store.reader().boxes(account).unwrap().into_iter().map(|b| b.name);
    all.filter(|name| !first.contains(&name.as_str())).collect()
}

#[test]
fn a_box_is_made_with_those_above_it() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let made =
        world.run(store.create_box(account, "a/b/Été", Some(SpecialUse::Archive), Actor::default())).unwrap();
    assert_eq!(
        (made.name.as_str(), made.special_use, made.subscribed),
        ("a/b/Été", Some(SpecialUse::Archive), false)
    );
    assert_eq!(names(&store, account), ["a", "a/b", "a/b/Été"]);
    let create = |name: &str| world.run(store.create_box(account, name, None, Actor::default())).unwrap_err();
    assert_eq!(create("a/b"), StoreError::Conflict(Conflict::BoxExists));
    assert_eq!(create("inbox"), StoreError::Conflict(Conflict::BoxExists));
    assert_eq!(create("a//b"), StoreError::Conflict(Conflict::BoxName));
    assert_eq!(
        world.run(store.create_box(AccountId::new(9), "x", None, Actor::default())).unwrap_err(),
        StoreError::NotFound
    );
    world.close(store);
}

#[test]
fn a_box_made_again_is_another() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let first = world.run(store.create_box(account, "x", None, Actor::default())).unwrap();
    world.run(store.delete_box(first.id, Actor::default())).unwrap();
    let second = world.run(store.create_box(account, "x", None, Actor::default())).unwrap();
    assert!(second.id > first.id && second.uid_validity > first.uid_validity);
    assert_eq!(world.run(store.delete_box(first.id, Actor::default())).unwrap_err(), StoreError::NotFound);
    world.close(store);
}

#[test]
fn inbox_and_parents_stay() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    world.run(store.create_box(account, "a/b", None, Actor::default())).unwrap();
    let id = |name: &str| store.reader().box_by_name(account, name).unwrap().unwrap().id;
    let delete = |name: &str| world.run(store.delete_box(id(name), Actor::default()));
    assert_eq!(delete("INBOX").unwrap_err(), StoreError::Conflict(Conflict::Inbox));
    assert_eq!(delete("a").unwrap_err(), StoreError::Conflict(Conflict::HasChildren));
    delete("a/b").unwrap();
    delete("a").unwrap();
    world.close(store);
}

#[test]
fn a_deleted_box_takes_its_messages_along() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let made = world.run(store.create_box(account, "x", None, Actor::default())).unwrap();
    world.run(async {
        for number in 0..3 {
            store
                .append(made.id, incoming(&store, number, &body_bytes(number, 70_000)).await, None)
                .await
                .unwrap();
        }
        store.copy(made.id, vec![Uid::MIN], inbox(&store, account).id, Actor::default()).await.unwrap();
        let watch = store.watch(made.id);
        store.delete_box(made.id, Actor::default()).await.unwrap();
        assert!(watch.has_changed().unwrap());
    });
    let report = world.close(store);
    assert_eq!((report.messages, report.bodies), (1, 1));
}

#[test]
fn a_rename_moves_what_is_under_it_and_makes_what_is_above() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    for name in ["a/b/c", "ab", "z"] {
        world.run(store.create_box(account, name, None, Actor::default())).unwrap();
    }
    let id = |name: &str| store.reader().box_by_name(account, name).unwrap().unwrap().id;
    let rename = |name: &str, to: &str| world.run(store.rename_box(id(name), to, Actor::default()));
    let child = id("a/b/c");
    rename("a", "n/m").unwrap();
    assert_eq!(names(&store, account), ["ab", "n", "n/m", "n/m/b", "n/m/b/c", "z"]);
    assert_eq!(id("n/m/b/c"), child);
    assert_eq!(rename("z", "ab").unwrap_err(), StoreError::Conflict(Conflict::BoxExists));
    assert_eq!(rename("z", "INBOX").unwrap_err(), StoreError::Conflict(Conflict::BoxExists));
    assert_eq!(rename("n", "n/x").unwrap_err(), StoreError::Conflict(Conflict::UnderItself));
    assert_eq!(names(&store, account), ["ab", "n", "n/m", "n/m/b", "n/m/b/c", "z"]);
    world.close(store);
}

#[test]
fn renaming_inbox_moves_its_messages() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let before = inbox(&store, account);
    world.run(deliver(&store, world.clock_now(), 1, b"x\r\n", &[account]));
    world.run(store.rename_box(before.id, "vieux/2026", Actor::default())).unwrap();
    let after = inbox(&store, account);
    assert_eq!((after.id, after.exists), (before.id, 0));
    assert_eq!(store.reader().box_by_name(account, "vieux/2026").unwrap().unwrap().exists, 1);
    world.run(deliver(&store, world.clock_now(), 2, b"x\r\n", &[account]));
    assert_eq!(inbox(&store, account).exists, 1);
    world.close(store);
}

#[test]
fn subscriptions_are_kept() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    world.run(store.subscribe(account, "inbox", false, Actor::default())).unwrap();
    assert_eq!(
        world.run(store.subscribe(account, "none", true, Actor::default())).unwrap_err(),
        StoreError::NotFound
    );
    world.close(store);
    let store = world.open();
    assert!(!inbox(&store, account).subscribed);
    world.close(store);
}

#[test]
fn a_deleted_box_stays_subscribed_to_until_somebody_gives_that_up() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un");
    let (id, actor) = (account.id, actor(&account));
    let left = |store: &Store| store.reader().left_subscriptions(id).unwrap();
    let make = |name: &str| {
        let made = world.run(store.create_box(id, name, None, actor)).unwrap();
        world.run(store.subscribe(id, name, true, actor)).unwrap();
        made.id
    };
    let (first, second) = (make("Été"), make("Hiver"));
    world.run(store.delete_box(first, actor)).unwrap();
    world.run(store.delete_box(second, actor)).unwrap();
    assert_eq!(left(&store), ["Hiver", "Été"]);
    world.close(store);
    let store = world.open();
    assert_eq!(left(&store), ["Hiver", "Été"]);
    // Who makes it again, or gives that name to another, is subscribed.
    assert!(world.run(store.create_box(id, "Été", None, actor)).unwrap().subscribed);
    let other = world.run(store.create_box(id, "Autre", None, actor)).unwrap();
    assert!(!other.subscribed);
    world.run(store.rename_box(other.id, "Hiver", actor)).unwrap();
    assert!(store.reader().box_by_name(id, "Hiver").unwrap().unwrap().subscribed);
    assert_eq!(left(&store), [""; 0]);
    world.run(store.delete_box(other.id, actor)).unwrap();
    world.run(store.subscribe(id, "Hiver", false, actor)).unwrap();
    assert_eq!(world.run(store.subscribe(id, "Hiver", false, actor)), Err(StoreError::NotFound));
    assert_eq!(left(&store), [""; 0]);
    world.close(store);
}

#[test]
fn subscriptions_without_a_box_are_bounded_and_go_with_the_account() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un");
    let (id, actor) = (account.id, actor(&account));
    world.run(async {
        for number in 0..502 {
            let made = store.create_box(id, &format!("n{number}"), None, actor).await.unwrap();
            store.subscribe(id, &made.name, true, actor).await.unwrap();
            store.delete_box(made.id, actor).await.unwrap();
        }
    });
    assert_eq!(store.reader().left_subscriptions(id).unwrap().len(), 500);
    world.run(store.remove_account(id, world.trace(store::Action::AccountRemove))).unwrap();
    assert_eq!(store.reader().left_subscriptions(id).unwrap(), [""; 0]);
    world.close(store);
}

#[test]
fn many_at_once_get_their_own_uids_with_few_syncs() {
    let world = World::new();
    let store = world.open();
    let accounts = [world.account(&store, "un").id, world.account(&store, "deux").id];
    let before = store.statistics();
    let now = world.clock_now();
    let uids: Vec<Uid> = world.run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..300 {
            let store = store.clone();
            let to = accounts;
            tasks.spawn(async move { deliver(&store, now, number, &body_bytes(number, 500), &to).await[0] });
        }
        tasks.join_all().await
    });
    let mut sorted: Vec<_> = uids.iter().map(|uid| uid.get()).collect();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=300).collect::<Vec<_>>());
    let after = store.statistics();
    assert_eq!((after.operations - before.operations, after.messages - before.messages), (300, 600));
    assert!(after.commits - before.commits < 300, "several operations shared a sync");
    assert_eq!(world.close(store).messages, 600);
}

#[test]
fn one_that_fails_leaves_its_neighbours_alone() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let made = world.run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..120 {
            let store = store.clone();
            // Each name is asked for three times.
            tasks.spawn(async move {
                store.create_box(account, &format!("n{}", number / 3), None, Actor::default()).await.is_ok()
            });
        }
        tasks.join_all().await.into_iter().filter(|made| *made).count()
    });
    assert_eq!((made, names(&store, account).len()), (40, 40));
    world.close(store);
}

#[test]
fn every_change_of_a_box_wakes_whoever_watches_it_and_nobody_else() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let from = inbox(&store, account).id;
    let [to, aside] =
        ["Trash", "Sent"].map(|name| store.reader().box_by_name(account, name).unwrap().unwrap().id);
    let mut watches = [from, to, aside].map(|id| store.watch(id));
    let mut woken = |what: &str, expected: [bool; 3]| {
        let changed = watches.each_mut().map(|watch| {
            let changed = watch.has_changed().unwrap();
            watch.mark_unchanged();
            changed
        });
        assert_eq!(changed, expected, "{what}");
    };
    let add = |flag| FlagChange { mode: FlagMode::Add, flags: Flags::new().with(flag) };
    let all = |id| -> Vec<Uid> { store.reader().messages(id).unwrap().iter().map(|e| e.uid).collect() };
    world.run(async {
        woken("nothing", [false; 3]);
        deliver(&store, world.clock_now(), 1, b"x\r\n", &[account]).await;
        woken("a delivery", [true, false, false]);
        store.append(from, incoming(&store, 2, b"y\r\n").await, None).await.unwrap();
        woken("an APPEND", [true, false, false]);
        store.copy(from, all(from), to, Actor::default()).await.unwrap();
        woken("a COPY", [false, true, false]);
        store.move_(from, all(from), to, Actor::default()).await.unwrap();
        woken("a MOVE", [true, true, false]);
        store.store_flags(to, all(to), add(SystemFlag::Deleted), Actor::default()).await.unwrap();
        woken("flags", [false, true, false]);
        store.store_flags(to, all(to), add(SystemFlag::Deleted), Actor::default()).await.unwrap();
        woken("flags that were set already", [false; 3]);
        store.expunge(to, None, Actor::default()).await.unwrap();
        woken("an EXPUNGE", [false, true, false]);
        store.rename_box(to, "Corbeille", Actor::default()).await.unwrap();
        woken("a RENAME", [false, true, false]);
        store.delete_box(to, Actor::default()).await.unwrap();
        woken("a DELETE", [false, true, false]);
    });
    world.close(store);
}
