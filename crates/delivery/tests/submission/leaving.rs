//! Recipients at other operators: who may be written to, what is queued and what it looks like (M-9, S-3.2, S-3.4, S-3.5, I-1).

use jiff::SignedDuration;
use smtp::{MailFrom, Notify, Policy, Recipient, Ret};
use store::{Action, Outcome};

use crate::world::*;

const SUD: &str = "clinique-sud.mssante.fr";
const LISTED: [&str; 4] = ["chu-nord.mssante.fr", SUD, "mssante.apicrypt.org", "patient.mssante.fr"];
const UNLISTED: &str = "quelqu.un@ailleurs.mssante.fr";
const PATIENT: &str = "269054958815780@patient.mssante.fr";
const APICRYPT: &str = "dr.quatre@mssante.apicrypt.org";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn local_copies_and_queue_entries_come_with_one_acceptance() {
    let world = World::trusting(&LISTED).await;
    let fields = |own: &str, intern: &str, tag: &str| {
        format!(
            "From: Dr Un <{own}>\r\nReply-To: {own}\r\nTo: {PEER}, Deux <{intern}>\r\nCc: {SECRETARY}\r\n\
             Subject: {tag}r\u{e9}sultat\r\nDate: Sat, 21 Nov 2026 11:00:00 +0100\r\nMessage-ID: <m@poste>\r\n\
             X-MSS-NIL: DEV1\r\n\r\n"
        )
    };
    let body = "Bonjour,\r\n.\r\n\u{e9}t\u{e9}\r\n";
    let content = format!("{}{body}", fields(DOCTOR_LOGIN, "interne.deux@chu-nord.fr", "#med# "));
    let to = [PEER, SECRETARY, APICRYPT, PATIENT, "Medecin.Trois@Clinique-Sud.mssante.fr"];
    let id = world.send(DOCTOR, DOCTOR_LOGIN, &to, content.as_bytes()).await.unwrap().id;
    let queued = world.queued();
    let recipients: Vec<String> = queued.iter().map(|(entry, ..)| entry.recipient.to_string()).collect();
    assert_eq!(recipients, [PEER, APICRYPT, PATIENT], "each once");
    for (entry, header, got) in &queued {
        assert_eq!(entry.message.to_string(), id);
        assert_eq!(entry.reverse_path.as_ref().unwrap().to_string(), DOCTOR, "S-3.5");
        assert_eq!(entry.sender, Some(world.account(DOCTOR).id));
        assert_eq!((entry.due, entry.attempts), (world.now(), 0));
        assert_eq!(entry.expires, world.now() + SignedDuration::from_hours(5 * 24));
        assert_eq!((entry.smtputf8, entry.body), (false, store::BodyKind::EightBit));
        let (received, rest) =
            text(header).split_once("From: Dr").map(|(a, b)| (a.to_owned(), format!("From: Dr{b}"))).unwrap();
        assert_eq!(rest, fields(DOCTOR, INTERN, ""));
        assert!(
            received.starts_with("Received: from poste.chu-nord.fr ") && received.contains(&id),
            "{received}"
        );
        assert!(!received.contains("\tfor <"), "several recipients are not told of each other");
        assert_eq!(text(got), body);
    }
    let (header, _) = world.inbox(SECRETARY).remove(0);
    assert!(
        text(&header).contains("Subject: #med# r\u{e9}sultat\r\n"),
        "S-3.4: the tag stays in local copies"
    );
    assert!(text(&header).contains(&format!("\r\nFrom: Dr Un <{DOCTOR_LOGIN}>\r\n")));
    world.end().await;
}

#[tokio::test]
async fn traces_tell_the_sending_and_each_recipient_that_was_queued() {
    let world = World::trusting(&LISTED).await;
    let as_box = format!("{DEPARTMENT}*{DOCTOR}");
    let content = format!("From: {DEPARTMENT}\r\nSubject: secret\r\n\r\nsecret\r\n");
    let answer = world.send(&as_box, DEPARTMENT, &[PEER, PATIENT, INTERN], content.as_bytes()).await;
    let traces = world.traces(&answer.unwrap().id).await;
    let of = |action| traces.iter().filter(move |trace| trace.action == action).collect::<Vec<_>>();
    let [send] = of(Action::Send)[..] else { panic!("{traces:?}") };
    assert!(send.detail.contains(&("recipients".into(), "3".into())), "{send:?}");
    let queued = of(Action::Queue);
    for (trace, to) in queued.iter().zip([PEER, PATIENT]) {
        assert_eq!(trace.detail, [("to".to_owned(), to.to_owned())], "whole in the sealed trace");
        assert_eq!((trace.person, trace.acting_as), (send.person, send.acting_as));
        assert_eq!((trace.outcome, trace.at), (Outcome::Done, send.at));
    }
    assert_eq!((queued.len(), of(Action::Receive).len()), (2, 1));
    assert!(!format!("{traces:?}").contains("secret"));
    world.end().await;
}

#[tokio::test]
async fn what_is_asked_about_reports_is_kept() {
    let world = World::trusting(&LISTED).await;
    let principal = world.login(DOCTOR).await;
    let (connection, policy) = (connection(), &world.policy);
    let from = MailFrom { ret: Some(Ret::Headers), envid: Some("QQ314159".into()), ..mail(DOCTOR) };
    let mut envelope = policy.mail(&connection, Some(&principal), from).await.unwrap();
    let notify = Notify { success: true, failure: false, delay: true };
    let orcpt = "rfc822;trois@ancien.fr".to_owned();
    let first = Recipient { notify: Some(notify), orcpt: Some(orcpt.clone()), ..PEER.into() };
    for to in [first, APICRYPT.into()] {
        policy.rcpt(&connection, &mut envelope, to).await.unwrap();
    }
    let mut incoming = policy.data(&connection, envelope).await.unwrap();
    policy.chunk(&mut incoming, &letter("Subject: a", "ascii\r\n")).await.unwrap();
    policy.finish(incoming).await.unwrap();
    let queued = world.queued();
    for (entry, ..) in &queued {
        assert_eq!((entry.ret, entry.envid.as_deref()), (Some(store::Ret::Headers), Some("QQ314159")));
        assert_eq!(entry.body, store::BodyKind::SevenBit);
    }
    let kept = store::Notify { success: true, failure: false, delay: true };
    assert_eq!((queued[0].0.notify, queued[0].0.original.as_ref()), (Some(kept), Some(&orcpt)));
    assert_eq!((queued[1].0.notify, queued[1].0.original.as_ref()), (None, None));
    drop(principal);
    world.end().await;
}

#[tokio::test]
async fn a_null_reverse_path_leaves_as_it_is_and_wants_no_report() {
    let world = World::trusting(&LISTED).await;
    let receipt = format!("From: {INTERN}\r\nDate: x\r\nSubject: Lu\r\n\r\nLu.\r\n");
    world.send(INTERN, "", &[PEER], receipt.as_bytes()).await.unwrap();
    let (entry, header, _) = world.queued().remove(0);
    assert_eq!((entry.reverse_path, entry.sender), (None, None));
    assert!(!text(&header).contains("Return-Path") && text(&header).contains(&format!("\tfor <{PEER}>")));
    world.end().await;
}

#[tokio::test]
async fn utf8_is_asked_of_the_other_operator_only_where_it_is_needed() {
    let world = World::trusting(&LISTED).await;
    let principal = world.login(DOCTOR).await;
    let (connection, policy) = (connection(), &world.policy);
    for (announced, fields, needed) in
        [(true, "Subject: a", false), (true, "Subject: \u{e9}", true), (false, "Subject: \u{e9}", false)]
    {
        let from = MailFrom { smtputf8: announced, ..mail(DOCTOR) };
        let mut envelope = policy.mail(&connection, Some(&principal), from).await.unwrap();
        policy.rcpt(&connection, &mut envelope, PEER.into()).await.unwrap();
        let mut incoming = policy.data(&connection, envelope).await.unwrap();
        policy.chunk(&mut incoming, &letter(fields, if announced { "1" } else { "2" })).await.unwrap();
        policy.finish(incoming).await.unwrap();
        assert_eq!(world.queued().pop().unwrap().0.smtputf8, needed, "{announced} {fields}");
    }
    drop(principal);
    world.end().await;
}

#[tokio::test]
async fn a_retry_is_queued_once_and_other_recipients_make_another_message() {
    let world = World::trusting(&LISTED).await;
    let content = letter("Subject: a", "une fois\r\n");
    let first = world.send(DOCTOR, DOCTOR, &[PEER, INTERN], &content).await.unwrap().id;
    assert_eq!(world.send(DOCTOR, DOCTOR, &[INTERN, PEER], &content).await.unwrap().id, first);
    assert_eq!((world.queued().len(), world.inbox(INTERN).len()), (1, 1));
    assert_ne!(world.send(DOCTOR, DOCTOR, &[INTERN], &content).await.unwrap().id, first);
    assert_ne!(world.send(DOCTOR, DOCTOR, &[PEER, APICRYPT, INTERN], &content).await.unwrap().id, first);
    assert_eq!(world.queued().len(), 3);
    world.end().await;
}

#[tokio::test]
async fn the_sender_s_own_answer_to_what_left_is_secure() {
    let world = World::trusting(&LISTED).await;
    world.send(DOCTOR, DOCTOR, &[PEER], &letter("Subject: a", "")).await.unwrap();
    let again = format!("From: {DOCTOR}\r\nSubject: Re: a\r\nReferences: <lettre@poste>\r\n\r\n");
    let (_, _, said) = refused(world.send(DOCTOR, DOCTOR, &[ORDINARY], again.as_bytes()).await);
    assert!(said.contains(ORDINARY) && !said.contains("#med#"), "carried: secure, never outside: {said}");
    world.end().await;
}

#[tokio::test]
async fn trust_follows_the_list_and_nobody_gets_anything_of_what_is_refused() {
    let world = World::trusting(&LISTED).await;
    for (user, to, fields, code, status, hint) in [
        (DOCTOR, vec![INTERN, UNLISTED], "Subject: a", 550, "5.7.1", UNLISTED),
        (DOCTOR, vec![PEER, UNLISTED], "Subject: #med# a", 550, "5.7.1", "white list"),
        (DOCTOR, vec!["x@sous.clinique-sud.mssante.fr"], "Subject: a", 550, "5.7.1", "white list"),
        (DOCTOR, vec![PEER, ORDINARY], "Subject: a", 550, "5.7.1", ORDINARY),
        (DOCTOR, vec!["x@apicrypt.org"], "Subject: a", 550, "5.7.1", "\"#med# \""),
        (DOCTOR, vec!["279035121518900@patient.mssante.fr"], "Subject: a", 550, "5.1.3", "INS"),
        (SECRETARY, vec![PEER], "Subject: a", 550, "5.7.1", PEER),
        (SECRETARY, vec![APICRYPT], "Subject: a", 550, "5.7.1", APICRYPT),
        (SECRETARY, vec![UNLISTED], "Subject: a", 550, "5.7.1", UNLISTED),
    ] {
        let content = format!("From: {user}\r\n{fields}\r\n\r\n");
        let (got, enhanced, said) = refused(world.send(user, user, &to, content.as_bytes()).await);
        assert_eq!((got, enhanced.as_str()), (code, status), "{user} {to:?}: {said}");
        assert!(said.contains(hint), "{user} {to:?}: {said}");
    }
    assert_eq!((world.kept(), world.queued().len()), (0, 0));
    world.end().await;
}

#[tokio::test]
async fn a_domain_removed_from_the_list_is_refused_from_that_moment() {
    let world = World::trusting(&LISTED).await;
    let principal = world.login(DOCTOR).await;
    let (connection, policy) = (connection(), &world.policy);
    let mut envelope = policy.mail(&connection, Some(&principal), mail(DOCTOR)).await.unwrap();
    for to in [PEER, INTERN] {
        policy.rcpt(&connection, &mut envelope, to.into()).await.unwrap();
    }
    let mut incoming = policy.data(&connection, envelope).await.unwrap();
    world.clock.advance(SignedDuration::from_secs(10));
    world.list(&["chu-nord.mssante.fr"]);
    let content = letter("Subject: a", "");
    let denied = policy.chunk(&mut incoming, &content).await.unwrap_err();
    assert_eq!((denied.code(), denied.status()), (550, "5.7.1"));
    assert!(denied.lines().join(" ").contains(PEER), "{denied:?}");
    drop(incoming);
    let (code, ..) = refused(world.send(DOCTOR, DOCTOR, &[PEER], &content).await);
    assert_eq!((code, world.kept(), world.queued().len()), (550, 0, 0));
    world.clock.advance(SignedDuration::from_secs(10));
    world.list(&LISTED);
    world.send(DOCTOR, DOCTOR, &[PEER], &content).await.unwrap();
    drop(principal);
    world.end().await;
}

#[tokio::test]
async fn a_list_that_is_too_old_stops_what_leaves_for_now_and_nothing_else() {
    let world = World::trusting(&LISTED).await;
    world.clock.advance(SignedDuration::from_hours(15 * 24 + 1));
    let content = letter("Subject: #med# a", "");
    for to in [PEER, APICRYPT, UNLISTED, PATIENT] {
        let (code, status, said) = refused(world.send(DOCTOR, DOCTOR, &[to], &content).await);
        assert_eq!((code, status.as_str()), (451, "4.7.0"), "{to}: {said}");
        assert!(said.contains("too old") && said.contains("trop ancienne"), "{said}");
        let traces = world.traces(trace_of(&said)).await;
        assert!(traces[0].detail.contains(&("reason".into(), "list-too-old".into())), "{traces:?}");
    }
    let (code, ..) = refused(world.send(DOCTOR, DOCTOR, &[ORDINARY], &content).await);
    assert_eq!(code, 550, "what is outside is outside without any list");
    world.send(DOCTOR, DOCTOR, &[INTERN], &content).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn whoever_asks_is_told_that_a_message_is_in_its_box_by_the_same_commit() {
    let world = World::trusting(&LISTED).await;
    let principal = world.login(DOCTOR).await;
    let (connection, policy) = (connection(), &world.policy);
    let send = async |from: &str, content: &[u8]| {
        let from = MailFrom { envid: Some("E1".into()), ..mail(from) };
        let mut envelope = policy.mail(&connection, Some(&principal), from).await.unwrap();
        for (to, success) in [(INTERN, true), (DOCTOR, true), (SECRETARY, false), (PEER, true)] {
            let notify = Some(Notify { success, failure: true, delay: false });
            policy.rcpt(&connection, &mut envelope, Recipient { notify, ..to.into() }).await.unwrap();
        }
        let mut incoming = policy.data(&connection, envelope).await.unwrap();
        policy.chunk(&mut incoming, content).await.unwrap();
        policy.finish(incoming).await.unwrap().id
    };
    let content = letter("Subject: secret", "le corps\r\n");
    let id = send(DOCTOR, &content).await;
    assert_eq!(send(DOCTOR, &content).await, id, "a retry: neither twice");
    let inbox = world.inbox(DOCTOR);
    assert_eq!(inbox.len(), 2, "its own copy and one report");
    let (header, body) = inbox
        .iter()
        .map(|(header, body)| (text(header), text(body)))
        .find(|(header, _)| header.starts_with("Return-Path: <>\r\n"))
        .unwrap();
    assert!(header.contains("In-Reply-To: <lettre@poste>") && !header.contains("secret"), "{header}");
    for (told, is) in [(INTERN, true), (DOCTOR, true), (SECRETARY, false), (PEER, false)] {
        assert_eq!(body.contains(&format!("Final-Recipient: rfc822; {told}\r\n")), is, "{told}: {body}");
    }
    assert!(!body.contains("le corps"), "M-7");
    let traces = world.traces(&id).await;
    let reports = traces.iter().filter(|trace| trace.action == Action::Report).collect::<Vec<_>>();
    let [report] = reports[..] else { panic!("{traces:?}") };
    let name = &report.detail.iter().find(|(name, _)| name == "report").unwrap().1;
    assert!(header.contains(name), "{header}");
    let own = world.traces(name).await;
    assert!(own[0].action == Action::Receive && own[0].detail.contains(&("report-on".into(), id)), "{own:?}");
    let quiet = letter("Subject: b", "");
    send("", &quiet).await;
    assert_eq!(world.inbox(DOCTOR).len(), 3, "nobody is told about what has no reverse-path");
    drop(principal);
    world.end().await;
}
