//! Each limit of the session is met and said; what waits, waits.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use imap::{
    Settings,
    capability::{Extension, Offer},
};
use store::Account;

use crate::{messages, stage::Stage};

#[tokio::test]
async fn an_append_beyond_the_setting_is_refused_before_it_is_sent() {
    let stage = Stage::with_append_bytes(100).await;
    let mut client = stage.client();
    let told = client.append("INBOX", &messages::named("plain"), 50).await;
    assert!(told.starts_with("A NO [TOOBIG] "), "{told}");
    assert_eq!(client.count().await, 0);
    stage.end();
}

#[tokio::test]
async fn an_append_of_nothing_is_refused() {
    let stage = Stage::new().await;
    let told = stage.client().append("INBOX", b"", 1).await;
    assert!(told.starts_with("A NO [CANNOT] "), "{told}");
    stage.end();
}

#[tokio::test]
async fn a_full_account_takes_no_more_and_moves_what_it_has() {
    let stage = Stage::new().await;
    let quota = store::Quota { messages: Some(2), bytes: None };
    stage
        .server
        .store
        .update_account(Account { quota, ..stage.person.clone() }, stage.trace())
        .await
        .unwrap();
    let mut client = stage.client();
    client.append("INBOX", &messages::named("plain"), 1000).await;
    client.say("SELECT INBOX").await;
    let told = client.say("COPY 1 Trash").await;
    assert!(told.contains("A OK [COPYUID "), "{told}");
    for told in
        [client.say("COPY 1 Trash").await, client.append("Drafts", &messages::named("plain"), 1000).await]
    {
        assert!(told.starts_with("A NO [OVERQUOTA] "), "{told}");
    }
    let told = client.say("MOVE 1 Trash").await;
    assert!(told.contains("A OK"), "{told}");
    stage.end();
}

#[tokio::test]
async fn what_was_received_is_put_back_under_its_first_day_and_once_that_is_over_not_at_all() {
    let stage = Stage::new().await;
    let letter = b"Message-ID: <une-fois@poste>\r\nSubject: a\r\n\r\ntexte\r\n";
    stage.deliver(letter).await;
    let mut client = stage.client();
    stage.live(60).await;
    for size in [1, 1000] {
        let told = client.append("INBOX", letter, size).await;
        assert!(told.contains("A OK [APPENDUID "), "{told}");
    }
    let other = b"Message-ID: <autre@poste>\r\nSubject: b\r\n\r\ntexte\r\n";
    client.append("INBOX", other, 1000).await;
    assert_eq!(client.count().await, 4);
    stage.live(40).await;
    assert_eq!(client.count().await, 1, "all three went with the day of the first, the other has weeks left");
    for letter in [&letter[..], b"MESSAGE-ID:\r\n <une-fois@poste>\r\n\r\n"] {
        let told = client.append("INBOX", letter, 7).await;
        assert!(told.contains("A NO [CANNOT] The three months of this message are over"), "{told}");
    }
    stage.end();
}

#[tokio::test]
async fn a_message_takes_so_many_keywords_and_select_tells_so_many() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    for _ in 0..4 {
        client.append("INBOX", &messages::named("plain"), 1000).await;
    }
    client.say("SELECT INBOX").await;
    let keywords =
        |from: usize, to: usize| (from..to).map(|n| format!("k{n:03}")).collect::<Vec<_>>().join(" ");
    let told = client.say(&format!("STORE 1 +FLAGS ({})", keywords(0, 33))).await;
    assert!(told.starts_with("A NO [LIMIT] ") || told.starts_with("A BAD "), "{told}");
    for number in 0..4 {
        let told = client
            .say(&format!("STORE {} +FLAGS.SILENT ({})", number + 1, keywords(number * 32, number * 32 + 32)))
            .await;
        assert_eq!(told, "A OK STORE completed\r\n");
    }
    let told = client.say("STORE 1 +FLAGS (one-more)").await;
    assert!(told.starts_with("A NO [LIMIT] "), "{told}");
    let told = client.say("SELECT INBOX").await;
    assert_eq!(told.lines().find(|line| line.starts_with("* FLAGS")).unwrap().matches(" k").count(), 64);
    stage.end();
}

#[tokio::test]
async fn idle_sleeps_when_there_is_nothing_to_tell() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    assert!(sleeps(client.session.idle_wait()), "nothing is selected");
    client.say("CREATE Dossier").await;
    client.say("SELECT Dossier").await;
    assert!(sleeps(client.session.idle_wait()), "nothing changed");
    client.append("Dossier", &messages::named("plain"), 1000).await;
    assert!(sleeps(client.session.idle_wait()), "the client was told already");
    stage.client().append("Dossier", &messages::named("other"), 1000).await;
    assert!(!sleeps(client.session.idle_wait()), "somebody else wrote");
    client.say("NOOP").await;
    stage.client().say("DELETE Dossier").await;
    assert_eq!(client.idle().await, "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n");
    assert!(sleeps(client.session.idle_wait()), "a mailbox that is gone changes no more");
    stage.end();
}

/// Whether a future waits when it is looked at once.
fn sleeps(future: impl Future<Output = ()>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    matches!(pin!(future).poll(&mut context), Poll::Pending)
}

#[tokio::test]
async fn nothing_is_answered_of_what_is_switched_off() {
    let without = [Extension::CondStore, Extension::QResync, Extension::UidPlus].into_iter().collect();
    let offer = Offer { without, ..Offer::default() };
    let stage = Stage::with(Settings { offer, ..Settings::default() }).await;
    let mut client = stage.client();
    client.append("INBOX", &messages::named("plain"), 700).await;
    for _ in 0..2 {
        let told = client.say("SELECT INBOX").await;
        assert!(
            told.contains("UIDVALIDITY") && !told.contains("HIGHESTMODSEQ") && !told.contains("CLOSED"),
            "{told}"
        );
    }
    assert_eq!(client.say("COPY 1 Trash").await, "A OK COPY completed\r\n");
    assert_eq!(client.say("MOVE 1 Trash").await, "* 1 EXPUNGE\r\nA OK MOVE completed\r\n");
    stage.end();
}
