//! How fast SMTP reads: content and commands, through the whole machine and a policy that keeps nothing, beside what copying the same
//! bytes costs, and copying them and looking once for line ends. Blocks are those of the driver.
//!
//! May use: the crate's public face. Must never become a test: nothing here passes or fails.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs, unreachable_pub)]

mod measure;

use std::hint::black_box;
use std::sync::Arc;

use measure::{row, table};
use memchr::memchr2_iter;
use smtp::{
    Accepted, BLOCK, Connection, Credentials, Limits, MailFrom, Policy, Recipient, Reply, Service, Settings,
    TlsInfo,
    machine::{self, Step},
};

const MESSAGE: usize = 4 << 20;
const COMMANDS: usize = 10_000;
const LOGIN: &[u8] = b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\n";
const TO_DATA: &[u8] = b"MAIL FROM:<medecin@cabinet.test>\r\nRCPT TO:<service@hopital.test>\r\nDATA\r\n";

fn main() {
    let of = |line: &str| line.as_bytes().repeat(MESSAGE / line.len());
    content("content, base64 in lines of 76 (4 MiB)", &of(&format!("{}\r\n", "QUJD".repeat(19))));
    content("content, text in lines of 1 to 60", &of(&text()));
    content("content, every line starts with a dot", &of(&format!("..{}\r\n", "x".repeat(30))));
    content("content, empty lines", &of("\r\n"));
    content("content, one line", &format!("{}\r\n", "QUJD".repeat(MESSAGE / 4)).into_bytes());
    commands("commands, NOOP pipelined", "NOOP\r\n");
    commands(
        "commands, MAIL with parameters then RSET",
        "MAIL FROM:<medecin@cabinet.test> SIZE=120000 BODY=8BITMIME\r\nRSET\r\n",
    );
}

fn text() -> String {
    (1..=60).map(|length| format!("{}\r\n", "e".repeat(length))).collect()
}

fn content(title: &str, bytes: &[u8]) {
    let dialogue = [LOGIN, TO_DATA, bytes, b".\r\n"].concat();
    let lines = memchr::memchr_iter(b'\n', bytes).count();
    let (mut block, mut ends) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
    table(
        title,
        bytes.len(),
        (lines, "line"),
        vec![
            row("copied into blocks", || copied(bytes, &mut block)),
            row("copied, and line ends looked for", || {
                copied(bytes, &mut ends) + memchr2_iter(b'\r', b'\n', bytes).count()
            }),
            row("a session that takes it as a message", || session(&dialogue)),
        ],
    );
}

fn commands(title: &str, line: &str) {
    let bytes = line.repeat(COMMANDS).into_bytes();
    let dialogue = [LOGIN, &bytes].concat();
    let mut block = Vec::with_capacity(BLOCK);
    let lines = memchr::memchr_iter(b'\n', &bytes).count();
    table(
        title,
        bytes.len(),
        (lines, "command"),
        vec![
            row("copied, and line ends looked for", || {
                copied(&bytes, &mut block) + memchr2_iter(b'\r', b'\n', &bytes).count()
            }),
            row("a session that takes them as commands", || session(&dialogue)),
        ],
    );
}

fn copied(bytes: &[u8], block: &mut Vec<u8>) -> usize {
    for piece in bytes.chunks(BLOCK) {
        block.clear();
        block.extend_from_slice(piece);
        black_box(&block);
    }
    block.len()
}

/// Plays a session and gives how many bytes of content came.
fn session(dialogue: &[u8]) -> u64 {
    let limits = Limits { errors_before_close: u32::MAX, ..Limits::default() };
    let settings = Arc::new(Settings { hostname: "mail.test".to_owned(), limits });
    let mut rest = dialogue;
    let mut step: Step<Sink> = machine::start(connection(), settings);
    loop {
        step = match step {
            Step::Write(writing) => {
                black_box(writing.bytes());
                writing.written()
            }
            Step::Read(reading) if rest.is_empty() => {
                return reading.abandon(smtp::End::Dropped).content_bytes;
            }
            Step::Read(mut reading) => {
                let block = reading.block();
                let (now, later) = rest.split_at(rest.len().min(BLOCK - block.len()));
                block.extend_from_slice(now);
                rest = later;
                reading.fed()
            }
            Step::Authenticate(asked, _) => asked.answer(Ok(())),
            Step::Identify(asked) => asked.answer(Ok(())),
            Step::Mail(asked, _) => asked.answer(Ok(())),
            Step::Rcpt(asked, _) => asked.answer(Ok(())),
            Step::Data(asked, ()) => asked.answer(Ok(())),
            Step::Chunk(mut asked) => {
                black_box(asked.context().1);
                asked.answer(Ok(()))
            }
            Step::Finish(asked, ()) => asked.answer(Ok(Accepted { durable: (), id: "bench".to_owned() })),
            Step::StartTls(_) | Step::Close(_) => panic!("the dialogue holds neither"),
        };
    }
}

fn connection() -> Connection {
    Connection {
        peer: ([192, 0, 2, 1], 40_000).into(),
        local: ([192, 0, 2, 2], 465).into(),
        tls: Some(TlsInfo {
            version: "TLSv1.3".to_owned(),
            cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
            ..TlsInfo::default()
        }),
        helo: String::new(),
        extended: false,
        service: Service::SubmissionTls,
        session: "bench".to_owned(),
    }
}

/// Stands for a policy in the types; its answers are given above, at once.
struct Sink;

impl Policy for Sink {
    type Peer = ();
    type Envelope = ();
    type Incoming = ();
    type Durable = ();

    async fn authenticate(&self, _: &Connection, _: Credentials) -> Result<(), Reply> {
        Ok(())
    }

    async fn mail(&self, _: &Connection, _: Option<&()>, _: MailFrom) -> Result<(), Reply> {
        Ok(())
    }

    async fn rcpt(&self, _: &Connection, _: &mut (), _: Recipient) -> Result<(), Reply> {
        Ok(())
    }

    async fn data(&self, _: &Connection, (): ()) -> Result<(), Reply> {
        Ok(())
    }

    async fn chunk(&self, _: &mut (), _: &[u8]) -> Result<(), Reply> {
        Ok(())
    }

    async fn finish(&self, (): ()) -> Result<Accepted<()>, Reply> {
        Ok(Accepted { durable: (), id: String::new() })
    }

    async fn revoked(&self, (): &()) {}
}
