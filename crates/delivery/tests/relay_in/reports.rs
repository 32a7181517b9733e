//! Reports of success: queued back to the sender that asked, in the commit that delivers (RFC 3461, M-7).

use smtp::{MailFrom, Notify, Policy, Recipient};
use store::{Action, Queued};

use crate::world::*;

const ON_SUCCESS: Notify = Notify { success: true, failure: true, delay: false };

/// Sends with these recipients, each with what its sender asks for.
async fn send(world: &World, from: MailFrom, to: &[(&str, Option<Notify>)], content: &[u8]) -> String {
    let sud = world.sud();
    let peer = world.known(&sud).await.unwrap();
    let mut envelope = world.policy.mail(&sud, Some(&peer), from).await.unwrap();
    for (to, notify) in to {
        let orcpt = Some(format!("rfc822;ancien.{to}"));
        let recipient = Recipient { path: (*to).to_owned(), notify: *notify, orcpt };
        world.policy.rcpt(&sud, &mut envelope, recipient).await.unwrap();
    }
    world.content(&sud, envelope, content).await.unwrap().id
}

fn queue(world: &World) -> Vec<Queued> {
    world.house.store.reader().queue_list(None, 100).unwrap()
}

fn content(world: &World, queued: &Queued) -> String {
    let reader = world.house.store.reader();
    let (header, source) = reader.queued_content(queued.id).unwrap().unwrap();
    let mut whole = header.to_vec();
    let start = whole.len();
    while ((whole.len() - start) as u64) < source.len() {
        whole.extend_from_slice(&source.chunk((whole.len() - start) as u64).unwrap());
    }
    String::from_utf8(whole).unwrap()
}

#[tokio::test]
async fn who_asks_for_it_is_told_that_the_message_arrived() {
    let world = World::start().await;
    let from = MailFrom { envid: Some("QQ+314".into()), ..mail(SENDER) };
    let letter = letter("Subject: resultat", "medical secret");
    let to = [(DOCTOR, Some(ON_SUCCESS)), (INTERN, None), (DEPARTMENT, Some(Notify::default()))];
    let id = send(&world, from, &to, &letter).await;
    let queue = queue(&world);
    let [queued] = queue.as_slice() else { panic!("{queue:?}") };
    assert_eq!((queued.recipient.to_string(), &queued.reverse_path), (SENDER.to_owned(), &None));
    assert_eq!((queued.sender, queued.smtputf8), (None, false));
    let report = content(&world, queued);
    for part in [
        "multipart/report",
        "Original-Envelope-Id: QQ+314",
        &format!("Original-Recipient: rfc822;ancien.{DOCTOR}"),
        &format!("Final-Recipient: rfc822; {DOCTOR}"),
        "Action: delivered",
        "Status: 2.0.0",
        "Subject: resultat",
        "From: ",
        "postmaster@chu-nord.mssante.fr",
    ] {
        assert!(report.contains(part), "{part} in {report}");
    }
    assert!(!report.contains(INTERN) && !report.contains(DEPARTMENT), "nobody else is told of: {report}");
    assert!(!report.contains("medical secret") && !report.contains("Return-Path"), "{report}");
    let told = world.house.traces(&id).await;
    let told = told.iter().find(|trace| trace.action == Action::Report).unwrap();
    assert!(told.detail.contains(&("report".into(), queued.message.to_string())), "{told:?}");
    let own = world.house.traces(&queued.message.to_string()).await;
    assert_eq!(own.iter().map(|trace| trace.action).collect::<Vec<_>>(), [Action::Queue]);
    world.end().await;
}

#[tokio::test]
async fn nobody_else_is_written_to() {
    let world = World::start().await;
    let plain = letter("", "x");
    send(&world, mail(SENDER), &[(DOCTOR, None)], &plain).await;
    send(&world, mail(SENDER), &[(INTERN, Some(Notify { success: false, ..ON_SUCCESS }))], &plain).await;
    send(&world, mail(""), &[(DEPARTMENT, Some(ON_SUCCESS))], &plain).await;
    assert!(queue(&world).is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_retry_is_not_reported_twice() {
    let world = World::start().await;
    let letter = letter("", "x");
    for _ in 0..2 {
        send(&world, mail(SENDER), &[(DOCTOR, Some(ON_SUCCESS))], &letter).await;
    }
    assert_eq!((queue(&world).len(), world.house.kept()), (1, 1));
    world.end().await;
}
