//! A client that asks for much and reads nothing holds its own session, and nobody else's.

use std::time::Duration;

use imap::{
    command::Command,
    output::Output,
    wire::{Names, grammar},
};
use tokio::{
    io::{AsyncReadExt, duplex},
    time::timeout,
};

use crate::stage::Stage;

/// More than the store has readers, by the settings of a test and of a service.
const SLOW: usize = 40;

#[tokio::test]
async fn those_who_read_nothing_hold_nobody_up() {
    let stage = Stage::new().await;
    for n in 0..20 {
        let body = "texte\r\n".repeat(5000);
        stage.deliver(format!("Message-ID: <{n}@lent>\r\nSubject: lent\r\n\r\n{body}").as_bytes()).await;
    }
    let mut held = Vec::new();
    for _ in 0..SLOW {
        let mut client = stage.client();
        client.say("SELECT INBOX").await;
        let (mut ours, mut theirs) = duplex(64);
        let reading = tokio::spawn(async move {
            let fetch = grammar::parse(b"A FETCH 1:* (UID BODY.PEEK[])", Names::Utf7).unwrap();
            let Command::Session(command) = fetch.command else { panic!("not for the session") };
            let mut out = Output::new(&mut theirs, Duration::from_secs(3600));
            client.session.handle(&fetch.tag, command, &mut out).await.is_ok()
        });
        // Its answer has begun, and goes no further.
        assert_eq!(ours.read_u8().await.unwrap(), b'*');
        held.push((ours, reading));
    }
    let mut other = stage.client();
    let work = async {
        assert!(other.say("SELECT INBOX").await.contains("* 20 EXISTS"));
        assert!(other.say("FETCH 1:* (FLAGS ENVELOPE)").await.contains("* 20 FETCH"));
        assert!(other.say("STORE 1:* +FLAGS (\\Seen)").await.contains("A OK"));
        assert!(other.say("SEARCH BODY texte").await.contains("A OK"));
    };
    timeout(Duration::from_secs(120), work).await.expect("nobody waits for those who do not read");
    for (ours, reading) in held {
        assert!(!reading.is_finished());
        drop(ours);
        assert!(!reading.await.unwrap(), "a client that is gone ends its command");
    }
    stage.end();
}
