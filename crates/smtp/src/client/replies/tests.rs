//! The reader of replies under any cut, and all that it must refuse.

use proptest::prelude::*;

use super::*;

fn reader() -> Replies {
    Replies::new(&Settings { reply_line: 40, reply_lines: 4, ..Settings::new("client.test") })
}

/// All replies in `bytes` when they come in pieces of `size`, and the fault that ended the reading.
fn read(bytes: &[u8], size: usize) -> (Vec<Reply>, Option<Malformed>, bool) {
    let (mut replies, mut reader) = (Vec::new(), reader());
    for piece in bytes.chunks(size) {
        reader.feed(piece);
        loop {
            match reader.next() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(fault) => return (replies, Some(fault), false),
            }
        }
    }
    (replies, None, reader.is_empty())
}

#[test]
fn a_reply_is_its_code_status_and_lines() {
    let (replies, fault, empty) =
        read(b"250-5.1.1 x\r\n250-\r\n250 z\r\n550-5.7.1 no\r\n550 5.7.1 non\r\n354\r\n", 7);
    assert_eq!((fault, empty), (None, true));
    let expected = [
        Reply::new(250, "", ["5.1.1 x", "", "z"]),
        Reply::new(550, "5.7.1", ["no", "non"]),
        Reply::new(354, "", [""]),
    ];
    assert_eq!(replies, expected, "a status of another class is text");
}

#[test]
fn what_is_no_reply_is_a_fault() {
    for bytes in [
        &b"25 x\r\n"[..],
        b"150 x\r\n",
        b"650 x\r\n",
        b"2500 x\r\n",
        b"25x y\r\n",
        b"\r\n",
        b"250 x\n",
        b"250 x\ry\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250-x\r\n251 y\r\n",
        b"250-1\r\n250-2\r\n250-3\r\n250-4\r\n250 5\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n",
    ] {
        for size in [1, 3, 100] {
            let (replies, fault, _) = read(bytes, size);
            assert!(replies.is_empty() && fault.is_some(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}

#[test]
fn a_line_is_refused_as_soon_as_it_is_too_long() {
    let (fits, long) = (format!("250 {}\r\n", "x".repeat(34)), format!("250 {}", "x".repeat(35)));
    assert_eq!(read(fits.as_bytes(), 1).0.len(), 1);
    assert_eq!(read(long.as_bytes(), 1).1, Some(Malformed("a line of a reply is too long")));
}

#[test]
fn what_is_not_printable_is_not_kept() {
    assert_eq!(read(b"550 a\0\x1b[2J\xc3\xa9\r\n", 9).0, [Reply::new(550, "", ["a??[2J??"])]);
}

#[test]
fn half_a_reply_is_not_nothing() {
    for bytes in [&b"2"[..], b"250-x\r\n", b"250 x\r"] {
        assert_eq!(read(bytes, 1), (Vec::new(), None, false));
    }
}

fn replies() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => "[2-5][0-9]{2}[ -][a-z]{0,6}\r\n",
        2 => "250-[2-5]\\.[0-9]\\.[0-9] [a-z]{0,6}\r\n",
        1 => Just("\r".to_owned()),
        1 => Just("\n".to_owned()),
        1 => "[ -~]{0,45}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn where_replies_are_cut_changes_nothing(bytes in replies(), size in 1_usize..50) {
        prop_assert_eq!(read(&bytes, size), read(&bytes, bytes.len().max(1)));
    }

    #[test]
    fn what_our_server_says_is_read_as_it_was_meant(
        code in 200_u16..600, class in 2_u16..6, lines in proptest::collection::vec("[ -~]{1,30}", 1..4),
    ) {
        let given = if class == code / 100 { format!("{class}.1.2") } else { String::new() };
        let reply = Reply::new(code, given, lines);
        let mut bytes = Vec::new();
        reply.render(&mut bytes);
        let mut reader = Replies::new(&Settings::new("client.test"));
        reader.feed(&bytes);
        let read = reader.next().unwrap().unwrap();
        let text = |reply: &Reply| reply.lines().iter().map(|l| l.trim_start().to_owned()).collect::<Vec<_>>();
        if !reply.status().is_empty() {
            prop_assert_eq!((read.code(), read.status(), text(&read)), (code, reply.status(), text(&reply)));
        }
        prop_assert_eq!(read.code(), code);
    }
}
