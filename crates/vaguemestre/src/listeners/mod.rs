//! Listening sockets and their bounds: so many sessions on an address, so many of a peer, then a polite refusal before
//! memory grows (I-9).
//!
//! Knows nothing of what a session is: it hands streams over. Must never read from one.

use std::{
    collections::HashMap,
    future::Future,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use socket2::{Domain, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time,
};
use tracing::{debug, warn};

use crate::config::Service;

/// Connections that the kernel keeps ready for us: a hospital's clients come all at once after a network cut.
const BACKLOG: i32 = 1024;

/// How long accepting rests when the system has no descriptor or memory for one more connection.
const EXHAUSTED_REST: Duration = Duration::from_millis(100);

/// Peers over a bound that are told so inside TLS at the same time: a handshake costs more than a refusal may. The others
/// are closed without a word.
const TURNING_AWAY: usize = 16;

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

/// Sessions of each peer, over all listeners. A peer is an IPv4 address or an IPv6 /64: a /64 is one site's.
#[derive(Debug)]
pub(crate) struct Peers {
    limit: usize,
    sessions: Mutex<HashMap<IpAddr, usize>>,
}

impl Peers {
    /// At most `limit` sessions a peer.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, sessions: Mutex::default() })
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<PeerPlace> {
        let peer = network(address);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sessions.entry(peer).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(PeerPlace { peers: Arc::clone(self), peer })
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

struct PeerPlace {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let mut sessions = self.peers.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sessions.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                sessions.remove(&self.peer);
            }
        }
    }
}

/// One listening address with its bounds.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) service: Service,
    pub(crate) address: SocketAddr,
    /// Sessions at once.
    pub(crate) limit: usize,
    pub(crate) peers: Arc<Peers>,
    /// What a peer over a bound reads; empty inside TLS, where plain text would only be noise.
    pub(crate) refusal: String,
    open: AtomicUsize,
}

impl Door {
    /// A door with nobody in it.
    pub(crate) fn new(
        service: Service,
        address: SocketAddr,
        limit: usize,
        peers: Arc<Peers>,
        refusal: String,
    ) -> Arc<Self> {
        Arc::new(Self { service, address, limit, peers, refusal, open: AtomicUsize::new(0) })
    }

    /// Sessions now.
    pub(crate) fn sessions(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = self.peers.enter(peer)?;
        let free = |open: usize| (open < self.limit).then_some(open + 1);
        self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).ok()?;
        Some(Place { door: Arc::clone(self), _peer: peer })
    }
}

/// The right to one session, given back when dropped.
struct Place {
    door: Arc<Door>,
    _peer: PeerPlace,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.door.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts on `listener` until `closing` resolves, then waits for the sessions that are open. `serve` runs one session,
/// `turn_away` tells a peer over a bound so where a plain text would not be understood.
pub(crate) async fn accept<F, G>(
    door: Arc<Door>,
    listener: TcpListener,
    closing: impl Future<Output = ()>,
    serve: impl Fn(TcpStream) -> F,
    turn_away: Option<impl Fn(TcpStream) -> G>,
) where
    F: Future<Output = ()> + Send + 'static,
    G: Future<Output = ()> + Send + 'static,
{
    let mut sessions = JoinSet::new();
    let mut turned_away = JoinSet::new();
    let mut closing = std::pin::pin!(closing);
    loop {
        tokio::select! {
            biased;
            () = &mut closing => break,
            Some(ended) = sessions.join_next(), if !sessions.is_empty() => report(ended),
            Some(_) = turned_away.join_next(), if !turned_away.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match door.enter(peer.ip()) {
                    Some(place) => {
                        let session = serve(stream);
                        sessions.spawn(async move {
                            session.await;
                            drop(place);
                        });
                    }
                    None => {
                        refuse(&door, &stream, peer);
                        if let Some(turn_away) = turn_away.as_ref().filter(|_| turned_away.len() < TURNING_AWAY) {
                            turned_away.spawn(time::timeout(TURN_AWAY_TIME, turn_away(stream)));
                        }
                    }
                },
                Err(error) => rest_after(&error).await,
            },
        }
    }
    drop(listener);
    while let Some(ended) = sessions.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a session broke; its connection is closed, the others go on");
    }
}

fn refuse(door: &Door, stream: &TcpStream, peer: SocketAddr) {
    debug!(listener = door.service.key(), %peer, "too many sessions: refused");
    // One write into an empty socket buffer: it cannot block, so no task is spent on a peer that we refuse.
    if !door.refusal.is_empty()
        && let Err(error) = stream.try_write(door.refusal.as_bytes())
    {
        debug!(%peer, %error, "the refusal was not read");
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

    use super::*;

    fn door(limit: usize, per_peer: usize) -> Arc<Door> {
        let address = "127.0.0.1:0".parse().unwrap();
        Door::new(Service::Submission, address, limit, Peers::new(per_peer), "421 4.3.2 busy\r\n".into())
    }

    #[test]
    fn a_door_is_full_at_its_limit_and_free_again_when_a_session_ends() {
        let door = door(2, 10);
        let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|peer| peer.parse().unwrap());
        let first = door.enter(one).unwrap();
        let _second = door.enter(two).unwrap();
        assert!(door.enter(two).is_none());
        drop(first);
        assert!(door.enter(two).is_some());
        assert_eq!(door.sessions(), 1);
    }

    #[test]
    fn a_peer_is_an_ipv4_address_or_an_ipv6_site() {
        let door = door(10, 1);
        let _v4 = door.enter("192.0.2.1".parse().unwrap()).unwrap();
        assert!(door.enter("::ffff:192.0.2.1".parse().unwrap()).is_none());
        let _v6 = door.enter("2001:db8:1:2::1".parse().unwrap()).unwrap();
        assert!(door.enter("2001:db8:1:2:ffff::9".parse().unwrap()).is_none());
        assert!(door.enter("2001:db8:1:3::1".parse().unwrap()).is_some());
    }

    #[test]
    fn a_refused_door_gives_the_peers_place_back() {
        let door = door(1, 5);
        let held = door.enter("192.0.2.1".parse().unwrap()).unwrap();
        assert!(door.enter("192.0.2.2".parse().unwrap()).is_none());
        drop(held);
        assert!(door.peers.sessions.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn one_session_too_many_reads_the_refusal_and_closing_waits_for_the_open_one() {
        let listener = bind(Service::Submission, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (close, mut closed) = watch::channel(false);
        let closing = async move { drop(closed.wait_for(|closed| *closed).await) };
        let serve = |mut stream: TcpStream| async move {
            let _ = stream.read(&mut [0; 16]).await;
        };
        let turn_away = |mut stream: TcpStream| async move {
            let _ = stream.write_all(b"inside TLS\r\n").await;
        };
        let accepting = tokio::spawn(accept(door(1, 5), listener, closing, serve, Some(turn_away)));
        let open = TcpStream::connect(address).await.unwrap();
        let mut refused = TcpStream::connect(address).await.unwrap();
        let mut text = String::new();
        refused.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "421 4.3.2 busy\r\ninside TLS\r\n");
        close.send(true).unwrap();
        tokio::task::yield_now().await;
        assert!(!accepting.is_finished());
        drop(open);
        accepting.await.unwrap();
    }

    #[tokio::test]
    async fn a_busy_port_is_named_with_its_key() {
        let listener = bind(Service::Imap, "127.0.0.1:0".parse().unwrap()).unwrap();
        let text = bind(Service::ImapTls, listener.local_addr().unwrap()).unwrap_err().to_string();
        assert!(text.contains("[listeners] imap_tls: cannot listen on 127.0.0.1:"), "{text}");
        assert!(text.contains("another program listens there"), "{text}");
    }
}
