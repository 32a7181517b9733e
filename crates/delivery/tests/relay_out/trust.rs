//! The audit matrix outbound (M-3), the list that changes, and MX.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use delivery::{Lookup, Names};
use demo_pki::{Attribute, Hierarchy, Key, Space};
use jiff::SignedDuration;
use tokio::io::BufReader;

use crate::{
    peers::{Lines, Peer},
    world::*,
};

/// Waits for the end of a message to a peer that fails its check, and gives the report.
async fn refused(world: &mut World, port: u16, reason: &str) -> String {
    world.route(SUD, port);
    let relay = world.relay();
    let before = world.reports().len();
    world.send(Letter::to(&[&format!("a@{SUD}")])).await;
    world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
    let entry = world.queue().remove(0);
    assert!(entry.last.as_ref().unwrap().contains(&format!("{reason}:")), "{reason}: {:?}", entry.last);
    assert_eq!(entry.distrusted_since, Some(entry.due - SignedDuration::from_mins(1)), "{reason}");
    assert_eq!(world.reports().len(), before, "it may be put right meanwhile");
    world.clock.advance(SignedDuration::from_hours(4));
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let report = world.reports().pop().unwrap();
    assert!(report.contains("Action: failed") && report.contains(reason), "{report}");
    relay.stop().await;
    report
}

#[tokio::test]
async fn whoever_fails_a_check_gets_nothing_and_the_sender_reads_which() {
    let mut world = World::start().await;
    let now = world.now();
    let foreign = Hierarchy::new(Space::Foreign, now).unwrap();
    let test = Hierarchy::new(Space::Test, now).unwrap();
    let hours = SignedDuration::from_hours;
    let (revoked, issued) = world.made(None, |leaf| leaf);
    world.revoke(&issued);
    let other_name = |leaf: demo_pki::Leaf| {
        let subject = leaf.subject.clone().with(Attribute::Locality, "Ailleurs");
        demo_pki::Leaf { subject, ..leaf }
    };
    let cases = [
        ("expired", world.made(None, |leaf| leaf.lasting(now - hours(48), now - hours(1))).0),
        ("revoked", revoked),
        ("unknown-authority", world.made(Some(&foreign), |leaf| leaf).0),
        ("test-certificate", world.made(Some(&test), |leaf| leaf).0),
        ("other-name", world.made(None, other_name).0),
        ("not-listed", world.tls("nord")),
        ("not-listed-for-domain", world.tls("est")),
    ];
    for (reason, tls) in cases {
        let peer = Peer::start(&tls).await;
        refused(&mut world, peer.port, reason).await;
        assert!(peer.inbox.taken().is_empty(), "{reason}");
    }
    let clear = Peer::play(|stream| async move {
        let mut lines = Lines(BufReader::new(stream));
        lines.say("220 x").await;
        lines.hear("EHLO").await;
        lines.say("250 x").await;
        assert!(!lines.hear("MAIL").await, "nothing in clear");
    })
    .await;
    let report = refused(&mut world, clear.port, "no-tls").await;
    assert!(report.contains("Status: 5.7.10"), "{report}");
    let relay = world.relay();
    world.end(relay).await;
}

#[tokio::test]
async fn a_listed_certificate_with_another_key_never_passes_the_handshake() {
    let mut world = World::start().await;
    let (_, other) = world.made(None, |leaf| leaf.with_key(&Key::generate().unwrap()));
    let chain = std::fs::read_to_string(world.pki.chain("sud")).unwrap();
    let config = presenting(&chain, &other.key_pem().unwrap());
    let acceptor = tokio_rustls::TlsAcceptor::from(config);
    let peer = Peer::play(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut lines = Lines(BufReader::new(stream));
            lines.say("220 x").await;
            lines.hear("EHLO").await;
            lines.say("250-x\r\n250 STARTTLS").await;
            lines.hear("STARTTLS").await;
            lines.say("220 x").await;
            assert!(acceptor.accept(lines.0.into_inner()).await.is_err());
        }
    })
    .await;
    refused(&mut world, peer.port, "tls-handshake").await;
    let relay = world.relay();
    world.end(relay).await;
}

/// A server that presents a chain and signs with whatever key.
fn presenting(chain: &str, key: &str) -> Arc<tokio_rustls::rustls::ServerConfig> {
    use tokio_rustls::rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        sign::{CertifiedKey, SingleCertAndKey},
    };
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).unwrap();
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    Arc::new(ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(resolver)))
}

#[tokio::test]
async fn a_domain_taken_from_the_list_gets_nothing_from_that_moment() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    world.settings.connections_per_domain = 1;
    world.settings.idle = std::time::Duration::from_secs(30);
    let relay = world.relay();
    let to = format!("a@{SUD}");
    world.send(Letter::to(&[&to])).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    world.publish(&[row(EST, "est", world.now())]);
    world.send(Letter::to(&[&to])).await;
    world.until("an attempt", |world| world.queue().iter().any(|entry| entry.attempts == 1)).await;
    assert!(
        world.queue()[0].last.as_ref().unwrap().contains("domain-unlisted:"),
        "{:?}",
        world.queue()[0].last
    );
    assert_eq!(peer.inbox.taken().len(), 1, "not over the connection that stood either");
    world.publish(&[row(SUD, "sud", world.now()), row(EST, "est", world.now())]);
    world.clock.advance(SignedDuration::from_mins(1));
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    assert_eq!(peer.inbox.taken().len(), 2);
    world.end(relay).await;
}

#[tokio::test]
async fn without_a_list_that_is_fresh_everything_waits_but_what_is_over_its_time() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    world.clock.advance(SignedDuration::from_hours(16 * 24));
    let relay = world.relay();
    let to = format!("a@{SUD}");
    world.send(Letter::to(&[&to])).await;
    let id = world.send(Letter { lifetime: Some(SignedDuration::from_mins(1)), ..Letter::to(&[&to]) }).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(world.queue().iter().all(|entry| entry.attempts == 0) && world.queue().len() == 2);
    world.clock.advance(SignedDuration::from_mins(1));
    world.until("the end of one", |world| world.queue().len() == 1).await;
    assert!(world.queue()[0].message != id && world.queue()[0].attempts == 0);
    assert!(world.reports()[0].contains("list-too-old"), "{}", world.reports()[0]);
    assert_eq!(peer.connections(), 0);
    world.end(relay).await;
}

/// Names in memory.
#[derive(Default)]
struct Book {
    exchanges: HashMap<&'static str, Vec<(u16, String)>>,
    addresses: HashMap<&'static str, Vec<IpAddr>>,
}

impl Names for Book {
    fn exchanges<'a>(&'a self, domain: &'a str) -> Lookup<'a, Vec<(u16, String)>> {
        Box::pin(async move { Ok(self.exchanges.get(domain).cloned().unwrap_or_default()) })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Lookup<'a, Vec<IpAddr>> {
        Box::pin(async move { Ok(self.addresses.get(host).cloned().unwrap_or_default()) })
    }
}

#[tokio::test]
async fn an_attempt_tries_so_many_addresses_and_no_more() {
    let mut world = World::start().await;
    let good = Peer::start_on(&world.tls("sud"), "127.0.0.3:0").await;
    (world.settings.port, world.settings.addresses) = (good.port, 2);
    let mut book = Book::default();
    book.exchanges.insert(SUD, vec![(10, "a.test.".to_owned()), (20, "b.test.".to_owned())]);
    book.addresses.insert("a.test", vec!["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()]);
    book.addresses.insert("b.test", vec!["127.0.0.3".parse().unwrap()]);
    let relay = world.relay_with(Arc::new(book));
    world.send(Letter::to(&[&format!("a@{SUD}")])).await;
    world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
    assert_eq!((good.connections(), relay.statistics.failed_connections()), (0, 2));
    world.end(relay).await;
}

#[tokio::test]
async fn hosts_of_an_mx_are_tried_in_turn() {
    let mut world = World::start().await;
    let good = Peer::start_on(&world.tls("sud"), "127.0.0.3:0").await;
    world.settings.port = good.port;
    let stranger = Peer::start_on(&world.tls("nord"), &format!("127.0.0.2:{}", good.port)).await;
    let mut book = Book::default();
    let host = |number: u16, name: &str| (number, format!("{name}."));
    book.exchanges.insert(SUD, vec![host(30, "c.test"), host(10, "a.test"), host(20, "b.test")]);
    book.addresses.insert("a.test", vec!["127.0.0.1".parse().unwrap()]);
    book.addresses.insert("b.test", vec!["127.0.0.2".parse().unwrap()]);
    book.addresses.insert("c.test", vec!["::1".parse().unwrap(), "127.0.0.3".parse().unwrap()]);
    book.exchanges.insert(EST, vec![(0, ".".to_owned())]);
    let relay = world.relay_with(Arc::new(book));
    world.send(Letter::to(&[&format!("a@{SUD}"), &format!("b@{EST}")])).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    assert_eq!((good.inbox.taken().len(), stranger.connections(), stranger.inbox.taken().len()), (1, 1, 0));
    let report = world.reports().remove(0);
    assert!(report.contains("Status: 5.1.10") && report.contains(EST), "{report}");
    world.end(relay).await;
}

#[tokio::test]
async fn a_host_that_fails_its_check_beside_one_that_is_away_ends_nothing() {
    let mut world = World::start().await;
    let stranger = Peer::start_on(&world.tls("nord"), "127.0.0.2:0").await;
    world.settings.port = stranger.port;
    for hosts in [[(10, "away.test."), (20, "stranger.test.")], [(20, "away.test."), (10, "stranger.test.")]]
    {
        let mut book = Book::default();
        book.exchanges.insert(SUD, hosts.map(|(number, name)| (number, name.to_owned())).to_vec());
        book.addresses.insert("away.test", vec!["127.0.0.1".parse().unwrap()]);
        book.addresses.insert("stranger.test", vec!["127.0.0.2".parse().unwrap()]);
        let relay = world.relay_with(Arc::new(book));
        world.send(Letter::to(&[&format!("a@{SUD}")])).await;
        world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
        let entry = world.queue().remove(0);
        assert!(entry.distrusted_since.is_none() && entry.last.unwrap().contains("no-connection"));
        world.clock.advance(SignedDuration::from_hours(5));
        world.until("another attempt", |world| world.queue()[0].attempts == 2).await;
        let id = world.queue()[0].id;
        world.store.settle(vec![(id, store::Settlement::Gone)], None, Vec::new()).await.unwrap();
        relay.stop().await;
    }
    assert!(stranger.inbox.taken().is_empty());
    let relay = world.relay();
    world.end(relay).await;
}

#[tokio::test]
async fn what_is_over_its_time_without_a_list_is_one_report_for_each_message() {
    let mut world = World::start().await;
    world.clock.advance(SignedDuration::from_hours(16 * 24));
    world.settings.page = 2;
    let lifetime = Some(SignedDuration::from_mins(1));
    let to = [format!("a@{SUD}"), format!("b@{EST}"), format!("c@{SUD}")];
    for _ in 0..3 {
        world.send(Letter { lifetime, ..Letter::to(&[&to[0], &to[1], &to[2]]) }).await;
    }
    world.clock.advance(SignedDuration::from_mins(1));
    let relay = world.relay();
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    let reports = world.reports();
    assert_eq!(reports.len(), 3);
    for (report, to) in reports.iter().flat_map(|report| to.iter().map(move |to| (report, to))) {
        assert!(report.contains(&format!("Final-Recipient: rfc822; {to}")), "{report}");
    }
    world.end(relay).await;
}
