//! What a section of a hospital's own server says, as values. May use addresses and pins. Must never read a file.

use std::{fmt, net::SocketAddr, path::PathBuf};

use mssante::{Address, Domain, StructureId};
use pki::Pin;

use super::super::Who;

/// One hospital's own server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Connector {
    pub(crate) name: String,
    /// Its users are the accounts of this structure…
    pub(crate) structure: StructureId,
    /// …whose login or MSSanté address is in one of these domains.
    pub(crate) domains: Vec<Domain>,
    /// Where it hands mail over.
    pub(crate) listen: Vec<Place>,
    pub(crate) protocol: Protocol,
    /// Of addresses; sockets of this machine have none.
    pub(crate) tls: TlsMode,
    /// What it presents.
    pub(crate) certificates: Vec<Pin>,
    /// Whether it may log in with the password that `vaguemestre connector password` made.
    pub(crate) login: bool,
    /// Who may use its sockets.
    pub(crate) users: Vec<Who>,
    pub(crate) unsecured: Unsecured,
    /// Whether all mail of its structure is secure (S-3.1).
    pub(crate) all_secure: bool,
    /// The account in whose name reports of that server travel.
    pub(crate) reports: Option<Address>,
    pub(crate) deliver: Deliver,
    /// Where its users' mail is delivered.
    pub(crate) server: Option<Server>,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Address(SocketAddr),
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Smtp,
    Lmtp,
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsMode {
    StartTls,
    Implicit,
    /// Never: this machine alone.
    None,
}

/// What becomes of a message that is not secure (S-3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsecured {
    GiveBack,
    SmartHost,
}

/// Where its users' mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deliver {
    Box,
    Server,
    Both,
}

/// A server that is connected to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Server {
    pub(crate) host: Host,
    pub(crate) protocol: Protocol,
    pub(crate) tls: TlsMode,
    pub(crate) certificates: Vec<Pin>,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// A DNS name or an IP address, and a port.
    Name(String, u16),
    Socket(PathBuf),
}

impl Host {
    /// Whether no network is between it and us.
    pub(super) fn is_here(&self) -> bool {
        match self {
            Self::Name(host, _) => {
                host.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
            }
            Self::Socket(_) => true,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Name(host, port) => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Where ordinary mail goes (S-3.3).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SmartHost {
    pub(crate) host: Host,
    pub(crate) tls: TlsMode,
    pub(crate) trust: SmartHostTrust,
    /// Who we are there, and the file of the password.
    pub(crate) login: Option<(String, PathBuf)>,
}

/// By what the smart host is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SmartHostTrust {
    /// A certificate for its name, of one of these authorities (PEM).
    Authorities(PathBuf),
    Pins(Vec<Pin>),
}
