//! The thin driver: puts the machine on a TCP or TLS stream, asks the policy, keeps the deadlines, hears the stop. Decides nothing
//! about the protocol. A session that waits for a command holds no buffer.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsAcceptor, rustls::CommonState, server::TlsStream};

use self::{deadlines::Deadlines, session::Session};
use crate::{
    Connection, ConnectorDoor, End, Ended, Policy, Service, Settings, TlsInfo,
    machine::{self, Upgrading},
};

mod deadlines;
mod session;
mod stream;

/// How a listener starts its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In clear, TLS by STARTTLS (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// In clear, TLS by STARTTLS, clients known by their certificate (M-2).
    Relay,
    /// A hospital's own server (S-3.10), in clear first; TLS by STARTTLS unless the door is a clear one.
    Connector(ConnectorDoor),
    /// The same, in TLS from the first byte.
    ConnectorTls(ConnectorDoor),
}

/// Whether sessions go on; sent through a watch channel by whoever runs the listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stop {
    /// Sessions go on.
    #[default]
    Run,
    /// Sessions end: idle ones at once, a transaction begun within [`Limits::stop_grace`](crate::Limits::stop_grace).
    Stop,
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The client's.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}

/// Serves one client to the end of its session.
///
/// `stop` is only watched: when its sender is gone the session goes on.
pub async fn serve<P: Policy>(
    stream: TcpStream,
    mode: Mode,
    tls: TlsAcceptor,
    policy: Arc<P>,
    settings: Arc<Settings>,
    stop: watch::Receiver<Stop>,
) -> Ended {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
        return Ended::at_once(End::Dropped);
    };
    // replies are written whole: waiting for more to send would only cost time
    let _ = stream.set_nodelay(true);
    serve_on(stream, Addresses { peer, local }, mode, tls, policy, settings, stop).await
}

/// [`serve`] on any stream.
pub async fn serve_on<P: Policy, S: AsyncRead + AsyncWrite + Send + Unpin>(
    stream: S,
    addresses: Addresses,
    mode: Mode,
    tls: TlsAcceptor,
    policy: Arc<P>,
    settings: Arc<Settings>,
    stop: watch::Receiver<Stop>,
) -> Ended {
    let begun = Instant::now();
    let session = Session::new(policy, stop, Deadlines::new(Arc::clone(&settings), begun));
    let connection = connection(addresses, mode);
    let name = connection.session.clone();
    tracing::debug!(session = %name, peer = %addresses.peer, "session begins");
    let ended = match mode {
        Mode::StartTls | Mode::Relay | Mode::Connector(_) => {
            in_clear(session, stream, &tls, connection, settings).await
        }
        Mode::Implicit | Mode::ConnectorTls(_) => in_tls(session, stream, &tls, connection, settings).await,
    };
    tracing::info!(
        session = %name, peer = %addresses.peer, end = %ended.end, authenticated = ended.authenticated,
        accepted = ended.accepted, refused = ended.refused, content_bytes = ended.content_bytes, errors = ended.errors,
        auth_failures = ended.auth_failures, milliseconds = begun.elapsed().as_millis(), "SMTP session ended"
    );
    ended
}

fn connection(addresses: Addresses, mode: Mode) -> Connection {
    static SESSIONS: AtomicU64 = AtomicU64::new(1);
    Connection {
        peer: addresses.peer,
        local: addresses.local,
        tls: None,
        helo: String::new(),
        extended: false,
        service: match mode {
            Mode::StartTls => Service::Submission,
            Mode::Implicit => Service::SubmissionTls,
            Mode::Relay => Service::Relay,
            Mode::Connector(door) | Mode::ConnectorTls(door) => Service::Connector(door),
        },
        session: format!("smtp-{}", SESSIONS.fetch_add(1, Ordering::Relaxed)),
    }
}

async fn in_clear<P: Policy, S: AsyncRead + AsyncWrite + Send + Unpin>(
    mut session: Session<P>,
    mut stream: S,
    tls: &TlsAcceptor,
    connection: Connection,
    settings: Arc<Settings>,
) -> Ended {
    let upgrading: Upgrading<P> =
        match session.converse(&mut stream, machine::start(connection, settings)).await {
            Ok(upgrading) => upgrading,
            Err(ended) => {
                stream::close(&mut stream, ended.end).await;
                return ended;
            }
        };
    match handshake(&mut session, stream, tls).await {
        Ok((stream, info)) => finish(session, stream, upgrading.established(info)).await,
        Err(end) => upgrading.abandon(end),
    }
}

async fn in_tls<P: Policy, S: AsyncRead + AsyncWrite + Send + Unpin>(
    mut session: Session<P>,
    stream: S,
    tls: &TlsAcceptor,
    mut connection: Connection,
    settings: Arc<Settings>,
) -> Ended {
    match handshake(&mut session, stream, tls).await {
        Ok((stream, info)) => {
            connection.tls = Some(info);
            finish(session, stream, machine::start(connection, settings)).await
        }
        Err(end) => Ended::at_once(end),
    }
}

async fn finish<P: Policy, S: AsyncRead + AsyncWrite + Send + Unpin>(
    mut session: Session<P>,
    mut stream: Box<TlsStream<S>>,
    step: machine::Step<P>,
) -> Ended {
    let ended = match session.converse(&mut stream, step).await {
        Ok(upgrading) => upgrading.abandon(End::Tls),
        Err(ended) => ended,
    };
    stream::close(&mut stream, ended.end).await;
    ended
}

/// The TLS handshake, within the time left before the login.
async fn handshake<P: Policy, S: AsyncRead + AsyncWrite + Send + Unpin>(
    session: &mut Session<P>,
    stream: S,
    tls: &TlsAcceptor,
) -> Result<(Box<TlsStream<S>>, TlsInfo), End> {
    let by = session.deadlines.login();
    // boxed: its state is large and needed once
    let accept: Pin<Box<_>> = Box::pin(timeout_at(by, tls.accept(stream)));
    let done = tokio::select! {
        biased;
        () = session.stopped() => return Err(End::Stopped),
        done = accept => done,
    };
    match done {
        Ok(Ok(stream)) => {
            let info = info(stream.get_ref().1);
            Ok((Box::new(stream), info))
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            Err(End::Tls)
        }
        Err(_) => Err(End::Timeout),
    }
}

/// What the driver of either side tells of a TLS session.
pub(crate) fn info(connection: &CommonState) -> TlsInfo {
    let version = connection.protocol_version().map(|version| format!("{version:?}").replace('_', "."));
    let suite = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
    TlsInfo {
        version: version.unwrap_or_default(),
        cipher: suite.unwrap_or_default().replacen("TLS13_", "TLS_", 1),
        certificates: connection.peer_certificates().unwrap_or_default().to_vec(),
    }
}
