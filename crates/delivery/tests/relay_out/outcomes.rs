//! What a peer answers, and what becomes of each recipient.

use std::sync::atomic::Ordering;

use store::{Action, Notify};

use smtp::Limits;
use tokio::io::AsyncBufReadExt;
use tokio_rustls::TlsAcceptor;

use crate::{
    peers::{Peer, opened},
    world::*,
};

fn names(world: &World, id: store::TraceId) -> Vec<Action> {
    world.journey(id).iter().map(|trace| trace.action).collect()
}

#[tokio::test]
async fn a_message_goes_to_its_recipients_byte_by_byte_and_leaves_the_queue() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let to = [format!("a@{SUD}"), format!("b@{SUD}")];
    let big = format!("{LETTER}{}", "..0123456789 0123456789\r\n".repeat(20_000));
    let notify = Some(Notify { success: true, failure: true, delay: false });
    let id = world.send(Letter { content: big.clone(), notify, ..Letter::to(&[&to[0], &to[1]]) }).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let taken = peer.inbox.taken();
    assert_eq!(taken.len(), 1, "one transaction for both");
    assert_eq!((taken[0].from.as_deref(), &taken[0].to[..]), (Some(DOCTOR), &to[..]));
    assert!(taken[0].content == big.as_bytes());
    let envelope = format!("Some(Headers) Some(\"envoi-1\") Some({})", big.len());
    assert!(taken[0].envelope.starts_with(&envelope), "{}", taken[0].envelope);
    assert!(taken[0].envelope.contains(&format!("Some(\"rfc822;a@{SUD}\")")), "{}", taken[0].envelope);
    assert_eq!(names(&world, id), [Action::Send, Action::Relay, Action::Relay]);
    let trace = &world.journey(id)[1];
    let detail = |name: &str| trace.detail.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!((detail("to"), detail("relay")), (Some(to[0].as_str()), Some("127.0.0.1")));
    assert_eq!((detail("status"), detail("attempts")), (Some("2.0.0"), Some("1")));
    assert_eq!(trace.peer, Some("127.0.0.1".parse().unwrap()));
    assert!(world.reports().is_empty(), "the next hop confirms by itself");
    world.until("the count", |_| relay.statistics.relayed() == 2).await;
    assert_eq!(relay.statistics.connections(), 1);
    world.end(relay).await;
}

#[tokio::test]
async fn each_recipient_has_its_own_outcome() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let to = [format!("a@{SUD}"), format!("inconnu@{SUD}"), format!("plein@{SUD}")];
    let id = world.send(Letter::to(&[&to[0], &to[1], &to[2]])).await;
    world.until("one left", |world| world.queue().iter().map(|entry| entry.attempts).eq([1])).await;
    let left = &world.queue()[0];
    assert_eq!(left.recipient.to_string(), to[2]);
    assert_eq!(left.last.as_deref(), Some("127.0.0.1: refused at rcpt: 452 4.2.2 Full"));
    assert_eq!((left.due - world.now()).get_seconds(), 60);
    assert_eq!(peer.inbox.taken()[0].to, [to[0].clone()]);
    assert_eq!(names(&world, id), [Action::Send, Action::Relay, Action::Fail, Action::Defer, Action::Report]);
    let reports = world.reports();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains(&format!("Final-Recipient: rfc822; {}", to[1])), "{}", reports[0]);
    assert!(reports[0].contains("Status: 5.1.1") && !reports[0].contains("plein@"), "{}", reports[0]);
    world.end(relay).await;
}

#[tokio::test]
async fn a_refusal_of_the_content_fails_everybody_who_was_accepted() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let to = [format!("a@{SUD}"), format!("b@{SUD}")];
    world.send(Letter { content: format!("{LETTER}REFUSE\r\n"), ..Letter::to(&[&to[0], &to[1]]) }).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let report = world.reports().remove(0);
    assert_eq!(report.matches("Action: failed").count(), 2, "{report}");
    assert_eq!(report.matches("Status: 5.6.0").count(), 2);
    world.until("the count", |_| relay.statistics.failed() == 2).await;
    world.end(relay).await;
}

#[tokio::test]
async fn messages_share_a_connection() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    world.settings.connections_per_domain = 1;
    world.settings.messages_per_connection = 4;
    for number in 0..10 {
        world.send(Letter::to(&[&format!("r{number}@{SUD}")])).await;
    }
    let relay = world.relay();
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    assert_eq!((peer.inbox.taken().len(), peer.connections()), (10, 3));
    assert_eq!(peer.inbox.most_at_once.load(Ordering::SeqCst), 1);
    world.end(relay).await;
}

#[tokio::test]
async fn one_message_goes_to_each_domain_by_its_own_way() {
    let mut world = World::start().await;
    let (sud, est) = (Peer::start(&world.tls("sud")).await, Peer::start(&world.tls("est")).await);
    world.route(SUD, sud.port);
    world.route(EST, est.port);
    let relay = world.relay();
    let to = [format!("a@{SUD}"), format!("b@{EST}"), format!("c@{SUD}")];
    world.send(Letter::to(&[&to[0], &to[1], &to[2]])).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    assert_eq!(sud.inbox.taken()[0].to, [to[0].clone(), to[2].clone()]);
    assert_eq!(est.inbox.taken()[0].to, [to[1].clone()]);
    world.end(relay).await;
}

#[tokio::test]
async fn a_peer_that_says_how_many_recipients_it_takes_gets_no_more_at_a_time() {
    let mut world = World::start().await;
    let limits = Limits { recipients: 2, ..Limits::default() };
    let peer = Peer::start_with(&world.tls("sud"), "127.0.0.1:0", limits).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let to: Vec<String> = (0..5).map(|number| format!("r{number}@{SUD}")).collect();
    world.send(Letter { to: to.clone(), ..Letter::to(&[]) }).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let taken = peer.inbox.taken();
    assert_eq!(taken.iter().map(|taken| taken.to.len()).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(taken.iter().flat_map(|taken| taken.to.clone()).collect::<Vec<_>>(), to);
    world.until("the count", |_| relay.statistics.relayed() == 5).await;
    assert_eq!((relay.statistics.deferred(), peer.connections()), (0, 1));
    world.end(relay).await;
}

#[tokio::test]
async fn a_peer_that_takes_one_recipient_at_a_time_gets_the_others_at_once() {
    let mut world = World::start().await;
    let acceptor = TlsAcceptor::from(world.tls("sud").relay_server(Vec::new()));
    let peer = Peer::play(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let (mut lines, mut line, mut recipients) =
                (opened(stream, acceptor, "").await, String::new(), 0);
            while lines.0.read_line(&mut line).await.unwrap_or(0) > 0 {
                match line.get(..4).unwrap_or_default() {
                    "MAIL" => {
                        recipients = 0;
                        lines.say("250 2.1.0 ok").await;
                    }
                    "RCPT" => {
                        recipients += 1;
                        let more = if recipients == 1 { "250 2.1.5 ok" } else { "452 4.5.3 one at a time" };
                        lines.say(more).await;
                    }
                    "DATA" => {
                        lines.say("354 go on").await;
                        hear_dot(&mut lines.0).await;
                        lines.say("250 2.0.0 taken").await;
                    }
                    _ => lines.say("250 2.0.0 ok").await,
                }
                line.clear();
            }
        }
    })
    .await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    world.send(Letter::to(&[&format!("a@{SUD}"), &format!("b@{SUD}"), &format!("c@{SUD}")])).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    world.until("the count", |_| relay.statistics.relayed() == 3).await;
    assert_eq!((relay.statistics.deferred(), peer.connections()), (0, 1));
    world.end(relay).await;
}

/// Reads up to the end of the content.
async fn hear_dot(lines: &mut (impl tokio::io::AsyncBufRead + Unpin)) {
    let mut line = String::new();
    while line != ".\r\n" {
        line.clear();
        assert!(lines.read_line(&mut line).await.unwrap() > 0, "the content has no end");
    }
}
