//! Several messages in one APPEND (RFC 3502): all or nothing, streamed, within bounds.

use store::Quota;

use crate::{messages, stage::Stage};

const HEADER: &[u8] = b"Subject: x\r\n\r\n";

/// A message whose body has so many bytes of a kind.
fn message(kind: u8, bytes: usize) -> Vec<u8> {
    [HEADER, &vec![kind; bytes]].concat()
}

#[tokio::test]
async fn messages_come_in_their_order_whatever_their_length() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    // The long ones are more than may wait in memory together.
    let all: Vec<Vec<u8>> =
        [(b'a', 10), (b'b', 3_000_000), (b'c', 0), (b'd', 70_000), (b'e', 1_500_000), (b'f', 5)]
            .into_iter()
            .map(|(kind, bytes)| message(kind, bytes))
            .collect();
    let parts: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    let head = format!("INBOX (\\Seen) {{{}}}", parts[0].len());
    let told = client.append_all(&head, &parts, 65_536).await;
    assert!(told.starts_with("A OK [APPENDUID ") && told.ends_with(" 1:6] APPEND completed\r\n"), "{told}");
    client.say("SELECT INBOX").await;
    for (number, message) in all.iter().enumerate() {
        let fetched = client.bytes(format!("FETCH {} BODY.PEEK[]", number + 1).as_bytes()).await;
        let start = fetched.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert!(fetched[start..].starts_with(message), "message {}", number + 1);
    }
    assert!(client.say("FETCH 6 FLAGS").await.contains("\\Seen"));
    stage.end();
}

#[tokio::test]
async fn one_that_is_refused_takes_the_others_with_it() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    let (good, nul, header) =
        (messages::named("plain"), messages::named("nul"), messages::named("long-header"));
    let head = format!("INBOX {{{}}}", good.len());
    assert!(client.append_all(&head, &[&good, &nul], 700).await.starts_with("A NO [CANNOT]"));
    assert!(client.append_all(&head, &[&good, &header, &good], 70_000).await.starts_with("A NO [LIMIT]"));
    assert!(client.append_all(&head, &[&good, b""], 700).await.starts_with("A NO [CANNOT]"), "RFC 3502 §3");
    stage.change(stage.person.id, |person| person.quota = Quota { messages: Some(2), bytes: None }).await;
    assert!(client.append_all(&head, &[&good, &good, &good], 700).await.starts_with("A NO [OVERQUOTA]"));
    assert_eq!(client.count().await, 0);
    assert!(client.append_all(&head, &[&good, &good], 700).await.starts_with("A OK [APPENDUID"));
    assert_eq!(client.count().await, 2);
    stage.end();
}

#[tokio::test]
async fn so_many_are_appended_at_once_and_their_headers_are_bounded() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    let short = message(b'x', 10);
    let head = format!("INBOX {{{}}}", short.len());
    let most = vec![short.as_slice(); store::APPENDED_AT_ONCE];
    assert!(client.append_all(&head, &most, 700).await.contains(&format!(" 1:{}] ", most.len())));
    let more = vec![short.as_slice(); store::APPENDED_AT_ONCE + 1];
    assert!(client.append_all(&head, &more, 700).await.starts_with("A NO [LIMIT] Nothing was kept"));
    let wide = [b"Subject: ".to_vec(), vec![b'x'; 200 * 1024], b"\r\n\r\n".to_vec()].concat();
    let head = format!("INBOX {{{}}}", wide.len());
    let told = client.append_all(&head, &vec![wide.as_slice(); 40], 70_000).await;
    assert!(told.starts_with("A NO [LIMIT] Nothing was kept"), "{told}");
    assert_eq!(client.count().await as usize, most.len());
    stage.end();
}

#[tokio::test]
async fn a_literal8_is_kept_as_it_is_and_a_nul_is_refused_as_rfc_3516_says() {
    let stage = Stage::new().await;
    let mut client = stage.client();
    let (good, nul) = (messages::named("latin1"), messages::named("nul"));
    assert!(
        client.append_all(&format!("INBOX ~{{{}}}", good.len()), &[&good], 700).await.contains("APPENDUID")
    );
    let told = client.append_all(&format!("INBOX ~{{{}}}", nul.len()), &[&nul], 700).await;
    assert!(told.starts_with("A NO [UNKNOWN-CTE]"), "{told}");
    let told = client.append_all(&format!("INBOX UTF8 (~{{{}}}", good.len()), &[&good], 700).await;
    assert_eq!(told, "A BAD APPEND: UTF8 (...) needs ENABLE UTF8=ACCEPT first\r\n");
    assert_eq!(client.count().await, 1);
    stage.end();
}
