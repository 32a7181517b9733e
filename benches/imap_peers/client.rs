//! The client that both peers are asked with: it sends a command and keeps every byte of the answer until its tagged line, so that
//! what is measured is the server and not what a client makes of it.
//!
//! May use: sockets, rustls. Must never parse while the time is taken.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::Way;
use crate::harness::PASSWORD;
use crate::harness::tls::Stream;
use crate::peers::Peer;

/// Bytes read at once at most.
const READ: usize = 256 * 1024;

/// A peer that does not answer for so long is given up.
const PATIENCE: Duration = Duration::from_secs(600);

pub struct Client {
    stream: Stream,
    tag: u32,
    /// Room for answers, which keeps its length so that no answer pays for making it twice.
    answer: Vec<u8>,
    /// Octets of the last answer, at its start.
    filled: usize,
}

impl Client {
    /// Connects and reads the greeting.
    pub fn connect(peer: &dyn Peer, way: Way) -> Client {
        let tcp = TcpStream::connect(("127.0.0.1", peer.port(way))).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let stream = match way {
            Way::Clear => Stream::Clear(tcp),
            Way::Tls => Stream::Client(Box::new(secured(tcp, peer.tls()))),
        };
        let mut client = Client { stream, tag: 0, answer: Vec::new(), filled: 0 };
        client.until(|tail| tail.starts_with(b"* OK"));
        client
    }

    /// Connects and logs in.
    pub fn log_in(peer: &dyn Peer, way: Way) -> Client {
        let mut client = Client::connect(peer, way);
        client.login(peer);
        client
    }

    pub fn login(&mut self, peer: &dyn Peer) {
        self.ask(&format!("LOGIN {} {PASSWORD}", peer.user()));
    }

    /// Sends a command that must succeed; gives the whole answer.
    pub fn ask(&mut self, command: &str) -> &[u8] {
        self.tag += 1;
        let line = format!("x{} {command}\r\n", self.tag);
        self.stream.write_all(line.as_bytes()).unwrap();
        self.stream.flush().unwrap();
        self.answered(command)
    }

    /// The same with what it took, in ms.
    pub fn timed(&mut self, command: &str) -> f64 {
        let started = Instant::now();
        self.ask(command);
        started.elapsed().as_secs_f64() * 1000.0
    }

    /// APPEND of one message without waiting between command and message (RFC 7888).
    pub fn append(&mut self, mailbox: &str, message: &[u8]) {
        self.begin_append(mailbox, message);
        self.answered("APPEND");
    }

    /// Sends an APPEND and does not wait for its answer.
    pub fn begin_append(&mut self, mailbox: &str, message: &[u8]) {
        self.tag += 1;
        let mut whole = format!("x{} APPEND {mailbox} {{{}+}}\r\n", self.tag, message.len()).into_bytes();
        whole.extend_from_slice(message);
        whole.extend_from_slice(b"\r\n");
        self.stream.write_all(&whole).unwrap();
        self.stream.flush().unwrap();
    }

    /// Starts IDLE; returns once the server listens.
    pub fn idle(&mut self) {
        self.tag += 1;
        self.stream.write_all(format!("x{} IDLE\r\n", self.tag).as_bytes()).unwrap();
        self.stream.flush().unwrap();
        self.until(|tail| tail.starts_with(b"+"));
    }

    /// While idle: waits until a line says EXISTS.
    pub fn told_exists(&mut self) {
        self.until(|tail| tail.ends_with(b" EXISTS\r\n") || tail.ends_with(b" RECENT\r\n"));
    }

    /// Ends IDLE.
    pub fn done(&mut self) {
        self.stream.write_all(b"DONE\r\n").unwrap();
        self.stream.flush().unwrap();
        self.answered("IDLE");
    }

    /// Reads to the tagged line of the last command, which must be OK.
    pub fn answered(&mut self, command: &str) -> &[u8] {
        let tag = format!("x{} ", self.tag);
        self.until(|tail| tail.starts_with(tag.as_bytes()));
        let answer = self.last();
        let line = &answer[last_line(answer)..];
        assert!(
            line[tag.len()..].starts_with(b"OK"),
            "{}: {}",
            command.chars().take(60).collect::<String>(),
            String::from_utf8_lossy(line)
        );
        answer
    }

    /// All that the last command was answered.
    pub fn last(&self) -> &[u8] {
        &self.answer[..self.filled]
    }

    /// Gives the room for answers back: for clients that only wait.
    pub fn shrink(&mut self) {
        (self.answer, self.filled) = (Vec::new(), 0);
    }

    /// Reads until the last whole line is the one.
    fn until(&mut self, is_last: impl Fn(&[u8]) -> bool) {
        self.filled = 0;
        loop {
            if self.answer.len() < self.filled + READ {
                self.answer.resize((self.filled + READ) * 2, 0);
            }
            let read = self.stream.read(&mut self.answer[self.filled..]).unwrap();
            assert!(read > 0, "closed after {}", String::from_utf8_lossy(self.last()));
            self.filled += read;
            let came = self.last();
            if came.ends_with(b"\r\n") && is_last(&came[last_line(came)..]) {
                return;
            }
        }
    }
}

fn secured(tcp: TcpStream, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), tcp)
}

/// Where the last line starts of bytes that end with a line end.
fn last_line(bytes: &[u8]) -> usize {
    bytes[..bytes.len() - 2].iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1)
}

/// Untagged responses in an answer without literals.
pub fn untagged(answer: &[u8]) -> usize {
    answer.split(|&b| b == b'\n').filter(|line| line.starts_with(b"* ")).count()
}
