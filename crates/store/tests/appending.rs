//! Messages that a client appends together (RFC 3502): all of them in one commit, or none; and what deleted ones come to.

use store::{
    APPENDED_AT_ONCE, Account, Actor, BoxId, FlagChange, FlagMode, Flags, Incoming, Limit, Store, StoreError,
    SystemFlag, Uid, Usage,
};

use crate::common::{World, body_bytes, header, inbox, incoming, index, read_body};

/// A store whose accounts may have `messages`, with one account.
fn world(messages: u64) -> (World, Store, Account) {
    let mut world = World::new();
    world.settings.account_messages = messages;
    let store = world.open();
    let account = world.account(&store, "un");
    (world, store, account)
}

fn append(world: &World, store: &Store, to: BoxId, count: usize) -> Result<Vec<u32>, StoreError> {
    world.run(async {
        let mut messages = vec![];
        for number in 0..count {
            messages.push((incoming(store, number as u64, b"text\r\n").await, None));
        }
        let appended = store.append_all(to, messages).await?;
        Ok(appended.uids.into_iter().map(Uid::get).collect())
    })
}

#[test]
fn messages_appended_together_come_in_their_order_or_not_at_all() {
    let (world, store, account) = world(5);
    let inbox_id = inbox(&store, account.id).id;
    assert_eq!(append(&world, &store, inbox_id, 3), Ok(vec![1, 2, 3]));
    assert_eq!(append(&world, &store, inbox_id, 3), Err(StoreError::Quota), "not even the two that fit");
    assert_eq!(inbox(&store, account.id).exists, 3);
    assert_eq!(append(&world, &store, inbox_id, 2), Ok(vec![4, 5]));
    assert_eq!(append(&world, &store, BoxId::new(99), 1), Err(StoreError::NotFound));
    world.close(store);
}

#[test]
fn so_many_are_appended_together_and_no_more() {
    let (world, store, account) = world(1000);
    let inbox_id = inbox(&store, account.id).id;
    let refused = Err(StoreError::Limit(Limit::Appended));
    assert_eq!(append(&world, &store, inbox_id, APPENDED_AT_ONCE + 1), refused);
    assert_eq!(
        append(&world, &store, inbox_id, APPENDED_AT_ONCE).map(|uids| uids.len()),
        Ok(APPENDED_AT_ONCE)
    );
    assert_eq!(inbox(&store, account.id).exists as usize, APPENDED_AT_ONCE);
    world.close(store);
}

/// A message whose body was written whole before its commit, whatever its length.
async fn written(store: &Store, number: u64, bytes: &[u8]) -> Incoming {
    let mut body = store.body();
    body.write(bytes).await.unwrap();
    let header = header(number);
    let index = index(&header, bytes);
    let body = body.finish_written().await.unwrap();
    Incoming { body, header, index, flags: Flags::new(), internal_date: 0 }
}

#[test]
fn a_body_that_waits_for_its_commit_on_the_disk_is_kept_whole_or_disappears() {
    let (world, store, account) = world(100);
    let inbox_id = inbox(&store, account.id).id;
    let bodies: Vec<Vec<u8>> =
        [0, 6, 65_536, 65_537, 400_000].into_iter().map(|length| body_bytes(length as u64, length)).collect();
    world.run(async {
        let mut messages = vec![];
        for (number, body) in (0..).zip(&bodies) {
            messages.push((written(&store, number, body).await, None));
        }
        store.append_all(inbox_id, messages).await.unwrap();
        // These two nobody commits: the proof at the end finds nothing of them.
        drop(written(&store, 10, b"left behind\r\n").await);
        drop(written(&store, 11, &body_bytes(11, 300_000)).await);
    });
    for (uid, body) in (1..).filter_map(Uid::new).zip(&bodies) {
        assert!(read_body(&store, inbox_id, uid) == *body, "{} bytes", body.len());
    }
    world.close(store);
}

#[test]
fn deleted_messages_are_counted_with_their_bytes() {
    let (world, store, account) = world(100);
    let inbox_id = inbox(&store, account.id).id;
    append(&world, &store, inbox_id, 5).unwrap();
    assert_eq!(store.reader().deleted(inbox_id).unwrap(), Usage::default());
    let two: Vec<Uid> = [2, 4].into_iter().filter_map(Uid::new).collect();
    let bytes: u64 = two.iter().map(|uid| store.reader().entry(inbox_id, *uid).unwrap().unwrap().size).sum();
    let mark = |mode| FlagChange { mode, flags: Flags::new().with(SystemFlag::Deleted) };
    world.run(store.store_flags(inbox_id, two.clone(), mark(FlagMode::Add), Actor::default())).unwrap();
    assert_eq!(store.reader().deleted(inbox_id).unwrap(), Usage { messages: 2, bytes });
    world.run(store.store_flags(inbox_id, two, mark(FlagMode::Remove), Actor::default())).unwrap();
    assert_eq!(store.reader().deleted(inbox_id).unwrap(), Usage::default());
    assert_eq!(store.reader().deleted(BoxId::new(99)).unwrap(), Usage::default());
    world.close(store);
}
