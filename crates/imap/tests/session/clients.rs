//! Recorded clients: what Outlook, Thunderbird, Apple Mail and others are publicly known to say, in their order and with their
//! quirks, played over TLS against the driver on a real store.
//!
//! `C: ` is what the client sends; lines that follow each other go out in one packet. `S: ` is each line that it must get, all of
//! them and in that order; `…` stands for anything within a line. `{<plain>}` in a client's line announces the message of that name,
//! and a line `<plain>` is that message, on either side. `M: <plain>` has it delivered to INBOX from outside. Every byte of the server
//! is also read by a client's own grammar.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use imap::connection::{Ended, Mode, Stop, serve};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{PrivateKeyDer, ServerName},
    },
};

use crate::{dialogue::fits, messages, stage::Stage, understood::understood};

/// How long a line may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plays a recorded client; a line that differs fails with what came before.
pub(crate) async fn play(text: &str) {
    let stage = Stage::new().await;
    let mut client = Client::connect(&stage).await;
    let mut packet = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(said) = line.strip_prefix("C: ") {
            packet.extend_from_slice(&said_bytes(said));
            continue;
        }
        client.send(&mut packet).await;
        if let Some(expected) = line.strip_prefix("S: ") {
            client.expect(number, expected).await;
        } else if let Some(name) = line.strip_prefix("M: ") {
            stage.deliver(&named(name).unwrap_or_else(|| panic!("line {number}: no message {name}"))).await;
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "line {number}: {line}");
        }
    }
    client.end().await;
    stage.end();
}

/// The client's end of a connection.
struct Client {
    stream: BufReader<TlsStream<TcpStream>>,
    /// All that the server said.
    heard: Vec<u8>,
    server: JoinHandle<Ended>,
    _stop: watch::Sender<Stop>,
}

impl Client {
    async fn connect(stage: &Stage) -> Self {
        let (acceptor, connector) = both_ends();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (stop, stopped) = watch::channel(Stop::Run);
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (theirs, _) = listener.accept().await.unwrap();
        let server = tokio::spawn(serve(
            theirs,
            Ipv4Addr::LOCALHOST.into(),
            Mode::Implicit,
            acceptor,
            stage.server.clone(),
            stopped,
        ));
        let stream = connector.connect(ServerName::try_from("localhost").unwrap(), ours).await.unwrap();
        Self { stream: BufReader::new(stream), heard: Vec::new(), server, _stop: stop }
    }

    async fn send(&mut self, packet: &mut Vec<u8>) {
        if !packet.is_empty() {
            self.stream.write_all(packet).await.unwrap();
            self.stream.flush().await.unwrap();
            packet.clear();
        }
    }

    async fn expect(&mut self, number: usize, expected: &str) {
        let Some(message) = named(expected) else {
            let line = self.line().await;
            assert!(fits(expected, &line), "line {number}:\n  expected {expected}\n  told     {line}");
            return;
        };
        for wanted in String::from_utf8_lossy(&message).split_terminator("\r\n") {
            assert_eq!(self.line().await, wanted, "line {number}: the message {expected}");
        }
    }

    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        let read = timeout(PATIENCE, self.stream.read_until(b'\n', &mut line)).await;
        let heard = || String::from_utf8_lossy(&self.heard).into_owned();
        assert!(matches!(read, Ok(Ok(1..))), "the server says no more; so far:\n{}", heard());
        self.heard.extend_from_slice(&line);
        String::from_utf8_lossy(line.strip_suffix(b"\r\n").expect("lines end with CRLF")).into_owned()
    }

    /// Nothing more may come, and all that came is understood.
    async fn end(mut self) {
        let mut rest = Vec::new();
        let read = timeout(PATIENCE, self.stream.read_until(b'\n', &mut rest)).await;
        assert!(read.is_ok() && rest.is_empty(), "more than expected: {}", String::from_utf8_lossy(&rest));
        assert_eq!(timeout(PATIENCE, self.server).await.unwrap().unwrap(), Ended::Logout);
        understood(&self.heard);
    }
}

/// A line as it goes out.
fn said_bytes(said: &str) -> Vec<u8> {
    if let Some(message) = named(said) {
        return [&message[..], b"\r\n"].concat();
    }
    let line = match said.split_once("{<").and_then(|(before, rest)| Some((before, rest.split_once('>')?))) {
        Some((before, (name, after))) => format!("{before}{{{}{after}", messages::named(name).len()),
        None => said.to_owned(),
    };
    format!("{line}\r\n").into_bytes()
}

/// The message of a line that is only its name in angle brackets.
fn named(line: &str) -> Option<Vec<u8>> {
    let name = line.strip_prefix('<')?.strip_suffix('>')?;
    Some(messages::named(name))
}

/// A certificate of our own, trusted by the client.
fn both_ends() -> (TlsAcceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let certificate = made.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let server =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}
