//! The bounds of listening addresses: so many sessions on an address, so many of a peer, so many new ones of a peer a minute (I-9).
//!
//! Counts only. Must never touch a stream.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use delivery::limits::{Bucket, Rate};
use tokio::{sync::Semaphore, time::Instant};

use crate::config::Service;

/// Peers over a bound that are told so inside TLS at the same time: a handshake costs more than a refusal may. The others
/// are closed without a word, and counted.
const TURNING_AWAY: usize = 16;

/// Peers that are remembered before those are looked for that may be forgotten.
const REMEMBERED: usize = 1024;

/// Why a connection is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// The address has as many sessions as it may have.
    Full,
    /// The peer has.
    Peer,
    /// The peer connects too often.
    Rate,
    /// A trusted load balancer did not say for whom it connects.
    NoHeader,
}

impl Turned {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::Peer, Self::Rate, Self::NoHeader];

    /// A stable name for logs and figures.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Full => "listener-full",
            Self::Peer => "peer-sessions",
            Self::Rate => "peer-rate",
            Self::NoHeader => "no-proxy-header",
        }
    }

    fn place(self) -> usize {
        Self::ALL.iter().position(|why| *why == self).unwrap_or_default()
    }
}

/// Sessions of each peer, over all listeners of a kind. A peer is an IPv4 address or an IPv6 /64: a /64 is one site's.
#[derive(Debug)]
pub(crate) struct Peers {
    limit: usize,
    rate: Rate,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    peers: HashMap<IpAddr, Visits>,
    /// When so many are remembered, it is looked who may be forgotten.
    tidy_at: usize,
}

#[derive(Debug)]
struct Visits {
    sessions: usize,
    arrivals: Bucket,
}

impl Peers {
    /// At most `limit` sessions a peer at once, and new ones at most at `rate`.
    pub(crate) fn new(limit: usize, rate: Rate) -> Arc<Self> {
        Arc::new(Self { limit, rate, known: Mutex::default() })
    }

    fn enter(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<PeerPlace, Turned> {
        let peer = network(address);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.tidy(&self.rate, now);
        let new = || Visits { sessions: 0, arrivals: Bucket::full(&self.rate, now) };
        let visits = known.peers.entry(peer).or_insert_with(new);
        if visits.sessions >= self.limit {
            return Err(Turned::Peer);
        }
        visits.arrivals.take(&self.rate, now).map_err(|_| Turned::Rate)?;
        visits.sessions += 1;
        Ok(PeerPlace { peers: Arc::clone(self), peer })
    }
}

impl Known {
    /// Forgets peers that are as if they had never come.
    fn tidy(&mut self, rate: &Rate, now: Instant) {
        if self.peers.len() >= self.tidy_at.max(REMEMBERED) {
            self.peers.retain(|_, visits| visits.sessions > 0 || !visits.arrivals.is_full(rate, now));
            self.tidy_at = 2 * self.peers.len();
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[derive(Debug)]
struct PeerPlace {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let mut known = self.peers.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(visits) = known.peers.get_mut(&self.peer) {
            visits.sessions = visits.sessions.saturating_sub(1);
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
    /// Peers that are told inside TLS.
    pub(super) telling: Semaphore,
    open: AtomicUsize,
    turned: [AtomicU64; Turned::ALL.len()],
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
        let telling = Semaphore::new(TURNING_AWAY);
        let (open, turned) = (AtomicUsize::new(0), Default::default());
        Arc::new(Self { service, address, limit, peers, refusal, telling, open, turned })
    }

    /// Sessions now.
    pub(crate) fn sessions(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections turned away since the start, for this reason.
    pub(crate) fn turned_away(&self, why: Turned) -> u64 {
        self.turned.get(why.place()).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts one that is turned away.
    pub(super) fn count(&self, why: Turned) {
        if let Some(count) = self.turned.get(why.place()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A seat for a connection of which it is not yet known whose it is.
    pub(super) fn seat(self: &Arc<Self>) -> Result<Seat, Turned> {
        let free = |open: usize| (open < self.limit).then_some(open + 1);
        let taken = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free);
        taken.map(|_| Seat { door: Arc::clone(self) }).map_err(|_| Turned::Full)
    }

    /// The right to a session of `peer`, who has a seat.
    pub(super) fn enter(&self, seat: Seat, peer: IpAddr, now: Instant) -> Result<Place, Turned> {
        Ok(Place { _peer: self.peers.enter(peer, now)?, _seat: seat })
    }
}

/// One of the sessions of a door, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    door: Arc<Door>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.door.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to one session, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    _peer: PeerPlace,
    _seat: Seat,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn door(limit: usize, per_peer: usize) -> Arc<Door> {
        let address = "127.0.0.1:0".parse().unwrap();
        let peers = Peers::new(per_peer, Rate::new(1_000, MINUTE));
        Door::new(Service::Submission, address, limit, peers, String::new())
    }

    fn enter(door: &Arc<Door>, peer: &str) -> Result<Place, Turned> {
        door.seat().and_then(|seat| door.enter(seat, peer.parse().unwrap(), Instant::now()))
    }

    #[test]
    fn a_door_is_full_at_its_limit_and_free_again_when_a_session_ends() {
        let door = door(2, 10);
        let first = enter(&door, "192.0.2.1").unwrap();
        let _second = enter(&door, "192.0.2.2").unwrap();
        assert_eq!(enter(&door, "192.0.2.2").unwrap_err(), Turned::Full);
        drop(first);
        let _third = enter(&door, "192.0.2.2").unwrap();
        assert_eq!(door.sessions(), 2);
    }

    #[test]
    fn a_peer_is_an_ipv4_address_or_an_ipv6_site() {
        let door = door(10, 1);
        let _v4 = enter(&door, "192.0.2.1").unwrap();
        assert_eq!(enter(&door, "::ffff:192.0.2.1").unwrap_err(), Turned::Peer);
        let _v6 = enter(&door, "2001:db8:1:2::1").unwrap();
        assert_eq!(enter(&door, "2001:db8:1:2:ffff::9").unwrap_err(), Turned::Peer);
        assert!(enter(&door, "2001:db8:1:3::1").is_ok());
        assert_eq!(door.sessions(), 2, "who is turned away has no seat");
    }

    #[test]
    fn who_connects_too_often_is_turned_away_until_time_has_passed() {
        let peers = Peers::new(10, Rate::new(2, MINUTE));
        let (peer, start) = ("192.0.2.1".parse().unwrap(), Instant::now());
        for _ in 0..2 {
            drop(peers.enter(peer, start).unwrap());
        }
        assert_eq!(peers.enter(peer, start).unwrap_err(), Turned::Rate);
        assert!(peers.enter("192.0.2.2".parse().unwrap(), start).is_ok());
        assert!(peers.enter(peer, start + MINUTE / 2).is_ok());
        assert_eq!(peers.enter(peer, start + MINUTE / 2).unwrap_err(), Turned::Rate);
    }

    #[test]
    fn who_has_rested_is_forgotten() {
        let peers = Peers::new(10, Rate::new(60, MINUTE));
        let start = Instant::now();
        let address = |n: u32| IpAddr::V4(n.into());
        let _held = peers.enter(address(1), start).unwrap();
        for n in 2..=10_000 {
            drop(peers.enter(address(n), start + Duration::from_secs(n.into())).unwrap());
        }
        let known = peers.known.lock().unwrap();
        assert!(known.peers.len() <= 2 * REMEMBERED && known.peers.contains_key(&address(1)));
    }

    #[test]
    fn each_reason_is_counted_apart() {
        let door = door(1, 1);
        for why in Turned::ALL {
            assert_eq!(door.turned_away(why), 0);
            door.count(why);
            assert_eq!(door.turned_away(why), 1);
        }
    }
}
