//! What 250 means: kept once, under the name that was told; a retry makes no second copy (I-1).

use jiff::SignedDuration;
use smtp::Policy;
use store::Action;

use crate::world::*;

#[tokio::test]
async fn a_retry_is_answered_with_the_first_name_and_makes_no_copy() {
    let world = World::start().await;
    let content = letter("Subject: #med# a", "une fois\r\n");
    let first = world.send(DOCTOR, DOCTOR, &[DEPARTMENT, SECRETARY], &content).await.unwrap().id;
    world.clock.advance(SignedDuration::from_hours(24));
    let again = world.send(DOCTOR, DOCTOR, &[SECRETARY, DEPARTMENT], &content).await.unwrap().id;
    assert_eq!(again, first);
    assert_eq!((world.inbox(DEPARTMENT).len(), world.inbox(SECRETARY).len()), (1, 1));
    world.end().await;
}

#[tokio::test]
async fn anything_else_is_another_message_whatever_its_message_id() {
    let world = World::start().await;
    let content = letter("Subject: #med# a", "une fois\r\n");
    let other = letter("Subject: #med# a", "deux fois\r\n");
    let mut ids = Vec::new();
    for (from, to, content) in [
        (DOCTOR, vec![DEPARTMENT], &content),
        (DOCTOR, vec![DEPARTMENT], &other),
        (DOCTOR, vec![DEPARTMENT, SECRETARY], &content),
        (DOCTOR_LOGIN, vec![DEPARTMENT], &content),
    ] {
        ids.push(world.send(DOCTOR, from, &to, content).await.unwrap().id);
    }
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), world.inbox(DEPARTMENT).len()), (4, 4));
    world.end().await;
}

#[tokio::test]
async fn what_is_not_finished_is_not_there() {
    let world = World::start().await;
    let principal = world.login(DOCTOR).await;
    let connection = connection();
    let mut envelope = world.policy.mail(&connection, Some(&principal), mail(DOCTOR)).await.unwrap();
    world.policy.rcpt(&connection, &mut envelope, INTERN.into()).await.unwrap();
    let mut incoming = world.policy.data(&connection, envelope).await.unwrap();
    world.policy.chunk(&mut incoming, &letter("Subject: #med# a", &"x\r\n".repeat(10_000))).await.unwrap();
    for _ in 0..8 {
        world.policy.chunk(&mut incoming, &[b'y'; 32_768]).await.unwrap();
    }
    drop(incoming);
    assert_eq!(world.kept(), 0);
    drop(principal);
    world.end().await;
}

#[tokio::test]
async fn a_recipient_removed_meanwhile_makes_the_client_try_again() {
    let world = World::start().await;
    let principal = world.login(DOCTOR).await;
    let connection = connection();
    let mut envelope = world.policy.mail(&connection, Some(&principal), mail(DOCTOR)).await.unwrap();
    for to in [INTERN, SECRETARY] {
        world.policy.rcpt(&connection, &mut envelope, to.into()).await.unwrap();
    }
    let mut incoming = world.policy.data(&connection, envelope).await.unwrap();
    world.policy.chunk(&mut incoming, &letter("Subject: #med# a", "")).await.unwrap();
    world.remove(INTERN).await;
    let (code, status, _) = refused(world.policy.finish(incoming).await);
    assert_eq!((code, status.as_str()), (451, "4.3.0"));
    assert!(world.inbox(SECRETARY).is_empty(), "all of it or none");
    drop(principal);
    world.end().await;
}

#[tokio::test]
async fn a_clock_that_runs_backwards_refuses_for_now() {
    let world = World::start().await;
    let content = letter("Subject: #med# a", "");
    world.send(DOCTOR, DOCTOR, &[INTERN], &content).await.unwrap();
    let principal = world.login(DOCTOR).await;
    world.clock.advance(SignedDuration::from_mins(-10));
    let other = letter("Subject: #med# b", "");
    let (code, status, text) = refused(world.send_as(&principal, DOCTOR, &[INTERN], &other).await);
    assert_eq!((code, status.as_str()), (451, "4.3.0"));
    // A commit under way when the clock leaps would look like one that hangs: let that of the trace end first.
    assert_eq!(world.traces(trace_of(&text)).await.len(), 1);
    world.clock.advance(SignedDuration::from_mins(10));
    world.send_as(&principal, DOCTOR, &[INTERN], &other).await.unwrap();
    assert_eq!(world.inbox(INTERN).len(), 2);
    drop(principal);
    world.end().await;
}

#[tokio::test]
async fn a_repeat_is_traced() {
    let world = World::start().await;
    let content = letter("Subject: #med# a", "");
    let id = world.send(DOCTOR, DOCTOR, &[INTERN], &content).await.unwrap().id;
    assert_eq!(world.send(DOCTOR, DOCTOR, &[INTERN], &content).await.unwrap().id, id);
    let traces = world.traces(&id).await;
    let count = |action| traces.iter().filter(|t| t.action == action).count();
    assert_eq!((count(Action::Send), count(Action::Receive), count(Action::Repeat)), (1, 1, 1));
    world.end().await;
}

#[tokio::test]
async fn without_date_and_message_id_the_same_bytes_are_two_messages() {
    let world = World::start().await;
    let alert =
        format!("From: {DOCTOR}\r\nTo: {INTERN}\r\nSubject: #med# alarme\r\n\r\nchambre 12\r\n").into_bytes();
    let first = world.send(DOCTOR, DOCTOR, &[INTERN], &alert).await.unwrap().id;
    let second = world.send(DOCTOR, DOCTOR, &[INTERN], &alert).await.unwrap().id;
    assert_ne!(first, second);
    assert_eq!(world.inbox(INTERN).len(), 2);
    world.end().await;
}
