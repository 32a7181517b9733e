//! The driver: puts the protocol on a TCP or TLS stream, one command at a time (M-5, RFC 3501 §3).
//! May use the wire, and identity and the session through [`backend`]. Must never touch a message but to hand it on.
//!
//! Bird's eye: [`serve`] opens, [`stranger`] holds until login, [`person`] from then on; [`append`] and [`idle`] are the
//! two commands that need the driver while they run. [`stream`] and [`input`] are the bytes, [`pace`] is how fast they may come.

use std::{net::IpAddr, pin::pin, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use crate::{
    Server, Settings,
    capability::{self, Extension, Extensions, Moment},
    completion::Completion,
    wire::framing::Limits,
};

use self::{
    backend::{Backend, Person},
    io::Stream,
    pace::Pace,
    person::{Around, stopping},
    stranger::Left,
    stream::{Halt, Wire},
    tls::Tls,
};

mod append;
mod backend;
mod id;
mod idle;
mod input;
mod io;
mod login;
mod pace;
mod person;
mod stranger;
mod stream;
mod tls;

/// How the connection starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// In clear, TLS by STARTTLS (port 143, RFC 3501 §6.2.1).
    StartTls,
    /// In TLS from the first byte (port 993, RFC 8314).
    Implicit,
    /// No TLS, and all commands: only where nobody else can listen (loopback, a demonstration), to measure what TLS costs.
    Plain,
}

/// What the program tells its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stop {
    /// Go on.
    #[default]
    Run,
    /// Finish the command in hand, say BYE, close.
    Stop,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// The client said LOGOUT.
    Logout,
    /// The client closed the connection, or the network did.
    Dropped,
    /// The client was silent or too slow.
    Timeout,
    /// The program stops.
    Stopped,
    /// The rights the session rested on ended (S-1.5).
    Revoked,
    /// Too many bad commands.
    TooManyErrors,
    /// Too many failed logins.
    TooManyFailures,
    /// More bytes announced without waiting than may be read and dropped.
    Flood,
    /// Something was sent in clear behind STARTTLS.
    Injected,
    /// The TLS handshake failed.
    Tls,
    /// The session itself asked for the end.
    Session,
    /// An answer broke off: the store failed in the middle of a literal.
    Broken,
}

impl Ended {
    /// A stable name for logs and counters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Dropped => "dropped",
            Self::Timeout => "timeout",
            Self::Stopped => "stopped",
            Self::Revoked => "revoked",
            Self::TooManyErrors => "too-many-errors",
            Self::TooManyFailures => "too-many-failures",
            Self::Flood => "flood",
            Self::Injected => "injected",
            Self::Tls => "tls",
            Self::Session => "session",
            Self::Broken => "broken",
        }
    }
}

/// Serves one connection to its end. `peer` is who connects: at the other end of the stream, or behind a load balancer there. Dropping
/// the future closes the connection without a word.
pub async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    mode: Mode,
    tls: TlsAcceptor,
    server: Arc<Server>,
    stop: watch::Receiver<Stop>,
) -> Ended {
    // Answers are written whole: waiting for more to send only adds delay.
    let _ = stream.set_nodelay(true);
    serve_on(stream, mode, peer, tls, &server, stop).await
}

/// [`serve`] on any stream and any backend.
async fn serve_on<S, B>(
    stream: S,
    mode: Mode,
    peer: IpAddr,
    tls: TlsAcceptor,
    backend: &B,
    stop: watch::Receiver<Stop>,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
    B: Backend,
{
    let deadline = Instant::now() + backend.settings().pre_auth_timeout;
    let mut visit = Visit { backend, peer, stop, deadline };
    // On the heap until it is over: a session that waits has no need of it any more.
    let ended = match Box::pin(visit.enter(stream, mode, tls)).await {
        Ok((mut wire, person)) => {
            let halt = visit.stay(&mut wire, person).await;
            Box::pin(visit.leave(*wire, halt)).await
        }
        Err(ended) => ended,
    };
    debug!(%peer, ended = ended.as_str(), "IMAP connection closed");
    ended
}

/// What stays the same during a connection.
struct Visit<'b, B> {
    backend: &'b B,
    peer: IpAddr,
    stop: watch::Receiver<Stop>,
    deadline: Instant,
}

/// A connection on which somebody is logged in; on the heap, for each future that it is handed through would have room for it.
type Entered<S, P> = (Box<Wire<Stream<S>>>, Box<P>);

impl<B: Backend> Visit<'_, B> {
    /// From the first byte to the login; the whole of it has one deadline.
    async fn enter<S>(
        &mut self,
        stream: S,
        mode: Mode,
        tls: TlsAcceptor,
    ) -> Result<Entered<S, B::Person>, Ended>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let (stream, greet) = match mode {
            Mode::Implicit => (self.handshake(stream, &tls).await?, true),
            Mode::StartTls => {
                let stream = self.in_clear(stream).await?;
                (self.handshake(stream, &tls).await?, false)
            }
            Mode::Plain => (Stream::Clear(stream), true),
        };
        let mut wire = self.wire(stream, Limits::STRANGER);
        match self.strange(&mut wire, true, greet).await {
            Ok(Left::LoggedIn(person)) => Ok((Box::new(wire), Box::new(person))),
            Ok(Left::StartTls) => Err(self.close(wire, Ended::Session).await),
            Err(halt) => Err(self.leave(wire, halt).await),
        }
    }

    /// Until STARTTLS; gives the stream back.
    async fn in_clear<S>(&mut self, stream: S) -> Result<S, Ended>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let mut wire = self.wire(stream, Limits::IN_CLEAR);
        match self.strange(&mut wire, false, true).await {
            // Nothing read in clear may become a command inside TLS (RFC 3501 §11.1, RFC 9051 §6.2.1).
            Ok(Left::StartTls) if wire.input.holds_bytes() => Err(self.close(wire, Ended::Injected).await),
            Ok(Left::StartTls) => Ok(wire.io),
            Ok(Left::LoggedIn(_)) => Err(self.close(wire, Ended::Session).await),
            Err(halt) => Err(self.leave(wire, halt).await),
        }
    }

    async fn handshake<S>(&self, stream: S, tls: &TlsAcceptor) -> Result<Stream<S>, Ended>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        match timeout_at(self.deadline, Tls::accept(stream, Arc::clone(tls.config()))).await {
            Err(_) => Err(Ended::Timeout),
            Ok(Err(error)) => {
                debug!(peer = %self.peer, %error, "TLS handshake failed");
                Err(Ended::Tls)
            }
            Ok(Ok(stream)) => Ok(Stream::Tls(Box::new(stream))),
        }
    }

    fn wire<S>(&self, stream: S, limits: Limits) -> Wire<S> {
        Wire::new(stream, limits, self.backend.settings())
    }

    /// Until login; stopping does not wait for it.
    async fn strange<S>(
        &mut self,
        wire: &mut Wire<S>,
        secure: bool,
        greet: bool,
    ) -> Result<Left<B::Person>, Halt>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let stranger = pin!(stranger::stranger(wire, self.backend, self.peer, secure, greet));
        tokio::select! {
            biased;
            () = stopped(&mut self.stop) => Err(stopping()),
            left = timeout_at(self.deadline, stranger) => left.unwrap_or_else(|_| {
                Err(Halt::Bye(Ended::Timeout, "no login in time: connect again when ready".into()))
            }),
        }
    }

    /// From the login to the end.
    async fn stay<S>(&mut self, wire: &mut Wire<S>, person: Box<B::Person>) -> Halt
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        // For the whole session: a client goes by what the answer to its login told (RFC 7888 §3), so an ID that comes later and
        // switches literals off must not have refused what it may have on its way.
        wire.input.framer().set_limits(person_limits(self.backend.settings(), person.extensions()));
        let around = Around {
            settings: self.backend.settings(),
            peer: self.peer,
            revoked: Box::pin(person.revoked()),
            stop: &mut self.stop,
            pace: Pace::new(self.backend.settings()),
        };
        person::person(wire, person, around).await
    }

    /// Says BYE if there is something to say, and closes.
    async fn leave<S>(&self, mut wire: Wire<S>, halt: Halt) -> Ended
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let ended = match halt {
            Halt::Bye(ended, text) => {
                // A client that does not even take the BYE is closed without.
                let _ = timeout(FAREWELL, wire.bye(text)).await;
                ended
            }
            Halt::Ended(ended) => ended,
            Halt::Fatal(fatal) => {
                debug!(peer = %self.peer, %fatal, "IMAP connection broke");
                Ended::from(&fatal)
            }
        };
        self.close(wire, ended).await
    }

    async fn close<S: AsyncWrite + Unpin>(&self, mut wire: Wire<S>, ended: Ended) -> Ended {
        let _ = timeout(FAREWELL, wire.io.shutdown()).await;
        ended
    }
}

/// Time for a BYE and for the close of TLS.
const FAREWELL: Duration = Duration::from_secs(2);

fn person_limits(settings: &Settings, offered: Extensions) -> Limits {
    let literal = settings.literal_bytes as u64;
    let unasked = match (offered.has(Extension::LiteralPlus), offered.has(Extension::LiteralMinus)) {
        (true, _) => literal,
        (false, true) => literal.min(Limits::STRANGER.unasked_literal),
        (false, false) => 0,
    };
    Limits {
        line: settings.line_bytes,
        literal,
        unasked_literal: unasked,
        literals: settings.literals,
        command: settings.command_bytes,
        append: Some(settings.append_bytes),
        skip: settings.skip_bytes,
    }
}

/// The completion of a command that needs no more words.
fn done(name: &str) -> Completion {
    Completion::ok(format!("{name} done"))
}

/// The answer to a STARTTLS after which nothing would change: in TLS, or where `Mode::Plain` has none.
fn no_starttls() -> Completion {
    Completion::bad("STARTTLS is not for this connection: it is in TLS already, or needs none")
}

/// What is told at this moment of a connection (RFC 3501 §7.2.1).
fn capabilities(moment: Moment, offered: Extensions, settings: &Settings) -> String {
    capability::line(moment, offered, settings.append_bytes)
}

/// Resolves when sessions must end; a program that is gone counts as one that stops.
async fn stopped(stop: &mut watch::Receiver<Stop>) {
    let _ = stop.wait_for(|stop| *stop == Stop::Stop).await;
}

#[cfg(test)]
mod tests;
