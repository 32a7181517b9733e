//! As whom a peer may write: its own domains only, in the envelope and in the one From field (M-2, M-9).

use smtp::{MailFrom, Policy};

use crate::world::*;

#[tokio::test]
async fn a_peer_speaks_for_each_of_its_domains_wherever_they_are() {
    let world = World::start().await;
    let sud = world.sud();
    for from in [SENDER, SENDER_LABO, "Quelqu.UN@Clinique-Sud.MSSANTE.fr"] {
        let content = letter("Subject: a", "x").replace_from(from);
        world.send(&sud, from, &[DOCTOR], &content).await.unwrap();
    }
    world.send(&world.est(), STRANGER, &[DOCTOR], &letter("", "x").replace_from(STRANGER)).await.unwrap();
    assert_eq!(world.house.inbox(DOCTOR).len(), 4);
    world.end().await;
}

#[tokio::test]
async fn a_peer_does_not_speak_for_others() {
    let world = World::start().await;
    let (sud, est) = (world.sud(), world.est());
    for (connection, from, reason) in [
        (&sud, STRANGER, "not-listed-for-domain"),
        (&est, SENDER, "not-listed-for-domain"),
        (&sud, DOCTOR, "not-listed-for-domain"),
        (&sud, "x@service.clinique-sud.mssante.fr", "domain-unlisted"),
        (&sud, "x@mssante.fr", "domain-unlisted"),
        (&sud, "x@exemple.fr", "domain-unlisted"),
        (&sud, "x@apicrypt.org", "domain-unlisted"),
    ] {
        let peer = world.known(connection).await.unwrap();
        let (code, status, text) = refused(world.mail(connection, &peer, from).await);
        assert_eq!((code, status.as_str()), (550, "5.7.1"), "{from}: {text}");
        assert!(text.starts_with(&format!("MAIL FROM <{from}>: {reason}: ")), "{text}");
        // the same in the From field, behind an envelope that is its own
        let own = if std::ptr::eq(connection, &sud) { SENDER } else { STRANGER };
        let content = letter("Subject: a", "x").replace_from(from);
        let (code, status, text) = refused(world.send(connection, own, &[DOCTOR], &content).await);
        assert_eq!((code, status.as_str()), (550, "5.7.1"), "{from}: {text}");
        assert!(text.starts_with(&format!("From <{from}>: {reason}: ")), "{text}");
    }
    assert_eq!(world.house.kept(), 0);
    world.end().await;
}

#[tokio::test]
async fn the_listed_name_with_another_organisation_is_told_apart() {
    let world = World::start().await;
    let namesake =
        demo_pki::Name::server("smtp.clinique-sud.fr", "1590000001", "Clinique d'ailleurs", "Nord (59)");
    let mut rows = rows(world.now());
    rows.push(demo_pki::Row::new("ailleurs.mssante.fr", &namesake, world.now()));
    world.publish(&rows);
    let shown = world.showing(&world.issue(namesake));
    let peer = world.known(&shown).await.unwrap();
    let (code, status, text) = refused(world.mail(&shown, &peer, SENDER).await);
    assert_eq!((code, status.as_str()), (550, "5.7.14"), "{text}");
    assert!(text.contains("other-name: "), "{text}");
    assert!(world.mail(&shown, &peer, "x@ailleurs.mssante.fr").await.is_ok());
    world.end().await;
}

#[tokio::test]
async fn every_mailbox_of_the_one_from_field_is_judged() {
    let world = World::start().await;
    let sud = world.sud();
    for (from, result) in [
        (format!("From: {SENDER}, {SENDER_LABO}"), None),
        (format!("From: \"Trois, Dr\" <{SENDER}> (x@exemple.fr)"), None),
        (format!("From: {SENDER}, {STRANGER}"), Some((550, "5.7.1"))),
        (format!("From: {SENDER}\r\nFrom: {SENDER}"), Some((550, "5.6.0"))),
        (format!("From: {SENDER}\r\nFROM : {STRANGER}"), Some((550, "5.6.0"))),
        ("X-From: nobody".to_owned(), Some((550, "5.6.0"))),
        ("From:".to_owned(), Some((550, "5.6.0"))),
        ("From: Dr Trois".to_owned(), Some((550, "5.6.0"))),
        (format!("From: {SENDER} <{STRANGER}>"), Some((550, "5.6.0"))),
        (format!("From: <{SENDER}> {STRANGER}"), Some((550, "5.6.0"))),
        (format!("From: {SENDER}\r\nSubject: a\r\nSubject: b"), Some((550, "5.6.0"))),
        (format!("From: {SENDER}\r\nSender: {STRANGER}\r\nReply-To: x@exemple.fr"), None),
    ] {
        let content = format!("{from}\r\nMessage-ID: <{}@x>\r\n\r\nx\r\n", from.len());
        let answer = world.send(&sud, SENDER, &[DOCTOR], content.as_bytes()).await;
        match result {
            None => drop(answer.unwrap()),
            Some((code, status)) => {
                let (got, enhanced, text) = refused(answer);
                assert_eq!((got, enhanced.as_str()), (code, status), "{from}: {text}");
            }
        }
    }
    world.end().await;
}

#[tokio::test]
async fn with_the_null_reverse_path_any_listed_operator_reports_what_it_wants() {
    let world = World::start().await;
    let sud = world.sud();
    for from in ["From: mailer-daemon@exemple.fr", "From: Mail Delivery System", "X-No: from at all"] {
        let content = format!("{from}\r\nMessage-ID: <{}@x>\r\nSubject: non remis\r\n\r\nx\r\n", from.len());
        world.send(&sud, "", &[DOCTOR], content.as_bytes()).await.unwrap();
    }
    let (header, _) = world.house.inbox(DOCTOR).remove(0);
    assert!(header.starts_with("Return-Path: <>\r\n"), "{header}");
    let twice = "From: a@exemple.fr\r\nFrom: b@exemple.fr\r\n\r\nx\r\n";
    assert_eq!(refused(world.send(&sud, "", &[DOCTOR], twice.as_bytes()).await).1, "5.6.0");
    let twice = "From: a@exemple.fr\r\nSubject: b\r\nsubject : c\r\n\r\nx\r\n";
    assert_eq!(refused(world.send(&sud, "", &[DOCTOR], twice.as_bytes()).await).1, "5.6.0");
    world.end().await;
}

#[tokio::test]
async fn a_reverse_path_is_readable_ascii_unless_said_otherwise_and_not_too_large() {
    let world = World::start().await;
    let sud = world.sud();
    let peer = world.known(&sud).await.unwrap();
    let of = async |from: MailFrom| refused(world.policy.mail(&sud, Some(&peer), from).await).1;
    assert_eq!(of(mail("a b@clinique-sud.mssante.fr")).await, "5.1.7");
    let foreign = mail("médecin@clinique-sud.mssante.fr");
    assert_eq!(of(foreign.clone()).await, "5.6.7");
    assert!(world.policy.mail(&sud, Some(&peer), MailFrom { smtputf8: true, ..foreign }).await.is_ok());
    assert_eq!(of(MailFrom { size: Some(90_000_001), ..mail(SENDER) }).await, "5.3.4");
    world.end().await;
}

trait FromField {
    /// The same letter from somebody else.
    fn replace_from(&self, from: &str) -> Vec<u8>;
}

impl FromField for Vec<u8> {
    fn replace_from(&self, from: &str) -> Vec<u8> {
        let text = String::from_utf8(self.clone()).unwrap();
        text.replace(&format!("From: Dr Trois <{SENDER}>"), &format!("From: <{from}>")).into_bytes()
    }
}
