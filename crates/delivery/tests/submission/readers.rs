//! What each reader gets: the variant of its class, every other byte as it was sent (S-3.5, M-6).

use mssante::{BoxType, State};

use crate::world::*;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The header less the Received field that this service puts second.
fn without_received(header: &[u8]) -> String {
    let header = text(header);
    let start = header.find("Received: ").unwrap();
    let mut end = start;
    for line in header[start..].split_inclusive("\r\n") {
        if end > start && !line.starts_with(['\t', ' ']) {
            break;
        }
        end += line.len();
    }
    format!("{}{}", &header[..start], &header[end..])
}

#[tokio::test]
async fn each_class_reads_an_address_that_it_can_answer_to() {
    let world = World::start().await;
    let body = "Bonjour,\r\n.\r\n\u{e9}t\u{e9} =3D\r\n\r\n";
    let fields = |own: &str| {
        format!(
            "From: \"Un, Docteur\"\r\n\t<{own}>\r\nSender: {own}\r\nReply-To: {own}, a@exemple.fr\r\n\
             Disposition-Notification-To: {own}\r\nTo: {DOCTOR_LOGIN}, {SECRETARY}\r\nX-MSS-INS: O\r\n\
             Subject: #med# {DOCTOR}\r\nDate: Sat, 21 Nov 2026 11:00:00 +0100\r\nMessage-ID: <m@poste>\r\n\
             Received: by ailleurs; hier\r\n\r\n"
        )
    };
    let content = format!("{}{body}", fields(DOCTOR));
    let to = [SECRETARY, DEPARTMENT, INTERN];
    let id = world.send(DOCTOR, DOCTOR, &to, content.as_bytes()).await.unwrap().id;
    for (reader, seen) in [(SECRETARY, DOCTOR_LOGIN), (DEPARTMENT, DOCTOR), (INTERN, DOCTOR)] {
        let (header, got) = world.inbox(reader).remove(0);
        assert_eq!(
            without_received(&header),
            format!("Return-Path: <{seen}>\r\n{}", fields(seen)),
            "{reader}"
        );
        assert_eq!(text(&got), body);
        let received = text(&header);
        assert!(received.starts_with(&format!("Return-Path: <{seen}>\r\nReceived: from poste.chu-nord.fr")));
        assert!(received.contains(&format!("with ESMTPSA id {id}")), "{received}");
        assert!(!received.contains("\tfor <"), "several recipients are not told of each other");
    }
    world.end().await;
}

#[tokio::test]
async fn an_account_without_mssante_address_appears_as_it_is() {
    let world = World::start().await;
    let content =
        format!("From: {SECRETARY}\r\nSubject: #med# a\r\nDate: x\r\nMessage-ID: <s@poste>\r\n\r\n");
    world.send(SECRETARY, SECRETARY, &[DOCTOR], content.as_bytes()).await.unwrap();
    let (header, body) = world.inbox(DOCTOR).remove(0);
    assert_eq!(without_received(&header), format!("Return-Path: <{SECRETARY}>\r\n{content}"));
    assert!(text(&header).contains(&format!("\tfor <{DOCTOR}>;")), "one recipient may read its own name");
    assert!(body.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_missing_date_and_message_id_are_added_once() {
    let world = World::start().await;
    let content = format!("From: {DOCTOR}\r\nSubject: #med# a\r\n\r\ntexte\r\n");
    let id = world.send(DOCTOR, DOCTOR, &[SECRETARY, INTERN], content.as_bytes()).await.unwrap().id;
    for (reader, seen) in [(SECRETARY, DOCTOR_LOGIN), (INTERN, DOCTOR)] {
        let (header, body) = world.inbox(reader).remove(0);
        let expected = format!(
            "Return-Path: <{seen}>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{id}@mail.chu-nord.fr>\r\n\
             From: {seen}\r\nSubject: #med# a\r\n\r\n"
        );
        assert_eq!(without_received(&header), expected);
        assert_eq!(text(&body), "texte\r\n");
    }
    world.end().await;
}

#[tokio::test]
async fn an_account_named_twice_gets_one_copy() {
    let world = World::start().await;
    let content = letter("Subject: #med# a", "");
    let to = [INTERN, "interne.deux@chu-nord.fr", "Interne.Deux@CHU-nord.mssante.fr", DOCTOR];
    world.send(DOCTOR, DOCTOR, &to, &content).await.unwrap();
    assert_eq!((world.inbox(INTERN).len(), world.inbox(DOCTOR).len()), (1, 1));
    world.end().await;
}

#[tokio::test]
async fn a_suspended_account_receives_and_a_rejected_one_is_unknown() {
    let world = World::start().await;
    let content = letter("Subject: #med# a", "");
    world.set_state(INTERN, State::Suspendu).await;
    world.send(DOCTOR, DOCTOR, &[INTERN], &content).await.unwrap();
    assert_eq!(world.inbox(INTERN).len(), 1);
    world.set_state(INTERN, State::Rejete).await;
    let (code, status, _) = refused(world.send(DOCTOR, DOCTOR, &[INTERN], &content).await);
    assert_eq!((code, status.as_str()), (550, "5.1.1"));
    world.end().await;
}

#[tokio::test]
async fn utf8_addresses_work_where_the_client_announces_them() {
    let world = World::start().await;
    let profile = person(BoxType::Med, "Née", "Zoé", "zoé@cabinet-nord.fr", None);
    world.create(profile, &[]).await;
    let principal = world.login(DOCTOR).await;
    let connection = connection();
    let from = smtp::MailFrom { smtputf8: true, ..mail(DOCTOR) };
    let policy = &world.policy;
    use smtp::Policy;
    let mut envelope = policy.mail(&connection, Some(&principal), from).await.unwrap();
    policy.rcpt(&connection, &mut envelope, "ZOÉ@cabinet-nord.fr".into()).await.unwrap();
    let mut incoming = policy.data(&connection, envelope).await.unwrap();
    policy.chunk(&mut incoming, &letter("Subject: #med# été", "")).await.unwrap();
    policy.finish(incoming).await.unwrap();
    let (header, _) = world.inbox("zoé@cabinet-nord.fr").remove(0);
    assert!(text(&header).contains("with UTF8SMTPSA id "));
    drop(principal);
    world.end().await;
}
