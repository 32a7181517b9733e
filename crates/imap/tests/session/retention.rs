//! Messages whose three months are over go while a mailbox is open (S-4.3).

use jiff::SignedDuration;
use store::KeepPlan;

use crate::{
    messages::{self, lines},
    stage::Stage,
};

/// A round of retention a day, as the daemon makes them every hour, until something is erased.
async fn live_until_something_is_erased(stage: &Stage, oldest: store::Day) {
    loop {
        stage.clock.advance(SignedDuration::from_hours(24));
        let kept = stage.server.store.keep(&KeepPlan::default()).await.unwrap();
        assert!(!kept.held);
        if kept.erased.is_some_and(|through| through >= oldest) {
            return;
        }
    }
}

#[tokio::test]
async fn a_client_in_idle_sees_what_is_erased_expunged() {
    let stage = Stage::new().await;
    let oldest = store::Day::of(stage.now());
    stage.deliver(&lines("Subject: un\n\nun\n")).await;
    stage.deliver(&lines("Subject: deux\n\ndeux\n")).await;
    stage.clock.advance(SignedDuration::from_hours(24));
    stage.deliver(&lines("Subject: trois\n\ntrois\n")).await;
    let (mut idle, mut other) = (stage.client(), stage.client());
    idle.say("SELECT INBOX").await;
    other.say("SELECT INBOX").await;
    let (told, ()) = tokio::join!(idle.idle(), live_until_something_is_erased(&stage, oldest));
    assert_eq!(told, "* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n");
    assert_eq!(idle.say("FETCH 1:* UID").await, "* 1 FETCH (UID 3)\r\nA OK FETCH completed\r\n");
    // A session that has not been told yet finds nothing of them, and is told with its next command that may tell.
    let fetched = other.say("UID FETCH 1:2 BODY.PEEK[]").await;
    assert!(!fetched.contains("Subject"), "{fetched}");
    let told = other.say("NOOP").await;
    assert!(told.starts_with("* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n") || fetched.contains("EXPUNGE"), "{told}");
    assert_eq!(other.count().await, 1);
    stage.end();
}

#[tokio::test]
async fn what_was_erased_is_not_put_back() {
    let stage = Stage::new().await;
    let oldest = store::Day::of(stage.now());
    stage.deliver(&messages::named("plain")).await;
    live_until_something_is_erased(&stage, oldest).await;
    let mut client = stage.client();
    let refused = client.append("INBOX", &messages::named("plain"), 700).await;
    assert!(refused.starts_with("A NO [CANNOT] The three months of this message are over"), "{refused}");
    assert!(client.append("INBOX", &messages::named("other"), 700).await.starts_with("A OK [APPENDUID"));
    stage.end();
}
