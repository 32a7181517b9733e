//! The thin driver: puts the machine on a TCP and TLS stream and keeps its deadlines. Decides nothing about the protocol. At most two
//! blocks of content are in memory.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig,
        pki_types::{CertificateDer, ServerName},
    },
};

use super::{
    Error, Extensions, Failure, Login, Outgoing, RecipientOutcome, Security, Settings, Stage,
    machine::{self, Awaiting, Sending, Step, Streaming, Upgrading},
};
use crate::{Body, TlsInfo, driver::info};

/// How much content is written at once.
const BLOCK: usize = 32 * 1024;

/// How much of replies is read at once.
const REPLIES: usize = 4 * 1024;

/// The content of a message: header and body, dots not stuffed. Read once, from its start.
pub trait Content: Send {
    /// Its exact length in bytes.
    fn size(&self) -> u64;

    /// What octets it holds, at most. Lines ended by CR LF, unless it is [`Body::Binary`].
    fn body(&self) -> Body;

    /// The next piece, of any length; `None` at the end.
    fn next(&mut self) -> impl Future<Output = io::Result<Option<Bytes>>> + Send;
}

/// Any two-way stream.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// A stream on which the peer may be spoken to.
type Secured = Box<dyn Wire>;

/// Connects to `address`, up to the EHLO after the handshake. `host` is the name for the handshake's SNI.
pub async fn connect(
    address: SocketAddr,
    host: &str,
    tls: Arc<ClientConfig>,
    settings: &Settings,
) -> Result<Greeted, Error> {
    let connecting = timeout(settings.timeouts.connect, TcpStream::connect(address));
    let stream =
        connecting.await.map_err(|_| Error::Timeout { stage: Stage::Connect })?.map_err(Error::Connect)?;
    // commands are written whole: waiting for more to send would only cost time
    let _ = stream.set_nodelay(true);
    connect_on(stream, host, tls, settings).await
}

/// [`connect`] on any stream.
pub async fn connect_on<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    stream: S,
    host: &str,
    tls: Arc<ClientConfig>,
    settings: &Settings,
) -> Result<Greeted, Error> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::HostName(host.to_owned()))?;
    let settings = Arc::new(settings.clone());
    let mut stream: Box<dyn Wire> = Box::new(stream);
    let start = || Step::Read(machine::start(Arc::clone(&settings)));
    let (mut stream, tls, step): (Secured, _, _) = match settings.security {
        Security::StartTls => {
            let Opened::Clear(upgrading) = open(&mut stream, start(), &settings).await? else {
                return Err(Error::NoTls);
            };
            let (stream, tls) = handshake(stream, name, tls, &settings).await?;
            (stream, tls, upgrading.established())
        }
        Security::Implicit => {
            let (stream, tls) = handshake(stream, name, tls, &settings).await?;
            (stream, tls, start())
        }
        Security::Clear => (stream, TlsInfo::default(), start()),
    };
    let Opened::Secured(machine) = open(&mut stream, step, &settings).await? else {
        return Err(Error::Protocol { stage: Stage::StartTls, what: "it asks for TLS within TLS" });
    };
    Ok(Greeted { stream, machine, tls, settings })
}

async fn handshake(
    stream: Box<dyn Wire>,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    settings: &Settings,
) -> Result<(Secured, TlsInfo), Error> {
    let handshake = TlsConnector::from(tls).connect(name, stream);
    let stream = timeout(settings.timeouts.handshake, handshake)
        .await
        .map_err(|_| Error::Timeout { stage: Stage::Handshake })?
        .map_err(Error::Handshake)?;
    let tls = info(stream.get_ref().1);
    Ok((Box::new(stream), tls))
}

/// How far the opening came.
enum Opened {
    /// To the handshake.
    Clear(Upgrading),
    /// To its end.
    Secured(machine::Greeted),
}

/// Takes steps up to the handshake, or to the end of the opening.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut step: Step,
    settings: &Settings,
) -> Result<Opened, Error> {
    let mut buffer = [0; REPLIES];
    let mut awaited: Option<(Stage, Instant)> = None;
    loop {
        step = match step {
            Step::Write(writing) => {
                let stage = writing.stage();
                write(stream, writing.bytes(), settings.timeouts.of(stage), stage).await?;
                awaited = None;
                writing.written()
            }
            Step::Read(reading) => {
                let stage = reading.stage();
                let (_, by) =
                    *awaited.get_or_insert_with(|| (stage, Instant::now() + settings.timeouts.of(stage)));
                let count = read(stream, &mut buffer, by, stage).await?;
                reading.feed(buffer.get(..count).unwrap_or_default())
            }
            Step::StartTls(upgrading) => return Ok(Opened::Clear(upgrading)),
            Step::Greeted(greeted) => return Ok(Opened::Secured(greeted)),
            Step::Failed(error) => return Err(error),
        };
    }
}

/// A peer, in TLS where that was to be, whose offer is known. Who it is, is for the caller to judge.
pub struct Greeted {
    stream: Secured,
    machine: machine::Greeted,
    tls: TlsInfo,
    settings: Arc<Settings>,
}

impl Greeted {
    /// What the peer presented, its own certificate first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.tls.certificates
    }

    /// The TLS session.
    pub fn tls(&self) -> &TlsInfo {
        &self.tls
    }

    /// What the peer offers.
    pub fn extensions(&self) -> &Extensions {
        self.machine.extensions()
    }

    /// The peer is good: `proof` says so, and stays with the connection (M-2).
    pub fn trusted<P>(self, proof: P) -> Transport<P> {
        Transport {
            stream: self.stream,
            ready: self.machine.trusted(proof),
            tls: self.tls,
            settings: self.settings,
        }
    }

    /// The peer is not good: says goodbye and closes.
    pub async fn quit(self) {
        quit(self.stream, self.settings.timeouts.quit).await;
    }
}

/// A connection to a good peer, for one message after the other.
pub struct Transport<P> {
    stream: Secured,
    ready: machine::Ready<P>,
    tls: TlsInfo,
    settings: Arc<Settings>,
}

impl<P: Send + Sync> Transport<P> {
    /// The proof that the peer is good.
    pub fn peer(&self) -> &P {
        self.ready.proof()
    }

    /// The TLS session.
    pub fn tls(&self) -> &TlsInfo {
        &self.tls
    }

    /// What the peer offers.
    pub fn extensions(&self) -> &Extensions {
        self.ready.extensions()
    }

    /// Logs in at the peer, which was found good.
    pub async fn log_in(&mut self, login: &Login) -> Result<(), Error> {
        let (stage, within) = (Stage::Login, self.settings.timeouts.of(Stage::Login));
        write(&mut self.stream, login.command().as_bytes(), within, stage).await?;
        let (by, mut buffer) = (Instant::now() + within, [0; REPLIES]);
        loop {
            let count = read(&mut self.stream, &mut buffer, by, stage).await?;
            if self.ready.logged_in(buffer.get(..count).unwrap_or_default())?.is_some() {
                return Ok(());
            }
        }
    }

    /// Whether another message can be sent: not after a failure, a 421, or a [`Transport::send`] that was dropped half-way.
    pub fn is_usable(&self) -> bool {
        self.ready.is_usable()
    }

    /// Sends a message. `Ok` has an outcome for each recipient, in the order of the envelope; after a [`Failure`] the connection is
    /// of no more use.
    pub async fn send<R: AsRef<str>>(
        &mut self,
        envelope: &Outgoing<R>,
        content: &mut impl Content,
    ) -> Result<Vec<RecipientOutcome>, Failure> {
        let (stream, settings) = (&mut self.stream, &self.settings);
        let mut step = self.ready.send(envelope, content.size(), content.body());
        let mut awaited = None;
        loop {
            step = match step {
                Sending::Write(writing) => {
                    let stage = writing.stage();
                    awaited = None;
                    match write(stream, writing.bytes(), settings.timeouts.of(stage), stage).await {
                        Ok(()) => writing.written(),
                        Err(error) => writing.abandon(error),
                    }
                }
                Sending::Read(reading) => receive(stream, reading, &mut awaited, settings).await,
                Sending::Content(streaming) => copy(stream, streaming, content, settings).await,
                Sending::Done(outcomes) => return Ok(outcomes),
                Sending::Failed(failure) => return Err(failure),
            };
        }
    }

    /// Says goodbye and closes.
    pub async fn quit(self) {
        quit(self.stream, self.settings.timeouts.quit).await;
    }
}

/// Reads once; `awaited` is which reply, and until when.
async fn receive<'a>(
    stream: &mut Secured,
    reading: Awaiting<'a>,
    awaited: &mut Option<(u64, Instant)>,
    settings: &Settings,
) -> Sending<'a> {
    let (stage, answered) = (reading.stage(), reading.answered());
    let by = match *awaited {
        Some((which, by)) if which == answered => by,
        _ => Instant::now() + settings.timeouts.of(stage),
    };
    *awaited = Some((answered, by));
    let mut buffer = [0; REPLIES];
    match read(stream, &mut buffer, by, stage).await {
        Ok(count) => reading.feed(buffer.get(..count).unwrap_or_default()),
        Err(error) => reading.abandon(error),
    }
}

/// Copies the content, up to the final dot, which is left to be written.
async fn copy<'a>(
    stream: &mut Secured,
    mut streaming: Streaming<'a>,
    content: &mut impl Content,
    settings: &Settings,
) -> Sending<'a> {
    let by = Instant::now() + settings.timeouts.content;
    let (mut out, mut copied) = (Vec::with_capacity(2 * BLOCK), 0_u64);
    loop {
        let piece = match content.next().await {
            Ok(Some(piece)) => piece,
            Ok(None) if copied == content.size() => return streaming.end(out),
            Ok(None) => return streaming.abandon(Error::Content(cut_short())),
            Err(error) => return streaming.abandon(Error::Content(error)),
        };
        copied += piece.len() as u64;
        for block in piece.chunks(BLOCK) {
            if let Err(error) = streaming.copy(block, &mut out) {
                return streaming.abandon(Error::Content(error));
            }
            if out.len() >= BLOCK {
                let left = by.saturating_duration_since(Instant::now()).min(settings.timeouts.block);
                if let Err(error) = write(stream, &out, left, Stage::Content).await {
                    return streaming.abandon(error);
                }
                out.clear();
            }
        }
    }
}

/// Half a message is never ended as if it were whole.
fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is not as long as its record says")
}

async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut [u8],
    by: Instant,
    stage: Stage,
) -> Result<usize, Error> {
    match timeout_at(by, stream.read(buffer)).await {
        Ok(Ok(0)) => Err(Error::Closed { stage }),
        Ok(Ok(count)) => Ok(count),
        Ok(Err(error)) => Err(lost(error, stage)),
        Err(_) => Err(Error::Timeout { stage }),
    }
}

async fn write<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    within: Duration,
    stage: Stage,
) -> Result<(), Error> {
    let writing = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    match timeout(within, writing).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(lost(error, stage)),
        Err(_) => Err(Error::Timeout { stage }),
    }
}

fn lost(error: io::Error, stage: Stage) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::Closed { stage },
        _ => Error::Lost { stage, error },
    }
}

/// Nothing depends on it: whatever goes wrong, the connection is closed.
async fn quit(mut stream: Secured, within: Duration) {
    let goodbye = async {
        stream.write_all(b"QUIT\r\n").await?;
        stream.flush().await?;
        let mut buffer = [0; REPLIES];
        match stream.read(&mut buffer).await? {
            0 => Ok(()),
            _ => stream.shutdown().await,
        }
    };
    let _ = timeout(within, goodbye).await;
}
