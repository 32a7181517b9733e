//! What an account may have: its client puts no more in its boxes, what is delivered is kept all the same (M-12).

use store::{
    Account, AccountId, Action, Actor, BoxId, FlagChange, FlagMode, Flags, Quota, Store, StoreError,
    SystemFlag, Uid, Usage,
};

use crate::common::{World, deliver, inbox, incoming};

const BODY: &[u8] = b"forty bytes of text, end of line included\r\n";

/// A store whose accounts may have three messages, with one account.
fn three() -> (World, Store, Account) {
    let mut world = World::new();
    world.settings.account_messages = 3;
    let store = world.open();
    let account = world.account(&store, "un");
    (world, store, account)
}

fn append(world: &World, store: &Store, to: BoxId) -> Result<Uid, StoreError> {
    world.run(async {
        let message = incoming(store, 1, BODY).await;
        store.append(to, message, None).await.map(|appended| appended.uid)
    })
}

fn set(world: &World, store: &Store, id: AccountId, quota: Quota) -> Account {
    let account = store.reader().account(id).unwrap().unwrap();
    world.run(store.update_account(Account { quota, ..account }, world.trace(Action::AccountUpdate))).unwrap()
}

fn is_full(store: &Store, id: AccountId) -> bool {
    let reader = store.reader();
    reader.is_full(&reader.account(id).unwrap().unwrap()).unwrap()
}

#[test]
fn a_client_puts_no_more_in_its_boxes_than_the_account_may_have() {
    let (world, store, account) = three();
    let inbox = inbox(&store, account.id).id;
    let folder = world.run(store.create_box(account.id, "Dossier", None, Actor::default())).unwrap().id;
    for _ in 0..2 {
        append(&world, &store, inbox).unwrap();
    }
    assert!(!is_full(&store, account.id));
    assert_eq!(
        world.run(store.copy(inbox, vec![Uid::MIN, Uid::new(2).unwrap()], folder, Actor::default())),
        Err(StoreError::Quota),
        "all of a copy or nothing"
    );
    world.run(store.copy(inbox, vec![Uid::MIN], folder, Actor::default())).unwrap();
    assert!(is_full(&store, account.id));
    assert_eq!(append(&world, &store, folder), Err(StoreError::Quota));
    assert_eq!(
        world.run(store.copy(inbox, vec![Uid::MIN], inbox, Actor::default())).err(),
        Some(StoreError::Quota)
    );
    let moved = world.run(store.move_(inbox, vec![Uid::MIN], folder, Actor::default())).unwrap();
    assert_eq!(moved.pairs.len(), 1, "what is moved within an account needs no room");
    let deleted = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Deleted) };
    world.run(store.store_flags(folder, vec![Uid::MIN], deleted, Actor::default())).unwrap();
    world.run(store.expunge(folder, None, Actor::default())).unwrap();
    append(&world, &store, folder).unwrap();
    assert_eq!(store.reader().usage(account.id).unwrap().messages, 3);
    world.close(store);
}

#[test]
fn what_is_delivered_is_kept_however_full_the_account_is() {
    let (world, store, account) = three();
    for number in 0..5 {
        world.run(deliver(&store, world.clock_now(), number, BODY, &[account.id]));
        assert_eq!(is_full(&store, account.id), number >= 2, "{number}");
    }
    assert_eq!(inbox(&store, account.id).exists, 5);
    world.close(store);
}

#[test]
fn an_account_may_have_a_quota_of_its_own_in_bytes_in_messages_or_both() {
    let (world, store, account) = three();
    let inbox = inbox(&store, account.id).id;
    let size = {
        append(&world, &store, inbox).unwrap();
        store.reader().usage(account.id).unwrap().bytes
    };
    let usual = Usage { messages: 3, bytes: world.settings.account_bytes };
    assert_eq!(store.reader().allowance(&account), usual);
    let tight = set(&world, &store, account.id, Quota { bytes: Some(2 * size), messages: None });
    assert_eq!(store.reader().allowance(&tight), Usage { bytes: 2 * size, ..usual });
    append(&world, &store, inbox).unwrap();
    assert_eq!(
        append(&world, &store, inbox),
        Err(StoreError::Quota),
        "two of that size fill it to the last byte"
    );
    assert!(is_full(&store, account.id));
    set(&world, &store, account.id, Quota { bytes: None, messages: Some(5) });
    for _ in 0..3 {
        append(&world, &store, inbox).unwrap();
    }
    assert_eq!(append(&world, &store, inbox), Err(StoreError::Quota));
    set(&world, &store, account.id, Quota { bytes: Some(0), messages: Some(0) });
    assert!(is_full(&store, account.id), "an account may be closed to all mail");
    let kept = set(&world, &store, account.id, Quota::default());
    assert!(kept.quota.is_usual() && is_full(&store, account.id));
    world.close(store);
    let store = world.open();
    assert_eq!(store.reader().account(account.id).unwrap().unwrap().quota, Quota::default());
    world.close(store);
}
