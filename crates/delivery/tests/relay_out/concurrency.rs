//! Limits on connections, and slow peers that hold nobody else.

use std::{sync::atomic::Ordering, time::Duration};

use crate::{peers::Peer, world::*};

#[tokio::test]
async fn a_silent_peer_holds_nobody_else() {
    let mut world = World::start().await;
    let silent = Peer::play(|stream| async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        drop(stream);
    })
    .await;
    let est = Peer::start(&world.tls("est")).await;
    world.route(SUD, silent.port);
    world.route(EST, est.port);
    world.settings.connections = 4;
    world.settings.connections_per_domain = 3;
    world.settings.page = 7;
    world.settings.stop_grace = Duration::from_millis(10);
    for number in 0..30 {
        world.send(Letter::to(&[&format!("r{number}@{SUD}")])).await;
    }
    for number in 0..12 {
        world.send(Letter::to(&[&format!("r{number}@{EST}")])).await;
    }
    let relay = world.relay();
    world.until("all of the other", |_| est.inbox.taken().len() == 12).await;
    world.until("the queue of the silent one", |world| world.queue().len() == 30).await;
    world.until("its share of connections", |_| silent.connections() == 3).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(silent.connections(), 3, "and no more");
    world.end(relay).await;
}

#[tokio::test]
async fn connections_to_one_domain_stay_within_the_limit_while_much_goes_out() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    world.settings.connections_per_domain = 3;
    world.settings.page = 10;
    for number in 0..200 {
        world.send(Letter::to(&[&format!("r{number}@{SUD}")])).await;
    }
    let relay = world.relay();
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let mut to: Vec<String> = peer.inbox.taken().into_iter().flat_map(|taken| taken.to).collect();
    to.sort_unstable();
    to.dedup();
    assert_eq!((to.len(), peer.inbox.taken().len()), (200, 200), "each once");
    assert!(peer.inbox.most_at_once.load(Ordering::SeqCst) <= 3);
    world.end(relay).await;
}

#[tokio::test]
async fn an_unreachable_domain_is_asked_once_for_all_that_waits() {
    let mut world = World::start().await;
    let peer = Peer::play(|stream| async move { drop(stream) }).await;
    world.route(SUD, peer.port);
    world.settings.connections_per_domain = 1;
    for number in 0..40 {
        world.send(Letter::to(&[&format!("r{number}@{SUD}")])).await;
    }
    let relay = world.relay();
    world.until("attempts", |world| world.queue().iter().all(|entry| entry.attempts == 1)).await;
    assert!(peer.connections() <= 3, "{}", peer.connections());
    world.end(relay).await;
}

#[tokio::test]
async fn an_operator_that_says_nothing_holds_nobody_else_whatever_many_domains_it_speaks_for() {
    let mut world = World::start().await;
    let silent = Peer::play(|stream| async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        drop(stream);
    })
    .await;
    let est = Peer::start(&world.tls("est")).await;
    world.route(EST, est.port);
    let domains: Vec<String> = (0..40).map(|number| format!("cabinet-{number}.mssante.fr")).collect();
    let mut rows = vec![row(EST, "est", world.now())];
    for domain in &domains {
        rows.push(row(domain, "sud", world.now()));
        world.route(domain, silent.port);
    }
    world.publish(&rows);
    world.settings.connections = 3;
    world.settings.shun = Duration::from_secs(30);
    world.settings.client.timeouts.greeting = Duration::from_millis(300);
    for domain in &domains {
        world.send(Letter::to(&[&format!("a@{domain}")])).await;
    }
    world.send(Letter::to(&[&format!("a@{EST}")])).await;
    let relay = world.relay();
    world.until("an attempt for each", |world| world.queue().iter().all(|entry| entry.attempts == 1)).await;
    assert_eq!((est.inbox.taken().len(), world.queue().len()), (1, 40));
    assert!(silent.connections() <= 3, "{} waited", silent.connections());
    world.end(relay).await;
}

#[tokio::test]
async fn thousands_that_wait_for_a_dead_domain_hold_nobody_and_ask_it_once_a_round() {
    const WAITING: usize = 2_000;
    let mut world = World::start().await;
    let dead = Peer::play(|stream| async move { drop(stream) }).await;
    let est = Peer::start(&world.tls("est")).await;
    world.route(SUD, dead.port);
    world.route(EST, est.port);
    world.settings.connections = 2;
    world.settings.first_connections = 1;
    for block in 0..WAITING / 500 {
        let to: Vec<String> = (0..500).map(|number| format!("r{block}-{number}@{SUD}")).collect();
        world.send(Letter { to, ..Letter::to(&[]) }).await;
    }
    let relay = world.relay();
    for (round, minutes) in [(1, 1), (2, 2), (3, 4)] {
        let live = format!("r{round}@{EST}");
        world.send(Letter::to(&[&live])).await;
        world.until("the live one", |_| est.inbox.taken().len() == round as usize).await;
        let tried = |world: &World| world.queue().iter().filter(|entry| entry.attempts == round).count();
        world.until("a round", |world| tried(world) == WAITING).await;
        world.clock.advance(jiff::SignedDuration::from_mins(minutes));
    }
    assert!(dead.connections() <= 3 + 1, "{} connections for 6,000 attempts", dead.connections());
    world.end(relay).await;
}
