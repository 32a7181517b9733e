//! What arrives is what was sent, under two fields more; what cannot be carried safely is refused (M-6, M-12, I-3).

use smtp::{MailFrom, Policy};

use crate::world::*;

#[tokio::test]
async fn a_message_arrives_byte_for_byte_under_its_return_path_and_one_received() {
    let world = World::start().await;
    let content = letter(
        "Subject: =?utf-8?Q?XDM/1.0/DDM+r=C3=A9sultat?=\nX-MSS-NIL: DEV1\nDisposition-Notification-To: <x@y.fr>\nReturn-Path: <old@exemple.fr>\n\
         To: Medecin Un\n\t<medecin.un@chu-nord.mssante.fr>",
        "a\r\n\r\n\u{e9}\r\n.\r\n",
    );
    let id = world.send(&world.sud(), SENDER, &[DOCTOR], &content).await.unwrap().id;
    let (header, body) = world.house.inbox(DOCTOR).remove(0);
    let rest = header.strip_prefix(&format!("Return-Path: <{SENDER}>\r\nAuthentication-Results: ")).unwrap();
    let (verified, rest) = rest.split_once("\r\nReceived: ").unwrap();
    let (domain, expected) =
        (SENDER.rsplit_once('@').unwrap().1, "mail.chu-nord.fr;\r\n\tx-mssante=pass\r\n\tsmtp.mailfrom=");
    assert!(
        verified.starts_with(&format!("{expected}{SENDER} header.from={domain}\r\n\tpolicy.certificate=\"")),
        "{verified}"
    );
    let (received, rest) = rest.split_once("\r\nReceived: by smtp.clinique-sud.fr").unwrap();
    assert!(
        received.starts_with("from smtp.clinique-sud.fr ([192.0.2.25])\r\n\t(certificate "),
        "{received}"
    );
    assert!(received.to_lowercase().contains("cn=smtp.clinique-sud.fr"), "{received}");
    assert!(
        received.contains(&format!("by mail.chu-nord.fr with ESMTPS id {id}\r\n\tfor <{DOCTOR}>;")),
        "{received}"
    );
    let whole = [b"Received: by smtp.clinique-sud.fr", rest.as_bytes(), &body].concat();
    let sent = String::from_utf8(content).unwrap().replace("Return-Path: <old@exemple.fr>\r\n", "");
    assert_eq!(String::from_utf8(whole).unwrap(), sent);
    world.end().await;
}

#[tokio::test]
async fn bodies_of_any_size_arrive_wherever_they_are_cut() {
    let world = World::start().await;
    let sud = world.sud();
    for length in [0, 1, 65_535, 65_537, 700_000] {
        let body = "0123456789abcde\r\n".repeat(length / 17 + 1);
        let content = letter(&format!("X-Length: {length}"), &body[..length]);
        world.send(&sud, SENDER, &[DEPARTMENT], &content).await.unwrap();
        let (_, kept) = world.house.inbox(DEPARTMENT).pop().unwrap();
        assert!(kept == body.as_bytes()[..length], "{length}");
    }
    let only = format!("From: {SENDER}\r\nSubject: sans corps\r\n");
    world.send(&sud, SENDER, &[INTERN], only.as_bytes()).await.unwrap();
    let (header, body) = world.house.inbox(INTERN).remove(0);
    assert!(header.ends_with(&only) || header.ends_with(&format!("{only}\r\n")), "{header}");
    assert!(body.is_empty());
    let foreign = format!("From: {STRANGER}\r\nSubject: sans corps\r\n");
    assert_eq!(refused(world.send(&sud, SENDER, &[INTERN], foreign.as_bytes()).await).1, "5.7.1");
    world.end().await;
}

#[tokio::test]
async fn loops_nul_characters_and_what_is_too_large_are_refused() {
    let world = World::with(
        |settings| {
            settings.attachment_bytes = 60;
            settings.scan.header_bytes = 8 * 1024;
        },
        |_| {},
    )
    .await;
    let sud = world.sud();
    let hops = |count: usize| format!("X-Hops: {count}{}", "\nReceived: by x; now".repeat(count));
    world.send(&sud, SENDER, &[DOCTOR], &letter(&hops(49), "x")).await.unwrap();
    let part = |bytes: usize| {
        format!(
            "--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\n{}\r\n--b--\r\n",
            "x".repeat(bytes)
        )
    };
    let mixed = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b";
    world.send(&sud, SENDER, &[DOCTOR], &letter(mixed, &part(60))).await.unwrap();
    for (content, code, status) in [
        (letter(&hops(50), "x"), 554, "5.4.6"),
        (letter("X-Note: a\0b", "x"), 550, "5.6.0"),
        (letter(mixed, &part(61)), 552, "5.3.4"),
        (letter(&format!("X-Long: {}", "x".repeat(9_000)), "x"), 552, "5.3.4"),
    ] {
        let (got, enhanced, text) = refused(world.send(&sud, SENDER, &[DOCTOR], &content).await);
        assert_eq!((got, enhanced.as_str()), (code, status), "{text}");
    }
    assert_eq!(world.house.kept(), 2);
    world.end().await;
}

#[tokio::test]
async fn addresses_beyond_ascii_come_with_smtputf8() {
    let world = World::start().await;
    let zoe = person(mssante::BoxType::Per, "Zoé", "Zoé", "zoe@chu-nord.fr", Some("zoé@chu-nord.mssante.fr"));
    world.house.create(zoe, &[]).await;
    let sud = world.sud();
    let peer = world.known(&sud).await.unwrap();
    let from = "médecin@clinique-sud.mssante.fr";
    let said = MailFrom { smtputf8: true, ..mail(from) };
    let mut envelope = world.policy.mail(&sud, Some(&peer), said).await.unwrap();
    world.policy.rcpt(&sud, &mut envelope, "zoé@chu-nord.mssante.fr".into()).await.unwrap();
    let content = format!("From: Dr É <{from}>\r\nMessage-ID: <1@x>\r\nSubject: été\r\n\r\né\r\n");
    world.content(&sud, envelope, content.as_bytes()).await.unwrap();
    let (header, _) = world.house.inbox("zoé@chu-nord.mssante.fr").remove(0);
    assert!(header.starts_with(&format!("Return-Path: <{from}>\r\n")), "{header}");
    assert!(header.contains(" with UTF8SMTPS id ") && header.contains("\r\nSubject: été\r\n"), "{header}");
    world.end().await;
}
