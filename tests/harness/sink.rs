//! Another operator's server, made by the story: STARTTLS with any chain and key or without, records what it is given, and
//! answers as it is told. Blocking, a thread a connection; must never be anything but a test's peer.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::{ServerConnection, StreamOwned};

use super::Peer;
use super::tls::{Stream, server_config};

/// One message that the sink took.
#[derive(Debug, Clone)]
pub struct Received {
    /// What followed `MAIL FROM:`, with its parameters.
    pub from: String,
    /// What followed each `RCPT TO:` that was accepted.
    pub to: Vec<String>,
    /// The message, dots unstuffed.
    pub data: Vec<u8>,
    /// The certificates that the client showed, leaf first.
    pub shown: Vec<CertificateDer<'static>>,
}

/// What the sink does in place of what it would do.
#[derive(Debug, Clone)]
pub enum Answer {
    /// This reply, without its CRLF; a 2xx or 3xx goes on as usual.
    Say(&'static str),
    /// Cuts the line.
    Cut,
    /// At the final dot: keeps the message and cuts the line before the 250.
    KeepAndCut,
}

#[derive(Default)]
struct Shared {
    peer: Mutex<Option<Peer>>,
    received: Mutex<Vec<Received>>,
    once: Mutex<HashMap<String, VecDeque<Answer>>>,
    always: Mutex<HashMap<String, Answer>>,
    connections: AtomicUsize,
    mails: AtomicUsize,
    logins: Mutex<Vec<String>>,
    ended: AtomicBool,
}

pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sink {
    /// Listens on a port of 127.0.0.1; with `None` it offers no STARTTLS.
    pub fn start(peer: Option<&Peer>) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { peer: Mutex::new(peer.cloned()), ..Shared::default() });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                if of_thread.ended.load(Ordering::SeqCst) {
                    return;
                }
                of_thread.connections.fetch_add(1, Ordering::SeqCst);
                let shared = Arc::clone(&of_thread);
                // A line that breaks ends its session, nothing else.
                thread::spawn(move || drop(Session::serve(tcp, &shared)));
            }
        });
        Sink { address, shared }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From the next connection on, shows this.
    pub fn present(&self, peer: Option<&Peer>) {
        *self.shared.peer.lock().unwrap() = peer.cloned();
    }

    /// The next time that `verb` comes (`CONNECT`, `EHLO`, `STARTTLS`, `MAIL`, `RCPT`, `DATA`, `.` …), does this.
    pub fn once(&self, verb: &str, answer: Answer) {
        self.shared.once.lock().unwrap().entry(verb.to_owned()).or_default().push_back(answer);
    }

    /// Each time that `verb` comes, does this; `None`: the usual again.
    pub fn always(&self, verb: &str, answer: Option<Answer>) {
        let mut always = self.shared.always.lock().unwrap();
        match answer {
            Some(answer) => always.insert(verb.to_owned(), answer),
            None => always.remove(verb),
        };
    }

    /// What it took so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// How many it took so far.
    pub fn count(&self) -> usize {
        self.shared.received.lock().unwrap().len()
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The AUTH commands that came.
    pub fn logins(&self) -> Vec<String> {
        self.shared.logins.lock().unwrap().clone()
    }

    /// Brings whoever comes to a Unix socket at `path` to this sink.
    pub fn behind(&self, path: &std::path::Path) {
        let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        let address = self.address;
        thread::spawn(move || {
            for visitor in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(address) else { continue };
                let (mut there, mut back) = (visitor.try_clone().unwrap(), visitor);
                let (mut from, mut to) = (server.try_clone().unwrap(), server);
                thread::spawn(move || {
                    let _ = std::io::copy(&mut there, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut back);
                    let _ = back.shutdown(std::net::Shutdown::Both);
                });
            }
        });
    }

    /// How often MAIL was said, whatever came of it.
    pub fn mails(&self) -> usize {
        self.shared.mails.load(Ordering::SeqCst)
    }

    /// Waits until it took `count` messages.
    pub fn wait_for(&self, count: usize, limit: Duration) -> Vec<Received> {
        let deadline = Instant::now() + limit;
        while self.count() < count {
            assert!(Instant::now() < deadline, "{} of {count} messages came", self.count());
            sleep(Duration::from_millis(10));
        }
        self.received()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

/// Where a session is: what MAIL and RCPT said.
#[derive(Default)]
struct Envelope {
    from: String,
    to: Vec<String>,
}

struct Session<'a> {
    stream: BufReader<Stream>,
    secure: bool,
    lmtp: bool,
    envelope: Envelope,
    shared: &'a Shared,
}

/// The line is at its end, or is to be cut.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Over {
        Over
    }
}

impl<'a> Session<'a> {
    fn serve(tcp: TcpStream, shared: &'a Shared) -> Result<(), Over> {
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(Duration::from_secs(120)))?;
        let stream = BufReader::new(Stream::Clear(tcp));
        let mut session =
            Session { stream, secure: false, lmtp: false, envelope: Envelope::default(), shared };
        session.answer("CONNECT", "220 tiers.example ESMTP", &mut None)?;
        loop {
            let line = session.line()?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            if !session.obey(&verb, &line)? {
                return Ok(());
            }
            if verb == "STARTTLS" {
                session = session.upgraded()?;
            }
        }
    }

    /// False after QUIT.
    fn obey(&mut self, verb: &str, line: &str) -> Result<bool, Over> {
        let argument = line.split_once(':').map(|(_, a)| a.trim().to_owned()).unwrap_or_default();
        match verb {
            "EHLO" | "HELO" | "LHLO" => {
                self.lmtp = verb == "LHLO";
                let usual = self.extensions();
                self.answer(verb, &usual, &mut None)?;
            }
            "STARTTLS" => {
                self.answer(verb, "220 2.0.0 Go", &mut None)?;
            }
            "MAIL" => {
                self.shared.mails.fetch_add(1, Ordering::SeqCst);
                if self.answer(verb, "250 2.1.0 OK", &mut None)? {
                    self.envelope = Envelope { from: argument, to: Vec::new() };
                }
            }
            "RCPT" => {
                if self.answer(verb, "250 2.1.5 OK", &mut None)? {
                    self.envelope.to.push(argument);
                }
            }
            "DATA" => {
                let usual = if self.envelope.to.is_empty() { "554 5.5.1 Nobody" } else { "354 Go" };
                if self.answer(verb, usual, &mut None)? {
                    self.data()?;
                }
            }
            "AUTH" => {
                self.shared.logins.lock().unwrap().push(line.to_owned());
                self.answer(verb, "235 2.7.0 Welcome", &mut None)?;
            }
            "RSET" | "NOOP" => {
                self.answer(verb, "250 2.0.0 OK", &mut None)?;
            }
            "QUIT" => {
                self.answer(verb, "221 2.0.0 Bye", &mut None)?;
                return Ok(false);
            }
            _ => {
                self.answer(verb, "500 5.5.1 What?", &mut None)?;
            }
        }
        Ok(true)
    }

    fn extensions(&self) -> String {
        let tls = self.shared.peer.lock().unwrap().is_some() && !self.secure;
        let tls = if tls { "250-STARTTLS\r\n" } else { "" };
        format!(
            "250-tiers.example\r\n{tls}250-PIPELINING\r\n250-SIZE 100000000\r\n250-DSN\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
             250 ENHANCEDSTATUSCODES"
        )
    }

    fn data(&mut self) -> Result<(), Over> {
        let mut data = Vec::new();
        loop {
            let line = self.line()?;
            if line == b".\r\n" {
                break;
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let Envelope { from, to } = std::mem::take(&mut self.envelope);
        let shown = self.stream.get_ref().shown();
        // LMTP answers once for each recipient
        let replies = if self.lmtp { to.len() } else { 1 };
        let mut message = Some(Received { from, to, data, shown });
        for _ in 0..replies {
            self.answer(".", "250 2.0.0 Kept", &mut message)?;
        }
        Ok(())
    }

    /// Says `usual` or what the story wants said; keeps `message` where the answer is yes. True if it is yes.
    fn answer(&mut self, verb: &str, usual: &str, message: &mut Option<Received>) -> Result<bool, Over> {
        let once = self.shared.once.lock().unwrap().get_mut(verb).and_then(VecDeque::pop_front);
        let told = once.or_else(|| self.shared.always.lock().unwrap().get(verb).cloned());
        let reply = match &told {
            Some(Answer::Say(reply)) => reply,
            Some(Answer::Cut) => return Err(Over),
            Some(Answer::KeepAndCut) | None => usual,
        };
        let yes = reply.starts_with(['2', '3']);
        if yes {
            self.shared.received.lock().unwrap().extend(message.take());
        }
        if matches!(told, Some(Answer::KeepAndCut)) {
            return Err(Over);
        }
        let stream = self.stream.get_mut();
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
        stream.flush()?;
        Ok(yes)
    }

    fn line(&mut self) -> Result<Vec<u8>, Over> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line)? {
            0 => Err(Over),
            _ => Ok(line),
        }
    }

    fn upgraded(self) -> Result<Session<'a>, Over> {
        let peer = self.shared.peer.lock().unwrap().clone().ok_or(Over)?;
        let Stream::Clear(tcp) = self.stream.into_inner() else { return Err(Over) };
        let connection = ServerConnection::new(server_config(&peer)).map_err(|_| Over)?;
        let stream = Stream::Server(Box::new(StreamOwned::new(connection, tcp)));
        let stream = BufReader::new(stream);
        Ok(Session { stream, secure: true, lmtp: false, envelope: Envelope::default(), shared: self.shared })
    }
}
