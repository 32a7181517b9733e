//! Long bodies and many messages: what crosses chunks and batches.

use crate::{
    messages::lines,
    stage::{Client, Stage},
};

const HEADER: &str = "From: a@x.fr\nSubject: long\n\n";

/// A message whose body has this many bytes, each line different from the others.
fn long(bytes: usize) -> Vec<u8> {
    let mut message = lines(HEADER);
    let end = message.len() + bytes;
    let mut number = 0;
    while message.len() < end {
        number += 1;
        message.extend_from_slice(format!("ligne {number} du texte\r\n").as_bytes());
    }
    message.truncate(end);
    message
}

/// The bytes of the only literal of an answer.
fn literal(answer: &[u8]) -> &[u8] {
    let open = answer.iter().position(|byte| *byte == b'{').expect("a literal");
    let close = open + answer[open..].iter().position(|byte| *byte == b'}').expect("its length");
    let length: usize = std::str::from_utf8(&answer[open + 1..close]).unwrap().parse().unwrap();
    &answer[close + 3..close + 3 + length]
}

async fn section(client: &mut Client, item: &str) -> Vec<u8> {
    literal(&client.bytes(format!("UID FETCH 1 {item}").as_bytes()).await).to_vec()
}

#[tokio::test]
async fn a_long_body_comes_back_byte_for_byte_whole_and_in_part() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    let message = long(700_001);
    client.append("INBOX", &message, 8191).await;
    client.say("SELECT INBOX").await;
    assert!(section(&mut client, "BODY.PEEK[]").await == message);
    let header = lines(HEADER).len();
    let body = &message[header..];
    assert!(section(&mut client, "BODY.PEEK[TEXT]").await == body);
    // Around the borders of the header, of the store's chunks, and of the end.
    for (origin, length) in [
        (0, 1),
        (header - 1, 2),
        (65_535, 2),
        (65_536 + header - 3, 70_000),
        (131_072, 65_536),
        (700_000, 99),
    ] {
        let item = format!("BODY.PEEK[]<{origin}.{length}>");
        let end = (origin + length).min(message.len());
        assert!(section(&mut client, &item).await == message[origin..end], "{item}");
    }
    stage.end();
}

#[tokio::test]
async fn a_text_is_found_across_the_borders_of_chunks() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    let mut message = long(300_000);
    let header = lines(HEADER).len();
    for border in [65_536, 131_072, 196_608] {
        let at = header + border - 6;
        message[at..at + 14].copy_from_slice("c\u{153}ur fragile ".as_bytes().get(..14).unwrap());
    }
    client.append("INBOX", &message, 65_536).await;
    client.append("INBOX", &long(300_000), 65_536).await;
    client.say("SELECT INBOX").await;
    assert_eq!(client.say("SEARCH BODY \"COEUR fragile\"").await, "* SEARCH 1\r\nA OK SEARCH completed\r\n");
    assert_eq!(
        client.say("SEARCH TEXT \"ligne 9000 du texte\"").await,
        "* SEARCH 1 2\r\nA OK SEARCH completed\r\n"
    );
    assert_eq!(client.say("SEARCH BODY absent").await, "* SEARCH\r\nA OK SEARCH completed\r\n");
    stage.end();
}

#[tokio::test]
async fn bodies_that_exceed_one_batch_are_all_told() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    let message = long(60_000);
    for _ in 0..20 {
        client.append("INBOX", &message, 65_536).await;
    }
    client.say("SELECT INBOX").await;
    let told = client.bytes(b"FETCH 1:* BODY.PEEK[]").await;
    let length = message.len();
    let mut rest = told.as_slice();
    for number in 1..=20 {
        let head = format!("* {number} FETCH (BODY[] {{{length}}}\r\n");
        rest = rest.strip_prefix(head.as_bytes()).unwrap();
        rest = rest.strip_prefix(message.as_slice()).unwrap().strip_prefix(b")\r\n").unwrap();
    }
    assert_eq!(rest, b"A OK FETCH completed\r\n");
    stage.end();
}

#[tokio::test]
async fn many_messages_are_answered_batch_after_batch() {
    const MANY: u32 = 600;
    let stage = Stage::new().await;
    let mut client = stage.client();
    let message = long(50);
    client.append("INBOX", &message, 100).await;
    client.say("SELECT INBOX").await;
    while client.count().await < MANY {
        client.say("COPY 1:* INBOX").await;
        client.say(&format!("STORE {}:* +FLAGS.SILENT (\\Deleted)", MANY + 1)).await;
        client.say("EXPUNGE").await;
    }
    let told = client.say("FETCH 1:* (UID FLAGS)").await;
    assert_eq!(told.lines().count() as u32, MANY + 1);
    let told = client.say("UID STORE 1:* +FLAGS (\\Flagged)").await;
    assert_eq!(told.matches("\\Flagged").count() as u32, MANY);
    // Every other one leaves; the numbers of those that stay follow each other.
    let odd: Vec<String> = (1..=MANY).step_by(2).map(|number| number.to_string()).collect();
    client.say(&format!("STORE {} +FLAGS.SILENT (\\Deleted)", odd.join(","))).await;
    let told = client.say("EXPUNGE").await;
    assert_eq!(told.lines().count() as u32, MANY / 2 + 1);
    let told = client.say("FETCH 1:* BODY.PEEK[]").await;
    assert_eq!(told.matches("ligne 1 du texte").count() as u32, MANY / 2);
    assert!(told.starts_with("* 1 FETCH (BODY[]"));
    stage.end();
}
