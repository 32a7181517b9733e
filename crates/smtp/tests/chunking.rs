//! Properties of the whole machine: what it says and keeps does not depend on how the client's bytes are cut, it survives any bytes,
//! and what it holds stays small.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use proptest::prelude::*;
use smtp::{
    Ended, Limits, Settings,
    machine::{self, Step},
};

use crate::toy::{Toy, answer, connection};

mod toy;

const LOGIN: &[u8] = b"EHLO client\r\nAUTH PLAIN AG1lAHNlY3JldA==\r\n";

/// All that came of a session.
#[derive(Debug, PartialEq)]
struct Outcome {
    said: Vec<u8>,
    kept: Vec<Vec<u8>>,
    ended: Option<Ended>,
    writes: usize,
}

async fn session(bytes: &[u8], size: usize) -> Outcome {
    let limits = Limits { message_bytes: 60, dropped_bytes: 1_000_000, ..Limits::default() };
    let settings = Arc::new(Settings { hostname: "mail.test".to_owned(), limits });
    let (policy, mut chunks) = (Toy::default(), bytes.chunks(size));
    let mut step: Step<Toy> = machine::start(connection(smtp::Service::SubmissionTls), settings);
    let mut outcome = Outcome { said: Vec::new(), kept: Vec::new(), ended: None, writes: 0 };
    loop {
        step = match step {
            Step::Write(writing) => {
                outcome.said.extend_from_slice(writing.bytes());
                outcome.writes += 1;
                writing.written()
            }
            Step::Read(mut reading) => {
                let Some(chunk) = chunks.next() else { break };
                reading.feed(chunk);
                reading.fed()
            }
            Step::Close(ended) => {
                outcome.ended = Some(ended);
                break;
            }
            Step::StartTls(_) => panic!("TLS is there already"),
            question => answer(&policy, question).await,
        };
    }
    outcome.kept = policy.kept.lock().unwrap().iter().map(|message| message.content.clone()).collect();
    outcome
}

fn play(bytes: &[u8], size: usize) -> Outcome {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(session(bytes, size))
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => Just(b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n".to_vec()),
        3 => Just(b".\r\n".to_vec()),
        2 => Just(b"..x\r\n".to_vec()),
        2 => Just(b"text\r\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        1 => Just(b"a longer line of text, far longer\r\n".to_vec()),
        1 => Just(b"LOST\r\n".to_vec()),
        2 => Just(b"NOOP\r\n".to_vec()),
        1 => Just(b"RSET\r\n".to_vec()),
        1 => Just(b"RCPT TO:<unknown@example.test>\r\n".to_vec()),
        1 => Just(b"QUIT\r\n".to_vec()),
        1 => Just(b"x\n".to_vec()),
        1 => Just(b"\r".to_vec()),
    ]
}

/// The same with BDAT, and without DATA: what came behind a DATA that is refused depends on when it came.
fn chunked() -> impl Strategy<Value = Vec<u8>> {
    let first = b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\n";
    let binary = b"MAIL FROM:<a@example.test> BODY=BINARYMIME\r\nRCPT TO:<b@example.test>\r\n";
    prop_oneof![
        4 => Just(first.to_vec()),
        2 => Just(binary.to_vec()),
        4 => Just(b"BDAT 6\r\ntext\r\n".to_vec()),
        3 => Just(b"BDAT 7 LAST\r\n.\r\n.x\r\n".to_vec()),
        1 => Just(b"BDAT 3\r\nx\r.".to_vec()),
        1 => Just(b"BDAT 4\r\n\nx\0\n".to_vec()),
        1 => Just(b"BDAT 0\r\n".to_vec()),
        2 => Just(b"BDAT 0 LAST\r\n".to_vec()),
        1 => Just([&b"BDAT 70 LAST\r\n"[..], &b"QUIT\r\n.\r\n".repeat(8)[..70]].concat()),
        1 => Just(b"BDAT 5 FIRST\r\nQUIT\r".to_vec()),
        1 => Just(b"BDAT 4\r\nLOST".to_vec()),
        1 => Just(b"NOOP\r\n".to_vec()),
        1 => Just(b"RSET\r\n".to_vec()),
    ]
}

/// A session that sends `content` by DATA, dots doubled.
fn by_data(content: &[u8]) -> Vec<u8> {
    let mut bytes = [LOGIN, b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n"].concat();
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        bytes.extend(line.first().filter(|first| **first == b'.'));
        bytes.extend(line);
    }
    [bytes, b".\r\nQUIT\r\n".to_vec()].concat()
}

/// A session that sends `content` in chunks of these sizes, and the rest in the last.
fn by_bdat(content: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut bytes = [LOGIN, b"MAIL FROM:<a@example.test>\r\nRCPT TO:<b@example.test>\r\n"].concat();
    let mut rest = content;
    for size in sizes {
        let (chunk, later) = rest.split_at(rest.len().min(*size));
        bytes.extend([format!("BDAT {}\r\n", chunk.len()).as_bytes(), chunk].concat());
        rest = later;
    }
    [bytes, format!("BDAT {} LAST\r\n", rest.len()).into_bytes(), rest.to_vec(), b"QUIT\r\n".to_vec()]
        .concat()
}

proptest! {
    #[test]
    fn how_chunks_are_cut_changes_nothing(fragments in proptest::collection::vec(chunked(), 0..25), size in 1_usize..50) {
        let bytes = [LOGIN.to_vec(), fragments.concat()].concat();
        let (whole, cut) = (play(&bytes, bytes.len()), play(&bytes, size));
        prop_assert_eq!(&whole.said, &cut.said);
        prop_assert_eq!(&whole.kept, &cut.kept);
        let end = |outcome: &Outcome| outcome.ended.map(|ended| (ended.end, ended.accepted, ended.errors));
        prop_assert_eq!(end(&whole), end(&cut));
    }

    #[test]
    fn data_and_bdat_give_the_same_message(
        lines in proptest::collection::vec("[.a]{0,6}", 0..6), sizes in proptest::collection::vec(0_usize..9, 0..6), cut in 1_usize..50,
    ) {
        let content: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\r\n").into_bytes()).collect();
        let (data, bdat) = (play(&by_data(&content), cut), play(&by_bdat(&content, &sizes), cut));
        prop_assert_eq!(&data.kept, &vec![content]);
        prop_assert_eq!(&data.kept, &bdat.kept);
    }

    #[test]
    fn how_bytes_are_cut_changes_nothing(fragments in proptest::collection::vec(fragment(), 0..25), size in 1_usize..50) {
        let bytes = [LOGIN.to_vec(), fragments.concat()].concat();
        let (whole, cut) = (play(&bytes, bytes.len()), play(&bytes, size));
        prop_assert_eq!(&whole.said, &cut.said);
        prop_assert_eq!(&whole.kept, &cut.kept);
        let end = |outcome: &Outcome| outcome.ended.map(|ended| (ended.end, ended.accepted, ended.errors));
        prop_assert_eq!(end(&whole), end(&cut));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 1_usize..50, login in any::<bool>()) {
        let bytes = if login { [LOGIN, b"MAIL FROM:<", &bytes].concat() } else { bytes };
        play(&bytes, size);
    }
}

#[test]
fn what_is_left_of_a_dropped_line_is_no_line_of_its_own() {
    let line = [b"EHLO ".to_vec(), b"x".repeat(1_200), b"AUTH PLAIN\r\n".to_vec()].concat();
    let (whole, cut) = (play(&line, line.len()), play(&line, 1_205));
    assert!(whole.said.ends_with(b"500 5.5.2 Command line too long\r\n"));
    assert_eq!(whole.said, cut.said);
}

#[test]
fn replies_to_pipelined_commands_go_out_in_one_write() {
    let bytes = [LOGIN, &b"NOOP\r\n".repeat(100)].concat();
    let outcome = play(&bytes, bytes.len());
    assert_eq!(outcome.writes, 2, "the greeting, then all replies");
    let many = play(&b"NOOP\r\n".repeat(10_000), 60_000);
    assert!(many.writes > 10, "what waits to be written is bounded");
}

#[test]
fn content_is_handed_on_in_few_pieces() {
    let policy = Toy::default();
    let line = b"..a line that starts with a dot, which has to go\r\n";
    let content = [&line.repeat(2_000)[..], b".\r\n"].concat();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let settings = Arc::new(Settings { hostname: "mail.test".to_owned(), limits: Limits::default() });
        let mut input = [LOGIN, b"MAIL FROM:<>\r\nRCPT TO:<b@example.test>\r\nDATA\r\n"].concat();
        input.extend(&content);
        let mut left = &input[..];
        let mut step: Step<Toy> = machine::start(connection(smtp::Service::SubmissionTls), settings);
        while !matches!(step, Step::Close(_)) && policy.kept.lock().unwrap().is_empty() {
            step = match step {
                Step::Write(writing) => writing.written(),
                Step::Read(mut reading) => {
                    let block = reading.block();
                    let room = (smtp::BLOCK - block.len()).min(left.len());
                    assert!(block.capacity() <= smtp::BLOCK);
                    block.extend_from_slice(&left[..room]);
                    left = &left[room..];
                    reading.fed()
                }
                question => answer(&policy, question).await,
            };
        }
    });
    let chunks = policy.chunks.lock().unwrap();
    assert_eq!(chunks.iter().sum::<usize>(), 2_000 * (line.len() - 1));
    assert!(chunks.len() <= content.len() / smtp::BLOCK + 2, "{} pieces", chunks.len());
}
