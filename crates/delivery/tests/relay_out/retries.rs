//! The schedule over a real queue: back-off, expiry, what an administrator does meanwhile.

use jiff::SignedDuration;
use store::{Action, Clock, Lane, Settlement, Trace, TraceId};

use crate::{peers::Peer, world::*};

#[tokio::test]
async fn what_is_deferred_is_tried_again_when_it_is_due_and_not_before() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    let port = peer.port;
    let tls = world.tls("sud");
    drop(peer);
    world.route(SUD, port);
    let relay = world.relay();
    world.send(Letter::to(&[&format!("a@{SUD}")])).await;
    for (attempts, minutes) in [(1, 1), (2, 2), (3, 4)] {
        world.until("an attempt", |world| world.queue()[0].attempts == attempts).await;
        let entry = world.queue().remove(0);
        assert_eq!((entry.due - world.now()).get_seconds(), minutes * 60);
        assert!(entry.last.unwrap().contains("no-connection"));
        world.clock.advance(SignedDuration::from_secs(minutes * 60 - 1));
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        assert_eq!(world.queue()[0].attempts, attempts, "not before its time");
        if attempts < 3 {
            world.clock.advance(SignedDuration::from_secs(1));
        }
    }
    let peer = Peer::start_on(&tls, &format!("127.0.0.1:{port}")).await;
    world.clock.advance(SignedDuration::from_secs(1));
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    assert_eq!(peer.inbox.taken().len(), 1);
    world.end(relay).await;
}

#[tokio::test]
async fn what_never_arrives_ends_in_a_report_at_its_time() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let lifetime = Some(SignedDuration::from_mins(10));
    let id = world.send(Letter { lifetime, ..Letter::to(&[&format!("plein@{SUD}")]) }).await;
    world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
    world.clock.advance(SignedDuration::from_mins(9));
    world.until("an attempt", |world| world.queue()[0].attempts == 2).await;
    assert_eq!((world.queue()[0].due - world.now()).get_seconds(), 60, "the last attempt is at the end");
    world.clock.advance(SignedDuration::from_mins(1));
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let report = world.reports().remove(0);
    assert!(report.contains("Action: failed") && report.contains("Status: 5.4.7"), "{report}");
    assert!(report.contains("452 4.2.2 Full"), "the last words of the peer are told: {report}");
    let last: Vec<Action> = world.journey(id).iter().map(|trace| trace.action).rev().take(2).collect();
    assert_eq!(last, [Action::Report, Action::Fail]);
    world.end(relay).await;
}

#[tokio::test]
async fn what_is_removed_too_late_is_traced_and_does_not_keep_the_others() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let to = [format!("a@{SUD}"), format!("b@{SUD}")];
    let id =
        world.send(Letter { content: format!("{LETTER}WAIT\r\n"), ..Letter::to(&[&to[0], &to[1]]) }).await;
    let waiting = &peer.inbox.waiting;
    world.until("a transfer", |_| waiting.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    let removed = world.queue()[0].id;
    world.store.settle(vec![(removed, Settlement::Gone)], None, Vec::new()).await.unwrap();
    peer.inbox.go_on.notify_one();
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let relayed =
        |world: &World| world.journey(id).iter().filter(|trace| trace.action == Action::Relay).count();
    world.until("both traces: the peer has it for both", |world| relayed(world) == 2).await;
    world.until("the count", |_| relay.statistics.relayed() == 2).await;
    world.end(relay).await;
}

#[tokio::test]
async fn an_administrators_wish_is_heard_at_once() {
    let mut world = World::start().await;
    world.settings.rescan = std::time::Duration::from_secs(60);
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    world.send(Letter::to(&[&format!("plein@{SUD}")])).await;
    world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
    let id = world.queue()[0].id;
    world.store.settle(vec![(id, Settlement::Due(world.now()))], None, Vec::new()).await.unwrap();
    world.until("an attempt", |world| world.queue()[0].attempts == 2).await;
    world.end(relay).await;
}

#[tokio::test]
async fn what_is_held_is_sent_once_it_is_released_and_not_before() {
    let mut world = World::start().await;
    let (sud, est) = (Peer::start(&world.tls("sud")).await, Peer::start(&world.tls("est")).await);
    world.route(SUD, sud.port);
    world.route(EST, est.port);
    let lifetime = Some(SignedDuration::from_hours(1));
    let to = Letter::to(&[&format!("a@{SUD}"), &format!("b@{SUD}"), &format!("c@{EST}")]);
    world.send(Letter { lifetime, ..to }).await;
    let ids: Vec<_> = world.queue().iter().map(|entry| entry.id).collect();
    let settle = |id, settlement| world.store.settle(vec![(id, settlement)], None, Vec::new());
    settle(ids[0], Settlement::Hold).await.unwrap();
    let lane = Lane::Peers(mssante::Domain::parse(EST).unwrap());
    let hold = |held| {
        let (now, id) = (world.now(), TraceId::new(world.now()));
        let trace = Trace {
            id,
            at: now,
            action: Action::Administer,
            person: None,
            acting_as: None,
            peer: None,
            outcome: store::Outcome::Done,
            detail: Vec::new(),
        };
        world.store.hold_lane(lane.clone(), held, trace)
    };
    assert!(hold(true).await.unwrap());
    let relay = world.relay();
    world.until("what is not held", |world| world.queue().len() == 2).await;
    world.clock.advance(SignedDuration::from_hours(2));
    settle(ids[2], Settlement::Due(world.now())).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!((world.queue().len(), est.connections()), (2, 0), "it waits beyond its time");
    assert!(world.reports().is_empty());
    settle(ids[0], Settlement::Release).await.unwrap();
    assert!(hold(false).await.unwrap());
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let to: Vec<String> = sud.inbox.taken().into_iter().flat_map(|taken| taken.to).collect();
    assert_eq!(to, [format!("b@{SUD}"), format!("a@{SUD}")]);
    assert_eq!(est.inbox.taken().len(), 1);
    world.end(relay).await;
}

/// A clock with a defect.
struct Breaking(std::sync::Arc<store::ManualClock>, std::sync::atomic::AtomicUsize);

impl Clock for Breaking {
    fn now(&self) -> jiff::Timestamp {
        // the scheduler is the first to ask
        assert!(self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst) != 3, "as a defect would");
        self.0.now()
    }
}

#[tokio::test]
async fn a_scheduler_that_falls_begins_again() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let clock = Breaking(world.clock.clone(), std::sync::atomic::AtomicUsize::default());
    let relay = world.relay_by(std::sync::Arc::new(NoNames), std::sync::Arc::new(clock));
    world.until("its fall", |_| relay.statistics.restarts() == 1).await;
    world.send(Letter::to(&[&format!("a@{SUD}")])).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    assert_eq!(peer.inbox.taken().len(), 1);
    world.end(relay).await;
}
