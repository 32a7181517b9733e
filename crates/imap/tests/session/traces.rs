//! What a session leaves in the traces (S-1.7, S-4.5): a first opening belongs to the journey that brought the message.

use store::{Action, Outcome, TraceId};

use crate::{messages, stage::Stage};

#[tokio::test]
async fn a_first_opening_joins_the_journey_and_names_the_person() {
    let stage = Stage::new().await;
    let fetched = stage.deliver(&messages::named("plain")).await;
    let marked = stage.deliver(&messages::named("other")).await;
    let mut client = stage.client();
    client.say("SELECT INBOX").await;
    client.say("FETCH 1:2 (BODY.PEEK[] RFC822.HEADER ENVELOPE)").await;
    assert_eq!(stage.traces(fetched), []);
    // Reading opens, once; for clients that read with PEEK the mark opens.
    client.say("FETCH 1 BODY[TEXT]").await;
    client.say("FETCH 1 BODY[]").await;
    client.say("STORE 1:2 +FLAGS (\\Seen)").await;
    // Traces are durable with the next commit.
    client.say("STORE 1 +FLAGS (\\Flagged)").await;
    for journey in [fetched, marked] {
        let traces = stage.traces(journey);
        assert_eq!(traces.len(), 1, "{traces:?}");
        assert_eq!((traces[0].action, traces[0].outcome), (Action::FirstOpening, Outcome::Done));
        assert_eq!((traces[0].person, traces[0].acting_as), (Some(stage.person.id), None));
        assert!(traces[0].peer.is_some());
        let names: Vec<&str> = traces[0].detail.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["mailbox", "uid"], "never content");
    }
    stage.end();
}

#[tokio::test]
async fn a_first_opening_is_one_however_often_the_message_is_marked() {
    let stage = Stage::new().await;
    let journey = stage.deliver(&messages::named("plain")).await;
    let (mut one, mut other) = (stage.client(), stage.client());
    one.say("SELECT INBOX").await;
    other.say("SELECT INBOX").await;
    one.say("FETCH 1 BODY[]").await;
    other.say("STORE 1 +FLAGS (\\Seen)").await;
    one.say("STORE 1 -FLAGS (\\Seen)").await;
    other.say("FETCH 1 BODY[TEXT]").await;
    // A copy of what was opened was opened.
    one.say("STORE 1 -FLAGS (\\Seen)").await;
    one.say("COPY 1 Trash").await;
    one.say("SELECT Trash").await;
    let told = one.say("FETCH 1 (BODY[TEXT]<0.3>)").await;
    assert!(told.contains("FLAGS (\\Seen)"), "{told}");
    one.say("STORE 1 +FLAGS (\\Flagged)").await;
    let openings: Vec<_> = stage.traces(journey).into_iter().map(|trace| trace.action).collect();
    assert_eq!(openings, [Action::FirstOpening]);
    stage.end();
}

#[tokio::test]
async fn a_message_nobody_sent_is_opened_in_a_journey_of_its_own() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    client.append("INBOX", &messages::named("plain"), 1000).await;
    client.say("SELECT INBOX").await;
    let told = client.say("FETCH 1 BODY[TEXT]<0.3>").await;
    assert_eq!(told, "* 1 FETCH (BODY[TEXT]<0> {3}\r\nBon FLAGS (\\Seen))\r\nA OK FETCH completed\r\n");
    assert_eq!(stage.traces(TraceId::new(stage.now())), []);
    stage.end();
}
