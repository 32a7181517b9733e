//! The client's driver on real streams: TLS on a socket and on a pipe, deadlines in virtual time, contents that break off.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use bytes::Bytes;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer, server::WebPkiClientVerifier,
};
use smtp::{
    Body,
    client::{
        self, Content, Error, Failure, Greeted, Outgoing, Recipient, RecipientOutcome, Settings, Stage,
        Transport,
    },
};
use tokio::{
    io::{
        AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, duplex,
    },
    net::TcpListener,
    task::JoinHandle,
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::toy::Toy;

mod toy;

const OFFER: &str = "250-mail.sud.test\r\n250-PIPELINING\r\n250-SIZE 90000000\r\n250 STARTTLS\r\n";

/// A certificate, and what both sides make of it.
struct Tls {
    acceptor: TlsAcceptor,
    client: Arc<ClientConfig>,
}

impl Tls {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["mail.sud.test".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let server = ServerConfig::builder().with_no_client_auth();
        let server = server.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Tls { acceptor: TlsAcceptor::from(Arc::new(server)), client: Arc::new(client) }
    }

    /// Connects to a peer that plays `script` on a pipe.
    async fn connect<F, O>(
        &self,
        script: impl FnOnce(DuplexStream, TlsAcceptor) -> F,
    ) -> (Result<Greeted, Error>, JoinHandle<O>)
    where
        F: Future<Output = O> + Send + 'static,
        O: Send + 'static,
    {
        let (ours, theirs) = duplex(16 * 1024);
        let peer = tokio::spawn(script(theirs, self.acceptor.clone()));
        let settings = Settings::new("client.test");
        (client::connect_on(ours, "mail.sud.test", Arc::clone(&self.client), &settings).await, peer)
    }

    /// A transport to a peer that goes on with `script` after the opening.
    async fn transport<F, O>(
        &self,
        script: impl FnOnce(Peer<DuplexStream>) -> F + Send + 'static,
    ) -> (Transport<&'static str>, JoinHandle<O>)
    where
        F: Future<Output = O> + Send + 'static,
        O: Send + 'static,
    {
        let script = |stream, acceptor| async move { script(welcome(stream, acceptor).await).await };
        let (greeted, peer) = self.connect(script).await;
        (greeted.unwrap().trusted("proof"), peer)
    }
}

type Peer<S> = BufReader<TlsStream<S>>;

/// A well-behaved opening, on the side of the peer.
async fn welcome<S: AsyncRead + AsyncWrite + Unpin>(stream: S, acceptor: TlsAcceptor) -> Peer<S> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.sud.test\r\n").await.unwrap();
    hear(&mut stream, "EHLO client.test").await;
    stream.write_all(OFFER.as_bytes()).await.unwrap();
    hear(&mut stream, "STARTTLS").await;
    stream.write_all(b"220 2.0.0 Ready\r\n").await.unwrap();
    let mut stream = BufReader::new(acceptor.accept(stream.into_inner()).await.unwrap());
    hear(&mut stream, "EHLO client.test").await;
    say(&mut stream, OFFER.trim_end()).await;
    stream
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut BufReader<S>, expected: &str) {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    assert_eq!(line.trim_end(), expected);
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, text: &str) {
    stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}

/// MAIL, one RCPT and DATA, all accepted.
async fn invite<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut Peer<S>, size: u64) {
    hear(stream, &format!("MAIL FROM:<a@nord.test> SIZE={size}")).await;
    hear(stream, "RCPT TO:<b@sud.test>").await;
    hear(stream, "DATA").await;
    say(stream, "250 x\r\n250 x\r\n354 x").await;
}

async fn content<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut Peer<S>) -> Vec<u8> {
    let mut content = Vec::new();
    while !content.ends_with(b"\r\n.\r\n") {
        if stream.read_until(b'\n', &mut content).await.unwrap_or(0) == 0 {
            break;
        }
    }
    content
}

/// A content in pieces.
struct Pieces {
    size: u64,
    pieces: VecDeque<io::Result<Bytes>>,
}

impl Pieces {
    fn new(pieces: impl IntoIterator<Item = &'static [u8]>) -> Self {
        let pieces: VecDeque<_> = pieces.into_iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        Pieces { size: pieces.iter().flatten().map(|piece| piece.len() as u64).sum(), pieces }
    }
}

impl Content for Pieces {
    fn size(&self) -> u64 {
        self.size
    }

    fn body(&self) -> Body {
        Body::SevenBit
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        tokio::task::yield_now().await;
        self.pieces.pop_front().transpose()
    }
}

fn envelope() -> Outgoing<&'static str> {
    let recipients = vec![Recipient { to: "b@sud.test", notify: None, original: None }];
    Outgoing {
        from: Some("a@nord.test".to_owned()),
        smtputf8: false,
        ret: None,
        envid: None,
        require_tls: false,
        recipients,
    }
}

#[tokio::test]
async fn messages_on_a_socket_and_the_certificate_to_judge() {
    let tls = Tls::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, acceptor) = (listener.local_addr().unwrap(), tls.acceptor.clone());
    let peer = tokio::spawn(async move {
        let mut stream = welcome(listener.accept().await.unwrap().0, acceptor).await;
        let mut received = Vec::new();
        for size in [20 * 60_000, 3] {
            invite(&mut stream, size).await;
            received.push(content(&mut stream).await);
            say(&mut stream, "250 2.0.0 kept").await;
        }
        hear(&mut stream, "QUIT").await;
        say(&mut stream, "221 bye").await;
        received
    });
    let settings = Settings::new("client.test");
    let greeted =
        client::connect(address, "mail.sud.test", Arc::clone(&tls.client), &settings).await.unwrap();
    assert_eq!((greeted.certificates().len(), greeted.tls().version.as_str()), (1, "TLSv1.3"));
    assert!(greeted.extensions().pipelining && !greeted.extensions().dsn);
    let mut transport = greeted.trusted("proof");
    let big = Pieces::new([&b"..456789 123456789\r\n"[..]; 60_000]);
    for mut content in [big, Pieces::new([&b"x"[..], b"\r", b"\n"])] {
        let outcomes = transport.send(&envelope(), &mut content).await.unwrap();
        assert!(matches!(&outcomes[..], [RecipientOutcome::Delivered(reply)] if reply.status() == "2.0.0"));
    }
    assert_eq!((*transport.peer(), transport.is_usable()), ("proof", true));
    transport.quit().await;
    let received = peer.await.unwrap();
    assert_eq!(received[0], [b"...456789 123456789\r\n".repeat(60_000), b".\r\n".to_vec()].concat());
    assert_eq!(received[1], b"x\r\n.\r\n");
}

#[tokio::test]
async fn a_peer_without_tls_is_left() {
    let (greeted, peer) = Tls::new()
        .connect(|stream, _| async {
            let mut stream = BufReader::new(stream);
            say(&mut stream, "220 x").await;
            hear(&mut stream, "EHLO client.test").await;
            say(&mut stream, "250 x").await;
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            rest
        })
        .await;
    assert!(matches!(greeted, Err(Error::NoTls)));
    assert_eq!(peer.await.unwrap(), b"", "nothing more is said in clear");
}

#[tokio::test]
async fn what_is_put_in_clear_behind_starttls_is_never_used() {
    for (clear, expected) in [("220 x\r\n250 y\r\n", Stage::StartTls), ("220 x\r\n", Stage::Handshake)] {
        let (greeted, _peer) = Tls::new()
            .connect(move |stream, _| async move {
                let mut stream = BufReader::new(stream);
                say(&mut stream, "220 x").await;
                hear(&mut stream, "EHLO client.test").await;
                stream.write_all(OFFER.as_bytes()).await.unwrap();
                hear(&mut stream, "STARTTLS").await;
                stream.write_all(clear.as_bytes()).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
                // too late to be seen with the 220: the handshake takes it for what it is
                let _ = stream.write_all(b"250-x\r\n250 PIPELINING\r\n").await;
                stream
            })
            .await;
        let Err(error) = greeted else { panic!("the peer was greeted") };
        assert_eq!(error.stage(), expected, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn single_bytes_put_no_deadline_off() {
    let begun = Instant::now();
    let (greeted, _peer) = Tls::new()
        .connect(|mut stream, _| async move {
            while stream.write_all(b"2").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(50)).await;
            }
        })
        .await;
    assert!(matches!(greeted, Err(Error::Timeout { stage: Stage::Greeting })));
    assert_eq!(begun.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up_and_the_final_dot_is_in_doubt() {
    let (mut transport, _peer) = Tls::new()
        .transport(|mut stream| async move {
            invite(&mut stream, 3).await;
            content(&mut stream).await;
            tokio::time::sleep(Duration::from_secs(10_000)).await;
            stream
        })
        .await;
    let begun = Instant::now();
    let failure = transport.send(&envelope(), &mut Pieces::new([&b"x\r\n"[..]])).await.unwrap_err();
    assert!(failure.in_doubt && matches!(failure.error, Error::Timeout { stage: Stage::End }));
    assert_eq!((begun.elapsed().as_secs(), failure.known), (600, vec![None]));
    assert!(!transport.is_usable());
    let again = transport.send(&envelope(), &mut Pieces::new([&b"x\r\n"[..]])).await.unwrap_err();
    assert!(matches!(again, Failure { error: Error::Used, in_doubt: false, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_reading_is_given_up_without_doubt() {
    let (mut transport, _peer) = Tls::new()
        .transport(|mut stream| async move {
            invite(&mut stream, 4 * 65_536).await;
            tokio::time::sleep(Duration::from_secs(10_000)).await;
            stream
        })
        .await;
    static BLOCK: [u8; 65_536] = [b'x'; 65_536];
    let begun = Instant::now();
    let failure = transport.send(&envelope(), &mut Pieces::new([&BLOCK[..]; 4])).await.unwrap_err();
    assert!(!failure.in_doubt && matches!(failure.error, Error::Timeout { stage: Stage::Content }));
    assert_eq!(begun.elapsed().as_secs(), 180);
}

#[tokio::test]
async fn half_a_content_is_never_ended() {
    let broken = || Pieces {
        size: 6,
        pieces: VecDeque::from([Ok(Bytes::from_static(b"x\r\n")), Err(io::Error::other("disk"))]),
    };
    let short = || Pieces { size: 6, ..Pieces::new([&b"x\r\n"[..]]) };
    for mut half in [broken(), short()] {
        let (mut transport, peer) = Tls::new()
            .transport(|mut stream| async move {
                invite(&mut stream, 6).await;
                content(&mut stream).await
            })
            .await;
        let failure = transport.send(&envelope(), &mut half).await.unwrap_err();
        assert!(!failure.in_doubt && matches!(failure.error, Error::Content(_)), "{failure}");
        drop(transport);
        assert!(!peer.await.unwrap().ends_with(b".\r\n"));
    }
}

#[tokio::test]
async fn a_message_dropped_half_way_leaves_a_connection_of_no_use() {
    let (mut transport, _peer) = Tls::new()
        .transport(|mut stream| async move {
            hear(&mut stream, "MAIL FROM:<a@nord.test> SIZE=3").await;
            tokio::time::sleep(Duration::from_secs(600)).await;
            stream
        })
        .await;
    let (envelope, mut content) = (envelope(), Pieces::new([&b"x\r\n"[..]]));
    let sending = transport.send(&envelope, &mut content);
    assert!(tokio::time::timeout(Duration::from_millis(50), sending).await.is_err());
    assert!(!transport.is_usable());
}

#[tokio::test]
async fn a_host_name_that_is_none_and_a_port_that_is_closed() {
    let tls = Tls::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let settings = Settings::new("client.test");
    let refused = client::connect(address, "mail.sud.test", Arc::clone(&tls.client), &settings).await;
    assert!(matches!(refused, Err(Error::Connect(_))));
    let (ours, _theirs) = duplex(1_024);
    let unnamed = client::connect_on(ours, "not a name", tls.client, &settings).await;
    assert!(matches!(unnamed, Err(Error::HostName(_))));
}

/// Our own relay server on a pipe, and our client with a certificate.
async fn own_server(policy: &Arc<Toy>) -> Transport<()> {
    let made = rcgen::generate_simple_self_signed(["mail.sud.test".to_owned()]).unwrap();
    let (chain, key) = (vec![made.cert.der().clone()], made.signing_key.serialize_der());
    let key = || PrivateKeyDer::try_from(key.clone()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let roots = Arc::new(roots);
    let asked = WebPkiClientVerifier::builder(Arc::clone(&roots)).build().unwrap();
    let server = ServerConfig::builder().with_client_cert_verifier(asked);
    let server = server.with_single_cert(chain.clone(), key()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots);
    let client = client.with_client_auth_cert(chain, key()).unwrap();
    let (ours, theirs) = duplex(16 * 1024);
    let address = "192.0.2.1:25".parse().unwrap();
    let settings = smtp::Settings { hostname: "mail.sud.test".to_owned(), limits: smtp::Limits::default() };
    let (policy, stop) = (Arc::clone(policy), tokio::sync::watch::channel(smtp::Stop::Run).1);
    tokio::spawn(smtp::serve_on(
        theirs,
        smtp::Addresses { peer: address, local: address },
        smtp::Mode::Relay,
        TlsAcceptor::from(Arc::new(server)),
        policy,
        Arc::new(settings),
        stop,
    ));
    let settings = Settings { pipelined: 3, chunk: 20_000, ..Settings::new("client.test") };
    client::connect_on(ours, "mail.sud.test", Arc::new(client), &settings).await.unwrap().trusted(())
}

#[tokio::test]
async fn our_own_server_takes_what_our_client_sends() {
    let policy = Arc::new(Toy::default());
    let mut transport = own_server(&policy).await;
    let named = |to: &'static str| {
        let notify = smtp::Notify { success: true, failure: false, delay: true };
        Recipient { to, notify: Some(notify), original: Some("rfc822;x+y=z@nord.test".to_owned()) }
    };
    let to = ["a@sud.test", "unknown@sud.test", "b@sud.test", "unknown@est.test", "c@sud.test"];
    let envelope = Outgoing {
        ret: Some(smtp::Ret::Headers),
        envid: Some("envoi 1".to_owned()),
        recipients: to.map(named).to_vec(),
        ..envelope()
    };
    for (count, last) in [(1, &b".\r\nend"[..]), (2, b""), (3, b"...\r\n")] {
        let pieces = std::iter::repeat_n(&b"..x\r\n.\r\n\r\nRSET\r\n"[..], 5_000).chain([last]);
        let outcomes = transport.send(&envelope, &mut Pieces::new(pieces)).await.unwrap();
        let delivered: Vec<bool> =
            outcomes.iter().map(|outcome| matches!(outcome, RecipientOutcome::Delivered(_))).collect();
        assert_eq!(delivered, [true, false, true, false, true]);
        assert!(outcomes[1].is_permanent() && outcomes[1].reply().status() == "5.1.1");
        let kept = policy.kept.lock().unwrap();
        assert_eq!(
            (kept.len(), &kept[count - 1].to[..]),
            (count, &["a@sud.test", "b@sud.test", "c@sud.test"].map(str::to_owned)[..])
        );
        let whole = [b"..x\r\n.\r\n\r\nRSET\r\n".repeat(5_000), last.to_vec()].concat();
        assert!(kept[count - 1].content == whole);
        let reports = kept[count - 1].reports.join(" ");
        assert!(reports.contains("Headers") && reports.contains("envoi 1"), "{reports}");
        assert!(reports.contains("rfc822;x+y=z@nord.test") && reports.contains("delay: true"), "{reports}");
    }
    let nobody = Outgoing { recipients: vec![named("unknown@sud.test")], ..envelope.clone() };
    let outcomes = transport.send(&nobody, &mut Pieces::new([&b"x\r\n"[..]])).await.unwrap();
    assert!(outcomes[0].is_permanent() && transport.is_usable());
    let refused = Outgoing { from: Some("stranger@example.test".to_owned()), ..envelope };
    let outcomes = transport.send(&refused, &mut Pieces::new([&b"x\r\n"[..]])).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.reply().to_string() == "550 5.7.1 Not yours / Pas a vous"));
    assert!(transport.is_usable() && policy.kept.lock().unwrap().len() == 3);
    transport.quit().await;
}
