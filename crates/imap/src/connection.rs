//! The driver: puts the protocol on a TCP or TLS stream.
//! May use the wire, the session and identity. Must never touch a message.

use std::sync::Arc;

use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::TlsAcceptor;

use crate::Server;

/// How the connection starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// In clear, TLS by STARTTLS (port 143).
    StartTls,
    /// In TLS from the first byte (port 993).
    Implicit,
}

/// What the program tells its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Go on.
    Run,
    /// Finish the command in hand, say BYE, close.
    Stop,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// LOGOUT.
    Logout,
}

/// Serves one connection to its end.
pub async fn serve(
    _stream: TcpStream,
    _mode: Mode,
    _tls: TlsAcceptor,
    _server: Arc<Server>,
    _stop: watch::Receiver<Stop>,
) -> Ended {
    Ended::Logout
}
