//! Hosts on loopback, each connection on a thread of its own; they end with the test.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};

/// A certificate that vouches for itself.
pub(crate) struct Secure {
    pub(crate) certificate: rcgen::Certificate,
    config: Arc<ServerConfig>,
}

impl Secure {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        Self { certificate, config: Arc::new(config) }
    }
}

/// A host and how often it was asked.
pub(crate) struct Host {
    address: SocketAddr,
    scheme: &'static str,
    requests: Arc<AtomicUsize>,
}

type Serve = dyn Fn(TcpStream, &AtomicUsize) -> io::Result<()> + Send + Sync;

impl Host {
    /// Answers each request by what the function makes of its head; then closes.
    pub(crate) fn plain(say: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start("http", move |mut stream, requests| {
            let head = head(&mut stream)?;
            requests.fetch_add(1, Ordering::SeqCst);
            stream.write_all(&say(&head))
        })
    }

    /// Writes for as long as it likes.
    pub(crate) fn streaming(
        say: impl Fn(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::start("http", move |mut stream, _| {
            head(&mut stream)?;
            say(&mut |bytes| stream.write_all(bytes))
        })
    }

    pub(crate) fn secure(secure: &Secure, say: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let config = Arc::clone(&secure.config);
        Self::start("https", move |stream, requests| {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let head = head(&mut stream)?;
            requests.fetch_add(1, Ordering::SeqCst);
            stream.write_all(&say(&head))?;
            stream.conn.send_close_notify();
            stream.flush()
        })
    }

    /// Opens every tunnel to `behind`, whatever host is asked for; answers the rest by the function.
    pub(crate) fn proxy(behind: SocketAddr, say: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start("http", move |mut stream, requests| {
            let head = head(&mut stream)?;
            requests.fetch_add(1, Ordering::SeqCst);
            let answer = say(&head);
            if !head.starts_with("CONNECT liste.example:443 HTTP/1.1\r\n") {
                return stream.write_all(&answer);
            }
            stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            let mut other = TcpStream::connect(behind)?;
            let (mut up, mut down) = (stream.try_clone()?, other.try_clone()?);
            thread::spawn(move || io::copy(&mut up, &mut down));
            io::copy(&mut other, &mut stream).map(|_| ())
        })
    }

    fn start(
        scheme: &'static str,
        serve: impl Fn(TcpStream, &AtomicUsize) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, serve): (_, Arc<Serve>) = (Arc::clone(&requests), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (serve, counted) = (Arc::clone(&serve), Arc::clone(&counted));
                thread::spawn(move || drop(serve(stream.unwrap(), &counted)));
            }
        });
        Self { address, scheme, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// The head of a request, its empty line included.
fn head(stream: &mut impl Read) -> io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head).unwrap())
}

/// An answer with these fields and a body of known length.
pub(crate) fn answer(status: &str, fields: &[&str], body: &[u8]) -> Vec<u8> {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    let mut answer = format!("HTTP/1.1 {status}\r\n{fields}").into_bytes();
    if !status.starts_with("304") {
        answer.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
    }
    answer.extend(b"Connection: close\r\n\r\n");
    answer.extend(body);
    answer
}
