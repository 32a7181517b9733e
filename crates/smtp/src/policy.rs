//! What the protocol asks of whoever decides, and the values that go with the questions. No decision is made here.

use std::{fmt, future::Future, net::SocketAddr};

use tokio_rustls::rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::{Body, Notify, Reply, Ret};

/// The one who decides: may this person log in, send as this address, to that one, this content.
///
/// The questions of one session come one at a time and in protocol order. The values that the policy hands out
/// (`Peer`, `Envelope`, `Incoming`) are dropped when the session or the transaction ends without them being used.
///
/// Every `Err` is a [`Reply`] of class 4 or 5 and is sent as it is; any other class is replaced by
/// `451 4.3.0`. A 421 also closes the connection.
pub trait Policy: Send + Sync + 'static {
    /// Someone who logged in, or whose certificate is known.
    type Peer: Send + Sync + 'static;
    /// A transaction from MAIL to DATA.
    type Envelope: Send;
    /// A message whose content is arriving.
    type Incoming: Send;
    /// The proof that a message is durable: without one there is no 250 (I-1).
    type Durable: Send;

    /// Checks what the client gave with AUTH (RFC 4954). All failures should look alike (M-5): usually `535 5.7.8`.
    fn authenticate(
        &self,
        connection: &Connection,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Self::Peer, Reply>> + Send;

    /// Who the client is by the certificate that it presented ([`TlsInfo::certificates`]): asked on [`Service::Relay`] and
    /// [`Service::Connector`] at MAIL, until somebody is known. A refusal is the answer to MAIL, so that the other operator's engineer reads why (M-2); until one is
    /// known, nothing but EHLO, HELO, NOOP, RSET, QUIT and another MAIL is accepted.
    fn known_by_certificate(
        &self,
        connection: &Connection,
    ) -> impl Future<Output = Result<Self::Peer, Reply>> + Send {
        let _ = connection;
        async { Err(Reply::new(550, "5.7.1", ["Nobody is known by a certificate here"])) }
    }

    /// MAIL FROM: opens a transaction. `peer` is who logged in or is known by certificate; it is always there on every service.
    fn mail(
        &self,
        connection: &Connection,
        peer: Option<&Self::Peer>,
        from: MailFrom,
    ) -> impl Future<Output = Result<Self::Envelope, Reply>> + Send;

    /// RCPT TO: one more recipient.
    fn rcpt(
        &self,
        connection: &Connection,
        envelope: &mut Self::Envelope,
        to: Recipient,
    ) -> impl Future<Output = Result<(), Reply>> + Send;

    /// DATA or the first BDAT, with at least one recipient accepted: the last moment to refuse before the content comes.
    fn data(
        &self,
        connection: &Connection,
        envelope: Self::Envelope,
    ) -> impl Future<Output = Result<Self::Incoming, Reply>> + Send;

    /// A piece of content; pieces are cut anywhere and hold 1 to 32,768 bytes. After DATA dots are removed and every line is ended by
    /// CR LF, the one before the final dot included. By BDAT (RFC 3030) content is as it was sent: no CR or LF is alone unless MAIL said
    /// [`Body::Binary`], and the last line may have no end. An `Err` is answered after the final dot or the chunk; what is
    /// left is read and dropped, and `incoming` is dropped at once.
    fn chunk(
        &self,
        incoming: &mut Self::Incoming,
        bytes: &[u8],
    ) -> impl Future<Output = Result<(), Reply>> + Send;

    /// The final dot, or the end of the last chunk: keep the message or refuse it.
    fn finish(
        &self,
        incoming: Self::Incoming,
    ) -> impl Future<Output = Result<Accepted<Self::Durable>, Reply>> + Send;

    /// Resolves when `peer` may no longer use this session (S-1.5), which is then ended with `421 4.7.0`.
    fn revoked(&self, peer: &Self::Peer) -> impl Future<Output = ()> + Send;
}

/// What is known of the other end.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Address of the client.
    pub peer: SocketAddr,
    /// Address it came to.
    pub local: SocketAddr,
    /// The TLS session, if there is one by now.
    pub tls: Option<TlsInfo>,
    /// The name given with EHLO or HELO; printable ASCII, empty before.
    pub helo: String,
    /// Whether the last greeting was EHLO (for the `with` of a Received field: RFC 3848).
    pub extended: bool,
    /// Which service the client came to.
    pub service: Service,
    /// A short name of the session for logs, unique in this process.
    pub session: String,
}

/// A TLS session, for traces and the Received field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The suite, by its IANA name.
    pub cipher: String,
    /// What the client presented, its own certificate first; empty when it presented none or was not asked. The handshake proves that
    /// it holds the key; whether the certificates are worth anything is for the policy to judge.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// A listener's service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Port 587: clear text first, STARTTLS before anything else (RFC 6409).
    Submission,
    /// Port 465: TLS from the first byte (RFC 8314).
    SubmissionTls,
    /// Port 25: clear text first, STARTTLS before anything else, known by certificate and not by AUTH (M-2).
    Relay,
    /// A hospital's own server hands over its users' mail (S-3.10): known by certificate, by AUTH, or by the socket of this machine that
    /// it came to.
    Connector(ConnectorDoor),
}

/// How a hospital's own server comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectorDoor {
    /// LMTP (RFC 2033), not SMTP: one reply for each recipient behind the final dot.
    pub lmtp: bool,
    /// No TLS: for sockets that no network reaches.
    pub clear: bool,
    /// AUTH is offered.
    pub login: bool,
}

impl Service {
    /// Whether clients may log in with AUTH.
    pub(crate) fn offers_login(self) -> bool {
        match self {
            Service::Submission | Service::SubmissionTls => true,
            Service::Relay => false,
            Service::Connector(door) => door.login,
        }
    }

    /// Whether [`Policy::known_by_certificate`] is asked at MAIL about a client that did not log in.
    pub(crate) fn identifies(self) -> bool {
        match self {
            Service::Submission | Service::SubmissionTls => false,
            Service::Relay | Service::Connector(_) => true,
        }
    }

    /// Whether nothing but STARTTLS may come before TLS.
    pub(crate) fn needs_tls(self) -> bool {
        !matches!(self, Service::Connector(ConnectorDoor { clear: true, .. }))
    }

    /// Whether LMTP is spoken.
    pub(crate) fn is_lmtp(self) -> bool {
        matches!(self, Service::Connector(ConnectorDoor { lmtp: true, .. }))
    }
}

/// What a client gave with AUTH. `Debug` shows no secret.
pub enum Credentials {
    /// PLAIN (RFC 4616) or LOGIN.
    Plain {
        /// Whom the client asks to act as; `None` when not given, and always with LOGIN.
        authzid: Option<String>,
        /// Who the client says it is.
        authcid: String,
        /// The password; wiped from memory when dropped.
        password: Zeroizing<Vec<u8>>,
        /// Which of the two mechanisms it came by.
        mechanism: Mechanism,
    },
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The old two-question one.
    Login,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Credentials::Plain { authzid, authcid, mechanism, .. } = self;
        f.debug_struct("Plain")
            .field("authzid", authzid)
            .field("authcid", authcid)
            .field("mechanism", mechanism)
            .finish_non_exhaustive()
    }
}

/// The arguments of MAIL FROM (RFC 5321 §4.1.1.2, 1870, 3461, 6152, 6531).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailFrom {
    /// The reverse-path as the text of an addr-spec (quotes kept where needed); `None` is the null path `<>`.
    pub path: Option<String>,
    /// The size announced, in bytes; at most [`Limits::message_bytes`](crate::Limits::message_bytes).
    pub size: Option<u64>,
    /// `BODY`: what octets the message may hold.
    pub body: Body,
    /// `SMTPUTF8`: addresses and header fields may hold UTF-8.
    pub smtputf8: bool,
    /// `REQUIRETLS`: from here on the message may only travel over TLS to hosts that promise the same (RFC 8689).
    pub require_tls: bool,
    /// `RET`: how much of the message a report of failure should give back.
    pub ret: Option<Ret>,
    /// `ENVID`: the sender's own name for the message, decoded; printable ASCII. Goes back in reports.
    pub envid: Option<String>,
}

/// The arguments of RCPT TO (RFC 5321 §4.1.1.3, 3461).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The text of an addr-spec (a local part that needs quotes has them; not ASCII only if MAIL said SMTPUTF8), or `postmaster`
    /// alone (RFC 5321 §4.5.1), in the client's case.
    pub path: String,
    /// `NOTIFY`: when the sender wants a report; `None` when not said, which means on failure and perhaps on delay.
    pub notify: Option<Notify>,
    /// `ORCPT`: the address that the sender first wrote, decoded: `type;address`, the type in lower case. Printable; ASCII
    /// unless the type is `utf-8` (RFC 6533).
    pub orcpt: Option<String>,
}

impl From<&str> for Recipient {
    /// A recipient without parameters.
    fn from(path: &str) -> Self {
        Recipient { path: path.to_owned(), notify: None, orcpt: None }
    }
}

/// A message that is kept.
#[derive(Debug)]
pub struct Accepted<D> {
    /// The proof.
    pub durable: D,
    /// The name under which it can be found again, told to the client in the 250.
    pub id: String,
}
