//! The server's side of TLS on a stream (RFC 8446, RFC 5246), with no buffer while nothing comes or goes: the usual stream keeps
//! 4 KiB to read into for each session, and nearly all sessions wait.
//! Bytes only, and what becomes of them is rustls' affair. Must never hold more than one message of a handshake and one read of what
//! comes, nor more than one write of what goes.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::{
    ProtocolVersion, ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus},
};

/// Read at once: a buffer on the stack of the thread that reads.
const READ_BYTES: usize = 16 * 1024;

/// What may wait to be opened: the longest message of a handshake (RFC 8446 §4 as rustls takes it) in its records, and a record begun.
/// rustls gives nothing back before such a message is whole, so that one in crumbs would grow without end.
const INCOMING_BYTES: usize = 64 * 1024 + 20 * 1024;

/// Bytes that one write takes and seals: four records.
const WRITE_BYTES: usize = 64 * 1024;

/// A stream inside TLS whose handshake is done.
pub(super) struct Tls<S> {
    io: S,
    session: UnbufferedServerConnection,
    /// What came and is not opened yet: part of a record, but for moments.
    incoming: Vec<u8>,
    /// What was opened and nobody took yet.
    opened: Vec<u8>,
    taken: usize,
    /// What is sealed and not sent yet.
    outgoing: Vec<u8>,
    sent: usize,
    /// The peer said that it sends no more.
    ended: bool,
    /// We said it.
    closed: bool,
}

/// Where the session stands once all that came is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Handshaking,
    Open,
    /// Both sides said that they send no more.
    Over,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Tls<S> {
    /// Does the handshake. Dropping the future breaks it off.
    ///
    /// # Errors
    /// Those of the stream; `InvalidData` with what rustls says of the peer, which is told by an alert.
    pub(super) async fn accept(io: S, config: Arc<ServerConfig>) -> io::Result<Self> {
        let session = UnbufferedServerConnection::new(config).map_err(refused)?;
        let mut tls = Self {
            io,
            session,
            incoming: Vec::new(),
            opened: Vec::new(),
            taken: 0,
            outgoing: Vec::new(),
            sent: 0,
            ended: false,
            closed: false,
        };
        poll_fn(|cx| tls.poll_handshake(cx)).await?;
        Ok(tls)
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match self.open_what_came() {
                Ok(Standing::Open) if !self.session.is_handshaking() => {
                    // The client waits for the last word of TLS 1.2. That of TLS 1.3 are tickets for a later session: what the
                    // stream does not take of them yet leaves beside what comes next.
                    let all = self.session.protocol_version() != Some(ProtocolVersion::TLSv1_3);
                    return match self.poll_send(cx) {
                        Poll::Pending if !all => Poll::Ready(Ok(())),
                        sent => sent,
                    };
                }
                standing => {
                    // What was said last, an alert above all, leaves before the end.
                    ready!(self.poll_send(cx))?;
                    if standing? == Standing::Over || self.ended {
                        return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                    }
                }
            }
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            ready!(self.poll_receive(cx))?;
        }
    }

    /// Reads some of what the peer sent.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_BYTES];
        let mut read = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
        if read.filled().is_empty() {
            // Without a word before: cut off.
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        if self.incoming.len() > INCOMING_BYTES {
            return Poll::Ready(Err(refused("a message of TLS in more bytes than it may have")));
        }
        self.incoming.extend_from_slice(read.filled());
        Poll::Ready(Ok(()))
    }

    /// Sends what is sealed.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(left) = self.outgoing.get(self.sent..).filter(|left| !left.is_empty()) {
            let sent = ready!(Pin::new(&mut self.io).poll_write(cx, left))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        (self.outgoing, self.sent) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }
}

impl<S> Tls<S> {
    /// Opens all that came; what TLS has to say itself is put with what goes, also when it fails.
    fn open_what_came(&mut self) -> io::Result<Standing> {
        let mut failure = None;
        loop {
            let UnbufferedStatus { discard, state } = self.session.process_tls_records(&mut self.incoming);
            let standing = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        self.opened.extend_from_slice(record.map_err(refused)?.payload);
                    }
                    None
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    put(&mut self.outgoing, 0, |room| data.encode(room))?;
                    None
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    // It goes before anything else does.
                    data.done();
                    None
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.ended = true;
                    None
                }
                Ok(ConnectionState::Closed) => Some(Standing::Over),
                Ok(ConnectionState::BlockedHandshake) => Some(Standing::Handshaking),
                Ok(ConnectionState::WriteTraffic(_)) => Some(Standing::Open),
                // Early data is not offered, and there is nothing else yet.
                Ok(_) => return Err(refused("a state of TLS that nobody asked for")),
                // Once more: the alert comes out before the failure does again.
                Err(error) if failure.is_none() => {
                    failure = Some(error);
                    None
                }
                Err(error) => return Err(refused(failure.unwrap_or(error))),
            };
            self.incoming.drain(..discard.min(self.incoming.len()));
            if self.incoming.is_empty() {
                self.incoming = Vec::new();
            }
            match (standing, &failure) {
                (Some(standing), None) => return Ok(standing),
                (Some(_), Some(error)) => return Err(refused(error.clone())),
                (None, _) => {}
            }
        }
    }

    /// Seals bytes, or without any the word that no more will come, and puts that with what goes.
    fn seal(&mut self, bytes: Option<&[u8]>) -> io::Result<()> {
        if self.open_what_came()? != Standing::Open {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // Part of a message of TLS may wait there: rustls counts on seeing it again.
        let UnbufferedStatus { discard, state } = self.session.process_tls_records(&mut self.incoming);
        let ConnectionState::WriteTraffic(mut traffic) = state.map_err(refused)? else {
            return Err(refused("a state of TLS in which nothing can be sent"));
        };
        let likely = sealed_length(bytes.unwrap_or_default().len());
        put(&mut self.outgoing, likely, |room| match bytes {
            Some(bytes) => traffic.encrypt(bytes, room),
            None => traffic.queue_close_notify(room),
        })?;
        self.incoming.drain(..discard.min(self.incoming.len()));
        if bytes.is_none() {
            // It comes out as what TLS itself has to say.
            self.open_what_came()?;
        }
        Ok(())
    }
}

/// Appends what `make` writes: tried with so much room, then with as much as it asks for.
fn put<E: NeedsRoom>(
    to: &mut Vec<u8>,
    likely: usize,
    mut make: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> io::Result<()> {
    let start = to.len();
    let mut room = likely;
    loop {
        to.resize(start + room, 0);
        match make(to.get_mut(start..).unwrap_or_default()) {
            Ok(written) => {
                to.truncate(start + written);
                return Ok(());
            }
            Err(error) => {
                to.truncate(start);
                room = error.room().filter(|needed| *needed > room).ok_or_else(|| refused(error))?;
            }
        }
    }
}

/// An error that may ask for more room.
trait NeedsRoom: std::error::Error + Send + Sync + 'static {
    fn room(&self) -> Option<usize>;
}

impl NeedsRoom for EncodeError {
    fn room(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::AlreadyEncoded => None,
        }
    }
}

impl NeedsRoom for EncryptError {
    fn room(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::EncryptExhausted => None,
        }
    }
}

fn refused(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Tls<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tls = self.get_mut();
        loop {
            if let Some(left) = tls.opened.get(tls.taken..).filter(|left| !left.is_empty()) {
                let some = left.get(..buf.remaining()).unwrap_or(left);
                buf.put_slice(some);
                tls.taken += some.len();
                if tls.taken == tls.opened.len() {
                    (tls.opened, tls.taken) = (Vec::new(), 0);
                }
                return Poll::Ready(Ok(()));
            }
            if tls.ended {
                return Poll::Ready(Ok(()));
            }
            // An answer of TLS itself, or what the stream did not take before: it leaves now or with the next write.
            if let Poll::Ready(Err(error)) = tls.poll_send(cx) {
                return Poll::Ready(Err(error));
            }
            ready!(tls.poll_receive(cx))?;
            if let Err(error) = tls.open_what_came() {
                // An alert, if the stream takes it.
                let _ = tls.poll_send(cx);
                return Poll::Ready(Err(error));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Tls<S> {
    /// Seals some bytes once all that was sealed before is sent; they are sent by the time of the next write or flush.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tls = self.get_mut();
        ready!(tls.poll_send(cx))?;
        let some = bytes.get(..WRITE_BYTES).unwrap_or(bytes);
        if some.is_empty() {
            return Poll::Ready(Ok(0));
        }
        tls.seal(Some(some))?;
        match tls.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(some.len())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tls = self.get_mut();
        ready!(tls.poll_send(cx))?;
        Pin::new(&mut tls.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tls = self.get_mut();
        if !tls.closed {
            tls.closed = true;
            tls.seal(None)?;
        }
        ready!(tls.poll_send(cx))?;
        Pin::new(&mut tls.io).poll_shutdown(cx)
    }
}

/// Octets of records that so many octets are sealed in, or little more.
fn sealed_length(plain: usize) -> usize {
    const RECORD: usize = 16 * 1024;
    const AROUND: usize = 64;
    plain + (plain / RECORD + 1) * AROUND
}

#[cfg(test)]
mod tests;
