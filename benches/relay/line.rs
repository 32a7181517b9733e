//! One SMTP connection of the load generator: in clear, or STARTTLS with the certificate that its configuration shows.
//!
//! May use: loopback, rustls. A reply that is not what it must be ends the run.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::harness::tls::Stream;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where messages are brought, and how.
#[derive(Clone)]
pub struct Target {
    pub port: u16,
    /// `None`: in clear.
    pub tls: Option<Arc<ClientConfig>>,
    /// User and password of those who log in.
    pub login: Option<(&'static str, &'static str)>,
}

pub struct Line {
    stream: BufReader<Stream>,
    reply: String,
    /// Messages that the peer takes on one connection, where it says so (RFC 9422), and those that it took.
    most: usize,
    brought: usize,
}

impl Line {
    /// Connects and says all that comes before MAIL.
    pub fn open(target: &Target) -> Line {
        let tcp = TcpStream::connect(("127.0.0.1", target.port)).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut line = Line::over(Stream::Clear(tcp));
        line.expect("220");
        line.command("EHLO charge.example", "250");
        if let Some(tls) = &target.tls {
            line.command("STARTTLS", "220");
            line = line.secured(Arc::clone(tls));
            line.command("EHLO charge.example", "250");
        }
        if let Some((user, password)) = target.login {
            let secret = base64::engine::general_purpose::STANDARD.encode(format!("\0{user}\0{password}"));
            line.command(&format!("AUTH PLAIN {secret}"), "235");
        }
        line
    }

    fn over(stream: Stream) -> Line {
        Line { stream: BufReader::new(stream), reply: String::new(), most: usize::MAX, brought: 0 }
    }

    /// Whether the peer takes no more on this connection.
    pub fn is_used_up(&self) -> bool {
        self.brought >= self.most
    }

    fn secured(self, config: Arc<ClientConfig>) -> Line {
        let Stream::Clear(tcp) = self.stream.into_inner() else { unreachable!("it was in clear") };
        let name = ServerName::try_from("localhost").unwrap();
        let tls = StreamOwned::new(ClientConnection::new(config, name).unwrap(), tcp);
        Line::over(Stream::Client(Box::new(tls)))
    }

    fn command(&mut self, command: &str, code: &str) {
        self.send(format!("{command}\r\n").as_bytes());
        self.expect(code);
    }

    fn send(&mut self, octets: &[u8]) {
        let stream = self.stream.get_mut();
        stream.write_all(octets).and_then(|()| stream.flush()).unwrap();
    }

    /// Reads one reply, all its lines.
    fn expect(&mut self, code: &str) {
        loop {
            self.reply.clear();
            let read = self.stream.read_line(&mut self.reply).unwrap();
            assert!(read > 0, "the line was closed where {code} was awaited");
            assert!(self.reply.starts_with(code), "{code} was awaited: {}", self.reply);
            if let Some((_, most)) = self.reply.split_once("MAILMAX=") {
                self.most = most.split_whitespace().next().unwrap().parse().unwrap_or(self.most);
            }
            if self.reply.as_bytes().get(3) != Some(&b'-') {
                return;
            }
        }
    }

    /// One message, its envelope in one packet as every relay writes it (RFC 2920); returns with the 250 for it.
    pub fn bring(&mut self, from: &str, to: &str, header: &str, body: &str) {
        self.send(format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n").as_bytes());
        for code in ["250", "250", "354"] {
            self.expect(code);
        }
        let content = [header.as_bytes(), body.as_bytes(), b".\r\n"].concat();
        self.send(&content);
        self.expect("250");
        self.brought += 1;
    }

    pub fn quit(mut self) {
        self.command("QUIT", "221");
    }
}
