//! Who is told what, once, and never about a report.

use jiff::SignedDuration;
use store::{Action, Notify};
use tokio_rustls::TlsAcceptor;

use crate::{
    peers::{Peer, opened},
    world::*,
};

#[tokio::test]
async fn a_failure_is_told_in_two_languages_with_the_header_only() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let id = world.send(Letter::to(&[&format!("inconnu@{SUD}")])).await;
    world.until("a report", |world| !world.reports().is_empty()).await;
    let report = world.reports().remove(0);
    for part in [
        "Return-Path: <>",
        "From: ",
        "postmaster@chu-nord.mssante.fr",
        &format!("To: <{DOCTOR}>"),
        "Reporting-MTA: dns; mail.chu-nord.test",
        "Original-Envelope-Id: envoi-1",
        &format!("Original-Recipient: rfc822;inconnu@{SUD}"),
        "Remote-MTA: dns; 127.0.0.1",
        "Diagnostic-Code: smtp; 550 5.1.1 Unknown here",
        "Message-ID: <lettre@nord>",
        "Subject: essai",
    ] {
        assert!(report.contains(part), "{part}\n{report}");
    }
    assert!(!report.contains("deux"), "the body stays here (M-7)");
    let journey = world.journey(id);
    let told = journey.iter().find(|trace| trace.action == Action::Report).unwrap();
    let name = &told.detail.iter().find(|(name, _)| name == "report").unwrap().1;
    let receive = world.journey(name.parse().unwrap());
    assert_eq!((receive.len(), receive[0].action), (1, Action::Receive));
    world.end(relay).await;
}

#[tokio::test]
async fn the_whole_message_comes_back_where_it_was_asked_for_and_is_not_too_long() {
    let mut world = World::start().await;
    world.settings.returned_body = 100_000;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let to = format!("inconnu@{SUD}");
    let short = format!("{LETTER}{}", "une ligne d\u{e9}j\u{e0} lue\r\n".repeat(4_000));
    for (number, content) in
        [short.clone(), format!("{short}{}", "x\r\n".repeat(40_000))].into_iter().enumerate()
    {
        world.send(Letter { content, whole: true, ..Letter::to(&[&to]) }).await;
        world.until("a report", |world| world.reports().len() > number).await;
    }
    let reports = world.reports();
    let (_, enclosed) = reports[0]
        .split_once("\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
        .unwrap();
    assert!(enclosed.contains(&short[LETTER.len()..]), "every byte of its body");
    assert!(reports[0].contains("Votre message est joint en entier") && enclosed.trim_end().ends_with("--"));
    assert!(
        !reports[1].contains("d\u{e9}j\u{e0} lue")
            && reports[1].contains("Content-Type: text/rfc822-headers")
    );
    world.end(relay).await;
}

#[tokio::test]
async fn nobody_is_told_about_a_report_or_who_asked_for_none() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let unknown = format!("inconnu@{SUD}");
    let never = Some(Notify { success: false, failure: false, delay: false });
    world.send(Letter { null_path: true, ..Letter::to(&[&unknown]) }).await;
    world.send(Letter { notify: never, ..Letter::to(&[&unknown]) }).await;
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    assert!(world.reports().is_empty());
    world.until("the count", |_| relay.statistics.failed() == 2).await;
    world.end(relay).await;
}

#[tokio::test]
async fn a_sender_who_is_gone_stops_nothing() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let id = world.send(Letter::to(&[&format!("inconnu@{SUD}")])).await;
    let trace = world.journey(id).remove(0);
    world.store.remove_account(world.doctor.id, trace).await.unwrap();
    let relay = world.relay();
    world.until("an empty queue", |world| world.queue().is_empty()).await;
    world.end(relay).await;
}

#[tokio::test]
async fn success_is_told_by_us_when_the_next_hop_cannot() {
    let mut world = World::start().await;
    let acceptor = TlsAcceptor::from(world.tls("sud").relay_server(Vec::new()));
    let peer = Peer::play(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut lines = opened(stream, acceptor, "").await;
            loop {
                for (line, answer) in
                    [("MAIL", "250 x"), ("RCPT", "250 x"), ("DATA", "354 x"), (".", "250 2.0.0 Kept")]
                {
                    if !lines.hear(line).await {
                        return;
                    }
                    lines.say(answer).await;
                }
            }
        }
    })
    .await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    let to = format!("a@{SUD}");
    let notify = Some(Notify { success: true, failure: true, delay: false });
    world.send(Letter::to(&[&to])).await;
    world.send(Letter { notify, ..Letter::to(&[&to]) }).await;
    world.until("a report", |world| world.queue().is_empty() && !world.reports().is_empty()).await;
    let reports = world.reports();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("Action: relayed") && reports[0].contains("2.0.0 Kept"), "{}", reports[0]);
    world.end(relay).await;
}

#[tokio::test]
async fn a_delay_is_told_once() {
    let mut world = World::start().await;
    let peer = Peer::start(&world.tls("sud")).await;
    world.route(SUD, peer.port);
    let relay = world.relay();
    world.send(Letter::to(&[&format!("plein@{SUD}")])).await;
    world.until("an attempt", |world| world.queue()[0].attempts == 1).await;
    assert!(world.reports().is_empty());
    for attempts in [2, 3] {
        world.clock.advance(SignedDuration::from_hours(5));
        world.until("an attempt", |world| world.queue()[0].attempts == attempts).await;
        let reports = world.reports();
        assert_eq!(reports.len(), 1, "after attempt {attempts}");
        assert!(
            reports[0].contains("Action: delayed") && reports[0].contains("Will-Retry-Until"),
            "{}",
            reports[0]
        );
    }
    world.end(relay).await;
}
