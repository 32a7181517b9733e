//! Every bound is hit once, and damage on the disk is reported, never a panic.

use crate::common::*;
use store::{
    AccountId, Action, Actor, BOXES_PER_ACCOUNT, Limit, OPENERS_PER_ACCOUNT, Settings, Store, StoreError,
    Variant,
};

#[test]
fn the_smallest_settings_still_make_progress() {
    let mut world = World::new();
    world.settings =
        Settings { memory: 0, queue: 0, batch: 0, readers: 0, writers: 0, ..Settings::default() };
    let store = world.open();
    let account = world.account(&store, "un").id;
    let now = world.clock_now();
    world.run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..60 {
            let store = store.clone();
            tasks.spawn(async move {
                deliver(&store, now, number, &body_bytes(number, 70_000), &[account]).await;
                store.read(move |reader| reader.boxes(account)).await.unwrap();
            });
        }
        tasks.join_all().await;
    });
    assert_eq!(world.close(store).messages, 60);
}

#[test]
fn boxes_are_bounded() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    world.run(async {
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..BOXES_PER_ACCOUNT + 3 {
            let store = store.clone();
            tasks.spawn(async move {
                store.create_box(account, &format!("b{number}"), None, Actor::default()).await
            });
        }
        let results = tasks.join_all().await;
        let refused: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        // Four were there from the start.
        assert_eq!(refused, vec![StoreError::Limit(Limit::Boxes); 7]);
    });
    world.close(store);
}

#[test]
fn openers_are_bounded() {
    let world = World::new();
    let store = world.open();
    let mut account = world.account(&store, "un");
    account.openers = (0..=OPENERS_PER_ACCOUNT as u64).map(|number| AccountId::new(number + 10)).collect();
    let result = world.run(store.update_account(account, world.trace(Action::AccountUpdate)));
    assert_eq!(result.unwrap_err(), StoreError::Limit(Limit::Openers));
    world.close(store);
}

#[test]
fn variants_are_bounded() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let one = variant(1, b"x\r\n");
    let again = || Variant { header: one.header.clone(), index: one.index.clone() };
    let result = world.run(async {
        let mut delivery = delivery(&store, world.clock_now(), 1, b"x\r\n", &[account]).await;
        delivery.variants = (0..=u16::MAX).map(|_| again()).collect();
        store.deliver(delivery).await
    });
    assert_eq!(result.unwrap_err(), StoreError::Limit(Limit::Variants));
    world.close(store);
}

#[test]
fn a_table_file_cut_to_nothing_is_an_error_not_a_panic() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    for number in 0..200 {
        world.run(deliver(&store, world.clock_now(), number, &body_bytes(number, 60_000), &[account]));
    }
    world.close(store);
    // Opening writes what the log held into table files.
    world.close(world.open());
    let mut cut = 0;
    for entry in std::fs::read_dir(world.store_dir().join("engine")).unwrap().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|extension| extension == "sst") {
            std::fs::File::create(entry.path()).unwrap();
            cut += 1;
        }
    }
    assert!(cut > 0);
    if let Ok(store) = Store::open(world.options()) {
        assert!(store.prove().is_err());
        let listed = store.reader().accounts(None, 10);
        assert!(listed.is_err(), "{listed:?}");
    }
}
