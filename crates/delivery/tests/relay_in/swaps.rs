//! The trust space changes while sessions are open: what ends is refused from that moment, what stays goes on (M-1, M-4, S-1.5).

use std::time::Duration;

use demo_pki::Tier;
use smtp::Policy;
use tokio::time::timeout;

use crate::world::*;

/// Rights that end, end sessions within this time.
const AT_MOST: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_domain_that_leaves_the_list_is_refused_at_once_and_the_others_are_not() {
    let world = World::start().await;
    let (sud, content) = (world.sud(), letter("Subject: a", "x"));
    let peer = world.known(&sud).await.unwrap();
    let mut begun = world.mail(&sud, &peer, SENDER).await.unwrap();
    world.policy.rcpt(&sud, &mut begun, DOCTOR.into()).await.unwrap();
    let mut rows = rows(world.now());
    let removed = rows.remove(0);
    world.publish(&rows);
    let (code, status, text) = refused(world.content(&sud, begun, &content).await);
    assert_eq!((code, status.as_str()), (550, "5.7.1"), "{text}");
    assert!(text.starts_with(&format!("MAIL FROM <{SENDER}>: domain-unlisted: ")), "{text}");
    let (_, status, text) = refused(world.mail(&sud, &peer, SENDER).await);
    assert_eq!(status, "5.7.1", "{text}");
    let labo = String::from_utf8(content.clone()).unwrap().replace(SENDER, SENDER_LABO);
    world.send(&sud, SENDER_LABO, &[DOCTOR], labo.as_bytes()).await.unwrap();
    let session = world.policy.revoked(&peer);
    assert!(
        timeout(Duration::from_millis(50), session).await.is_err(),
        "still an operator: its session goes on"
    );
    rows.push(removed);
    world.publish(&rows);
    world.send(&sud, SENDER, &[DOCTOR], &content).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn what_ends_while_the_body_comes_is_refused_at_the_last_byte() {
    let world = World::start().await;
    let sud = world.sud();
    let report =
        b"Received: by x; now\r\nFrom: mailer-daemon@smtp.clinique-sud.fr\r\nDate: x\r\n\r\nx".to_vec();
    let labo = letter(&format!("Reply-To: {SENDER_LABO}"), "x");
    let labo = String::from_utf8(labo).unwrap().replace(&format!("<{SENDER}>"), &format!("<{SENDER_LABO}>"));
    for (path, content, leave, start) in [
        (SENDER, letter("Subject: a", "x"), 1, format!("MAIL FROM <{SENDER}>: domain-unlisted: ")),
        // only its reverse-path is of the domain that leaves, or only its From
        (SENDER, labo.into_bytes(), 1, format!("MAIL FROM <{SENDER}>: domain-unlisted: ")),
        (SENDER_LABO, letter("Subject: a", "x"), 1, format!("From <{SENDER}>: domain-unlisted: ")),
        ("", report, 2, "not-listed: ".to_owned()),
    ] {
        let peer = world.known(&sud).await.unwrap();
        let mut begun = world.mail(&sud, &peer, path).await.unwrap();
        world.policy.rcpt(&sud, &mut begun, DOCTOR.into()).await.unwrap();
        let mut incoming = world.policy.data(&sud, begun).await.unwrap();
        world.policy.chunk(&mut incoming, &content).await.unwrap();
        world.publish(&rows(world.now()).split_off(leave));
        let (_, status, text) = refused(world.policy.finish(incoming).await);
        assert!(text.starts_with(&start) && status.starts_with("5.7."), "{path}: {status} {text}");
        world.publish(&rows(world.now()));
    }
    assert_eq!(world.house.kept(), 0);
    world.end().await;
}

#[tokio::test]
async fn an_operator_that_leaves_the_list_loses_its_session() {
    let world = World::start().await;
    let sud = world.sud();
    let peer = world.known(&sud).await.unwrap();
    let begun = world.mail(&sud, &peer, "").await.unwrap();
    drop(begun);
    world.publish(&rows(world.now()).split_off(2));
    timeout(AT_MOST, world.policy.revoked(&peer)).await.unwrap();
    let (code, status, text) = refused(world.mail(&sud, &peer, "").await);
    assert_eq!((code, status.as_str()), (550, "5.7.14"), "{text}");
    assert!(text.starts_with("not-listed: "), "{text}");
    let est = world.est();
    world.known(&est).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_certificate_revoked_in_the_middle_of_a_session_ends_it() {
    let world = World::start().await;
    let issued = world.issue(sud());
    let shown = world.showing(&issued);
    let peer = world.known(&shown).await.unwrap();
    let mut begun = world.mail(&shown, &peer, SENDER).await.unwrap();
    world.policy.rcpt(&shown, &mut begun, DOCTOR.into()).await.unwrap();
    world.pki.revoke(Tier::Organisations, &issued.serial, world.now()).unwrap();
    world.refresh();
    timeout(AT_MOST, world.policy.revoked(&peer)).await.unwrap();
    let (code, status, text) = refused(world.content(&shown, begun, &letter("", "x")).await);
    assert_eq!((code, status.as_str()), (550, "5.7.8"), "{text}");
    assert!(text.contains("revoked: "), "{text}");
    let (_, _, text) = refused(world.mail(&shown, &peer, SENDER).await);
    assert!(text.starts_with("revoked: "), "{text}");
    assert_eq!(world.house.kept(), 0);
    world.end().await;
}

#[tokio::test]
async fn a_list_that_says_the_same_changes_nothing() {
    let world = World::start().await;
    let sud = world.sud();
    let peer = world.known(&sud).await.unwrap();
    let mut rows = rows(world.now());
    rows.push(demo_pki::Row::new("nouveau.mssante.fr", &est(), world.now()));
    world.publish(&rows);
    let mut begun = world.mail(&sud, &peer, SENDER).await.unwrap();
    world.policy.rcpt(&sud, &mut begun, DOCTOR.into()).await.unwrap();
    world.content(&sud, begun, &letter("", "x")).await.unwrap();
    assert_eq!(world.house.kept(), 1);
    world.end().await;
}
