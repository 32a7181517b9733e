//! Full boxes: refused at RCPT, never after a 250; what the service itself has to say still arrives (M-12).

use smtp::{Notify, Policy, Recipient};

use crate::world::*;

#[tokio::test]
async fn a_full_box_is_said_at_rcpt_to_whoever_may_write_to_it() {
    let world = World::start().await;
    world.set_messages(SECRETARY, 1).await;
    world.send(DOCTOR, DOCTOR, &[SECRETARY], &letter("Subject: a", "x")).await.unwrap();
    let again = letter("Subject: b", "x");
    let (code, status, text) = refused(world.send(DOCTOR, DOCTOR, &[SECRETARY, INTERN], &again).await);
    assert_eq!((code, status.as_str()), (452, "4.2.2"), "{text}");
    assert!(text.contains("this box is full") && text.contains("cette boite est pleine"), "{text}");
    let reasons: Vec<_> =
        world.traces(trace_of(&text)).await.into_iter().flat_map(|trace| trace.detail).collect();
    assert!(reasons.contains(&("reason".into(), "mailbox-full".into())), "{reasons:?}");
    world.send(DOCTOR, DOCTOR, &[INTERN], &again).await.unwrap();
    world.set_messages(SECRETARY, 2).await;
    world.send(DOCTOR, DOCTOR, &[SECRETARY], &letter("Subject: c", "x")).await.unwrap();
    assert_eq!(world.inbox(SECRETARY).len(), 2);
    world.end().await;
}

#[tokio::test]
async fn a_sender_whose_own_box_is_full_is_still_told_what_became_of_its_message() {
    let world = World::start().await;
    world.set_messages(DOCTOR, 0).await;
    let principal = world.login(DOCTOR).await;
    let connection = connection();
    let mut envelope = world.policy.mail(&connection, Some(&principal), mail(DOCTOR)).await.unwrap();
    let notify = Some(Notify { success: true, failure: true, delay: false });
    world.policy.rcpt(&connection, &mut envelope, Recipient { notify, ..INTERN.into() }).await.unwrap();
    let mut incoming = world.policy.data(&connection, envelope).await.unwrap();
    world.policy.chunk(&mut incoming, &letter("Subject: a", "x")).await.unwrap();
    world.policy.finish(incoming).await.unwrap();
    let (report, _) = world.inbox(DOCTOR).remove(0);
    let report = String::from_utf8(report).unwrap();
    assert!(report.contains("multipart/report"), "{report}");
    let id = report.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
    let first = world.store.reader().first_reception(world.account(DOCTOR).id, &id).unwrap();
    assert_eq!(first, Some(store::Day::of(world.now())), "it counts as received, like any message (S-4.3)");
    drop(principal);
    world.end().await;
}
