//! The driver without a store: dialogues as text files, and what only code can say.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, server::ResolvesServerCertUsingSni},
};

use super::{Ended, Mode, Stop, serve_on};
use crate::{
    Settings,
    capability::{Extension, Extensions, Offer},
};

use self::fake::FakeBackend;

mod fake;
mod splits;
mod tls;
#[path = "../../tests/session/understood.rs"]
mod understood;

/// Our side of a conversation.
struct Client {
    stream: DuplexStream,
    server: JoinHandle<Ended>,
    stop: watch::Sender<Stop>,
    backend: FakeBackend,
    /// All lines that the server said.
    heard: Vec<u8>,
}

fn settings() -> Settings {
    Settings {
        hostname: "imap.chu-nord.mssante.fr".to_owned(),
        bad_commands: 4,
        append_bytes: 100_000,
        ..Settings::default()
    }
}

/// No certificate: enough for what happens before the handshake.
fn no_tls() -> TlsAcceptor {
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_cert_resolver(std::sync::Arc::new(ResolvesServerCertUsingSni::new()));
    TlsAcceptor::from(std::sync::Arc::new(config))
}

impl Client {
    fn start(settings: Settings, secure: bool) -> Self {
        Self::start_with(1024, settings, secure)
    }

    /// With so many bytes on their way at most.
    fn start_with(width: usize, settings: Settings, secure: bool) -> Self {
        let (stream, theirs) = duplex(width);
        let backend = FakeBackend::new(settings);
        let (stop, stopped) = watch::channel(Stop::Run);
        let served = backend.clone();
        let server = tokio::spawn(async move {
            let peer = std::net::Ipv4Addr::LOCALHOST.into();
            let mode = if secure { Mode::Plain } else { Mode::StartTls };
            serve_on(theirs, mode, peer, no_tls(), &served, stopped).await
        });
        Self { stream, server, stop, backend, heard: Vec::new() }
    }

    /// A client that is logged in.
    async fn logged_in(settings: Settings) -> Self {
        Self::start(settings, true).log_in().await
    }

    async fn log_in(mut self) -> Self {
        self.expect_start("* OK").await;
        self.say("l LOGIN person@x.fr demonstration\r\n").await;
        self.expect_start("l OK").await;
        self
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next line, or `None` when the server closed.
    async fn line(&mut self) -> Option<String> {
        let wait = Duration::from_secs(60);
        timeout(wait, self.read_line()).await.expect("the server says something")
    }

    async fn read_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            match self.stream.read_u8().await {
                Ok(byte) => line.push(byte),
                Err(_) => return None,
            }
        }
        self.heard.extend_from_slice(&line);
        line.truncate(line.len() - 2);
        Some(String::from_utf8(line).unwrap())
    }

    async fn expect_start(&mut self, start: &str) {
        let line = self.line().await.unwrap();
        assert!(line.starts_with(start), "{line}");
    }

    /// The server closed; all that it said is what a client understands.
    async fn ended(mut self) -> Ended {
        assert_eq!(self.line().await, None);
        understood::understood(&self.heard);
        self.server.await.unwrap()
    }

    /// Plays a dialogue: `C:` is sent, `S:` must come, `END:` is how the server's side ends.
    async fn play(mut self, dialogue: &str) {
        for (n, line) in dialogue.lines().enumerate() {
            let n = n + 1;
            if let Some(said) = line.strip_prefix("C:") {
                let said = said.strip_prefix(' ').unwrap_or(said).replace("\\r\\n", "\r\n");
                self.say(&format!("{said}\r\n")).await;
            } else if let Some(wanted) = line.strip_prefix("S: ") {
                assert_eq!(self.line().await.as_deref(), Some(wanted), "line {n}");
            } else if let Some(end) = line.strip_prefix("END: ") {
                return assert_eq!(self.ended().await.as_str(), end);
            } else {
                assert!(line.starts_with('#') || line.is_empty(), "line {n}: {line}");
            }
        }
        panic!("a dialogue without END");
    }
}

macro_rules! dialogue {
    ($file:literal) => {
        include_str!(concat!("../../tests/wire/", $file))
    };
}

#[tokio::test]
async fn in_clear_nobody_logs_in() {
    Client::start(settings(), false).play(dialogue!("clear.txt")).await;
}

#[tokio::test]
async fn nothing_sent_behind_starttls_is_a_command() {
    Client::start(settings(), false).play(dialogue!("starttls-injection.txt")).await;
}

#[tokio::test]
async fn a_stranger_gets_little() {
    let settings = Settings { bad_commands: 20, ..settings() };
    Client::start(settings, true).play(dialogue!("stranger.txt")).await;
}

#[tokio::test]
async fn one_logs_in_for_oneself_or_as_a_box() {
    Client::start(settings(), true).play(dialogue!("login.txt")).await;
}

#[tokio::test]
async fn one_logs_in_as_a_box_by_user_name() {
    Client::start(settings(), true).play(dialogue!("login-as-box.txt")).await;
}

#[tokio::test]
async fn failed_logins_are_counted() {
    Client::start(settings(), true).play(dialogue!("too-many-failures.txt")).await;
}

#[tokio::test]
async fn bad_commands_are_counted() {
    Client::start(settings(), true).play(dialogue!("too-many-errors.txt")).await;
}

#[tokio::test]
async fn commands_run_one_by_one() {
    Client::logged_in(settings()).await.play(dialogue!("commands.txt")).await;
}

#[tokio::test]
async fn append_streams() {
    let settings = Settings { bad_commands: 20, ..settings() };
    Client::logged_in(settings).await.play(dialogue!("append.txt")).await;
}

#[tokio::test]
async fn idle_tells_and_ends() {
    let client = Client::logged_in(settings()).await;
    client.backend.changes.send_modify(|count| *count += 1);
    client.play(dialogue!("idle.txt")).await;
}

#[tokio::test]
async fn a_message_arrives_as_it_was_and_in_small_pieces() {
    let mut client = Client::logged_in(settings()).await;
    let message: Vec<u8> = (0..90_000_u32).map(|n| (n.wrapping_mul(n) >> 3) as u8).collect();
    client.say("a APPEND Sent {90000+}\r\n").await;
    client.stream.write_all(&message).await.unwrap();
    client.say("\r\n").await;
    client.expect_start("* OK person@x.fr changed").await;
    client.expect_start("a OK [APPENDUID 1 90000]").await;
    let (kept, largest) = client.backend.kept();
    assert!(kept == message);
    assert!(largest <= 64 * 1024, "{largest}");
}

#[tokio::test]
async fn stopping_ends_idle_sessions_with_a_bye() {
    let mut client = Client::logged_in(settings()).await;
    client.say("a IDLE\r\n").await;
    client.expect_start("+ idling").await;
    client.expect_start("* OK person@x.fr changed").await;
    client.stop.send_replace(Stop::Stop);
    client.expect_start("* BYE the server is stopping").await;
    assert_eq!(client.ended().await, Ended::Stopped);
}

#[tokio::test]
async fn stopping_lets_the_command_in_hand_finish() {
    let mut client = Client::logged_in(settings()).await;
    client.say("a APPEND Sent {4}\r\n").await;
    client.expect_start("+").await;
    client.stop.send_replace(Stop::Stop);
    client.say("abcd\r\nb NOOP\r\n").await;
    client.expect_start("* OK person@x.fr changed").await;
    client.expect_start("a OK").await;
    client.expect_start("* BYE the server is stopping").await;
    assert_eq!(client.ended().await, Ended::Stopped);
}

#[tokio::test]
async fn stopping_does_not_wait_for_strangers() {
    let mut client = Client::start(settings(), true);
    client.expect_start("* OK").await;
    client.stop.send_replace(Stop::Stop);
    client.expect_start("* BYE").await;
    assert_eq!(client.ended().await, Ended::Stopped);
}

#[tokio::test]
async fn a_right_that_ends_ends_the_session_even_in_an_append() {
    for command in ["", "a IDLE\r\n", "a APPEND Sent {4+}\r\nab"] {
        let mut client = Client::logged_in(settings()).await;
        client.say(command).await;
        client.backend.revoke();
        loop {
            let line = client.line().await.unwrap();
            if line.starts_with("* BYE the right to use this box has ended") {
                break;
            }
        }
        let backend = client.backend.clone();
        assert_eq!(client.ended().await, Ended::Revoked);
        assert!(backend.kept().0.is_empty());
    }
}

#[tokio::test]
async fn a_right_that_ends_ends_an_answer_that_is_taken_slowly() {
    let mut client = Client::logged_in(settings()).await;
    client.say("a FETCH 1:* FLAGS\r\n").await;
    client.expect_start("* 1 FETCH").await;
    client.backend.revoke();
    assert_eq!(client.server.await.unwrap(), Ended::Revoked);
}

#[tokio::test]
async fn silence_ends_every_state() {
    let soon = Duration::from_millis(1);
    let strange = Client::start(Settings { pre_auth_timeout: soon, ..settings() }, true);
    assert_bye(strange, "* BYE no login in time").await;
    let idle = Settings { idle_timeout: Duration::from_millis(500), ..settings() };
    assert_bye(Client::logged_in(idle.clone()).await, "* BYE silent for too long").await;
    let mut idling = Client::logged_in(idle).await;
    idling.say("a IDLE\r\n").await;
    assert_bye(idling, "* BYE silent for too long").await;
    let mut half =
        Client::logged_in(Settings { read_timeout: Duration::from_millis(500), ..settings() }).await;
    half.say("a APPEND Sent {4+}\r\nab").await;
    assert_bye(half, "* BYE silent for too long").await;
}

async fn assert_bye(mut client: Client, bye: &str) {
    loop {
        let line = client.line().await.unwrap();
        if line.starts_with("* BYE") {
            assert!(line.starts_with(bye), "{line}");
            break;
        }
    }
    assert_eq!(client.ended().await, Ended::Timeout);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed() {
    let settings = Settings { write_timeout: Duration::from_millis(500), ..settings() };
    let mut client = Client::start_with(7, settings, true).log_in().await;
    client.say("a NOOP\r\n").await;
    assert_eq!(client.server.await.unwrap(), Ended::Timeout);
}

#[tokio::test]
async fn idle_gives_signs_of_life() {
    let mut client = Client::logged_in(Settings { keep_alive: Duration::from_millis(1), ..settings() }).await;
    client.say("a IDLE\r\n").await;
    client.expect_start("+").await;
    client.expect_start("* OK person@x.fr changed").await;
    client.expect_start("* OK Still here").await;
    client.expect_start("* OK Still here").await;
}

#[tokio::test]
async fn too_many_commands_are_read_later_and_all_answered() {
    let client = Client::logged_in(Settings { commands_per_second: 1000, ..settings() }).await;
    let started = std::time::Instant::now();
    let all: String = (0..1500).map(|n| format!("{n} NOOP\r\n")).collect();
    let (mut from, mut to) = tokio::io::split(client.stream);
    let sending = tokio::spawn(async move {
        to.write_all(all.as_bytes()).await.unwrap();
        to
    });
    let mut answers = tokio::io::BufReader::new(&mut from).lines();
    for n in 0..1500 {
        assert_eq!(answers.next_line().await.unwrap().unwrap(), "* OK person@x.fr NOOP");
        assert_eq!(answers.next_line().await.unwrap().unwrap(), format!("{n} OK NOOP done"));
    }
    // a second's worth is free, the rest takes its time
    assert!(started.elapsed() >= Duration::from_millis(490), "{:?}", started.elapsed());
    drop(sending.await.unwrap());
    drop(client.stop);
}

#[tokio::test]
async fn a_flood_without_end_is_told_and_closed() {
    let limits = Settings { commands_per_second: 100, flood_time: Duration::ZERO, ..settings() };
    let mut client = Client::start_with(1 << 20, limits, true).log_in().await;
    client.say(&"a CAPABILITY\r\n".repeat(200)).await;
    loop {
        let line = client.line().await.unwrap();
        if line.starts_with("* BYE") {
            assert!(line.starts_with("* BYE [LIMIT] too many commands for too long"), "{line}");
            break;
        }
    }
    assert_eq!(client.ended().await, Ended::Flood);
}

#[tokio::test]
async fn an_empty_line_is_no_command() {
    let mut client = Client::logged_in(settings()).await;
    client.say("\r\n\r\na NOOP\r\n").await;
    client.expect_start("* OK person@x.fr NOOP").await;
    client.expect_start("a OK").await;
}

#[tokio::test]
async fn what_is_switched_off_for_a_client_is_refused_once_it_gave_its_name() {
    let idle: Extensions = [Extension::Idle].into_iter().collect();
    let offer = Offer { clients: vec![("Old Mail".to_owned(), idle)], ..Offer::default() };
    for name_first in [true, false] {
        let mut client = Client::start(Settings { offer: offer.clone(), ..settings() }, true);
        client.expect_start("* OK").await;
        let mut steps = ["i ID (\"name\" \"old mail\")", "l LOGIN person@x.fr demonstration"];
        if !name_first {
            steps.reverse();
        }
        for step in steps {
            client.say(&format!("{step}\r\n")).await;
            loop {
                let line = client.line().await.unwrap();
                if line.starts_with(&step[..1]) {
                    assert!(!name_first || !line.contains(" IDLE "), "{line}");
                    break;
                }
            }
        }
        client.say("c CAPABILITY\r\n").await;
        assert!(!client.line().await.unwrap().contains(" IDLE "));
        client.expect_start("c OK").await;
        client.say("d IDLE\r\n").await;
        assert_eq!(client.line().await.as_deref(), Some("d BAD IDLE: IDLE is not offered here"));
    }
}

/// What the answer to the login said of literals is what the client goes by, whatever its name switches off later.
#[tokio::test]
async fn literals_stay_as_the_login_told_them() {
    let literals: Extensions = [Extension::LiteralPlus, Extension::LiteralMinus].into_iter().collect();
    let offer = Offer { clients: vec![("Old Mail".to_owned(), literals)], ..Offer::default() };
    let mut client = Client::logged_in(Settings { offer, ..settings() }).await;
    client.say("i ID (\"name\" {8+}\r\nold mail)\r\n").await;
    client.expect_start("* ID").await;
    client.expect_start("i OK").await;
    client.say("j ID (\"name\" {8+}\r\nold mail)\r\nk LOGOUT\r\n").await;
    client.expect_start("* ID").await;
    client.expect_start("j OK").await;
    client.expect_start("* BYE").await;
    client.expect_start("k OK").await;
    assert_eq!(client.ended().await, Ended::Logout);
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    let client = Client::logged_in(settings()).await;
    drop(client.stream);
    assert_eq!(client.server.await.unwrap(), Ended::Dropped);
}

#[tokio::test]
async fn a_broken_literal_closes_without_a_word() {
    let mut client = Client::logged_in(settings()).await;
    client.say("a FETCH 1 BODY[]\r\n").await;
    client.expect_start("* 1 FETCH (BODY[] {10}").await;
    assert_eq!(client.server.await.unwrap(), Ended::Broken);
}

/// The program spawns it, and has ten thousand of them: what a session holds while nothing happens is this future, with
/// the TLS state beside it.
#[test]
fn serving_is_send_and_small() {
    fn size<F: Send>(_: impl FnOnce() -> F) -> usize {
        size_of::<F>()
    }
    let size = size(|| async {
        let (stream, peer, tls, server, stop) = std::future::pending().await;
        super::serve(stream, peer, Mode::Implicit, tls, server, stop).await
    });
    assert!(size < 3 * 1024, "{size}");
}
