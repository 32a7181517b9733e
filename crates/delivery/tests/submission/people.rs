//! Who may log in and send, as whom (S-1.5, S-1.7, S-3.5, M-5).

use std::time::Duration;

use mssante::State;
use smtp::Policy;
use store::{Action, Outcome};

use crate::world::*;

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_look_alike() {
    let world = World::start().await;
    let wrong = world.try_login(DOCTOR, "devine").await.map(drop).unwrap_err();
    let unknown = world.try_login("personne@chu-nord.fr", PASSWORD).await.map(drop).unwrap_err();
    let not_a_person = world.try_login(DEPARTMENT, PASSWORD).await.map(drop).unwrap_err();
    assert_eq!((wrong.code(), wrong.status()), (535, "5.7.8"));
    assert_eq!(wrong, unknown);
    assert_eq!(wrong, not_a_person);
    world.end().await;
}

#[tokio::test]
async fn a_client_that_guesses_is_told_to_wait() {
    let world = World::start().await;
    let mut codes = Vec::new();
    for _ in 0..60 {
        codes.push(world.try_login(DOCTOR, "devine").await.map(drop).unwrap_err().code());
    }
    assert_eq!(codes.first(), Some(&535));
    assert_eq!(codes.last(), Some(&454));
    let right = world.try_login(DOCTOR, PASSWORD).await.map(drop).unwrap_err();
    assert_eq!((right.code(), right.status()), (454, "4.7.0"));
    world.end().await;
}

#[tokio::test]
async fn nobody_sends_before_logging_in() {
    let world = World::start().await;
    let reply = world.policy.mail(&connection(), None, mail(DOCTOR)).await.map(drop).unwrap_err();
    assert_eq!((reply.code(), reply.status()), (530, "5.7.0"));
    world.end().await;
}

#[tokio::test]
async fn one_sends_under_ones_own_addresses_and_those_of_the_box_acted_as() {
    let world = World::start().await;
    let as_box = format!("{DEPARTMENT}*{DOCTOR}");
    let own_box = b"From: cardiologie@chu-nord.fr\r\nSubject: #med# a\r\n\r\n";
    let letter = letter("Subject: #med# a", "Bonjour\r\n");
    for (user, from, content, accepted) in [
        (DOCTOR, DOCTOR, letter.as_slice(), true),
        (DOCTOR_LOGIN, DOCTOR_LOGIN, &letter, true),
        (DOCTOR, INTERN, &letter, false),
        (DOCTOR, DEPARTMENT, own_box, false),
        (&as_box, DEPARTMENT, own_box, true),
        (&as_box, DEPARTMENT_LOGIN, own_box, true),
        (&as_box, DOCTOR, &letter, false),
        (&as_box, DEPARTMENT, &letter, false),
    ] {
        let answer = world.send(user, from, &[INTERN], content).await;
        assert_eq!(answer.is_ok(), accepted, "{user} as {from}");
        if !accepted {
            let (code, status, _) = refused(answer);
            assert_eq!((code, status.as_str()), (550, "5.7.1"));
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_med_person_has_the_rights_of_the_box_acted_as() {
    let world = World::start().await;
    let content = |from: &str| format!("From: {from}\r\nSubject: #med# a\r\n\r\n").into_bytes();
    let (code, status, text) = refused(world.send(SECRETARY, SECRETARY, &[PEER], &content(SECRETARY)).await);
    assert_eq!((code, status.as_str()), (550, "5.7.1"));
    assert!(text.contains(PEER), "{text}");
    let as_box = format!("{DEPARTMENT}*{SECRETARY}");
    let (code, status, text) = refused(world.send(&as_box, DEPARTMENT, &[PEER], &content(DEPARTMENT)).await);
    assert_eq!((code, status.as_str()), (451, "4.7.0"), "{text}");
    assert!(text.contains("no MSSante white list"), "{text}");
    world.end().await;
}

#[tokio::test]
async fn traces_name_the_person_and_the_box() {
    let world = World::start().await;
    let content = format!("From: {DEPARTMENT}\r\nSubject: #med# secret\r\n\r\nsecret\r\n");
    let user = format!("{DEPARTMENT}*{DOCTOR}");
    let id = world.send(&user, DEPARTMENT, &[INTERN, SECRETARY], content.as_bytes()).await.unwrap().id;
    let traces = world.traces(&id).await;
    let (doctor, department) = (world.account(DOCTOR).id, world.account(DEPARTMENT).id);
    let sends: Vec<_> = traces.iter().filter(|t| t.action == Action::Send).collect();
    assert_eq!(sends.len(), 1);
    assert_eq!((sends[0].person, sends[0].acting_as), (Some(doctor), Some(department)));
    assert_eq!(sends[0].peer, Some("192.0.2.7".parse().unwrap()));
    assert_eq!(sends[0].outcome, Outcome::Done);
    let mut receivers: Vec<_> =
        traces.iter().filter(|t| t.action == Action::Receive).map(|t| t.acting_as.unwrap()).collect();
    receivers.sort();
    let mut expected = [world.account(INTERN).id, world.account(SECRETARY).id];
    expected.sort();
    assert_eq!(receivers, expected);
    assert!(!format!("{traces:?}").contains("secret\""), "never content: {traces:?}");
    world.end().await;
}

#[tokio::test]
async fn a_suspension_ends_the_session_and_stops_what_is_in_flight() {
    let world = World::start().await;
    let principal = world.login(DOCTOR).await;
    world.set_state(DOCTOR, State::Suspendu).await;
    tokio::time::timeout(Duration::from_secs(20), world.policy.revoked(&principal)).await.unwrap();
    let content = letter("Subject: #med# a", "");
    let (code, status, _) = refused(world.send_as(&principal, DOCTOR, &[INTERN], &content).await);
    assert_eq!((code, status.as_str()), (550, "5.7.1"), "even a session that goes on sends nothing");
    assert_eq!(world.kept(), 0);
    drop(principal);
    world.end().await;
}
