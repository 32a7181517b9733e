//! The other side: an operator that speaks SMTP by our own server machine, and one that plays a part line by line.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use pki::ServerTls;
use smtp::{
    Accepted, Connection, Credentials, Limits, MailFrom, Mode, Policy, Recipient, Reply, Settings, Stop,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A message that a peer took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    pub(crate) from: Option<String>,
    pub(crate) to: Vec<String>,
    pub(crate) content: Vec<u8>,
    pub(crate) envelope: String,
}

/// A well-behaved operator. `inconnu@` is unknown, `plein@` has a full box, a content with REFUSE is refused, one with WAIT waits.
#[derive(Default)]
pub(crate) struct Inbox {
    taken: Mutex<Vec<Taken>>,
    pub(crate) go_on: Notify,
    pub(crate) waiting: AtomicUsize,
    pub(crate) connections: AtomicUsize,
    pub(crate) at_once: AtomicUsize,
    pub(crate) most_at_once: AtomicUsize,
}

impl Inbox {
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

impl Policy for Inbox {
    type Peer = ();
    type Envelope = Taken;
    type Incoming = Taken;
    type Durable = ();

    async fn authenticate(&self, _: &Connection, _: Credentials) -> Result<(), Reply> {
        Err(Reply::new(535, "5.7.8", ["No"]))
    }

    async fn known_by_certificate(&self, connection: &Connection) -> Result<(), Reply> {
        assert!(!connection.tls.as_ref().unwrap().certificates.is_empty(), "the client presents its own");
        Ok(())
    }

    async fn mail(&self, _: &Connection, _: Option<&()>, from: MailFrom) -> Result<Taken, Reply> {
        let envelope = format!("{:?} {:?} {:?}", from.ret, from.envid, from.size);
        Ok(Taken { from: from.path, envelope, ..Taken::default() })
    }

    async fn rcpt(&self, _: &Connection, envelope: &mut Taken, to: Recipient) -> Result<(), Reply> {
        if to.path.starts_with("inconnu@") {
            return Err(Reply::new(550, "5.1.1", [format!("Unknown here: {}", to.path)]));
        }
        if to.path.starts_with("plein@") {
            return Err(Reply::new(452, "4.2.2", ["Full"]));
        }
        envelope.envelope.push_str(&format!(" {:?} {:?}", to.notify, to.orcpt));
        envelope.to.push(to.path);
        Ok(())
    }

    async fn data(&self, _: &Connection, envelope: Taken) -> Result<Taken, Reply> {
        Ok(envelope)
    }

    async fn chunk(&self, incoming: &mut Taken, bytes: &[u8]) -> Result<(), Reply> {
        incoming.content.extend_from_slice(bytes);
        Ok(())
    }

    async fn finish(&self, incoming: Taken) -> Result<Accepted<()>, Reply> {
        let has = |word: &[u8]| incoming.content.windows(word.len()).any(|window| window == word);
        if has(b"WAIT") {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.go_on.notified().await;
        }
        if has(b"REFUSE") {
            return Err(Reply::new(554, "5.6.0", ["Not this content"]));
        }
        self.taken.lock().unwrap().push(incoming);
        Ok(Accepted { durable: (), id: "x".to_owned() })
    }

    async fn revoked(&self, (): &()) {
        std::future::pending::<()>().await;
    }
}

/// A listening peer; it ends with this value.
pub(crate) struct Peer {
    pub(crate) port: u16,
    pub(crate) inbox: Arc<Inbox>,
    task: JoinHandle<()>,
    _stop: watch::Sender<Stop>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// An operator with this certificate.
    pub(crate) async fn start(tls: &ServerTls) -> Self {
        Self::start_on(tls, "127.0.0.1:0").await
    }

    pub(crate) async fn start_on(tls: &ServerTls, address: &str) -> Self {
        Self::start_with(tls, address, Limits::default()).await
    }

    pub(crate) async fn start_with(tls: &ServerTls, address: &str, limits: Limits) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (inbox, stop) = (Arc::new(Inbox::default()), watch::channel(Stop::Run).0);
        let acceptor = TlsAcceptor::from(tls.relay_server(Vec::new()));
        let settings = Arc::new(Settings { hostname: "relais.sud.test".to_owned(), limits });
        let (policy, stopped) = (Arc::clone(&inbox), stop.subscribe());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (inbox, acceptor, settings, stop) =
                    (Arc::clone(&policy), acceptor.clone(), Arc::clone(&settings), stopped.clone());
                tokio::spawn(async move {
                    inbox.connections.fetch_add(1, Ordering::SeqCst);
                    let now = inbox.at_once.fetch_add(1, Ordering::SeqCst) + 1;
                    inbox.most_at_once.fetch_max(now, Ordering::SeqCst);
                    smtp::serve(stream, Mode::Relay, acceptor, Arc::clone(&inbox), settings, stop).await;
                    inbox.at_once.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Peer { port, inbox, task, _stop: stop }
    }

    /// A peer that plays `part` on each connection, from the first byte on.
    pub(crate) async fn play<F: Future<Output = ()> + Send + 'static>(
        part: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (inbox, stop) = (Arc::new(Inbox::default()), watch::channel(Stop::Run).0);
        let counted = Arc::clone(&inbox);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(part(stream));
            }
        });
        Peer { port, inbox, task, _stop: stop }
    }

    pub(crate) fn connections(&self) -> usize {
        self.inbox.connections.load(Ordering::SeqCst)
    }
}

/// A peer's side of a conversation, line by line.
pub(crate) struct Lines<S>(pub(crate) BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<S> {
    pub(crate) async fn say(&mut self, text: &str) {
        let _ = self.0.write_all(format!("{text}\r\n").as_bytes()).await;
        let _ = self.0.flush().await;
    }

    /// Reads up to a line that is this one; false when the client is gone.
    pub(crate) async fn hear(&mut self, line: &str) -> bool {
        let mut heard = String::new();
        while self.0.read_line(&mut heard).await.unwrap_or(0) > 0 {
            if heard.trim_end().starts_with(line) {
                return true;
            }
            heard.clear();
        }
        false
    }
}

/// Greets, does the handshake, and offers no more than `offer` says.
pub(crate) async fn opened(stream: TcpStream, tls: TlsAcceptor, offer: &str) -> Lines<TlsStream<TcpStream>> {
    let mut lines = Lines(BufReader::new(stream));
    lines.say("220 relais.sud.test").await;
    lines.hear("EHLO").await;
    lines.say("250-relais.sud.test\r\n250 STARTTLS").await;
    lines.hear("STARTTLS").await;
    lines.say("220 Ready").await;
    let stream = tls.accept(lines.0.into_inner()).await.unwrap();
    let mut lines = Lines(BufReader::new(stream));
    lines.hear("EHLO").await;
    lines.say(&format!("250-relais.sud.test{offer}\r\n250 HELP")).await;
    lines
}
