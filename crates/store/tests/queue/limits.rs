//! What the queue takes: as a whole, for a next hop, of a sender, of a message; what goes first in it, and what is held.

use store::{QUEUED_RECIPIENTS, WAYS};

use super::*;

#[test]
fn a_full_queue_refuses_messages_for_elsewhere_only() {
    let mut world = World::new();
    world.settings.queued = 3;
    let store = world.open();
    let account = world.account(&store, "un").id;
    let ids = accept(&world, &store, 1, b"x\r\n", &["a", "b"]);
    let send = |to: &[&str]| {
        world.run(async {
            let mut delivery = delivery(&store, world.clock_now(), 2, b"x\r\n", &[account]).await;
            delivery.outgoing = vec![outgoing(world.clock_now(), to)];
            store.deliver(delivery).await
        })
    };
    let full = StoreError::Limit(store::Limit::Queue);
    assert_eq!(send(&["c", "d"]).unwrap_err(), full);
    send(&["c"]).unwrap();
    assert_eq!(send(&["d"]).unwrap_err(), full);
    send(&[]).unwrap();
    settle(&world, &store, gone(&ids), None).unwrap();
    send(&["c", "d"]).unwrap();
    assert_eq!(world.close(store).queued, 3);
}

#[test]
fn one_domain_or_one_sender_does_not_fill_the_queue_for_the_others() {
    let mut world = World::new();
    (world.settings.queued_lane, world.settings.queued_sender) = (3, 5);
    let store = world.open();
    let (one, two) = (world.account(&store, "un").id, world.account(&store, "deux").id);
    let send = |sender, way: Way, to: &[&str]| {
        world.run(async {
            let mut delivery = delivery(&store, world.clock_now(), 2, b"x\r\n", &[]).await;
            delivery.outgoing =
                vec![Outgoing { way, sender: Some(sender), ..outgoing(world.clock_now(), to) }];
            store.deliver(delivery).await.map(|_| ())
        })
    };
    let connector = || Way::Connector("clinique".into());
    send(one, Way::Peers, &["a", "b"]).unwrap();
    assert_eq!(send(two, Way::Peers, &["a", "b"]), Err(StoreError::Limit(store::Limit::QueueLane)));
    send(one, connector(), &["a", "b", "c"]).unwrap();
    assert_eq!(send(one, Way::Peers, &["c"]), Err(StoreError::Limit(store::Limit::QueueSender)));
    send(two, Way::Peers, &["c"]).unwrap();
    let reader = store.reader();
    assert_eq!((reader.queued_of(one).unwrap(), reader.queued_of(two).unwrap()), (5, 1));
    let lanes = reader.queue_lanes(None, 9).unwrap();
    let next = reader.queue_lanes(Some(lanes[0].id), 9).unwrap();
    assert_eq!((lanes.len(), &next[..]), (2, &lanes[1..]));
    for lane in lanes {
        let known = matches!(lane.lane, Lane::Peers(_)) || lane.lane == Lane::Connector("clinique".into());
        assert!(known && (lane.entries, lane.held) == (3, None), "{lane:?}");
    }
    let all: Vec<QueueId> = all(&store).iter().map(|queued| queued.id).collect();
    settle(&world, &store, gone(&all), None).unwrap();
    assert_eq!(store.reader().queue_lanes(None, 9).unwrap(), []);
    assert_eq!(store.reader().queued_of(one).unwrap(), 0);
    world.close(store);
}

#[test]
fn what_is_prompt_goes_first_and_a_mass_mailing_moves_on_all_the_same() {
    let world = World::new();
    let store = world.open();
    let now = world.clock_now();
    for (priority, to) in [(Priority::Bulk, "b"), (Priority::Usual, "u"), (Priority::Prompt, "p")] {
        for number in 0..20 {
            world.run(async {
                let mut delivery = delivery(&store, now, number, b"x\r\n", &[]).await;
                delivery.outgoing = vec![Outgoing { priority, ..outgoing(now, &[to]) }];
                store.deliver(delivery).await.unwrap();
            });
        }
    }
    let kinds = |found: &[Queued]| {
        [Priority::Prompt, Priority::Usual, Priority::Bulk]
            .map(|priority| found.iter().filter(|queued| queued.priority == priority).count())
    };
    let first = due_but(&store, now, &[], 16);
    assert_eq!(kinds(&first), [12, 2, 2]);
    assert!(first.is_sorted_by_key(|queued| queued.priority));
    let all = due_but(&store, now, &first.iter().map(|queued| queued.id).collect::<Vec<_>>(), 100);
    assert_eq!(kinds(&all), [8, 18, 18]);
    world.close(store);
}

#[test]
fn what_is_held_waits_until_it_is_released_and_a_restart_releases_nothing() {
    let world = World::new();
    let mut store = world.open();
    let now = world.clock_now();
    let ids = accept(&world, &store, 1, b"x\r\n", &["trois", "quatre"]);
    settle(&world, &store, vec![(ids[0], Settlement::Hold)], None).unwrap();
    let lane = Lane::Peers(remote("a").domain().clone());
    let hold = |store: &Store, held| {
        let trace = world.trace(Action::Administer);
        world.run(store.hold_lane(lane.clone(), held, trace)).unwrap()
    };
    let shown = |store: &Store| due(store, now).iter().map(|queued| queued.id).collect::<Vec<_>>();
    for opening in 0..2 {
        assert_eq!(shown(&store), ids[1..]);
        let held: Vec<bool> = all(&store).iter().map(|queued| queued.held).collect();
        assert_eq!(held, [true, false]);
        assert!(hold(&store, true) && !hold(&store, true), "once is enough");
        assert_eq!((shown(&store), store.queue_ready(now)), (vec![], vec![]));
        accept(&world, &store, 2 + opening, b"x\r\n", &["cinq"]);
        world.close(store);
        store = world.open();
        assert_eq!((shown(&store), store.queue_ready(now)), (vec![], vec![]));
        let id = store.reader().queue_lane_id(&lane);
        assert_eq!(store.reader().queue_lane(id).unwrap().unwrap().held, Some(now));
        let late = all(&store).pop().unwrap().id;
        settle(&world, &store, gone(&[late]), None).unwrap();
        assert!(hold(&store, false) && !hold(&store, false));
        assert_eq!(store.queue_ready(now).len(), 1);
    }
    settle(&world, &store, vec![(ids[0], Settlement::Release)], None).unwrap();
    assert_eq!(shown(&store), ids);
    settle(&world, &store, vec![(ids[0], Settlement::Hold)], None).unwrap();
    settle(&world, &store, gone(&ids), None).unwrap();
    assert!(hold(&store, true), "what is not there yet is held as well");
    assert_eq!(store.reader().queue_lanes(None, 9).unwrap().len(), 1);
    assert!(hold(&store, false));
    assert_eq!(store.reader().queue_lanes(None, 9).unwrap(), []);
    world.close(store);
}

#[test]
fn what_a_message_may_bring_along_is_bounded() {
    let world = World::new();
    let store = world.open();
    let now = world.clock_now();
    let send = |change: &dyn Fn(&mut Outgoing)| {
        world.run(async {
            let mut delivery = delivery(&store, now, 1, b"x\r\n", &[]).await;
            let mut leaving = outgoing(now, &["a"]);
            change(&mut leaving);
            delivery.outgoing = vec![leaving];
            store.deliver(delivery).await.map(|_| ())
        })
    };
    let text = StoreError::Limit(store::Limit::QueuedText);
    assert_eq!(send(&|o| o.envid = Some("e".repeat(store::ENVID_BYTES))), Ok(()));
    assert_eq!(send(&|o| o.envid = Some("e".repeat(store::ENVID_BYTES + 1))), Err(text.clone()));
    assert_eq!(send(&|o| o.recipients[0].original = Some("o".repeat(store::ORCPT_BYTES))), Ok(()));
    assert_eq!(send(&|o| o.recipients[0].original = Some("o".repeat(store::ORCPT_BYTES + 1))), Err(text));
    assert_eq!(send(&|o| o.variant = 1), Err(StoreError::NotFound));
    assert_eq!(send(&|o| o.way = Way::Connector("c".repeat(store::CONNECTOR_BYTES))), Ok(()));
    let named = send(&|o| o.way = Way::Connector("c".repeat(store::CONNECTOR_BYTES + 1)));
    assert_eq!(named, Err(StoreError::Limit(store::Limit::ConnectorName)));
    let many = |count| move |o: &mut Outgoing| o.recipients = vec![o.recipients[0].clone(); count];
    assert_eq!(send(&many(QUEUED_RECIPIENTS)), Ok(()));
    let result = send(&many(QUEUED_RECIPIENTS + 1));
    assert_eq!(result, Err(StoreError::Limit(store::Limit::QueuedRecipients)));
    let ways = world.run(async {
        let mut delivery = delivery(&store, now, 1, b"x\r\n", &[]).await;
        delivery.outgoing = vec![outgoing(now, &["a"]); WAYS + 1];
        store.deliver(delivery).await
    });
    assert_eq!(ways.unwrap_err(), StoreError::Limit(store::Limit::Ways));
    assert_eq!(world.close(store).queued, 3 + QUEUED_RECIPIENTS as u64);
}
