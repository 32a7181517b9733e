//! skeleton
#![allow(clippy::todo, dead_code)]

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

use crate::{Ended, Policy, Settings};

/// How a listener starts its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In clear, TLS by STARTTLS (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
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
pub async fn serve<P: Policy>(
    stream: TcpStream,
    mode: Mode,
    tls: TlsAcceptor,
    policy: Arc<P>,
    settings: Arc<Settings>,
    stop: watch::Receiver<Stop>,
) -> Ended {
    let _ = (stream, mode, tls, policy, settings, stop);
    todo!()
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
    let _ = (stream, addresses, mode, tls, policy, settings, stop);
    todo!()
}
