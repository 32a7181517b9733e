//! Which refusals of those who are not known leave a trace. Anybody can be refused as often as they connect: the first ones of a site are
//! traced, the rest are counted, and the next trace tells how many they were.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::bucket::{Bucket, Rate};

const HOUR: Duration = Duration::from_secs(3600);

/// Sites that are remembered at most; one more leaves no trace of its own.
const SITES: usize = 65_536;

/// Pause between two looks through a full table.
const TIDYING: Duration = Duration::from_secs(60);

/// Refusals of strangers.
#[derive(Debug)]
pub struct Strangers {
    site: Rate,
    all: Rate,
    known: Mutex<Known>,
    refused: AtomicU64,
}

#[derive(Debug)]
struct Known {
    sites: HashMap<IpAddr, Bucket>,
    all: Bucket,
    /// When so many are remembered, it is looked who may be forgotten; not at each of a flood that fills the table.
    tidy_at: usize,
    tidied: Instant,
    /// Refusals without a trace since the last that had one.
    untraced: u64,
}

impl Strangers {
    /// So many traces an hour of one site (an IPv4 address, an IPv6 /64), and of all.
    #[must_use]
    pub fn new(site: u64, all: u64, now: Instant) -> Self {
        let (site, all) = (Rate::new(site, HOUR), Rate::new(all, HOUR));
        let full = Bucket::full(&all, now);
        let known = Known { sites: HashMap::new(), all: full, tidy_at: SITES / 64, tidied: now, untraced: 0 };
        Self { site, all, known: Mutex::new(known), refused: AtomicU64::new(0) }
    }

    /// Refusals since the start, traced or not.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// One more is refused. If it is to be traced: how many were not since the last one.
    pub(crate) fn refuse(&self, peer: IpAddr, now: Instant) -> Option<u64> {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let rested = now.saturating_duration_since(known.tidied) >= TIDYING;
        if known.sites.len() >= known.tidy_at && (known.tidy_at < SITES || rested) {
            known.sites.retain(|_, bucket| !bucket.is_full(&self.site, now));
            known.tidy_at = (2 * known.sites.len()).clamp(SITES / 64, SITES);
            known.tidied = now;
        }
        let Known { sites, all, untraced, .. } = &mut *known;
        let room = sites.len() < SITES;
        let bucket = match sites.entry(site_of(peer)) {
            std::collections::hash_map::Entry::Occupied(found) => Some(found.into_mut()),
            std::collections::hash_map::Entry::Vacant(free) => {
                room.then(|| free.insert(Bucket::full(&self.site, now)))
            }
        };
        let site = bucket.is_some_and(|bucket| bucket.take(&self.site, now).is_ok());
        if site && all.take(&self.all, now).is_ok() {
            return Some(std::mem::take(untraced));
        }
        *untraced += 1;
        None
    }
}

/// An IPv6 /64 is one site's.
fn site_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn the_first_ones_of_a_site_are_traced_and_the_rest_told_with_the_next() {
        let now = Instant::now();
        let strangers = Strangers::new(2, 100, now);
        let traced: Vec<_> = (0..5).map(|_| strangers.refuse(address(1), now)).collect();
        assert_eq!(traced, [Some(0), Some(0), None, None, None]);
        assert_eq!(strangers.refuse(address(2), now), Some(3), "whoever comes next tells it");
        assert_eq!(strangers.refuse(address(1), now), None);
        assert_eq!(strangers.refuse(address(1), now + HOUR), Some(1));
        assert_eq!(strangers.refused(), 8);
    }

    #[test]
    fn many_sites_leave_no_more_traces_than_all_may_and_are_forgotten() {
        let now = Instant::now();
        let strangers = Strangers::new(2, 10, now);
        let traced = (0..200_000).filter(|n| strangers.refuse(address(*n), now).is_some()).count();
        assert_eq!(traced, 10);
        assert!(strangers.known.lock().unwrap().sites.len() <= SITES);
        assert!(strangers.refuse(address(7), now + 2 * HOUR).is_some());
        assert!(strangers.known.lock().unwrap().sites.len() <= 2048);
    }

    #[test]
    fn a_site_of_ipv6_is_one() {
        let now = Instant::now();
        let strangers = Strangers::new(1, 100, now);
        assert!(strangers.refuse("2001:db8::1".parse().unwrap(), now).is_some());
        assert!(strangers.refuse("2001:db8::2".parse().unwrap(), now).is_none());
        assert!(strangers.refuse("2001:db8:0:1::2".parse().unwrap(), now).is_some());
    }
}
