//! One message, one commit: copies, traces, what answers may follow, and a retry that makes no second copy (I-1, S-3.9, M-10).

use smtp::Policy;
use store::{Action, Reader};

use crate::world::*;

#[tokio::test]
async fn each_box_gets_one_copy_and_the_traces_name_the_operator() {
    let world = World::start().await;
    let to = [DOCTOR, INTERN, DEPARTMENT];
    let id = world.send(&world.sud(), SENDER, &to, &letter("Subject: a", "x")).await.unwrap().id;
    for box_ in to {
        let (header, _) = world.house.inbox(box_).remove(0);
        assert!(!header.contains("\r\n\tfor <"), "nobody is disclosed to others: {header}");
    }
    let traces = world.house.traces(&id).await;
    assert_eq!(traces.len(), 4);
    assert_eq!(traces.iter().filter(|trace| trace.action == Action::Relay).count(), 1);
    for trace in &traces {
        assert_eq!((trace.person, trace.peer), (None, Some("192.0.2.25".parse().unwrap())));
        let operator = trace.detail.iter().find(|(name, _)| name == "operator").unwrap();
        assert!(operator.1.to_lowercase().contains("smtp.clinique-sud.fr"), "{operator:?}");
        assert!(trace.detail.contains(&("from".into(), SENDER.into())), "{trace:?}");
        assert!(!format!("{trace:?}").contains("Subject"));
    }
    let received: Vec<_> = traces.iter().filter(|trace| trace.action == Action::Receive).collect();
    for (box_, trace) in to.iter().zip(received) {
        assert_eq!(trace.acting_as, Some(world.house.account(box_).id));
        assert!(trace.detail.contains(&("to".into(), (*box_).into())), "{trace:?}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_retry_after_a_lost_answer_makes_no_second_copy() {
    let world = World::start().await;
    let (sud, content) = (world.sud(), letter("Subject: a", "x"));
    let to = [DOCTOR, INTERN];
    let first = world.send(&sud, SENDER, &to, &content).await.unwrap().id;
    // another session, after its certificate was renewed, the recipients in another order
    let again = world.send(&world.sud(), SENDER, &[INTERN, DOCTOR], &content).await.unwrap().id;
    assert_eq!(again, first, "the peer is told the first one's name");
    assert_eq!(world.house.kept(), 2);
    let repeats = world.house.traces(&first).await;
    let repeats = repeats.iter().filter(|trace| trace.action == Action::Repeat);
    assert_eq!(repeats.count(), 1);
    // anything else about it makes it another message
    let other = letter("Subject: b", "x");
    for (from, to, content) in [
        (SENDER, &[DOCTOR][..], &content),
        (SENDER_LABO, &to[..], &content),
        ("", &to[..], &content),
        (SENDER, &to[..], &other),
    ] {
        let id = world.send(&sud, from, to, content).await.unwrap().id;
        assert_ne!(id, first);
    }
    assert_eq!(world.house.kept(), 2 + 1 + 2 + 2 + 2);
    world.end().await;
}

#[tokio::test]
async fn two_operators_saying_the_same_are_two_messages() {
    let world = World::start().await;
    let content = b"From: mailer-daemon@exemple.fr\r\nMessage-ID: <1@x>\r\n\r\nx\r\n";
    let first = world.send(&world.sud(), "", &[DOCTOR], content).await.unwrap().id;
    let second = world.send(&world.est(), "", &[DOCTOR], content).await.unwrap().id;
    assert_ne!(first, second);
    assert_eq!(world.house.inbox(DOCTOR).len(), 2);
    world.end().await;
}

#[tokio::test]
async fn same_alerts_that_nothing_tells_apart_are_each_kept() {
    let world = World::start().await;
    let content = format!("From: {SENDER}\r\nSubject: alarme\r\n\r\nx\r\n");
    let sud = world.sud();
    for _ in 0..2 {
        world.send(&sud, SENDER, &[DOCTOR], content.as_bytes()).await.unwrap();
    }
    assert_eq!(world.house.inbox(DOCTOR).len(), 2);
    world.end().await;
}

#[tokio::test]
async fn recipients_may_answer_without_a_tag_and_nobody_else() {
    let world = World::start().await;
    world.send(&world.sud(), SENDER, &[DOCTOR, DEPARTMENT], &letter("", "x")).await.unwrap();
    let reader = world.house.store.reader();
    let carried =
        |reader: &Reader<'_>, box_| reader.carried(world.house.account(box_).id, "<lettre@poste>").unwrap();
    assert!(carried(&reader, DOCTOR) && carried(&reader, DEPARTMENT));
    assert!(!carried(&reader, INTERN));
    drop(reader);
    world.end().await;
}

#[tokio::test]
async fn what_is_not_finished_leaves_nothing() {
    let world = World::start().await;
    let sud = world.sud();
    let peer = world.known(&sud).await.unwrap();
    let mut envelope = world.mail(&sud, &peer, SENDER).await.unwrap();
    world.policy.rcpt(&sud, &mut envelope, DOCTOR.into()).await.unwrap();
    let mut incoming = world.policy.data(&sud, envelope).await.unwrap();
    world.policy.chunk(&mut incoming, &letter("", &"x".repeat(100_000))).await.unwrap();
    drop(incoming);
    assert_eq!(world.house.kept(), 0);
    world.end().await;
}
