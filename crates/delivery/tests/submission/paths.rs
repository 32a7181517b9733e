//! The path of a message: what is delivered, what is refused, and that nobody gets anything of what is refused (S-3.1 to S-3.4).

use store::{Action, Outcome};

use crate::world::*;

#[tokio::test]
async fn every_refusal_says_what_happened_and_nobody_gets_anything() {
    let world = World::start().await;
    for (to, fields, code, status, hint) in [
        (vec![ORDINARY], "Subject: bonjour", 550, "5.7.1", "\"#med# \""),
        (vec![ORDINARY], "X-No-Subject: 1", 550, "5.7.1", "\"#med# \""),
        (vec![ORDINARY], "Subject: #med# bonjour", 550, "5.7.1", ORDINARY),
        (vec![DEPARTMENT, ORDINARY], "Subject: bonjour", 550, "5.7.1", ORDINARY),
        (vec![SECRETARY, ORDINARY], "Subject: bonjour", 550, "5.7.1", ORDINARY),
        (vec![ORDINARY], "Subject: #med#bonjour", 550, "5.7.1", "\"#med# \""),
        (vec![ORDINARY], "Subject: =?utf-8?Q?#m=C3=A9d#_a?=", 550, "5.7.1", "\"#med# \""),
        (vec![ORDINARY], "Subject: voir #med# ici", 550, "5.7.1", "\"#med# \""),
        (vec![ORDINARY], "Subject: a\nIn-Reply-To: <x@chu-nord.mssante.fr>", 550, "5.7.1", "\"#med# \""),
        (
            vec!["inconnu@chu-nord.mssante.fr"],
            "Subject: #med# a",
            550,
            "5.1.1",
            "inconnu@chu-nord.mssante.fr",
        ),
        (vec!["279035121518900@patient.mssante.fr"], "Subject: #med# a", 550, "5.1.3", "INS"),
        (vec!["269054958815780@patient.mssante.fr"], "Subject: #med# a", 451, "4.7.0", "white list"),
        (vec![DEPARTMENT, PEER], "Subject: #med# a", 451, "4.7.0", PEER),
        // without a list nobody knows what is listed beyond mssante.fr (M-9): no refusal for good
        (vec!["x@mssante.apicrypt.org"], "Subject: #med# a", 451, "4.7.0", "x@mssante.apicrypt.org"),
        (vec!["x@mssante.apicrypt.org"], "Subject: a", 451, "4.7.0", "x@mssante.apicrypt.org"),
        (vec!["a b@chu.fr"], "Subject: #med# a", 553, "5.1.3", "a b@chu.fr"),
        (vec!["é@chu.fr"], "Subject: #med# a", 553, "5.6.7", "SMTPUTF8"),
        (vec![DEPARTMENT], "Subject: #med# a\nSubject: b", 550, "5.6.0", "Subject"),
        (vec![DEPARTMENT], "From: a@b.fr\nSubject: #med# a", 550, "5.6.0", "From"),
        (vec![DEPARTMENT], "Sender: a@b.fr\nSubject: #med# a", 550, "5.7.1", "a@b.fr"),
    ] {
        let answer = world.send(DOCTOR, DOCTOR, &to, &letter(fields, "Bonjour\r\n")).await;
        let (got_code, got_status, text) = refused(answer);
        assert_eq!((got_code, got_status.as_str()), (code, status), "{to:?} {fields}: {text}");
        assert!(text.contains(hint), "{to:?} {fields}: {text}");
    }
    let foreign = b"From: interne.deux@chu-nord.mssante.fr\r\nSubject: #med# a\r\n\r\n";
    let (code, status, text) = refused(world.send(DOCTOR, DOCTOR, &[DEPARTMENT], foreign).await);
    assert_eq!((code, status.as_str()), (550, "5.7.1"));
    assert!(text.contains(INTERN), "{text}");
    assert_eq!(world.kept(), 0);
    world.end().await;
}

#[tokio::test]
async fn a_domain_that_looks_like_one_of_the_trust_space_is_refused_by_the_list() {
    let world = World::trusting(&["chu-nord.mssante.fr"]).await;
    let to = "x@mssante-chu.example.org";
    for (fields, hint) in [("Subject: a", "mssante-chu.example.org"), ("Subject: #med# a", to)] {
        let (code, status, text) = refused(world.send(DOCTOR, DOCTOR, &[to], &letter(fields, "")).await);
        assert_eq!((code, status.as_str()), (550, "5.7.1"), "{text}");
        assert!(text.contains(hint), "{text}");
    }
    world.end().await;
}

#[tokio::test]
async fn what_is_secure_is_delivered() {
    let world = World::start().await;
    for (to, fields) in [
        (vec![DEPARTMENT], "Subject: #med# a"),
        (vec![DEPARTMENT], "Subject: sans balise"),
        (vec![SECRETARY], "Subject: entre nous"),
        (vec![SECRETARY], "Subject: #med#presque"),
        (vec![DOCTOR_LOGIN], "Subject: Re: a"),
        (vec![SECRETARY, DEPARTMENT], "X-No-Subject: 1"),
    ] {
        let answer = world.send(DOCTOR, DOCTOR, &to, &letter(fields, "")).await;
        assert!(answer.is_ok(), "{to:?} {fields}: {:?}", refused(answer));
    }
    assert_eq!(world.kept(), 7);
    world.end().await;
}

#[tokio::test]
async fn the_tag_stays_in_local_copies() {
    let world = World::start().await;
    let fields = "Subject: Re: =?utf-8?Q?#med#_r=C3=A9sultat?=";
    world.send(DOCTOR, DOCTOR, &[DEPARTMENT, SECRETARY], &letter(fields, "")).await.unwrap();
    for reader in [DEPARTMENT, SECRETARY] {
        let (header, _) = world.inbox(reader).remove(0);
        assert!(String::from_utf8(header).unwrap().contains(&format!("\r\n{fields}\r\n")));
    }
    world.end().await;
}

#[tokio::test]
async fn an_answer_to_a_carried_message_is_secure_and_a_forged_one_gives_nothing() {
    let world = World::start().await;
    world.send(DOCTOR, DOCTOR, &[SECRETARY], &letter("Subject: #med# a", "")).await.unwrap();
    for (user, field) in
        [(SECRETARY, "In-Reply-To"), (SECRETARY, "References"), (DOCTOR, "X-Forwarded-Message-Id")]
    {
        let from = format!("From: {user}\r\nSubject: Re: a\r\n{field}: <autre@poste> <lettre@poste>\r\n\r\n");
        // Secure, and therefore never to someone outside: the recipient is named, no word of a missing tag.
        let (_, _, text) = refused(world.send(user, user, &[ORDINARY], from.as_bytes()).await);
        assert!(text.contains(ORDINARY) && !text.contains("#med#"), "{field}: {text}");
    }
    // The intern has never had that message: for him it is no answer.
    let from = format!("From: {INTERN}\r\nSubject: Re: a\r\nIn-Reply-To: <lettre@poste>\r\n\r\n");
    let (_, _, text) = refused(world.send(INTERN, INTERN, &[ORDINARY], from.as_bytes()).await);
    assert!(text.contains("#med#"), "{text}");
    world.end().await;
}

#[tokio::test]
async fn an_id_made_here_is_carried_too() {
    let world = World::start().await;
    let content = format!("From: {DOCTOR}\r\nSubject: #med# a\r\n\r\n");
    let id = world.send(DOCTOR, DOCTOR, &[SECRETARY], content.as_bytes()).await.unwrap().id;
    let answer = |user: &str| {
        format!("From: {user}\r\nSubject: Re: a\r\nIn-Reply-To: <{id}@mail.chu-nord.fr>\r\n\r\n").into_bytes()
    };
    let (_, _, text) = refused(world.send(SECRETARY, SECRETARY, &[ORDINARY], &answer(SECRETARY)).await);
    assert!(!text.contains("#med#"), "carried for her: {text}");
    let (_, _, text) = refused(world.send(INTERN, INTERN, &[ORDINARY], &answer(INTERN)).await);
    assert!(text.contains("unknown to your account"), "looks ours, unknown to him: {text}");
    world.end().await;
}

#[tokio::test]
async fn a_refusal_is_traced_with_its_reason() {
    let world = World::start().await;
    let to = "279035121518900@patient.mssante.fr";
    let (_, _, text) = refused(world.send(DOCTOR, DOCTOR, &[to], b"").await);
    let traces = world.traces(trace_of(&text)).await;
    let [refusal] = traces.as_slice() else { panic!("{traces:?}") };
    assert_eq!(refusal.action, Action::Refuse);
    assert!(refusal.detail.contains(&("to".into(), to.into())), "whole in the sealed trace");
    assert_eq!((refusal.outcome, refusal.person), (Outcome::Refused, Some(world.account(DOCTOR).id)));
    assert!(refusal.detail.contains(&("reason".into(), "patient-number".into())), "{refusal:?}");
    world.end().await;
}

#[tokio::test]
async fn postmaster_alone_is_looked_up_in_our_domain() {
    let world = World::start().await;
    let content = letter("Subject: #med# a", "");
    let (code, status, text) = refused(world.send(DOCTOR, DOCTOR, &["postmaster"], &content).await);
    assert_eq!((code, status.as_str()), (550, "5.1.1"));
    assert!(text.contains("postmaster@chu-nord.mssante.fr"), "{text}");
    world.end().await;
}
