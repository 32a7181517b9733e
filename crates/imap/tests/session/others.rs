//! Boxes that a person opens beside their own (S-1.7): who did what is traced, days and quotas hold, and a right that ends ends
//! what rests on it (S-1.5).

use std::time::Duration;

use imap::{
    completion::Completion,
    wire::{Names, encode::Code, grammar},
};
use jiff::SignedDuration;
use store::{KeepPlan, Quota};
use tokio::time::timeout;

use crate::{
    messages,
    stage::{Client, Stage},
};

/// For what must come, however slow the machine.
const LONG: Duration = Duration::from_secs(30);
const CARDIO: &str = "\"Other users/cardio@chu-nord.mssante.fr/INBOX\"";

#[tokio::test]
async fn an_opening_in_a_box_names_the_person_and_the_box() {
    let stage = Stage::new().await;
    let cardio = stage.org("cardio").await;
    let journey = stage.deliver_to(cardio.id, &messages::named("plain")).await;
    let mut client = stage.client();
    client.say(&format!("SELECT {CARDIO}")).await;
    client.say("FETCH 1 BODY[TEXT]").await;
    // Traces are durable with the next commit.
    client.say("STORE 1 +FLAGS (\\Flagged)").await;
    let traces = stage.traces(journey);
    assert_eq!(traces.len(), 1, "{traces:?}");
    assert_eq!((traces[0].person, traces[0].acting_as), (Some(stage.person.id), Some(cardio.id)));
    stage.end();
}

#[tokio::test]
async fn who_acts_as_a_box_sees_that_box_alone() {
    let stage = Stage::new().await;
    stage.org("cardio").await;
    stage.org("urgences").await;
    let mut client = stage.client_as("cardio@chu-nord.mssante.fr").await;
    assert!(client.say("NAMESPACE").await.starts_with("* NAMESPACE ((\"\" \"/\")) NIL NIL"));
    let listed = client.say("LIST \"\" *").await;
    assert!(listed.contains("INBOX") && !listed.contains("Other users"), "{listed}");
    assert!(
        client.say("SELECT \"Other users/urgences@chu-nord.mssante.fr/INBOX\"").await.contains("NONEXISTENT")
    );
    assert!(client.say("GETQUOTAROOT INBOX").await.contains("* QUOTA cardio@chu-nord.mssante.fr "));
    stage.end();
}

#[tokio::test]
async fn a_person_without_boxes_has_no_such_namespace() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    assert!(client.say("NAMESPACE").await.starts_with("* NAMESPACE ((\"\" \"/\")) NIL NIL"));
    assert!(!client.say("LIST \"\" *").await.contains("Other users"));
    stage.end();
}

#[tokio::test]
async fn a_right_that_ends_closes_the_box_and_what_is_open_of_it() {
    let stage = Stage::new().await;
    let cardio = stage.org("cardio").await;
    let (mut reads, mut elsewhere) = (stage.client(), stage.client());
    reads.say(&format!("SELECT {CARDIO}")).await;
    elsewhere.say(&format!("SELECT {CARDIO}")).await;
    let (ended, goes_on) = (reads.session.revoked(), elsewhere.session.revoked());
    elsewhere.say("SELECT INBOX").await;
    let closed = tokio::spawn(ended);
    stage.deliver_to(cardio.id, &messages::named("plain")).await;
    reads.say("NOOP").await;
    assert_eq!(reads.say("SEARCH BODY bonjour").await, "* SEARCH 1\r\nA OK SEARCH completed\r\n");
    stage.change(cardio.id, |cardio| cardio.openers.clear()).await;
    timeout(LONG, closed).await.expect("the session that reads there ends").unwrap();
    // A search that is through before its own watch has looked may still answer, for a moment.
    let refused = timeout(LONG, async {
        loop {
            let answer = reads.say("SEARCH BODY bonjour").await;
            if !answer.starts_with("* SEARCH") {
                return answer;
            }
        }
    });
    let refused = refused.await.expect("a search is refused");
    assert_eq!(refused, "A NO [NOPERM] The right to read this mailbox ended during the search\r\n");
    // A session that left that mailbox goes on, and finds nothing there any more.
    assert!(timeout(Duration::from_millis(300), goes_on).await.is_err());
    assert!(!elsewhere.say("LIST \"\" *").await.contains("Other users"));
    let refused = elsewhere.say(&format!("STATUS {CARDIO} (MESSAGES)")).await;
    assert_eq!(refused, "A NO [NONEXISTENT] There is no such mailbox\r\n");
    let refused = elsewhere.append(CARDIO, &messages::named("plain"), 700).await;
    assert!(refused.starts_with("A NO [TRYCREATE]"), "{refused}");
    drop(reads);
    stage.end();
}

#[tokio::test]
async fn a_copy_between_boxes_keeps_its_day_and_goes_with_it() {
    let stage = Stage::new().await;
    stage.org("cardio").await;
    let oldest = store::Day::of(stage.now());
    stage.deliver(&messages::named("plain")).await;
    stage.live(20).await;
    let mut client = stage.client();
    client.say("SELECT INBOX").await;
    assert!(client.say(&format!("COPY 1 {CARDIO}")).await.starts_with("A OK [COPYUID"));
    // The way around: the message comes as new, but it was carried for the person.
    assert!(client.append(CARDIO, &messages::named("plain"), 700).await.starts_with("A OK [APPENDUID"));
    assert!(client.say(&format!("STATUS {CARDIO} (MESSAGES)")).await.contains("MESSAGES 2"));
    loop {
        stage.clock.advance(SignedDuration::from_hours(24));
        let kept = stage.server.store.keep(&KeepPlan::default()).await.unwrap();
        if kept.erased.is_some_and(|through| through >= oldest) {
            break;
        }
    }
    assert!(client.say(&format!("STATUS {CARDIO} (MESSAGES)")).await.contains("MESSAGES 0"));
    stage.end();
}

#[tokio::test]
async fn a_box_that_is_full_takes_nothing_from_another() {
    let stage = Stage::new().await;
    let cardio = stage.org("cardio").await;
    stage.change(cardio.id, |cardio| cardio.quota = Quota { messages: Some(1), bytes: None }).await;
    for name in ["plain", "other"] {
        stage.deliver(&messages::named(name)).await;
    }
    let mut client = stage.client();
    client.say("SELECT INBOX").await;
    assert!(client.say(&format!("COPY 1:2 {CARDIO}")).await.starts_with("A NO [OVERQUOTA]"));
    assert!(client.say(&format!("MOVE 1 {CARDIO}")).await.contains("A OK MOVE"));
    assert!(client.say(&format!("MOVE 1 {CARDIO}")).await.starts_with("A NO [OVERQUOTA]"));
    assert!(client.append(CARDIO, &messages::named("plain"), 700).await.starts_with("A NO [OVERQUOTA]"));
    assert!(client.say(&format!("STATUS {CARDIO} (MESSAGES)")).await.contains("MESSAGES 1"));
    assert_eq!(client.count().await, 1, "what was not moved is where it was");
    stage.end();
}

#[tokio::test]
async fn so_many_boxes_are_listed_and_others_open_by_their_name() {
    const LISTED: usize = 200;
    let stage = Stage::new().await;
    let names: Vec<String> = (0..=LISTED).map(|number| format!("service{number:03}")).collect();
    for name in &names {
        stage.org(name).await;
    }
    let mut client = stage.client();
    let listed = client.say("LIST \"\" \"Other users/%\"").await;
    assert_eq!(listed.lines().count(), LISTED + 1, "and the completion");
    assert!(!listed.contains("service200"));
    let last = "\"Other users/service200@chu-nord.mssante.fr/INBOX\"";
    assert!(client.say(&format!("STATUS {last} (MESSAGES)")).await.contains("MESSAGES 0"));
    stage.end();
}

#[tokio::test]
async fn a_message_whose_target_is_closed_or_deleted_on_its_way_is_not_kept() {
    let stage = Stage::new().await;
    let cardio = stage.org("cardio").await;
    let mut client = stage.client();
    let message = messages::named("plain");
    let append = |mailbox: &str| format!("A APPEND {mailbox} {{{}}}\r\n", message.len());
    let (_, deleted) = grammar::parse_append(append("Dossier").as_bytes(), Names::Utf7).unwrap();
    let (_, closed) = grammar::parse_append(append(CARDIO).as_bytes(), Names::Utf7).unwrap();
    client.say("CREATE Dossier").await;
    let mut to_deleted = client.session.append_begin(&deleted).await.unwrap();
    let mut to_closed = client.session.append_begin(&closed).await.unwrap();
    to_deleted.write(&message).await.unwrap();
    to_closed.write(&message).await.unwrap();
    client.say("DELETE Dossier").await;
    stage.change(cardio.id, |cardio| cardio.openers.clear()).await;
    let code = |completion| match completion {
        Completion::No(reply) => reply.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(to_deleted.finish().await), Some(Code::TryCreate));
    assert_eq!(code(to_closed.finish().await), Some(Code::NoPerm));
    stage.end();
}

#[tokio::test]
async fn no_box_gets_a_mailbox_named_as_the_place_of_the_others() {
    let stage = Stage::new().await;
    stage.org("cardio").await;
    let mut acting = stage.client_as("cardio@chu-nord.mssante.fr").await;
    for name in ["\"Other users\"", "\"Other users/x/y\""] {
        assert!(acting.say(&format!("CREATE {name}")).await.starts_with("A NO [CANNOT]"), "{name}");
        assert!(acting.say(&format!("RENAME Sent {name}")).await.starts_with("A NO [CANNOT]"), "{name}");
    }
    stage.end();
}

#[tokio::test]
async fn whoever_looks_into_a_box_is_traced_once_however_often_they_look() {
    let stage = Stage::new().await;
    stage.org("cardio").await;
    let mut client = stage.client();
    let traces = async |client: &mut Client| {
        // Traces are durable with the next commit, and this one has none of its own.
        client.say("SUBSCRIBE INBOX").await;
        stage.server.store.prove().unwrap().traces
    };
    let before = traces(&mut client).await;
    for _ in 0..3 {
        client.say("LIST \"\" *").await;
        client.say("STATUS INBOX (MESSAGES)").await;
    }
    assert_eq!(traces(&mut client).await, before, "one's own box, and names alone");
    for _ in 0..3 {
        client.say("LIST \"\" * RETURN (STATUS (MESSAGES))").await;
        client.say(&format!("STATUS {CARDIO} (MESSAGES)")).await;
    }
    assert_eq!(traces(&mut client).await, before + 1);
    stage.end();
}

#[tokio::test]
async fn what_a_person_does_in_a_box_is_found_in_the_traces_of_both() {
    let stage = Stage::new().await;
    let cardio = stage.org("cardio").await;
    stage.deliver(&messages::named("plain")).await;
    let mut client = stage.client();
    let there = |name: &str| format!("\"Other users/cardio@chu-nord.mssante.fr/{name}\"");
    for command in [
        "SELECT INBOX".to_owned(),
        format!("COPY 1 {CARDIO}"),
        format!("MOVE 1 {CARDIO}"),
        format!("CREATE {}", there("Avis")),
        format!("SUBSCRIBE {}", there("Avis")),
        format!("RENAME {} {}", there("Avis"), there("Lettres")),
        format!("SELECT {CARDIO}"),
        "STORE 1 +FLAGS.SILENT (\\Deleted)".to_owned(),
        "EXPUNGE".to_owned(),
        "STORE 1 +FLAGS.SILENT (\\Deleted)".to_owned(),
        "CLOSE".to_owned(),
        format!("DELETE {}", there("Lettres")),
    ] {
        assert!(client.say(&command).await.contains("A OK"), "{command}");
    }
    let day = store::Day::of(stage.now());
    let told = |of| stage.server.store.reader().traces_naming(of, day, None, 100).unwrap().0;
    let in_cardio = told(cardio.id);
    let actions: Vec<&str> = in_cardio.iter().map(|trace| trace.action.as_str()).collect();
    let expected = [
        "select",
        "copy",
        "move",
        "mailbox-create",
        "subscribe",
        "mailbox-rename",
        "select",
        "mark",
        "delete",
        "mark",
        "delete",
        "delete",
    ];
    assert_eq!(actions, expected);
    for trace in &in_cardio {
        assert_eq!((trace.person, trace.acting_as), (Some(stage.person.id), Some(cardio.id)), "{trace:?}");
        assert!(trace.peer.is_some() && !trace.detail.is_empty());
    }
    // The person's own box knows what left it.
    let own = told(stage.person.id);
    let left = own.iter().filter(|trace| trace.acting_as.is_none()).map(|trace| trace.action.as_str());
    assert_eq!(left.skip_while(|action| *action != "select").collect::<Vec<_>>(), ["select", "copy", "move"]);
    stage.end();
}

#[tokio::test]
async fn long_work_in_a_box_does_not_begin_without_the_right_nor_outlive_it() {
    const MANY: usize = 600;
    let stage = Stage::new().await;
    let cardio = stage.org("cardio").await;
    let mut client = stage.client();
    let message = messages::named("plain");
    let some: Vec<&[u8]> = vec![&message; 100];
    for _ in 0..MANY / 100 {
        client.append_all(&format!("INBOX {{{}}}", message.len()), &some, 700).await;
        client.append_all(&format!("{CARDIO} {{{}}}", message.len()), &some, 700).await;
    }
    let mut there = stage.client();
    assert!(there.say(&format!("SELECT {CARDIO}")).await.contains("* 600 EXISTS"));
    assert!(there.say("STORE 1:* +FLAGS.SILENT (\\Deleted)").await.contains("A OK"));
    stage.change(cardio.id, |cardio| cardio.openers.clear()).await;
    for command in ["STORE 1:* +FLAGS.SILENT (\\Flagged)", "EXPUNGE", "COPY 1:* INBOX", "MOVE 1:* INBOX"] {
        let refused = there.say(command).await;
        assert!(refused.starts_with("A NO [NOPERM]"), "{command}: {refused}");
    }
    client.say("SELECT INBOX").await;
    assert_eq!(client.count().await, 600);
    // One that has begun stops at a commit, and a copy is taken back; or it was through before.
    stage.change(cardio.id, |cardio| cardio.openers = vec![stage.person.id]).await;
    let target = stage.server.store.reader().box_by_name(cardio.id, "INBOX").unwrap().unwrap().id;
    let copying = tokio::spawn(async move { client.say(&format!("COPY 1:* {CARDIO}")).await });
    let exists = || stage.server.store.reader().box_info(target).unwrap().unwrap().exists;
    timeout(LONG, async {
        while exists() == 600 && !copying.is_finished() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the copy begins");
    stage.change(cardio.id, |cardio| cardio.openers.clear()).await;
    let answer = timeout(LONG, copying).await.expect("the copy ends").unwrap();
    stage.server.store.cleared().await;
    let whole = answer.contains("A OK");
    assert!(whole || answer.contains("A NO [NOPERM]"), "{answer}");
    // Refused, it is not there, but for one whose last commit was on its way.
    assert!(exists() == 1200 || (!whole && exists() == 600), "{}: {answer}", exists());
    stage.end();
}
