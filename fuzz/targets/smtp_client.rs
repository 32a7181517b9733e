//! The client's reader of replies, and the machine behind it: a peer that says anything, cut anywhere. Where lines are cut changes
//! nothing; nothing about a message is said before TLS; content goes out only after a recipient and DATA were accepted.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use smtp::{
    Body,
    client::{
        Outgoing, Recipient, RecipientOutcome, Settings,
        machine::{self, Ready, Sending, Step},
    },
};

const NAMES: [&str; 3] = ["a@sud.test", "b@sud.test", "c@sud.test"];

fuzz_target!(|input: (&[u8], Vec<u8>, u8)| {
    let (bytes, cuts, opened) = input;
    let bytes = match opened % 3 {
        0 => bytes.to_vec(),
        1 => [OPENING, bytes].concat(),
        _ => [CHUNKING, bytes].concat(),
    };
    let single: Vec<usize> = vec![1; bytes.len()];
    let lines: Vec<usize> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::len).collect();
    assert_eq!(play(&bytes, &single), play(&bytes, &lines));
    let cuts: Vec<usize> = cuts.into_iter().map(|cut| usize::from(cut).max(1)).collect();
    play(&bytes, &cuts);
});

/// What a peer says up to the first message.
const OPENING: &[u8] =
    b"220 x\r\n250-x\r\n250 STARTTLS\r\n220 x\r\n250-x\r\n250-PIPELINING\r\n250 SIZE 9\r\n";

/// The same of one that takes BDAT.
const CHUNKING: &[u8] =
    b"220 x\r\n250-x\r\n250 STARTTLS\r\n220 x\r\n250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n";

/// What came to be: all that was written, and what was told of each message.
#[derive(Debug, PartialEq, Default)]
struct Played {
    written: Vec<u8>,
    told: Vec<String>,
}

/// The peer's bytes, as they come.
struct Peer<'a> {
    bytes: &'a [u8],
    cuts: std::slice::Iter<'a, usize>,
}

impl Peer<'_> {
    fn next(&mut self) -> Option<&[u8]> {
        let length = self.cuts.next().copied().unwrap_or(self.bytes.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(length);
        self.bytes = later;
        (length > 0).then_some(now)
    }
}

fn play(bytes: &[u8], cuts: &[usize]) -> Played {
    let mut peer = Peer { bytes, cuts: cuts.iter() };
    let mut played = Played::default();
    let Some(mut ready) = open(&mut peer, &mut played) else { return played };
    while ready.is_usable() {
        if !message(&mut ready, &mut peer, &mut played) {
            break;
        }
    }
    played
}

fn open(peer: &mut Peer<'_>, played: &mut Played) -> Option<Ready<()>> {
    let settings = Settings { reply_line: 64, reply_lines: 8, ..Settings::new("c.test") };
    let mut step = Step::Read(machine::start(Arc::new(settings)));
    loop {
        step = match step {
            Step::Write(writing) => {
                assert!(matches!(writing.bytes(), b"EHLO c.test\r\n" | b"STARTTLS\r\n"));
                played.written.extend(writing.bytes());
                writing.written()
            }
            Step::Read(reading) => reading.feed(peer.next()?),
            Step::StartTls(upgrading) => upgrading.established(),
            Step::Greeted(greeted) => {
                assert!(played.written.ends_with(b"STARTTLS\r\nEHLO c.test\r\n"));
                return Some(greeted.trusted(()));
            }
            Step::Failed(error) => {
                played.told.push(error.to_string());
                return None;
            }
        };
    }
}

/// One message; whether the peer has more to say.
fn message(ready: &mut Ready<()>, peer: &mut Peer<'_>, played: &mut Played) -> bool {
    let recipients = NAMES.map(|to| Recipient { to, notify: None, original: None }).to_vec();
    let envelope = Outgoing { from: None, smtputf8: false, ret: None, envid: None, require_tls: false, recipients };
    let mut sent = false;
    let mut step = ready.send(&envelope, 4, Body::SevenBit);
    loop {
        step = match step {
            Sending::Write(writing) => {
                played.written.extend(writing.bytes());
                writing.written()
            }
            Sending::Read(reading) => match peer.next() {
                Some(bytes) => reading.feed(bytes),
                None => return false,
            },
            Sending::Content(mut streaming) => {
                sent = true;
                let mut out = Vec::new();
                streaming.copy(b".x\r\n", &mut out).expect("its lines are whole");
                streaming.end(out)
            }
            Sending::Done(outcomes) => {
                assert_eq!(outcomes.len(), NAMES.len());
                let kept = |outcome: &RecipientOutcome| matches!(outcome, RecipientOutcome::Delivered(_));
                assert!(sent || !outcomes.iter().any(kept), "delivered and never sent");
                played.told.push(format!("{outcomes:?}"));
                return true;
            }
            Sending::Failed(failure) => {
                assert!(sent || !failure.in_doubt);
                played.told.push(format!("{failure:?}"));
                return false;
            }
        };
    }
}
