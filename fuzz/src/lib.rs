//! What the SMTP targets share: a policy whose answers are read from the input, and the loop that plays a whole session on the machine
//! while it watches what no session may do.
//! May use the public face of the crates only: what a target sees is what the network sees.

use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use smtp::{
    Accepted, BLOCK, Body, Connection, Credentials, Ended, Limits, MailFrom, Policy, Recipient, Reply, Service,
    Settings, TlsInfo,
    machine::{self, Interruption, Reading, Step},
};

/// A session that logged in and was told to send its message, if the policy agrees.
pub const TO_DATA: &[u8] =
    b"EHLO c\r\nAUTH PLAIN AGEAYg==\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n";

/// A policy that answers what it is told to, and agrees when it is told nothing more.
#[derive(Default)]
pub struct Script(Mutex<State>);

#[derive(Default)]
struct State {
    answers: VecDeque<u8>,
    kept: Vec<Vec<u8>>,
    arrived: Vec<u8>,
}

impl Script {
    /// Answers with these bytes, one a question.
    pub fn new(answers: &[u8]) -> Self {
        Script(Mutex::new(State { answers: answers.to_vec().into(), ..State::default() }))
    }

    /// The content of every message that was accepted.
    pub fn kept(&self) -> Vec<Vec<u8>> {
        self.state().kept.clone()
    }

    /// The content of the last message that began, as far as it was handed on.
    pub fn arrived(&self) -> Vec<u8> {
        self.state().arrived.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self) -> Result<(), Reply> {
        match self.state().answers.pop_front().map_or(0, |answer| answer % 16) {
            0..8 => Ok(()),
            8 => Err(Reply::new(250, "2.0.0", ["Accepted kept-0"])),
            9 => Err(Reply::new(354, "", ["Go on"])),
            10 => Err(Reply::new(421, "4.7.0", ["Go away"])),
            11 => Err(Reply::new(550, "5.7.1", ["No\r\n250 2.0.0 Accepted kept-0"])),
            12 => Err(Reply::new(999, "9\r\n250 ", Vec::<String>::new())),
            _ => Err(Reply::new(451, "4.3.0", ["Not now"])),
        }
    }
}

/// One who logged in.
pub struct Peer(());

/// A transaction.
pub struct Envelope {
    /// How many recipients were accepted.
    recipients: u32,
    binary: bool,
}

/// A message on its way.
pub struct Incoming {
    content: Vec<u8>,
    binary: bool,
}

impl Policy for Script {
    type Peer = Peer;
    type Envelope = Envelope;
    type Incoming = Incoming;
    type Durable = ();

    async fn authenticate(&self, connection: &Connection, credentials: Credentials) -> Result<Peer, Reply> {
        let Credentials::Plain { authzid, authcid, password, .. } = credentials;
        assert!(connection.tls.is_some(), "no login in clear");
        assert!(!authcid.is_empty() && !password.is_empty() && authzid.as_deref() != Some(""));
        self.ask().map(|()| Peer(()))
    }

    async fn known_by_certificate(&self, connection: &Connection) -> Result<Peer, Reply> {
        assert!(connection.tls.is_some() && connection.service == Service::Relay, "in clear nobody is known");
        self.ask().map(|()| Peer(()))
    }

    async fn mail(
        &self,
        connection: &Connection,
        peer: Option<&Peer>,
        from: MailFrom,
    ) -> Result<Envelope, Reply> {
        assert!(connection.tls.is_some() && peer.is_some() && !connection.helo.is_empty());
        assert!(connection.helo.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(from.path.as_ref().is_none_or(|path| is_address(path, from.smtputf8)));
        assert!(
            from.envid
                .is_none_or(|it| !it.is_empty() && it.len() <= 100 && is_printable(&it) && it.is_ascii())
        );
        let binary = from.body == Body::Binary;
        self.ask().map(|()| Envelope { recipients: 0, binary })
    }

    async fn rcpt(&self, _: &Connection, envelope: &mut Envelope, to: Recipient) -> Result<(), Reply> {
        assert!(is_address(&to.path, true));
        assert!(to.orcpt.is_none_or(|it| it.len() <= 500 && it.contains(';') && is_printable(&it)));
        self.ask()?;
        envelope.recipients += 1;
        Ok(())
    }

    async fn data(&self, _: &Connection, envelope: Envelope) -> Result<Incoming, Reply> {
        assert!(envelope.recipients > 0, "content needs a recipient");
        self.ask()?;
        self.state().arrived.clear();
        Ok(Incoming { content: Vec::new(), binary: envelope.binary })
    }

    async fn chunk(&self, incoming: &mut Incoming, bytes: &[u8]) -> Result<(), Reply> {
        assert!((1..=BLOCK).contains(&bytes.len()));
        incoming.content.extend_from_slice(bytes);
        self.state().arrived.extend_from_slice(bytes);
        self.ask()
    }

    async fn finish(&self, incoming: Incoming) -> Result<Accepted<()>, Reply> {
        assert!(incoming.binary || is_lines(&incoming.content), "no line end is alone");
        self.ask()?;
        let mut state = self.state();
        state.kept.push(incoming.content);
        Ok(Accepted { durable: (), id: format!("kept-{}", state.kept.len()) })
    }

    async fn revoked(&self, _: &Peer) {
        std::future::pending().await
    }
}

/// What came of a session.
pub struct Outcome {
    /// All that the server wrote.
    pub said: Vec<u8>,
    /// How it ended; none if it still waits.
    pub ended: Option<Ended>,
}

/// Plays `bytes`, cut as `cuts` say. A cut of 1 to 251 is a number of bytes; others are something that happens meanwhile; when there
/// are no more, the rest comes at once.
pub fn play(policy: &Script, service: Service, limits: Limits, bytes: &[u8], cuts: &[u8]) -> Outcome {
    let settings = Arc::new(Settings { hostname: "mail.test".to_owned(), limits });
    let mut client = Client { bytes, cuts: cuts.iter() };
    let mut outcome = Outcome { said: Vec::new(), ended: None };
    let mut step: Step<Script> = machine::start(connection(service), settings);
    loop {
        step = match step {
            Step::Write(writing) => {
                outcome.said.extend_from_slice(writing.bytes());
                check_replies(writing.bytes());
                assert_eq!(
                    accepted(&outcome.said),
                    policy.kept().len(),
                    "a 250 for each message that is kept, and no other"
                );
                writing.written()
            }
            Step::Read(reading) => match client.turn(reading) {
                Some(step) => step,
                None => break,
            },
            Step::Close(ended) => {
                outcome.ended = Some(ended);
                assert_eq!(ended.accepted as usize, policy.kept().len());
                break;
            }
            Step::StartTls(upgrading) => upgrading.established(tls()),
            question => answer(policy, question),
        };
    }
    outcome
}

/// What is still to come from the other side.
struct Client<'a> {
    bytes: &'a [u8],
    cuts: std::slice::Iter<'a, u8>,
}

impl Client<'_> {
    fn turn(&mut self, mut reading: Reading<Script>) -> Option<Step<Script>> {
        let length = match self.cuts.next() {
            Some(0) => return Some(reading.interrupt(Interruption::Revoked)),
            Some(252..254) => return Some(reading.stop()),
            Some(254..) => return Some(reading.interrupt(Interruption::Timeout)),
            Some(&cut) => usize::from(cut),
            None => self.bytes.len(),
        };
        let length = length.min(self.bytes.len());
        if length == 0 {
            return None;
        }
        if length % 2 == 0 {
            let (now, later) = self.bytes.split_at(length);
            reading.feed(now);
            self.bytes = later;
        } else {
            let block = reading.block();
            let (now, later) = self.bytes.split_at(length.min(BLOCK.saturating_sub(block.len())));
            assert!(!now.is_empty(), "whoever asks for input has room for it");
            block.extend_from_slice(now);
            self.bytes = later;
        }
        Some(reading.fed())
    }
}

fn answer(policy: &Script, question: Step<Script>) -> Step<Script> {
    match question {
        Step::Authenticate(asked, credentials) => {
            let answer = now(policy.authenticate(asked.connection(), credentials));
            asked.answer(answer)
        }
        Step::Identify(asked) => {
            let answer = now(policy.known_by_certificate(asked.connection()));
            asked.answer(answer)
        }
        Step::Mail(asked, from) => {
            let (connection, peer) = asked.context();
            let answer = now(policy.mail(connection, peer, from));
            asked.answer(answer)
        }
        Step::Rcpt(mut asked, to) => {
            let (connection, envelope) = asked.context();
            let answer = now(policy.rcpt(connection, envelope, to));
            asked.answer(answer)
        }
        Step::Data(asked, envelope) => {
            let answer = now(policy.data(asked.connection(), envelope));
            asked.answer(answer)
        }
        Step::Chunk(mut asked) => {
            let (incoming, bytes) = asked.context();
            let answer = now(policy.chunk(incoming, bytes));
            asked.answer(answer)
        }
        Step::Finish(asked, incoming) => asked.answer(now(policy.finish(incoming))),
        other => other,
    }
}

/// The answers of [`Script`] are there at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a script never waits"),
    }
}

fn connection(service: Service) -> Connection {
    Connection {
        peer: ([192, 0, 2, 1], 40_000).into(),
        local: ([192, 0, 2, 2], 587).into(),
        tls: (service == Service::SubmissionTls).then(tls),
        helo: String::new(),
        extended: false,
        service,
        session: "fuzz".to_owned(),
    }
}

fn tls() -> TlsInfo {
    TlsInfo {
        version: "TLSv1.3".to_owned(),
        cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
        ..TlsInfo::default()
    }
}

fn accepted(said: &[u8]) -> usize {
    let start = b"250 2.0.0 Accepted ";
    said.split(|&byte| byte == b'\n').filter(|line| line.starts_with(start)).count()
}

/// RFC 5321 §4.2: three digits, a space or a hyphen, printable text, at most 512 octets.
fn check_replies(written: &[u8]) {
    for line in written.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\r\n").expect("a reply ends with CR LF");
        assert!((4..=510).contains(&text.len()));
        assert!(matches!(text[0], b'2'..=b'5') && text[1].is_ascii_digit() && text[2].is_ascii_digit());
        assert!(matches!(text[3], b' ' | b'-'));
        assert!(text.iter().all(|byte| *byte == b' ' || byte.is_ascii_graphic()));
    }
}

fn is_address(text: &str, utf8: bool) -> bool {
    !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control) && (utf8 || text.is_ascii())
}

fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn is_lines(content: &[u8]) -> bool {
    let lone = |at: usize| match content[at] {
        b'\r' => content.get(at + 1) != Some(&b'\n'),
        b'\n' => at == 0 || content[at - 1] != b'\r',
        _ => false,
    };
    !(0..content.len()).any(lone)
}
