//! What changes a box or its messages is traced in the commit that changes it (I-1, M-10): who, whose box, what, which messages.

use std::net::{IpAddr, Ipv4Addr};

use store::{Account, Action, Actor, Day, FlagChange, FlagMode, Flags, Store, SystemFlag, Trace, Uid};

use crate::common::*;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn change(mode: FlagMode, flag: SystemFlag) -> FlagChange {
    FlagChange { mode, flags: Flags::new().with(flag) }
}

struct Scene {
    world: World,
    store: Store,
    person: Account,
    shared: Account,
    actor: Actor,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let store = world.open();
        let person = world.account(&store, "un");
        let shared = world.account(&store, "deux");
        let actor = Actor { person: Some(person.id), peer: Some(PEER) };
        Self { world, store, person, shared, actor }
    }

    /// What was traced of the person, or of the shared box, but for its making.
    fn told(&self, of: &Account) -> Vec<(Action, Trace)> {
        let day = Day::of(self.world.clock_now());
        let mut found = vec![];
        let mut after = None;
        loop {
            let (some, next) = self.store.reader().traces_naming(of.id, day, after, 3).unwrap();
            found.extend(some);
            after = next;
            if after.is_none() {
                break;
            }
        }
        found.into_iter().map(|trace| (trace.action, trace)).collect()
    }
}

fn fact<'t>(trace: &'t Trace, name: &str) -> Option<&'t str> {
    trace.detail.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn each_change_of_messages_holds_its_trace() {
    let scene = Scene::new();
    let Scene { world, store, person, shared, actor } = &scene;
    let (own, theirs) = (inbox(store, person.id).id, inbox(store, shared.id).id);
    world.run(async {
        for number in 1..=4 {
            deliver(store, world.clock_now(), number, b"x\r\n", &[person.id]).await;
        }
        store.copy(own, vec![uid(1), uid(2)], theirs, *actor).await.unwrap();
        store.move_(own, vec![uid(3), uid(9)], theirs, *actor).await.unwrap();
        store
            .store_flags(theirs, vec![uid(1), uid(2)], change(FlagMode::Add, SystemFlag::Deleted), *actor)
            .await
            .unwrap();
        store
            .store_flags(theirs, vec![uid(2)], change(FlagMode::Remove, SystemFlag::Deleted), *actor)
            .await
            .unwrap();
        store.expunge(theirs, None, *actor).await.unwrap();
        // Nothing came of these: nothing is told.
        store.expunge(theirs, None, *actor).await.unwrap();
        store.move_(own, vec![uid(9)], theirs, *actor).await.unwrap();
        // In one's own box who marked what is known.
        store
            .store_flags(own, vec![uid(1)], change(FlagMode::Add, SystemFlag::Deleted), *actor)
            .await
            .unwrap();
    });
    let told = scene.told(shared);
    let actions: Vec<Action> = told.iter().map(|(action, _)| *action).collect();
    assert_eq!(actions, [Action::Copy, Action::Move, Action::Mark, Action::Mark, Action::Delete]);
    let uids: Vec<_> = told.iter().map(|(_, trace)| fact(trace, "uids").unwrap()).collect();
    assert_eq!(uids, ["1:2", "3", "1:2", "2", "1"]);
    let deleted: Vec<_> = told.iter().filter_map(|(_, trace)| fact(trace, "deleted")).collect();
    assert_eq!(deleted, ["set", "taken-away"]);
    for (_, trace) in &told {
        assert_eq!(
            (trace.person, trace.acting_as, trace.peer),
            (Some(person.id), Some(shared.id), Some(PEER))
        );
    }
    // Whose messages went is told in their own box as well.
    let own: Vec<_> = scene.told(person).into_iter().filter(|(_, trace)| trace.acting_as.is_none()).collect();
    assert_eq!(own.iter().map(|(action, _)| *action).collect::<Vec<_>>(), [Action::Copy, Action::Move]);
    assert_eq!(fact(&own[0].1, "to"), Some(theirs.to_string().as_str()));
    scene.world.close(scene.store);
}

#[test]
fn each_change_of_boxes_holds_its_trace() {
    let scene = Scene::new();
    let Scene { world, store, person, actor, .. } = &scene;
    world.run(async {
        deliver(store, world.clock_now(), 1, b"x\r\n", &[person.id]).await;
        let made = store.create_box(person.id, "a/b", None, *actor).await.unwrap();
        store.subscribe(person.id, "a/b", true, *actor).await.unwrap();
        store.subscribe(person.id, "a/b", true, *actor).await.unwrap();
        store.rename_box(made.id, "a/c", *actor).await.unwrap();
        store.delete_box(made.id, *actor).await.unwrap();
        store.subscribe(person.id, "a/c", false, *actor).await.unwrap();
        store.rename_box(inbox(store, person.id).id, "ancien", *actor).await.unwrap();
        store.delete_box(made.id, *actor).await.unwrap_err();
    });
    let actions: Vec<Action> = scene.told(person).iter().map(|(action, _)| *action).collect();
    let expected = [
        Action::BoxCreate,
        Action::BoxCreate,
        Action::Subscribe,
        Action::BoxRename,
        Action::Delete,
        Action::Subscribe,
        Action::BoxCreate,
        Action::Move,
    ];
    assert_eq!(actions, expected);
    scene.world.close(scene.store);
}

#[test]
fn many_openings_are_one_operation_and_each_is_in_its_journey() {
    const COUNT: u32 = 300;
    let scene = Scene::new();
    let Scene { world, store, person, actor, .. } = &scene;
    let id = inbox(store, person.id).id;
    let mut journeys = vec![];
    world.run(async {
        for number in 1..=COUNT {
            let mut one = delivery(store, world.clock_now(), number.into(), b"x\r\n", &[person.id]).await;
            one.traces = vec![world.trace(Action::Receive)];
            journeys.push(one.id);
            store.deliver(one).await.unwrap();
        }
        let before = store.reader().box_info(id).unwrap().unwrap().highest;
        let all = (1..=COUNT).map(uid).collect();
        store.store_flags(id, all, change(FlagMode::Add, SystemFlag::Seen), *actor).await.unwrap();
        let after = store.reader().box_info(id).unwrap().unwrap().highest;
        assert_eq!(after.get(), before.get() + 1, "one operation has one mod-sequence");
    });
    for journey in journeys {
        let steps = store.reader().traces(&journey).unwrap();
        assert_eq!(steps.iter().map(|step| step.action).collect::<Vec<_>>(), [Action::FirstOpening]);
        assert_eq!(steps[0].person, Some(person.id));
    }
    scene.world.close(scene.store);
}

#[test]
fn a_copy_that_fails_on_its_way_tells_that_it_was_taken_back() {
    let scene = Scene::new();
    let Scene { world, store, person, actor, .. } = &scene;
    let (inbox, target) = world.run(async {
        for number in 1..=3 {
            deliver(store, world.clock_now(), number, b"x\r\n", &[person.id]).await;
        }
        let id = inbox(store, person.id).id;
        for _ in 0..9 {
            let all = store.reader().messages(id).unwrap().iter().map(|entry| entry.uid).collect();
            store.copy(id, all, id, *actor).await.unwrap();
        }
        (id, store.create_box(person.id, "cible", None, *actor).await.unwrap().id)
    });
    let all: Vec<Uid> = store.reader().messages(inbox).unwrap().iter().map(|entry| entry.uid).collect();
    assert!(all.len() > 1_500, "more than one piece, each of 1,000 at most");
    let before = scene.told(person).len();
    // The account is full in the second piece.
    let room = all.len() as u64 + 1_100;
    let trace = world.trace(Action::AccountUpdate);
    let account = Account { quota: store::Quota { messages: Some(room), bytes: None }, ..person.clone() };
    world.run(store.update_account(account, trace)).unwrap();
    assert_eq!(world.run(store.copy(inbox, all, target, *actor)), Err(store::StoreError::Quota));
    let told = scene.told(person);
    let actions: Vec<_> =
        told[before..].iter().map(|(action, trace)| (*action, fact(trace, "because"))).collect();
    let copied = actions.iter().filter(|(action, _)| *action == Action::Copy).count();
    let taken_back =
        actions.iter().filter(|told| **told == (Action::Delete, Some("copy-unfinished"))).count();
    // one piece may be taken back in several
    assert!(copied >= 1 && taken_back >= copied && copied + taken_back == actions.len(), "{actions:?}");
    assert_eq!(store.reader().box_info(target).unwrap().unwrap().exists, 0);
    scene.world.close(scene.store);
}

#[test]
fn a_message_is_seen_for_the_first_time_once_in_all_its_copies() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un");
    let id = inbox(&store, account.id).id;
    let trash = store.reader().box_by_name(account.id, "Trash").unwrap().unwrap().id;
    let traces = || store.prove().unwrap().traces;
    let first = |id, mode| {
        let before = traces();
        let change = change(mode, SystemFlag::Seen);
        world.run(store.store_flags(id, vec![uid(1)], change, actor(&account))).unwrap();
        traces() > before
    };
    world.run(deliver(&store, world.clock_now(), 1, b"x\r\n", &[account.id]));
    assert!(!first(id, FlagMode::Remove));
    assert!(first(id, FlagMode::Add));
    assert!(!first(id, FlagMode::Remove), "marked as not read");
    assert!(!first(id, FlagMode::Add), "read again");
    assert!(!first(id, FlagMode::Remove));
    world.run(store.copy(id, vec![uid(1)], trash, actor(&account))).unwrap();
    assert!(!first(trash, FlagMode::Replace), "the copy of what was read");
    world.close(store);
}
