//! A peer that answers anything: whatever it says, content goes out only to recipients that it accepted, and exactly those are told
//! delivered that it took to the end.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::VecDeque, sync::Arc};

use proptest::prelude::*;
use smtp::{
    Body,
    client::{
        Outgoing, Recipient, RecipientOutcome, Settings,
        machine::{self, Ready, Sending, Step},
    },
};

const CONTENT: &[u8] = b"From: x\r\n\r\n.one\r\nDATA\r\n";
/// CONTENT as it goes on the wire after DATA.
const WIRE: &[u8] = b"From: x\r\n\r\n..one\r\nDATA\r\n.\r\n";

fn opened(pipelining: bool, chunking: bool, group: usize) -> Ready<()> {
    let settings = Settings { pipelined: group, chunk: 1 + group as u64, ..Settings::new("client.test") };
    let mut step = Step::Read(machine::start(Arc::new(settings)));
    let mut offer = "250-x\r\n".to_owned();
    offer.push_str(if pipelining { "250-PIPELINING\r\n" } else { "" });
    offer.push_str(if chunking { "250-CHUNKING\r\n" } else { "" });
    offer.push_str("250 STARTTLS\r\n");
    let mut replies = ["220 x\r\n", &offer, "220 x\r\n", &offer].into_iter();
    loop {
        step = match step {
            Step::Write(writing) => writing.written(),
            Step::Read(reading) => reading.feed(replies.next().unwrap().as_bytes()),
            Step::StartTls(upgrading) => upgrading.established(),
            Step::Greeted(greeted) => return greeted.trusted(()),
            Step::Failed(error) => panic!("{error}"),
        };
    }
}

/// A peer that keeps an honest account of what it said.
#[derive(Default)]
struct Peer {
    codes: VecDeque<u16>,
    mail: bool,
    accepted: Vec<String>,
    /// Recipients and content of each message that it took.
    kept: Vec<(Vec<String>, Vec<u8>)>,
    inbox: Option<Vec<u8>>,
    /// What came in chunks, unless one was refused.
    chunks: Option<Vec<u8>>,
    gone: bool,
}

impl Peer {
    /// Takes what the client wrote; gives what it answers, none when it has closed the connection.
    fn hear(&mut self, written: &[u8]) -> Vec<u8> {
        let (mut said, mut rest) = (Vec::new(), written);
        while !rest.is_empty() && !self.gone {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            let (line, mut behind) = rest.split_at(end);
            let answer = match line.strip_prefix(b"BDAT ") {
                Some(words) if self.inbox.is_none() => {
                    let words = String::from_utf8(words.to_vec()).unwrap();
                    let size = words.split_ascii_whitespace().next().unwrap().parse().unwrap();
                    let (chunk, others) = behind.split_at(size);
                    behind = others;
                    Some(self.chunk(chunk, words.ends_with(" LAST\r\n")))
                }
                _ => self.line(line),
            };
            rest = behind;
            let Some(code) = answer else { continue };
            self.gone = code == 421;
            said.extend(format!("{code} x\r\n").bytes());
        }
        said
    }

    fn line(&mut self, line: &[u8]) -> Option<u16> {
        if let Some(inbox) = &mut self.inbox {
            inbox.extend(line);
            return (line == b".\r\n").then(|| self.end());
        }
        let line = String::from_utf8(line.to_vec()).unwrap();
        let code = self.codes.pop_front().unwrap_or(250);
        if line.starts_with("MAIL ") {
            self.accepted.clear();
            self.chunks = Some(Vec::new());
            self.mail = code / 100 == 2;
        } else if let Some(to) = line.strip_prefix("RCPT TO:<") {
            if self.mail && code / 100 == 2 {
                self.accepted.push(to.trim_end().trim_end_matches('>').to_owned());
            }
        } else if line == "DATA\r\n" {
            let code = if code / 100 == 2 { 354 } else { code };
            self.inbox = (code == 354).then(Vec::new);
            return Some(code);
        } else {
            assert_eq!(line, "RSET\r\n", "no line of content is taken for a command");
            self.mail = false;
        }
        Some(code)
    }

    fn chunk(&mut self, chunk: &[u8], last: bool) -> u16 {
        let code = self.codes.pop_front().unwrap_or(250);
        let Some(mut chunks) = self.chunks.take() else { return if code == 421 { 421 } else { 503 } };
        assert!(!self.accepted.is_empty(), "content for nobody");
        chunks.extend(chunk);
        if !last {
            self.chunks = (code / 100 == 2).then_some(chunks);
            return code;
        }
        assert_eq!(chunks, CONTENT);
        if code / 100 == 2 {
            self.kept.push((std::mem::take(&mut self.accepted), WIRE.to_vec()));
        }
        code
    }

    fn end(&mut self) -> u16 {
        let code = self.codes.pop_front().unwrap_or(250);
        let inbox = self.inbox.take().unwrap_or_default();
        let accepted = std::mem::take(&mut self.accepted);
        if accepted.is_empty() {
            assert_eq!(inbox, b".\r\n", "content for nobody");
        } else {
            assert_eq!(inbox, WIRE);
            if code / 100 == 2 {
                self.kept.push((accepted, inbox));
            }
        }
        self.mail = false;
        code
    }
}

fn code() -> impl Strategy<Value = u16> {
    prop_oneof![8 => Just(250), 1 => Just(251), 2 => Just(354), 3 => Just(550), 3 => Just(451), 1 => Just(421)]
}

proptest! {
    #[test]
    fn what_is_told_is_what_happened(
        codes in proptest::collection::vec(code(), 0..16), many in 0_usize..6,
        pipelining: bool, chunking: bool, group in 1_usize..8, cut in 1_usize..9,
    ) {
        let mut peer = Peer { codes: codes.into(), ..Peer::default() };
        let mut ready = opened(pipelining, chunking, group);
        let names: Vec<String> = (0..many).map(|n| format!("r{n}@sud.test")).collect();
        let recipients = names.iter().map(|to| Recipient { to, notify: None, original: None }).collect();
        let envelope =
            Outgoing { from: None, smtputf8: false, ret: None, envid: None, require_tls: false, recipients };
        for _ in 0..3 {
            if !ready.is_usable() {
                break;
            }
            let before = peer.kept.len();
            let (known, in_doubt) = exchange(&mut ready, &envelope, &mut peer, cut);
            prop_assert_eq!(known.len(), many);
            let delivered = |outcome: &Option<_>| matches!(outcome, Some(RecipientOutcome::Delivered(_)));
            let told: Vec<String> =
                names.iter().zip(&known).filter(|(_, outcome)| delivered(outcome)).map(|(name, _)| name.clone()).collect();
            let kept: Vec<String> = peer.kept[before..].iter().flat_map(|(to, _)| to.clone()).collect();
            if in_doubt {
                prop_assert!(told.is_empty());
            } else {
                prop_assert_eq!(&told, &kept);
            }
            prop_assert!(!ready.is_usable() || known.iter().all(Option::is_some));
        }
    }
}

fn exchange(
    ready: &mut Ready<()>,
    envelope: &Outgoing<&String>,
    peer: &mut Peer,
    cut: usize,
) -> (Vec<Option<RecipientOutcome>>, bool) {
    let mut said = VecDeque::new();
    let mut step = ready.send(envelope, CONTENT.len() as u64, Body::SevenBit);
    loop {
        step = match step {
            Sending::Write(writing) => {
                said.extend(peer.hear(writing.bytes()).chunks(cut).map(<[u8]>::to_vec));
                writing.written()
            }
            Sending::Read(reading) => match said.pop_front() {
                Some(piece) => reading.feed(&piece),
                None => {
                    assert!(peer.gone, "whoever waits is answered");
                    let stage = reading.stage();
                    reading.abandon(smtp::client::Error::Closed { stage })
                }
            },
            Sending::Content(mut streaming) => {
                let mut out = Vec::new();
                CONTENT.chunks(cut).for_each(|piece| streaming.copy(piece, &mut out).unwrap());
                streaming.end(out)
            }
            Sending::Done(outcomes) => return (outcomes.into_iter().map(Some).collect(), false),
            Sending::Failed(failure) => return (failure.known, failure.in_doubt),
        };
    }
}
