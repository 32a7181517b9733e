//! To whom other operators may write: boxes here, under their MSSanté address; nothing is relayed onward (M-2, S-1.1).

use mssante::State;
use smtp::Policy;

use crate::world::*;

#[tokio::test]
async fn only_boxes_of_ours_are_recipients() {
    let world = World::start().await;
    let sud = world.sud();
    let peer = world.known(&sud).await.unwrap();
    let mut envelope = world.mail(&sud, &peer, SENDER).await.unwrap();
    for (to, result) in [
        (DOCTOR, None),
        ("Medecin.UN@CHU-nord.mssante.fr", None),
        (DEPARTMENT, None),
        (POSTMASTER, None),
        ("postmaster", None),
        ("Postmaster@chu-nord.mssante.fr", None),
        ("inconnu@chu-nord.mssante.fr", Some((550, "5.1.1", "no such box"))),
        (DOCTOR_LOGIN, Some((550, "5.7.1", "login address"))),
        (SECRETARY, Some((550, "5.7.1", "login address"))),
        ("inconnu@chu-nord.fr", Some((550, "5.7.1", "nothing is relayed onward"))),
        (SENDER, Some((550, "5.7.1", "nothing is relayed onward"))),
        (STRANGER, Some((550, "5.7.1", "nothing is relayed onward"))),
        ("x@service.chu-nord.mssante.fr", Some((550, "5.7.1", "nothing is relayed onward"))),
        ("269054958815780@patient.mssante.fr", Some((550, "5.7.1", "nothing is relayed onward"))),
        ("quelqu.un@exemple.fr", Some((550, "5.7.1", "nothing is relayed onward"))),
        ("postmaster@exemple.fr", Some((550, "5.7.1", "nothing is relayed onward"))),
        ("a b@chu-nord.mssante.fr", Some((553, "5.1.3", ""))),
        ("zoé@chu-nord.mssante.fr", Some((553, "5.6.7", ""))),
        ("\"x@exemple.fr\"@chu-nord.mssante.fr", Some((550, "5.1.1", "no such box"))),
        ("x%exemple.fr@chu-nord.mssante.fr", Some((550, "5.1.1", "no such box"))),
        ("exemple.fr!x@chu-nord.mssante.fr", Some((550, "5.1.1", "no such box"))),
    ] {
        let answer = world.policy.rcpt(&sud, &mut envelope, to.into()).await;
        match result {
            None => answer.unwrap_or_else(|reply| panic!("{to}: {reply}")),
            Some((code, status, words)) => {
                let (got, enhanced, text) = refused(answer);
                assert_eq!((got, enhanced.as_str()), (code, status), "{to}: {text}");
                assert!(text.contains(words), "{to}: {text}");
            }
        }
    }
    world.content(&sud, envelope, &letter("Subject: a", "x\r\n")).await.unwrap();
    assert_eq!(world.house.kept(), 3, "one copy each, however often it was named");
    world.end().await;
}

#[tokio::test]
async fn a_box_that_takes_no_mail_is_as_if_unknown() {
    let world = World::start().await;
    let sud = world.sud();
    for state in State::ALL {
        world.house.set_state(INTERN, state).await;
        let answer = world.send(&sud, SENDER, &[INTERN], &letter(&format!("X-State: {state}"), "x")).await;
        if state.receives() {
            answer.unwrap();
        } else {
            let (code, status, text) = refused(answer);
            assert_eq!((code, status.as_str()), (550, "5.1.1"), "{state}: {text}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn an_account_that_lost_its_box_meanwhile_is_asked_for_again() {
    let world = World::start().await;
    let sud = world.sud();
    let peer = world.known(&sud).await.unwrap();
    let mut envelope = world.mail(&sud, &peer, SENDER).await.unwrap();
    for to in [DOCTOR, INTERN] {
        world.policy.rcpt(&sud, &mut envelope, to.into()).await.unwrap();
    }
    world.house.remove(INTERN).await;
    let (code, status, _) = refused(world.content(&sud, envelope, &letter("", "x")).await);
    assert_eq!(
        (code, status.as_str()),
        (451, "4.3.0"),
        "nobody got it: the peer tries again and learns who is gone"
    );
    assert!(world.house.inbox(DOCTOR).is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_full_box_is_said_at_rcpt_and_never_after() {
    let world = World::start().await;
    let sud = world.sud();
    world.house.set_messages(INTERN, 1).await;
    let peer = world.known(&sud).await.unwrap();
    let mut before = world.mail(&sud, &peer, SENDER).await.unwrap();
    world.policy.rcpt(&sud, &mut before, INTERN.into()).await.unwrap();
    world.send(&sud, SENDER, &[INTERN], &letter("X-Number: 1", "x")).await.unwrap();
    let mut envelope = world.mail(&sud, &peer, SENDER).await.unwrap();
    let (code, status, text) = refused(world.policy.rcpt(&sud, &mut envelope, INTERN.into()).await);
    assert_eq!((code, status.as_str()), (452, "4.2.2"), "{text}");
    assert!(text.contains("this box is full") && text.contains("cette boite est pleine"), "{text}");
    world.policy.rcpt(&sud, &mut envelope, DOCTOR.into()).await.unwrap();
    world.content(&sud, envelope, &letter("X-Number: 2", "x")).await.unwrap();
    world.content(&sud, before, &letter("X-Number: 3", "x")).await.unwrap();
    assert_eq!(world.house.inbox(INTERN).len(), 2, "what was let in at RCPT is kept");
    world.house.set_messages(INTERN, 3).await;
    world.send(&sud, SENDER, &[INTERN], &letter("X-Number: 4", "x")).await.unwrap();
    world.end().await;
}
