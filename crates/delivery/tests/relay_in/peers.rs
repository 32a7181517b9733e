//! Who may speak at all: the audit matrix inbound (M-3), each refusal with its own reason (M-2, M-4).

use demo_pki::{Attribute, Leaf, Name, Space, Tier, Usage};
use jiff::SignedDuration;
use smtp::{Connection, Policy, TlsInfo};
use store::{Action, Outcome};

use crate::world::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Says MAIL with what is shown; the refusal must be this one, in two languages.
async fn refuses(world: &World, connection: &Connection, code: u16, status: &str, reason: &str) {
    let reply = world.known(connection).await.unwrap_err();
    assert_eq!((reply.code(), reply.status()), (code, status), "{reason}: {reply}");
    let lines = reply.lines();
    assert!(lines[0].starts_with(&format!("{reason}: ")), "{reason}: {reply}");
    assert!(lines[1].starts_with(&format!("{reason} : ")), "{reason}: {reply}");
    assert!(lines[2].starts_with("trace ") && lines.len() == 3, "{reply}");
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said() {
    let world = World::start().await;
    let (now, leaf) = (world.now(), |subject| Leaf::server(subject, &["smtp.example"], world.now()));
    let expired = leaf(sud()).lasting(now - 30 * DAY, now - DAY);
    let early = leaf(sud()).lasting(now + DAY, now + 30 * DAY);
    let for_servers = Leaf { usage: Usage::Server, ..leaf(sud()) };
    let for_mail = Leaf { usage: Usage::Email, ..leaf(sud()) };
    for (made, status, reason) in [
        (expired, "5.7.8", "expired"),
        (early, "5.7.8", "not-yet-valid"),
        (for_servers, "5.7.8", "wrong-usage"),
        (for_mail, "5.7.8", "wrong-usage"),
    ] {
        refuses(&world, &world.showing(&world.issue_leaf(made)), 550, status, reason).await;
    }
    let mut nothing = world.sud();
    nothing.tls = Some(TlsInfo { certificates: Vec::new(), ..nothing.tls.unwrap() });
    refuses(&world, &nothing, 550, "5.7.4", "no-certificate").await;
    let mut garbage = world.sud();
    garbage.tls = Some(TlsInfo { certificates: vec![vec![0x30, 3, 1, 2].into()], ..garbage.tls.unwrap() });
    refuses(&world, &garbage, 550, "5.7.5", "malformed-certificate").await;
    refuses(&world, &world.elsewhere(Space::Test, sud()), 550, "5.7.14", "test-certificate").await;
    refuses(&world, &world.elsewhere(Space::Foreign, sud()), 550, "5.7.14", "unknown-authority").await;
    refuses(&world, &world.elsewhere(Space::Impostor, sud()), 550, "5.7.5", "bad-signature").await;
    assert_eq!(world.house.kept(), 0);
    world.end().await;
}

#[tokio::test]
async fn who_is_not_listed_is_told_by_the_whole_name() {
    let world = World::start().await;
    let stranger = Name::server("smtp.inconnu.fr", "1590000009", "Inconnu", "Nord (59)");
    let shown = world.showing(&world.issue(stranger));
    refuses(&world, &shown, 550, "5.7.14", "not-listed").await;
    let (.., text) = refused(world.known(&shown).await);
    assert!(text.contains("cn=smtp.inconnu.fr") || text.contains("CN=smtp.inconnu.fr"), "{text}");
    let traces = world.house.traces(trace_of(&text)).await;
    let [trace] = traces.as_slice() else { panic!("{traces:?}") };
    assert_eq!((trace.action, trace.outcome, trace.person), (Action::Refuse, Outcome::Refused, None));
    assert_eq!(trace.peer, Some("192.0.2.25".parse().unwrap()));
    assert!(trace.detail.contains(&("reason".into(), "not-listed".into())), "{trace:?}");
    for fact in ["presented-subject", "presented-issuer", "presented-serial"] {
        let said = trace.detail.iter().find(|(name, _)| name == fact);
        assert!(said.is_some_and(|(_, value)| !value.is_empty()), "{fact}: {trace:?}");
    }
    assert!(trace.detail.iter().any(|(name, value)| name == "operator" && value.contains("smtp.inconnu.fr")));
    // the same common name, another organisation: told apart, since that is a mistake in the list or in the order
    let namesake = Name::server("smtp.clinique-sud.fr", "1590000001", "Clinique d'ailleurs", "Nord (59)");
    refuses(&world, &world.showing(&world.issue(namesake)), 550, "5.7.14", "other-name").await;
    // another attribute more is another name too
    let more = sud().with(Attribute::Locality, "Lille");
    refuses(&world, &world.showing(&world.issue(more)), 550, "5.7.14", "other-name").await;
    world.end().await;
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_and_its_successor_is_not() {
    let world = World::start().await;
    let issued = world.issue(sud());
    let shown = world.showing(&issued);
    world.known(&shown).await.unwrap();
    world.pki.revoke(Tier::Organisations, &issued.serial, world.now()).unwrap();
    world.refresh();
    refuses(&world, &shown, 550, "5.7.8", "revoked").await;
    let peer = world.known(&world.sud()).await.unwrap();
    assert!(peer.name().to_string().to_lowercase().contains("smtp.clinique-sud.fr"));
    world.end().await;
}

#[tokio::test]
async fn what_is_missing_here_is_a_refusal_for_now() {
    let world = World::with(|_| {}, |trust| trust.crls = trust.state.clone()).await;
    refuses(&world, &world.sud(), 451, "4.7.5", "revocation-unknown").await;
    world.end().await;
    let world = World::start().await;
    let shown = world.sud();
    world.later(8 * DAY);
    refuses(&world, &shown, 451, "4.7.5", "revocation-stale").await;
    world.end().await;
    let world = World::with(|_| {}, |trust| trust.list = trust.state.join("none.xml")).await;
    refuses(&world, &world.sud(), 451, "4.7.0", "no-list").await;
    world.end().await;
    let world = World::with(|_| {}, |trust| trust.crl_grace = 60 * DAY).await;
    let shown = world.sud();
    let peer = world.known(&shown).await.unwrap();
    world.later(16 * DAY);
    refuses(&world, &shown, 451, "4.7.0", "list-too-old").await;
    let (code, status, text) = refused(world.mail(&shown, &peer, SENDER).await);
    assert_eq!((code, status.as_str()), (451, "4.7.0"), "{text}");
    world.end().await;
}

#[tokio::test]
async fn nobody_logs_in_and_nobody_unknown_says_mail() {
    let world = World::start().await;
    let nobody = world.policy.mail(&world.sud(), None, mail(SENDER)).await;
    assert_eq!(refused(nobody).0, 530);
    let credentials = smtp::Credentials::Plain {
        authzid: None,
        authcid: DOCTOR_LOGIN.into(),
        password: zeroize::Zeroizing::new(b"x".to_vec()),
        mechanism: smtp::Mechanism::Plain,
    };
    assert_eq!(refused(world.policy.authenticate(&world.sud(), credentials).await).0, 535);
    world.end().await;
}
