//! Plays the dialogues of `tests/client/*.txt` on the client's machine alone. Each is played twice: with the peer's lines as written,
//! and byte by byte.
//!
//! In a file, `== title` begins a dialogue; then, a line each:
//! `only whole` plays it one way; `lmtp` speaks that, `clear` without TLS; `pipelined N` and `chunk N` set these limits; `offers A, B` does the opening in silence with these extensions;
//! `message word…` begins a message (`from=`, `to=` more than once, `size=`, `8bit`, `binary`, `requiretls`, `utf8`), whose content is the `content` line before it;
//! `C:` lines that follow each other are what the client must write at once (`c:` without CR LF), `S:` lines are what the peer says (`\r`, `\n` are bytes);
//! `TLS` is a handshake done, `CLOSED` and `TIMEOUT` happen to a waiting client; `UNREADABLE` is a content that cannot be read;
//! `R:` is what became of the next recipient, `FAILED text` the error, with `(in doubt)` behind it where the final dot had gone out;
//! `USED` says that the connection takes no other message.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::VecDeque, fs, io, path::Path, sync::Arc};

use smtp::{
    Body,
    client::{
        Error, Outgoing, Protocol, Recipient, RecipientOutcome, Security, Settings,
        machine::{self, Ready, Sending, Step},
    },
};

#[test]
fn all_dialogues() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    let mut played = 0;
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for dialogue in text.split("\n== ").skip(1) {
            let title = dialogue.lines().next().unwrap();
            for whole in [true, false] {
                if whole || !dialogue.contains("\nonly whole\n") {
                    let name = format!("{}: {title} (whole: {whole})", path.file_name().unwrap().display());
                    Player::new(name, dialogue, whole).play();
                }
            }
            played += 1;
        }
    }
    assert!(played > 25, "only {played} dialogues were found");
}

struct Player {
    name: String,
    lines: VecDeque<String>,
    settings: Settings,
    content: Vec<u8>,
    whole: bool,
}

impl Player {
    fn new(name: String, dialogue: &str, whole: bool) -> Self {
        let mut settings = Settings::new("client.test");
        let mut lines = VecDeque::new();
        for line in dialogue.lines().skip(1).filter(|line| !line.is_empty() && *line != "only whole") {
            match (line, line.strip_prefix("pipelined ")) {
                (_, Some(many)) => settings.pipelined = many.parse().unwrap(),
                _ if line.starts_with("chunk ") => settings.chunk = line[6..].parse().unwrap(),
                ("lmtp", _) => settings.protocol = Protocol::Lmtp,
                ("clear", _) => settings.security = Security::Clear,
                _ => lines.push_back(line.to_owned()),
            }
        }
        Player { name, lines, settings, content: Vec::new(), whole }
    }

    fn play(mut self) {
        let offers = self.next("offers ");
        let Some(mut ready) = self.open(offers) else { return self.finish() };
        while !self.lines.is_empty() {
            self.content = self.next("content ").map_or_else(|| b"hello\r\n".to_vec(), |text| bytes(&text));
            let message = self.next("message ").unwrap_or_else(|| panic!("{}: {:?}", self.name, self.lines));
            self.message(&mut ready, &message);
            let used = self.next("USED").is_some();
            assert_eq!(ready.is_usable(), !used, "{}", self.name);
        }
    }

    /// The opening: as the dialogue has it, or in silence.
    fn open(&mut self, offers: Option<String>) -> Option<Ready<()>> {
        if let Some(offers) = offers {
            let offered: String = offers.split(", ").map(|offer| format!("|S: 250-{offer}")).collect();
            let opening = format!(
                "S: 220 x|C: EHLO client.test|S: 250-x|S: 250 STARTTLS|C: STARTTLS|S: 220 x|TLS|C: EHLO client.test|S: 250-x{offered}|S: 250 X"
            );
            for line in opening.split('|').rev() {
                self.lines.push_front(line.to_owned());
            }
        }
        let mut step = Step::Read(machine::start(Arc::new(self.settings.clone())));
        loop {
            step = match step {
                Step::Write(writing) => {
                    self.written(writing.bytes());
                    writing.written()
                }
                Step::Read(mut reading) => {
                    let mut said = self.said().into_iter();
                    loop {
                        let Some(piece) = said.next() else { panic!("{}: {:?}", self.name, self.lines) };
                        match reading.feed(&piece) {
                            Step::Read(again) => reading = again,
                            other => break other,
                        }
                    }
                }
                Step::StartTls(upgrading) => {
                    assert!(self.next("TLS").is_some(), "{}: {:?}", self.name, self.lines);
                    upgrading.established()
                }
                Step::Greeted(greeted) => return Some(greeted.trusted(())),
                Step::Failed(error) => {
                    assert_eq!(self.next("FAILED "), Some(error.to_string()), "{}", self.name);
                    return None;
                }
            };
        }
    }

    fn message(&mut self, ready: &mut Ready<()>, words: &str) {
        let (envelope, size, body) = envelope(words, self.content.len() as u64);
        let mut step = ready.send(&envelope, size, body);
        loop {
            step = match step {
                Sending::Write(writing) => {
                    self.written(writing.bytes());
                    writing.written()
                }
                Sending::Read(mut reading) => {
                    let mut said = self.said().into_iter();
                    loop {
                        let Some(piece) = said.next() else { break reading.abandon(self.interruption()) };
                        match reading.feed(&piece) {
                            Sending::Read(again) => reading = again,
                            other => break other,
                        }
                    }
                }
                Sending::Content(mut streaming) => {
                    if self.next("UNREADABLE").is_some() {
                        streaming.abandon(Error::Content(io::Error::other("disk")))
                    } else {
                        let mut out = Vec::new();
                        match streaming.copy(&self.content, &mut out) {
                            Ok(()) => streaming.end(out),
                            Err(error) => streaming.abandon(Error::Content(error)),
                        }
                    }
                }
                Sending::Done(outcomes) => {
                    return outcomes.iter().for_each(|outcome| self.outcome(Some(outcome)));
                }
                Sending::Failed(failure) => {
                    let doubt = if failure.in_doubt { " (in doubt)" } else { "" };
                    assert_eq!(self.next("FAILED "), Some(format!("{failure}{doubt}")), "{}", self.name);
                    return failure.known.iter().for_each(|known| self.outcome(known.as_ref()));
                }
            };
        }
    }

    fn outcome(&mut self, outcome: Option<&RecipientOutcome>) {
        let text = match outcome {
            None => "unknown".to_owned(),
            Some(RecipientOutcome::Delivered(reply)) => format!("delivered: {reply}"),
            Some(RecipientOutcome::Refused { reply, stage }) => format!("refused at {stage}: {reply}"),
        };
        let expected = self.next("R: ").unwrap_or_else(|| panic!("{}: unsaid: {text}", self.name));
        let alike = expected.strip_suffix('*').map_or(text == expected, |start| text.starts_with(start));
        assert!(alike, "{}\n expected: {expected}\n got: {text}", self.name);
    }

    /// The rest of the next line, if it starts so.
    fn next(&mut self, start: &str) -> Option<String> {
        let rest = self.lines.front()?.strip_prefix(start)?.to_owned();
        self.lines.pop_front();
        Some(rest)
    }

    fn written(&mut self, written: &[u8]) {
        let mut expected = Vec::new();
        loop {
            if let Some(line) = self.next("C: ") {
                expected.extend([bytes(&line), b"\r\n".to_vec()].concat());
            } else if let Some(line) = self.next("c: ") {
                expected.extend(bytes(&line));
            } else {
                break;
            }
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(written), text(&expected), "{}, then {:?}", self.name, self.lines);
    }

    /// What the peer says now, in the pieces in which it comes.
    fn said(&mut self) -> Vec<Vec<u8>> {
        let mut said = Vec::new();
        while let Some(line) = self.next("S: ") {
            said.extend([bytes(&line), b"\r\n".to_vec()].concat());
        }
        let size = if self.whole { said.len().max(1) } else { 1 };
        said.chunks(size).map(<[u8]>::to_vec).collect()
    }

    fn interruption(&mut self) -> Error {
        let stage = smtp::client::Stage::End;
        match self.lines.pop_front().as_deref() {
            Some("CLOSED") => Error::Closed { stage },
            Some("TIMEOUT") => Error::Timeout { stage },
            other => panic!("{}: the client waits, and then {other:?}", self.name),
        }
    }

    fn finish(self) {
        assert!(self.lines.is_empty(), "{}: left {:?}", self.name, self.lines);
    }
}

fn envelope(words: &str, length: u64) -> (Outgoing<String>, u64, Body) {
    let mut envelope = Outgoing {
        from: None,
        smtputf8: false,
        ret: None,
        envid: None,
        require_tls: false,
        recipients: Vec::new(),
    };
    let (mut size, mut body) = (length, Body::SevenBit);
    for word in words.split(' ') {
        match word.split_once('=').unwrap_or((word, "")) {
            ("from", text) => envelope.from = Some(text.to_owned()),
            ("to", text) => {
                envelope.recipients.push(Recipient { to: text.to_owned(), notify: None, original: None });
            }
            ("size", text) => size = text.parse().unwrap(),
            ("8bit", _) => body = Body::EightBit,
            ("binary", _) => body = Body::Binary,
            ("requiretls", _) => envelope.require_tls = true,
            ("utf8", _) => envelope.smtputf8 = true,
            other => panic!("what is {other:?}?"),
        }
    }
    (envelope, size, body)
}

fn bytes(text: &str) -> Vec<u8> {
    text.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0").into_bytes()
}
