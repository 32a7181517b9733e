//! Peers that die, hang or lie, and a stop in the middle: nothing is lost, nothing is told delivered that is not.

use std::{sync::atomic::Ordering, time::Duration};

use jiff::SignedDuration;
use tokio_rustls::TlsAcceptor;

use crate::{
    peers::{Peer, opened},
    world::*,
};

/// Plays a peer that hears lines and answers, then closes.
async fn dying(world: &World, lines: &'static [(&'static str, &'static str)]) -> Peer {
    let acceptor = TlsAcceptor::from(world.tls("sud").relay_server(Vec::new()));
    Peer::play(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut peer = opened(stream, acceptor, "\r\n250-PIPELINING").await;
            for (line, answer) in lines {
                if !peer.hear(line).await {
                    return;
                }
                if !answer.is_empty() {
                    peer.say(answer).await;
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_peer_that_dies_around_the_final_dot_gets_it_again() {
    for (lines, stage) in [
        (&[("DATA", "250 x\r\n250 x\r\n354 x"), (".", "")][..], "end-of-data"),
        (&[("DATA", "250 x\r\n250 x")][..], "data"),
        (&[("MAIL", "")][..], "mail"),
    ] {
        let mut world = World::start().await;
        let peer = dying(&world, lines).await;
        world.route(SUD, peer.port);
        let relay = world.relay();
        world.send(Letter::to(&[&format!("a@{SUD}")])).await;
        world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
        let last = world.queue().remove(0).last.unwrap();
        assert!(last.contains("connection-lost") && last.contains(stage), "{last}");
        drop(peer);
        let peer = Peer::start(&world.tls("sud")).await;
        relay.stop().await;
        world.route(SUD, peer.port);
        let relay = world.relay();
        world.clock.advance(SignedDuration::from_mins(1));
        world.until("an empty queue", |world| world.queue().is_empty()).await;
        assert_eq!(peer.inbox.taken().len(), 1);
        world.end(relay).await;
    }
}

#[tokio::test]
async fn refusals_heard_before_the_end_stand() {
    let mut world = World::start().await;
    let peer = dying(&world, &[("DATA", "250 x\r\n550 5.1.1 unknown\r\n250 x")]).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let to = [format!("a@{SUD}"), format!("b@{SUD}")];
    world.send(Letter::to(&[&to[0], &to[1]])).await;
    world.until("an attempt", |world| world.queue().iter().map(|entry| entry.attempts).eq([1])).await;
    assert_eq!(world.queue()[0].recipient.to_string(), to[1]);
    assert!(world.reports()[0].contains(&to[0]));
    world.end(relay).await;
}

#[tokio::test]
async fn a_connection_that_the_peer_closed_while_idle_costs_no_attempt() {
    let mut world = World::start().await;
    let acceptor = TlsAcceptor::from(world.tls("sud").relay_server(Vec::new()));
    let peer = Peer::play(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut peer = opened(stream, acceptor, "").await;
            for (line, answer) in
                [("MAIL", "250 x"), ("RCPT", "250 x"), ("DATA", "354 x"), (".", "250 2.0.0 Kept")]
            {
                peer.hear(line).await;
                peer.say(answer).await;
            }
            peer.say("421 4.4.2 Idle").await;
        }
    })
    .await;
    world.route(SUD, peer.port);
    world.settings.connections_per_domain = 1;
    for number in 0..3 {
        world.send(Letter::to(&[&format!("r{number}@{SUD}")])).await;
    }
    let relay = world.relay();
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    assert_eq!((peer.connections(), relay.statistics.deferred()), (3, 0));
    world.end(relay).await;
}

#[tokio::test]
async fn a_stop_lets_a_transfer_end_or_breaks_it_off() {
    for (grace, left) in [(Duration::from_secs(5), 0), (Duration::from_millis(50), 1)] {
        let mut world = World::start().await;
        let peer = Peer::start(&world.tls("sud")).await;
        world.route(SUD, peer.port);
        world.settings.stop_grace = grace;
        let relay = world.relay();
        world
            .send(Letter { content: format!("{LETTER}WAIT\r\n"), ..Letter::to(&[&format!("a@{SUD}")]) })
            .await;
        let waiting = &peer.inbox.waiting;
        world.until("a transfer", |_| waiting.load(Ordering::SeqCst) == 1).await;
        let stopping = tokio::spawn(relay.stop());
        tokio::time::sleep(Duration::from_millis(200)).await;
        peer.inbox.go_on.notify_one();
        stopping.await.unwrap();
        assert_eq!(world.queue().len(), left);
        assert!(world.queue().iter().all(|entry| entry.attempts == 0), "what was broken off was no attempt");
        let relay = world.relay();
        peer.inbox.go_on.notify_one();
        world.until("an empty queue", |world| world.queue().is_empty()).await;
        world.end(relay).await;
    }
}

#[tokio::test]
async fn what_a_peer_took_goes_out_once_however_long_the_store_cannot_keep_that() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    world.settings.stop_grace = Duration::from_millis(10);
    let relay = world.relay();
    world.send(Letter { content: format!("{LETTER}WAIT\r\n"), ..Letter::to(&[&format!("a@{SUD}")]) }).await;
    let waiting = &peer.inbox.waiting;
    world.until("a transfer", |_| waiting.load(Ordering::SeqCst) == 1).await;
    // as on a full disk: what is kept can be read, and nothing more is kept
    world.store.clone().close().unwrap();
    peer.inbox.go_on.notify_one();
    world.until("the message", |_| peer.inbox.taken().len() == 1).await;
    let given_up = world.settings.settle_pause * (world.settings.settle_attempts + 2);
    tokio::time::sleep(given_up + 10 * world.settings.rescan).await;
    assert_eq!(waiting.load(Ordering::SeqCst), 1, "it is not sent again");
    assert_eq!(world.queue().len(), 1, "and not lost");
    world.end(relay).await;
}
