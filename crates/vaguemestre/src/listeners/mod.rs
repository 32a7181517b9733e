//! Listening sockets: who comes in within the bounds (`door`), whose connection it is where a load balancer hands it on (`proxy`),
//! and a polite refusal for the others before memory grows (I-9).
//!
//! Knows nothing of what a session is: it hands streams over. Must never read from one, but for the header of a trusted balancer.

mod door;
mod proxy;
mod proxy_header;

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use smtp::Addresses;
use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{self, Instant},
};
use tracing::{debug, warn};

pub(crate) use self::door::{Door, Peers, Turned};
use self::door::{Place, Seat};
use crate::config::{Network, Service};

/// Connections that the kernel keeps ready for us: a hospital's clients come all at once after a network cut.
const BACKLOG: i32 = 1024;

/// How long accepting rests when the system has no descriptor or memory for one more connection.
const EXHAUSTED_REST: Duration = Duration::from_millis(100);

/// Time for telling one.
const TURN_AWAY_TIME: Duration = Duration::from_secs(5);

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{}", bind_text(*.service, .address, .error))]
pub(crate) struct BindError {
    service: Service,
    address: SocketAddr,
    error: io::Error,
}

fn bind_text(service: Service, address: &SocketAddr, error: &io::Error) -> String {
    let next = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there: stop it, or write another port (a demonstration: --port-offset N)"
        }
        io::ErrorKind::PermissionDenied => {
            "ports under 1024 need the capability CAP_NET_BIND_SERVICE: give it to the service, or write another port"
        }
        io::ErrorKind::AddrNotAvailable => "this host has no such address: write one of its own",
        _ => "write another address; on a host without IPv6 leave the [::] ones out",
    };
    let key = service.key();
    format!("[listeners] {key}: cannot listen on {address} ({error}): {next}")
}

/// Listens on `address` for `service`.
///
/// # Errors
/// [`BindError`], which says what to write instead.
pub(crate) fn bind(service: Service, address: SocketAddr) -> Result<TcpListener, BindError> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // One socket a family, so that the two lists of the configuration never fight for a port.
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket.into())
    };
    listen().map_err(|error| BindError { service, address, error })
}

/// What happens to the connections of one listener. `serve` runs one session, `tell` tells a peer over a bound so where a plain
/// text would not be understood.
pub(crate) struct Reception<S, T> {
    pub(crate) door: Arc<Door>,
    /// Load balancers that say for whom they connect.
    pub(crate) proxies: Arc<[Network]>,
    pub(crate) serve: S,
    pub(crate) tell: Option<T>,
}

/// Accepts on `listener` until `closing` resolves, then waits for the sessions that are open.
pub(crate) async fn accept<S, F, T, G>(
    reception: Reception<S, T>,
    listener: TcpListener,
    closing: impl Future<Output = ()>,
) where
    S: Fn(TcpStream, Addresses) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
    T: Fn(TcpStream) -> G + Send + Sync + 'static,
    G: Future<Output = ()> + Send + 'static,
{
    let reception = Arc::new(reception);
    let mut sessions = JoinSet::new();
    let mut closing = std::pin::pin!(closing);
    loop {
        tokio::select! {
            biased;
            () = &mut closing => break,
            Some(ended) = sessions.join_next(), if !sessions.is_empty() => report(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => reception.receive(stream, peer, &mut sessions),
                Err(error) => rest_after(&error).await,
            },
        }
    }
    drop(listener);
    while let Some(ended) = sessions.join_next().await {
        report(ended);
    }
}

impl<S, F, T, G> Reception<S, T>
where
    S: Fn(TcpStream, Addresses) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
    T: Fn(TcpStream) -> G + Send + Sync + 'static,
    G: Future<Output = ()> + Send + 'static,
{
    /// One connection: a session, or a refusal.
    fn receive(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, sessions: &mut JoinSet<()>) {
        // answers are written whole: waiting for more to send would only cost time
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(self.door.address);
        let own = proxy::own(peer, local);
        let behind_proxy = self.proxies.iter().any(|network| network.contains(peer.ip()));
        match self.door.seat() {
            Ok(seat) if behind_proxy => {
                sessions.spawn(Arc::clone(self).handed_on(stream, own, seat));
            }
            Ok(seat) => match self.door.enter(seat, peer.ip(), Instant::now()) {
                Ok(place) => {
                    let session = (self.serve)(stream, own);
                    sessions.spawn(async move {
                        session.await;
                        drop(place);
                    });
                }
                Err(why) => self.turn_away(stream, peer, why, sessions),
            },
            Err(why) => self.turn_away(stream, peer, why, sessions),
        }
    }

    /// A connection of a trusted balancer: whose it is stands in its header.
    async fn handed_on(self: Arc<Self>, mut stream: TcpStream, own: Addresses, seat: Seat) {
        let addresses = match proxy::read(&mut stream, own, proxy::PATIENCE).await {
            Ok(addresses) => addresses,
            Err(error) => {
                self.door.count(Turned::NoHeader);
                let listener = self.door.service.key();
                warn!(listener, balancer = %own.peer.ip(), %error, "a load balancer's connection is closed");
                return;
            }
        };
        let (peer, now) = (addresses.peer, Instant::now());
        match self.door.enter(seat, peer.ip(), now) {
            Ok(place) => self.run(stream, addresses, place).await,
            Err(why) => {
                self.refuse(&stream, peer, why);
                self.say(stream).await;
            }
        }
    }

    async fn run(&self, stream: TcpStream, addresses: Addresses, place: Place) {
        (self.serve)(stream, addresses).await;
        drop(place);
    }

    fn turn_away(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        why: Turned,
        sessions: &mut JoinSet<()>,
    ) {
        self.refuse(&stream, peer, why);
        if self.tell.is_some() && self.door.telling.available_permits() > 0 {
            let reception = Arc::clone(self);
            sessions.spawn(async move { reception.say(stream).await });
        }
    }

    /// Tells a peer over a bound in clear, where that is understood.
    fn refuse(&self, stream: &TcpStream, peer: SocketAddr, why: Turned) {
        self.door.count(why);
        debug!(listener = self.door.service.key(), %peer, why = why.as_str(), "refused");
        // One write into an empty socket buffer: it cannot block, so no task is spent on a peer that we refuse.
        if !self.door.refusal.is_empty()
            && let Err(error) = stream.try_write(self.door.refusal.as_bytes())
        {
            debug!(%peer, %error, "the refusal was not read");
        }
    }

    /// Tells it inside TLS, where not too many are told already.
    async fn say(&self, stream: TcpStream) {
        let Some(tell) = &self.tell else { return };
        if let Ok(_telling) = self.door.telling.try_acquire() {
            let _ = time::timeout(TURN_AWAY_TIME, tell(stream)).await;
        }
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a session broke; its connection is closed, the others go on");
    }
}

async fn rest_after(error: &io::Error) {
    // A connection that died in the backlog is the peer's affair; anything else is a lack that passes.
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    warn!(%error, "cannot accept connections for the moment; raise the open files limit if this comes back");
    time::sleep(EXHAUSTED_REST).await;
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::watch,
    };

    use delivery::limits::Rate;

    use super::{proxy_header::tests::of_client, *};

    fn door(limit: usize, per_peer: usize) -> Arc<Door> {
        let address = "127.0.0.1:0".parse().unwrap();
        let peers = Peers::new(per_peer, Rate::new(1_000, Duration::from_secs(60)));
        Door::new(Service::Submission, address, limit, peers, "421 4.3.2 busy\r\n".into())
    }

    #[tokio::test]
    async fn one_session_too_many_reads_the_refusal_and_closing_waits_for_the_open_one() {
        let listener = bind(Service::Submission, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (close, mut closed) = watch::channel(false);
        let closing = async move { drop(closed.wait_for(|closed| *closed).await) };
        let serve = |mut stream: TcpStream, _: Addresses| async move {
            let _ = stream.read(&mut [0; 16]).await;
        };
        let tell = |mut stream: TcpStream| async move {
            let _ = stream.write_all(b"inside TLS\r\n").await;
        };
        let door = door(1, 5);
        let reception = Reception { door: Arc::clone(&door), proxies: [].into(), serve, tell: Some(tell) };
        let accepting = tokio::spawn(accept(reception, listener, closing));
        let open = TcpStream::connect(address).await.unwrap();
        let mut refused = TcpStream::connect(address).await.unwrap();
        let mut text = String::new();
        refused.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "421 4.3.2 busy\r\ninside TLS\r\n");
        assert_eq!(door.turned_away(Turned::Full), 1);
        close.send(true).unwrap();
        tokio::task::yield_now().await;
        assert!(!accepting.is_finished());
        drop(open);
        accepting.await.unwrap();
    }

    /// A listener whose sessions say who came, to whom.
    async fn telling(proxies: &str, per_peer: usize) -> (SocketAddr, Arc<Door>) {
        let listener = bind(Service::Submission, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = |mut stream: TcpStream, ends: Addresses| async move {
            let _ = stream.write_all(format!("{} to {}\r\n", ends.peer, ends.local.port()).as_bytes()).await;
            let _ = stream.read(&mut [0; 16]).await;
        };
        let tell: Option<fn(TcpStream) -> std::future::Ready<()>> = None;
        let door = door(5, per_peer);
        let proxies = [Network::parse(proxies).unwrap()].into();
        let reception = Reception { door: Arc::clone(&door), proxies, serve, tell };
        tokio::spawn(accept(reception, listener, std::future::pending()));
        (address, door)
    }

    async fn said(address: SocketAddr, sent: &[u8]) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut text = [0; 100];
        let count = stream.read(&mut text).await.unwrap_or(0);
        (stream, String::from_utf8_lossy(&text[..count]).into_owned())
    }

    #[tokio::test]
    async fn a_trusted_balancer_says_for_whom_it_connects_and_has_to() {
        let (address, door) = telling("127.0.0.0/8", 1).await;
        let (_held, text) = said(address, &of_client()).await;
        assert_eq!(text, "192.0.2.7:40000 to 465\r\n");
        let (_, second) = said(address, &of_client()).await;
        assert_eq!(second, "421 4.3.2 busy\r\n", "the client is bounded, not the balancer");
        let (_, text) = said(address, b"EHLO client.example.org\r\n").await;
        assert_eq!((text.as_str(), door.turned_away(Turned::NoHeader)), ("", 1));
    }

    #[tokio::test]
    async fn whoever_else_sends_a_header_is_taken_as_it_is() {
        let (address, door) = telling("192.0.2.0/24", 5).await;
        let (stream, text) = said(address, &of_client()).await;
        assert_eq!(text, format!("{} to {}\r\n", stream.local_addr().unwrap(), address.port()));
        assert_eq!(door.turned_away(Turned::NoHeader), 0);
    }

    #[tokio::test]
    async fn a_busy_port_is_named_with_its_key() {
        let listener = bind(Service::Imap, "127.0.0.1:0".parse().unwrap()).unwrap();
        let text = bind(Service::ImapTls, listener.local_addr().unwrap()).unwrap_err().to_string();
        assert!(text.contains("[listeners] imap_tls: cannot listen on 127.0.0.1:"), "{text}");
        assert!(text.contains("another program listens there"), "{text}");
    }
}
