//! Plays the dialogues of `tests/dialogues/*.txt` on the machine alone, without sockets, TLS or time. Each is played twice: as written,
//! and byte by byte.
//!
//! In a file, `== title` begins a dialogue; then, a line each:
//! `limits name=value …` sets limits; `implicit` begins in TLS, `relay` is the relay service, `connector` with any of the
//! words `lmtp`, `clear`, `login` a hospital's own server; `only whole` and `only bytes` play it one way;
//! `C: text` is sent with CR LF, `c: text` without (`\r`, `\n`, `\0`, `\xNN` are bytes); lines of the client that follow each other are sent
//! at once; `S: text` is the next line of the server, a final `*` standing for any end; `K: text` is the content of the message last kept;
//! `R: text` is what delivery reports the last kept message asks for; `TLS text` is a handshake done, with a certificate of that text; `STOP`, `TIMEOUT`, `REVOKED` happen to a waiting session; `END name` means closed, and why.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::VecDeque, fs, path::Path, sync::Arc, time::Duration};

use smtp::{
    ConnectorDoor, Limits, Service, Settings,
    machine::{self, Interruption, Reading, Step, Upgrading},
};

use crate::toy::{Toy, answer, connection, tls};

mod toy;

#[tokio::test]
async fn all_dialogues() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut played = 0;
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for dialogue in text.split("\n== ").skip(1) {
            let name =
                format!("{}: {}", path.file_name().unwrap().display(), dialogue.lines().next().unwrap());
            let only = dialogue.lines().find_map(|line| line.strip_prefix("only "));
            for whole in
                [true, false].into_iter().filter(|whole| only.is_none_or(|only| *whole == (only == "whole")))
            {
                let (mut player, first) = Player::new(&name, dialogue, whole);
                player.play(dialogue, first).await;
            }
            played += 1;
        }
    }
    assert!(played > 40, "only {played} dialogues were found");
}

/// Where the machine stands.
enum Place {
    Reading(Reading<Toy>),
    Upgrading(Upgrading<Toy>),
    Closed(String),
    Moving,
}

struct Player<'a> {
    name: &'a str,
    policy: Toy,
    place: Place,
    said: VecDeque<String>,
    whole: bool,
}

impl<'a> Player<'a> {
    fn new(name: &'a str, dialogue: &str, whole: bool) -> (Self, Step<Toy>) {
        let settings = Settings { hostname: "mail.test".to_owned(), limits: limits(dialogue) };
        let says = |word: &str| dialogue.lines().any(|line| line == word);
        let door = dialogue.lines().find_map(|line| line.strip_prefix("connector"));
        let service = match (says("implicit"), says("relay"), door) {
            (true, ..) => Service::SubmissionTls,
            (_, true, _) => Service::Relay,
            (.., Some(words)) => {
                let has = |word| words.split(' ').any(|one| one == word);
                Service::Connector(ConnectorDoor {
                    lmtp: has("lmtp"),
                    clear: has("clear"),
                    login: has("login"),
                })
            }
            _ => Service::Submission,
        };
        let step = machine::start(connection(service), Arc::new(settings));
        let (policy, said) = (Toy::default(), VecDeque::new());
        (Player { name, policy, place: Place::Moving, said, whole }, step)
    }

    async fn play(&mut self, dialogue: &str, first: Step<Toy>) {
        self.advance(first).await;
        let mut pending: Vec<u8> = Vec::new();
        for (number, line) in dialogue.lines().enumerate().skip(1) {
            let place = format!("{}, line {number}: {line}", self.name);
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            match kind {
                "C:" => pending.extend([bytes(rest), b"\r\n".to_vec()].concat()),
                "c:" => pending.extend(bytes(rest)),
                _ => {
                    let sent = std::mem::take(&mut pending);
                    self.send(&sent).await;
                    self.expect(kind, rest, &place).await;
                }
            }
        }
        self.send(&pending).await;
        assert!(self.said.is_empty(), "{}: left unsaid {:?}", self.name, self.said);
    }

    async fn expect(&mut self, kind: &str, rest: &str, place: &str) {
        match kind {
            "S:" => {
                let said = self.said.pop_front().unwrap_or_else(|| "(nothing)".to_owned());
                let alike = match rest.strip_suffix('*') {
                    Some(start) => said.starts_with(start),
                    None => said == rest,
                };
                assert!(alike, "{place}\n the server said: {said}\n then: {:?}", self.said);
            }
            "K:" => {
                let kept = self.policy.kept.lock().unwrap();
                let kept = kept.last().unwrap_or_else(|| panic!("{place}: nothing was kept"));
                assert_eq!(kept.content, bytes(rest), "{place}");
            }
            "R:" => {
                let kept = self.policy.kept.lock().unwrap();
                let kept = kept.last().unwrap_or_else(|| panic!("{place}: nothing was kept"));
                assert_eq!(kept.reports.join(", "), rest, "{place}");
            }
            "TLS" => match std::mem::replace(&mut self.place, Place::Moving) {
                Place::Upgrading(upgrading) => self.advance(upgrading.established(tls(rest))).await,
                _ => panic!("{place}: no handshake is awaited"),
            },
            "STOP" => self.interrupt(Reading::stop).await,
            "TIMEOUT" => self.interrupt(|reading| reading.interrupt(Interruption::Timeout)).await,
            "REVOKED" => self.interrupt(|reading| reading.interrupt(Interruption::Revoked)).await,
            "END" => match &self.place {
                Place::Closed(end) => assert_eq!(end, rest, "{place}"),
                _ => panic!("{place}: the session goes on"),
            },
            "limits" | "implicit" | "relay" | "connector" | "only" | "" => {}
            other => panic!("{place}: what is {other}?"),
        }
    }

    async fn interrupt(&mut self, how: impl FnOnce(Reading<Toy>) -> Step<Toy>) {
        if let Place::Reading(reading) = std::mem::replace(&mut self.place, Place::Moving) {
            self.advance(how(reading)).await;
        } else {
            panic!("{}: not reading", self.name);
        }
    }

    async fn send(&mut self, sent: &[u8]) {
        let size = if self.whole { sent.len().max(1) } else { 1 };
        for chunk in sent.chunks(size) {
            match std::mem::replace(&mut self.place, Place::Moving) {
                Place::Reading(mut reading) => {
                    reading.feed(chunk);
                    self.advance(reading.fed()).await;
                }
                other => self.place = other,
            }
        }
    }

    async fn advance(&mut self, mut step: Step<Toy>) {
        loop {
            step = match step {
                Step::Write(writing) => {
                    let text = String::from_utf8(writing.bytes().to_vec()).unwrap();
                    self.said.extend(text.split_terminator("\r\n").map(str::to_owned));
                    writing.written()
                }
                Step::Read(reading) => return self.place = Place::Reading(reading),
                Step::StartTls(upgrading) => return self.place = Place::Upgrading(upgrading),
                Step::Close(ended) => return self.place = Place::Closed(ended.end.to_string()),
                question => answer(&self.policy, question).await,
            };
        }
    }
}

fn limits(dialogue: &str) -> Limits {
    let mut limits = Limits { errors_before_close: 20, ..Limits::default() };
    for word in
        dialogue.lines().filter_map(|line| line.strip_prefix("limits ")).flat_map(|line| line.split(' '))
    {
        let (name, value) = word.split_once('=').unwrap();
        let value: u32 = value.parse().unwrap();
        match name {
            "command_line" => limits.command_line = value as usize,
            "envid" => limits.envid = value as usize,
            "orcpt" => limits.orcpt = value as usize,
            "auth_line" => limits.auth_line = value as usize,
            "text_line" => limits.text_line = u64::from(value),
            "message_bytes" => limits.message_bytes = u64::from(value),
            "dropped_bytes" => limits.dropped_bytes = u64::from(value),
            "recipients" => limits.recipients = value,
            "chunks" => limits.chunks = value,
            "mails" => limits.mails = value,
            "refused_recipients" => limits.refused_recipients = value,
            "unknown_bytes" => limits.unknown_bytes = u64::from(value),
            "errors_before_close" => limits.errors_before_close = value,
            "auth_failures" => limits.auth_failures = value,
            "stop_grace" => limits.stop_grace = Duration::from_secs(u64::from(value)),
            other => panic!("no limit {other}"),
        }
    }
    limits
}

/// The bytes that `text` stands for.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next().unwrap() {
                'r' => bytes.push(b'\r'),
                'n' => bytes.push(b'\n'),
                '0' => bytes.push(0),
                'x' => {
                    let digits: String = chars.by_ref().take(2).collect();
                    bytes.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                other => bytes.extend(other.to_string().bytes()),
            },
            other => bytes.extend(other.to_string().bytes()),
        }
    }
    bytes
}
