//! The sink: takes every message, counts each by its number, keeps a few to be compared, stores nothing. In clear or STARTTLS with a
//! certificate asked for; a thread a connection.
//!
//! May use: loopback, rustls. A number that it cannot read is counted apart; it never refuses.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use memchr::memmem;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::harness::tls::Stream;
use crate::letters;

/// One message of so many is kept whole.
const SAMPLE: usize = 50;

/// How long it waits for what must come.
const PATIENCE: Duration = Duration::from_secs(300);

/// What came of one row.
#[derive(Default)]
struct Came {
    /// How often each number came.
    times: Vec<u32>,
    samples: Vec<Vec<u8>>,
    strangers: usize,
    last: Option<Instant>,
}

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    /// Messages on one connection, then 421; announced (RFC 9422).
    most: AtomicUsize,
    came: Mutex<Came>,
    count: AtomicUsize,
    open: Mutex<bool>,
    opened: Condvar,
    ended: AtomicBool,
}

impl Shared {
    fn wait_until_open(&self) {
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
    }
}

pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sink {
    pub fn start(tls: Option<Arc<ServerConfig>>) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            tls,
            most: AtomicUsize::new(usize::MAX),
            came: Mutex::default(),
            count: AtomicUsize::new(0),
            open: Mutex::new(true),
            opened: Condvar::new(),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for tcp in listener.incoming().map_while(Result::ok) {
                if accepting.ended.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A line that breaks ends its session, nothing else.
                thread::spawn(move || drop(Session::serve(tcp, &shared)));
            }
        });
        Sink { address, shared }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// While it is closed, the greeting and the answer to MAIL do not come.
    pub fn set_open(&self, open: bool) {
        *self.shared.open.lock().unwrap() = open;
        self.shared.opened.notify_all();
    }

    /// From the next EHLO on, this many messages on one connection.
    pub fn set_most(&self, most: usize) {
        self.shared.most.store(most, Ordering::SeqCst);
    }

    /// Waits until so many messages came since the last [`Sink::take`]; gives when the last one did.
    pub fn wait_for(&self, messages: usize) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        while self.shared.count.load(Ordering::SeqCst) < messages {
            let count = self.shared.count.load(Ordering::SeqCst);
            assert!(Instant::now() < deadline, "{count} of {messages} messages came");
            sleep(Duration::from_millis(1));
        }
        self.shared.came.lock().unwrap().last.unwrap()
    }

    /// Ends a row: each of its messages must have come once, and the samples must be whole.
    pub fn take(&self, size: letters::Size, messages: usize) {
        let came = std::mem::take(&mut *self.shared.came.lock().unwrap());
        self.shared.count.store(0, Ordering::SeqCst);
        assert_eq!(came.strangers, 0, "messages without a number came");
        let wrong = (0..messages).filter(|n| came.times.get(*n) != Some(&1)).count();
        assert_eq!(wrong, 0, "{wrong} of {messages} messages came not at all or more than once");
        assert!(!came.samples.is_empty());
        for sample in &came.samples {
            letters::assert_whole(size, sample);
        }
    }

    /// The same for messages of another generator, which have no number.
    pub fn forget(&self) {
        *self.shared.came.lock().unwrap() = Came::default();
        self.shared.count.store(0, Ordering::SeqCst);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

struct Session<'a> {
    stream: BufReader<Stream>,
    secure: bool,
    shared: &'a Shared,
    /// Replies that wait until there is nothing more to read.
    replies: Vec<u8>,
    taken: usize,
    most: usize,
    content: Vec<u8>,
}

impl<'a> Session<'a> {
    fn serve(tcp: TcpStream, shared: &'a Shared) -> io::Result<()> {
        tcp.set_nodelay(true)?;
        shared.wait_until_open();
        let mut session = Session::new(Stream::Clear(tcp), false, shared);
        session.reply("220 puits.example ESMTP")?;
        let mut line = Vec::new();
        loop {
            line.clear();
            if session.stream.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_slice() {
                b"EHLO" => session.hello()?,
                b"STAR" => {
                    session.reply("220 2.0.0 Go")?;
                    session = session.secured()?;
                }
                b"MAIL" if session.taken >= session.most => {
                    session.reply("421 4.3.2 Enough on this connection")?;
                    return session.flush();
                }
                b"MAIL" => {
                    shared.wait_until_open();
                    session.reply("250 2.1.0 OK")?;
                }
                b"DATA" => {
                    session.reply("354 Go")?;
                    session.flush()?;
                    session.content()?;
                }
                b"QUIT" => {
                    session.reply("221 2.0.0 Bye")?;
                    return session.flush();
                }
                _ => session.reply("250 2.0.0 OK")?,
            }
        }
    }

    fn new(stream: Stream, secure: bool, shared: &'a Shared) -> Session<'a> {
        let stream = BufReader::with_capacity(32 * 1024, stream);
        let most = shared.most.load(Ordering::SeqCst);
        Session { stream, secure, shared, replies: Vec::new(), taken: 0, most, content: Vec::new() }
    }

    fn hello(&mut self) -> io::Result<()> {
        let tls = if self.shared.tls.is_some() && !self.secure { "250-STARTTLS\r\n" } else { "" };
        let limit = if self.most == usize::MAX {
            String::new()
        } else {
            format!("250-LIMITS MAILMAX={}\r\n", self.most)
        };
        self.reply(&format!(
            "250-puits.example\r\n{tls}{limit}250-PIPELINING\r\n250-SIZE 100000000\r\n250-DSN\r\n250-8BITMIME\r\n\
             250 ENHANCEDSTATUSCODES"
        ))
    }

    /// Replies to commands that came together leave together.
    fn reply(&mut self, reply: &str) -> io::Result<()> {
        self.replies.extend_from_slice(reply.as_bytes());
        self.replies.extend_from_slice(b"\r\n");
        if self.stream.buffer().is_empty() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(&self.replies)?;
        self.replies.clear();
        stream.flush()
    }

    fn content(&mut self) -> io::Result<()> {
        const END: &[u8] = b"\r\n.\r\n";
        self.content.clear();
        loop {
            let read = self.stream.fill_buf()?;
            if read.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let from = self.content.len().saturating_sub(END.len() - 1);
            let before = self.content.len();
            self.content.extend_from_slice(read);
            let length = read.len();
            if let Some(at) = memmem::find(&self.content[from..], END) {
                let end = from + at + END.len();
                self.stream.consume(end - before);
                self.content.truncate(end - 3);
                break;
            }
            self.stream.consume(length);
        }
        self.taken += 1;
        self.count();
        self.reply("250 2.0.0 Gone")
    }

    fn count(&self) {
        let number = letters::number(&self.content[..self.content.len().min(4096)]);
        let mut came = self.shared.came.lock().unwrap();
        match number {
            Some(number) => {
                if came.times.len() <= number {
                    came.times.resize(number + 1, 0);
                }
                came.times[number] += 1;
                if number.is_multiple_of(SAMPLE) {
                    came.samples.push(self.content.clone());
                }
            }
            None => came.strangers += 1,
        }
        came.last = Some(Instant::now());
        drop(came);
        self.shared.count.fetch_add(1, Ordering::SeqCst);
    }

    fn secured(self) -> io::Result<Session<'a>> {
        let (Stream::Clear(tcp), Some(tls)) = (self.stream.into_inner(), &self.shared.tls) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let connection = ServerConnection::new(Arc::clone(tls)).map_err(io::Error::other)?;
        Ok(Session::new(Stream::Server(Box::new(StreamOwned::new(connection, tcp))), true, self.shared))
    }
}
