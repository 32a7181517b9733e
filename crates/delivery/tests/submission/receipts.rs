//! Read receipts of mail clients come with the null reverse-path (RFC 8098 §3.2): every other rule stands.

use mssante::State;
use smtp::Policy;
use store::Action;

use crate::world::*;

/// A receipt as a client sends it.
fn receipt(from: &str) -> Vec<u8> {
    format!(
        "From: {from}\r\nDate: Sat, 21 Nov 2026 11:00:00 +0100\r\nSubject: Lu : resultat\r\nIn-Reply-To: <lettre@poste>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
         --b\r\n\r\nLu.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n\
         Disposition: manual-action/MDN-sent-manually; displayed\r\n--b--\r\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_receipt_arrives_with_the_null_return_path_and_the_trace_names_who_sent_it() {
    let world = World::start().await;
    let id = world.send(INTERN, "", &[DOCTOR, SECRETARY], &receipt(INTERN)).await.unwrap().id;
    for reader in [DOCTOR, SECRETARY] {
        let (header, body) = world.inbox(reader).remove(0);
        let header = String::from_utf8(header).unwrap();
        assert!(header.starts_with("Return-Path: <>\r\n"), "{header}");
        assert_eq!(header.matches("Return-Path").count(), 1);
        assert!(!body.is_empty());
    }
    let (header, _) = world.inbox(SECRETARY).remove(0);
    assert!(String::from_utf8(header).unwrap().contains("\r\nFrom: interne.deux@chu-nord.fr\r\n"), "S-3.5");
    let traces = world.traces(&id).await;
    let send = traces.iter().find(|trace| trace.action == Action::Send).unwrap();
    assert_eq!(send.person, Some(world.account(INTERN).id));
    assert!(send.detail.contains(&("from".into(), INTERN.into())), "{send:?}");
    assert!(send.detail.contains(&("reverse-path".into(), "<>".into())), "{send:?}");
    world.end().await;
}

#[tokio::test]
async fn the_null_path_opens_no_way_around_the_rules() {
    let world = World::start().await;
    let as_box = format!("{DEPARTMENT}*{DOCTOR}");
    for (user, to, from, code, status) in [
        (INTERN, DOCTOR, DOCTOR, 550, "5.7.1"),
        (INTERN, DOCTOR, "", 550, "5.6.0"),
        (INTERN, ORDINARY, INTERN, 550, "5.7.1"),
        (SECRETARY, PEER, SECRETARY, 550, "5.7.1"),
        (INTERN, PEER, INTERN, 451, "4.7.0"),
        (INTERN, "inconnu@chu-nord.mssante.fr", INTERN, 550, "5.1.1"),
        (&as_box, INTERN, DOCTOR, 550, "5.7.1"),
    ] {
        let (got, enhanced, text) = refused(world.send(user, "", &[to], &receipt(from)).await);
        assert_eq!((got, enhanced.as_str()), (code, status), "{user} as {from} to {to}: {text}");
    }
    let principal = world.login(DOCTOR).await;
    world.set_state(DOCTOR, State::Suspendu).await;
    tokio::time::timeout(std::time::Duration::from_secs(20), world.policy.revoked(&principal)).await.unwrap();
    let (code, ..) = refused(world.send_as(&principal, "", &[INTERN], &receipt(DOCTOR)).await);
    assert_eq!(code, 550);
    let nobody = world.policy.mail(&connection(), None, mail("")).await.map(drop).unwrap_err();
    assert_eq!(nobody.code(), 530);
    assert_eq!(world.kept(), 0);
    drop(principal);
    world.end().await;
}

#[tokio::test]
async fn a_receipt_repeated_is_one_and_is_not_the_letter_under_an_address() {
    let world = World::start().await;
    let content = receipt(INTERN);
    let first = world.send(INTERN, "", &[DOCTOR], &content).await.unwrap().id;
    assert_eq!(world.send(INTERN, "", &[DOCTOR], &content).await.unwrap().id, first);
    assert_ne!(world.send(INTERN, INTERN, &[DOCTOR], &content).await.unwrap().id, first);
    assert_eq!(world.inbox(DOCTOR).len(), 2);
    world.end().await;
}
