//! Web hosts that a story makes: in clear or behind TLS with any certificate, a thread a connection, one answer each.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use demo_pki::Issued;
use rustls::{ServerConnection, StreamOwned};

use super::tls::plain_server_config;

/// What a host says to the head of a request.
pub type Say = dyn Fn(&str) -> Page + Send + Sync;

/// What it says.
pub enum Page {
    /// An answer of this status with these fields and a body of known length.
    Whole(&'static str, Vec<String>, Vec<u8>),
    /// Bytes as they are, then the end.
    Raw(Vec<u8>),
    /// A byte a tenth of a second, for ever.
    Trickle,
    /// That many bytes of nothing in particular.
    Endless(u64),
}

/// A host that is what the story last said.
pub struct Web {
    address: SocketAddr,
    say: Arc<Mutex<Arc<Say>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Web {
    /// Listens on a port of 127.0.0.1; behind TLS where there is a certificate.
    pub fn start(shown: Option<&Issued>, say: impl Fn(&str) -> Page + Send + Sync + 'static) -> Web {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let say: Arc<Mutex<Arc<Say>>> = Arc::new(Mutex::new(Arc::new(say)));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let web = Web { address, say: Arc::clone(&say), heads: Arc::clone(&heads) };
        let config = shown.map(plain_server_config);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (say, heads, config) = (Arc::clone(&say), Arc::clone(&heads), config.clone());
                thread::spawn(move || {
                    let stream = stream.unwrap();
                    // whoever hangs up in the middle is no fault of the story
                    let _ = match config {
                        None => serve(stream, &say, &heads),
                        Some(config) => {
                            let tls = ServerConnection::new(config).unwrap();
                            let mut stream = StreamOwned::new(tls, stream);
                            serve(&mut stream, &say, &heads).and_then(|()| {
                                stream.conn.send_close_notify();
                                stream.flush()
                            })
                        }
                    };
                });
            }
        });
        web
    }

    /// From now on it says something else.
    pub fn becomes(&self, say: impl Fn(&str) -> Page + Send + Sync + 'static) {
        *self.say.lock().unwrap() = Arc::new(say);
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of all requests so far, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut stream: impl Read + Write, say: &Mutex<Arc<Say>>, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    heads.lock().unwrap().push(head.to_lowercase());
    let say = Arc::clone(&say.lock().unwrap());
    match say(&head) {
        Page::Whole(status, fields, body) => {
            let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
            let length = if status.starts_with("304") {
                String::new()
            } else {
                format!("Content-Length: {}\r\n", body.len())
            };
            let head = format!("HTTP/1.1 {status}\r\n{fields}{length}Connection: close\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            stream.write_all(&body)
        }
        Page::Raw(bytes) => stream.write_all(&bytes),
        Page::Trickle => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
            loop {
                stream.write_all(b"<")?;
                stream.flush()?;
                thread::sleep(std::time::Duration::from_millis(100));
            }
        }
        Page::Endless(bytes) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            let piece = vec![b'<'; 1 << 16];
            (0..bytes >> 16).try_for_each(|_| stream.write_all(&piece))
        }
    }
}

/// Answers with the document, or that it has not changed (RFC 9110 §13.1.2).
pub fn document(head: &str, bytes: &[u8]) -> Page {
    let tag = format!("\"{:08x}\"", crc(bytes));
    if head.to_lowercase().contains(&format!("if-none-match: {tag}\r\n")) {
        return Page::Whole("304 Not Modified", Vec::new(), Vec::new());
    }
    Page::Whole("200 OK", vec![format!("ETag: {tag}")], bytes.to_vec())
}

/// Enough to tell two documents of a story apart.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
