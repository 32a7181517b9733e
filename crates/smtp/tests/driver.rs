//! The driver on real streams: TLS over a TCP socket, and deadlines, stop and revocation on a pipe with virtual time.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{future::Future, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use smtp::{Addresses, End, Ended, Limits, Mode, Settings, Stop};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use crate::toy::Toy;

mod toy;

/// A server and what belongs to it.
struct Server {
    policy: Arc<Toy>,
    stop: watch::Sender<Stop>,
    limits: Limits,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Server {
    fn new(limits: Limits) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder().with_no_client_auth();
        let server = server.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Server {
            policy: Arc::new(Toy::default()),
            stop: watch::channel(Stop::Run).0,
            limits,
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
        }
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::new(Settings { hostname: "mail.test".to_owned(), limits: self.limits.clone() })
    }

    fn session(&self, stream: TcpStream, mode: Mode) -> impl Future<Output = Ended> + Send + use<> {
        let (acceptor, policy, settings) = (self.acceptor.clone(), Arc::clone(&self.policy), self.settings());
        smtp::serve(stream, mode, acceptor, policy, settings, self.stop.subscribe())
    }

    /// A session on a pipe of `room` bytes.
    fn pipe(&self, mode: Mode, room: usize) -> (DuplexStream, JoinHandle<Ended>) {
        let (ours, theirs) = duplex(room);
        let address = "192.0.2.1:587".parse().unwrap();
        let addresses = Addresses { peer: address, local: address };
        let (acceptor, policy, settings) = (self.acceptor.clone(), Arc::clone(&self.policy), self.settings());
        let stop = self.stop.subscribe();
        let session = smtp::serve_on(theirs, addresses, mode, acceptor, policy, settings, stop);
        (ours, tokio::spawn(session))
    }

    async fn tls<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> TlsStream<S> {
        self.connector.connect("localhost".try_into().unwrap(), stream).await.unwrap()
    }

    /// A session on a pipe, in TLS and logged in.
    async fn logged_in(&self) -> (TlsStream<DuplexStream>, JoinHandle<Ended>) {
        let (stream, session) = self.pipe(Mode::Implicit, 64 * 1024);
        let mut stream = self.tls(stream).await;
        expect(&mut stream, "220 mail.test ESMTP\r\n").await;
        login(&mut stream).await;
        (stream, session)
    }
}

async fn expect<S: AsyncRead + Unpin>(stream: &mut S, expected: &str) {
    let mut said = vec![0; expected.len()];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&said), expected);
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, line: &str, expected: &str) {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    expect(stream, &format!("{expected}\r\n")).await;
}

async fn rest<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8(said).unwrap()
}

async fn login<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    say(stream, "HELO client", "250 mail.test").await;
    say(stream, "AUTH PLAIN AG1lAHNlY3JldA==", "235 2.7.0 Authentication succeeded").await;
}

async fn begin_message<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) {
    say(stream, "MAIL FROM:<a@example.test>", "250 2.1.0 Sender accepted").await;
    say(stream, "RCPT TO:<b@example.test>", "250 2.1.5 Recipient accepted").await;
    say(stream, "DATA", "354 Send the message, then a line with a single dot").await;
}

#[tokio::test]
async fn a_message_over_starttls_on_a_socket() {
    let server = Server::new(Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let session = tokio::spawn(server.session(listener.accept().await.unwrap().0, Mode::StartTls));
    expect(&mut client, "220 mail.test ESMTP\r\n").await;
    say(&mut client, "HELO client", "250 mail.test").await;
    say(&mut client, "STARTTLS", "220 2.0.0 Ready to start TLS").await;
    let mut client = server.tls(client).await;
    login(&mut client).await;
    begin_message(&mut client).await;
    let content = b"..0123456789 some text that fills more than one block\r\n".repeat(20_000);
    client.write_all(&content).await.unwrap();
    say(&mut client, ".", "250 2.0.0 Accepted id-1").await;
    say(&mut client, "QUIT", "221 2.0.0 Goodbye").await;
    assert_eq!(rest(&mut client).await, "");
    let ended = session.await.unwrap();
    assert_eq!((ended.end, ended.accepted, ended.authenticated), (End::Quit, 1, true));
    let kept = server.policy.kept.lock().unwrap();
    assert_eq!((kept[0].content.len(), kept[0].peer.as_str()), (content.len() - 20_000, "me"));
    assert_eq!(kept[0].helo, "client");
}

#[tokio::test]
async fn clear_text_on_the_tls_port_and_garbage_behind_starttls_end_the_session() {
    let server = Server::new(Limits::default());
    let (mut client, session) = server.pipe(Mode::Implicit, 1024);
    client.write_all(b"EHLO client\r\n").await.unwrap();
    drop(client);
    assert_eq!(session.await.unwrap().end, End::Tls);
    let (mut client, session) = server.pipe(Mode::StartTls, 1024);
    expect(&mut client, "220 mail.test ESMTP\r\n").await;
    say(&mut client, "HELO client", "250 mail.test").await;
    say(&mut client, "STARTTLS", "220 2.0.0 Ready to start TLS").await;
    client.write_all(b"NOOP\r\n").await.unwrap();
    drop(client);
    assert_eq!(session.await.unwrap().end, End::Tls);
}

#[tokio::test]
async fn the_last_reply_reaches_a_client_that_is_still_sending() {
    let server = Server::new(Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let session = tokio::spawn(server.session(listener.accept().await.unwrap().0, Mode::Implicit));
    let mut client = server.tls(client).await;
    expect(&mut client, "220 mail.test ESMTP\r\n").await;
    login(&mut client).await;
    begin_message(&mut client).await;
    client.write_all(b"smuggled\n.\nMAIL FROM:<evil@example.test>\r\n").await.unwrap();
    client.write_all(&b"and more\r\n".repeat(1_000)).await.unwrap();
    client.flush().await.unwrap();
    assert!(rest(&mut client).await.starts_with("554 5.5.2 "));
    assert_eq!(session.await.unwrap().end, End::BareLineEnd);
    assert!(server.policy.kept.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_log_in_is_cut_however_busy() {
    let server = Server::new(Limits::default());
    let begun = Instant::now();
    let (mut client, session) = server.pipe(Mode::StartTls, 1024);
    expect(&mut client, "220 mail.test ESMTP\r\n").await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        say(&mut client, "NOOP", "250 2.0.0 Here").await;
    }
    assert_eq!(rest(&mut client).await, "421 4.4.2 Too slow; closing the connection\r\n");
    drop(client);
    assert_eq!(session.await.unwrap().end, End::Timeout);
    assert_eq!(begun.elapsed().as_secs(), 60);
    let (_silent, session) = server.pipe(Mode::Implicit, 1024);
    assert_eq!(session.await.unwrap().end, End::Timeout, "a handshake that never comes");
}

#[tokio::test(start_paused = true)]
async fn a_command_has_its_time_and_dripping_bytes_gain_none() {
    let server = Server::new(Limits::default());
    let (mut client, session) = server.logged_in().await;
    tokio::time::sleep(Duration::from_secs(299)).await;
    say(&mut client, "NOOP", "250 2.0.0 Here").await;
    let begun = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(client);
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() && writer.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(rest(&mut reader).await, "421 4.4.2 Too slow; closing the connection\r\n");
    assert_eq!(begun.elapsed().as_secs(), 300);
    dripping.abort();
    assert_eq!(session.await.unwrap().end, End::Timeout);
}

#[tokio::test(start_paused = true)]
async fn content_has_its_time_for_each_block_and_in_all() {
    let limits = Limits { message_timeout: Duration::from_secs(500), ..Limits::default() };
    let server = Server::new(limits);
    let (mut client, session) = server.logged_in().await;
    begin_message(&mut client).await;
    let begun = Instant::now();
    assert!(rest(&mut client).await.starts_with("421 4.4.2 "));
    assert_eq!(begun.elapsed().as_secs(), 180);
    drop(client);
    session.await.unwrap();

    let (mut client, session) = server.logged_in().await;
    begin_message(&mut client).await;
    let begun = Instant::now();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(150)).await;
        client.write_all(&block()).await.unwrap();
        client.flush().await.unwrap();
    }
    assert!(rest(&mut client).await.starts_with("421 4.4.2 "));
    assert_eq!(begun.elapsed().as_secs(), 500);
    drop(client);
    session.await.unwrap();
}

/// As much content as must come in the time of a block, and a little more.
fn block() -> Vec<u8> {
    b"0123456789abcdef0123456789abcd\r\n".repeat(smtp::BLOCK / 32 + 1)
}

#[tokio::test(start_paused = true)]
async fn content_that_drips_is_silence() {
    let server = Server::new(Limits::default());
    let (client, session) = server.logged_in().await;
    let mut client = client;
    begin_message(&mut client).await;
    let begun = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(client);
    let dripping = tokio::spawn(async move {
        while writer.write_all(b"line\r\n").await.is_ok() && writer.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    assert!(rest(&mut reader).await.starts_with("421 4.4.2 "));
    assert_eq!(begun.elapsed().as_secs(), 180);
    dripping.abort();
    assert_eq!(session.await.unwrap().end, End::Timeout);
}

#[tokio::test(start_paused = true)]
async fn nothing_said_in_between_keeps_a_transaction_open() {
    let server = Server::new(Limits::default());
    let (mut client, session) = server.logged_in().await;
    say(&mut client, "MAIL FROM:<a@example.test>", "250 2.1.0 Sender accepted").await;
    let begun = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(client);
    let talking = tokio::spawn(async move {
        while writer.write_all(b"NOOP\r\n").await.is_ok() && writer.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    assert!(rest(&mut reader).await.ends_with("421 4.4.2 Too slow; closing the connection\r\n"));
    assert_eq!(begun.elapsed().as_secs(), 3_600);
    talking.abort();
    assert_eq!(session.await.unwrap().end, End::Timeout);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_read_puts_off_neither_the_end_of_rights_nor_of_the_server() {
    for (way, end) in [(0, End::Revoked), (1, End::Stopped)] {
        let server = Server::new(Limits::default());
        let (stream, session) = server.pipe(Mode::Implicit, 2 * 1024);
        let mut client = server.tls(stream).await;
        expect(&mut client, "220 mail.test ESMTP\r\n").await;
        login(&mut client).await;
        // the session is to be stuck in its answers
        let (reader, mut writer) = tokio::io::split(client);
        let talking = tokio::spawn(async move {
            while writer.write_all(&b"NOOP\r\n".repeat(100)).await.is_ok() && writer.flush().await.is_ok() {}
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        let begun = Instant::now();
        match way {
            0 => server.policy.revocation.notify_one(),
            _ => drop(server.stop.send_replace(Stop::Stop)),
        }
        assert_eq!(session.await.unwrap().end, end);
        let most = if way == 0 { 2 } else { 15 + 6 };
        assert!(begun.elapsed().as_secs() <= most, "{:?}", begun.elapsed());
        talking.abort();
        drop(reader);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_has_its_time_but_a_message_begun_is_let_finish() {
    let limits = Limits { session_timeout: Duration::from_secs(100), ..Limits::default() };
    let server = Server::new(limits);
    let (mut client, session) = server.logged_in().await;
    begin_message(&mut client).await;
    tokio::time::sleep(Duration::from_secs(150)).await;
    say(&mut client, ".", "250 2.0.0 Accepted id-1").await;
    assert!(rest(&mut client).await.starts_with("421 4.4.2 "));
    drop(client);
    assert_eq!(session.await.unwrap().accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_message_leaves_the_next_command_its_whole_time() {
    let server = Server::new(Limits::default());
    let (mut client, _session) = server.logged_in().await;
    begin_message(&mut client).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(100)).await;
        client.write_all(&block()).await.unwrap();
        client.flush().await.unwrap();
    }
    say(&mut client, ".", "250 2.0.0 Accepted id-1").await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    say(&mut client, "NOOP", "250 2.0.0 Here").await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_cut() {
    let server = Server::new(Limits { pre_auth_timeout: Duration::from_secs(10_000), ..Limits::default() });
    let (mut client, session) = server.pipe(Mode::StartTls, 64);
    let begun = Instant::now();
    let _ = client.write_all(&b"NOOP\r\n".repeat(1_000)).await;
    assert_eq!(session.await.unwrap().end, End::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(70));
}

#[tokio::test(start_paused = true)]
async fn idle_sessions_stop_at_once() {
    let server = Server::new(Limits::default());
    let (mut client, session) = server.logged_in().await;
    let (mut clear, second) = server.pipe(Mode::StartTls, 1024);
    expect(&mut clear, "220 mail.test ESMTP\r\n").await;
    let (_silent, handshake) = server.pipe(Mode::Implicit, 1024);
    let begun = Instant::now();
    server.stop.send_replace(Stop::Stop);
    let told = "421 4.3.2 The server is stopping; try again in a moment\r\n";
    assert_eq!((rest(&mut client).await.as_str(), rest(&mut clear).await.as_str()), (told, told));
    drop((client, clear));
    for session in [session, second, handshake] {
        assert_eq!(session.await.unwrap().end, End::Stopped);
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_message_in_flight_finishes_within_the_grace() {
    let server = Server::new(Limits::default());
    let (mut client, session) = server.logged_in().await;
    begin_message(&mut client).await;
    server.stop.send_replace(Stop::Stop);
    tokio::time::sleep(Duration::from_secs(10)).await;
    client.write_all(b"text\r\n").await.unwrap();
    say(&mut client, ".", "250 2.0.0 Accepted id-1").await;
    assert!(rest(&mut client).await.starts_with("421 4.3.2 "));
    drop(client);
    assert_eq!(session.await.unwrap().end, End::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_never_finishes_does_not_hold_the_door() {
    let server = Server::new(Limits::default());
    let (mut client, session) = server.logged_in().await;
    begin_message(&mut client).await;
    let begun = Instant::now();
    server.stop.send_replace(Stop::Stop);
    assert!(rest(&mut client).await.starts_with("421 4.3.2 "));
    assert_eq!(begun.elapsed().as_secs(), 15);
    drop(client);
    assert_eq!(session.await.unwrap().end, End::Stopped);
    assert!(server.policy.kept.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_commit_under_way_is_never_interrupted() {
    let server = Server::new(Limits::default());
    let (mut client, session) = server.logged_in().await;
    begin_message(&mut client).await;
    client.write_all(b"WAIT\r\n.\r\n").await.unwrap();
    client.flush().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.stop.send_replace(Stop::Stop);
    server.policy.revocation.notify_one();
    tokio::time::sleep(Duration::from_secs(60)).await;
    server.policy.commit.notify_one();
    expect(&mut client, "250 2.0.0 Accepted id-1\r\n421 ").await;
    drop(client);
    assert_eq!(session.await.unwrap().accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn rights_that_end_end_the_session() {
    let server = Server::new(Limits::default());
    for within_content in [false, true] {
        let (mut client, session) = server.logged_in().await;
        if within_content {
            begin_message(&mut client).await;
        }
        let begun = Instant::now();
        tokio::task::yield_now().await;
        server.policy.revocation.notify_one();
        assert_eq!(rest(&mut client).await, "421 4.7.0 Your rights have changed; log in again\r\n");
        assert!(begun.elapsed() < Duration::from_secs(5));
        drop(client);
        assert_eq!(session.await.unwrap().end, End::Revoked);
    }
}

#[tokio::test]
async fn the_session_goes_on_when_nobody_can_stop_it_any_more() {
    let mut server = Server::new(Limits::default());
    let (mut client, _session) = server.logged_in().await;
    server.stop = watch::channel(Stop::Run).0;
    say(&mut client, "NOOP", "250 2.0.0 Here").await;
}

#[tokio::test]
async fn an_idle_session_is_small() {
    let server = Server::new(Limits::default());
    let (_, stream) = duplex(1);
    let address = "192.0.2.1:587".parse().unwrap();
    let addresses = Addresses { peer: address, local: address };
    let (acceptor, policy, settings) =
        (server.acceptor.clone(), Arc::clone(&server.policy), server.settings());
    let session = smtp::serve_on(
        stream,
        addresses,
        Mode::StartTls,
        acceptor,
        policy,
        settings,
        server.stop.subscribe(),
    );
    let size = std::mem::size_of_val(&session);
    assert!(size < 4 * 1024, "the future of a session takes {size} bytes, beside what TLS takes");
}
