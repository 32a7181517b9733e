//! Addresses that let us wait in vain a moment ago. One operator speaks for thousands of domains: without this, each of them would wait
//! for its silent server anew, and all connections with them.
//!
//! May use: plain values; the instant is an argument. Must never touch: the network. One lock, never held across a wait.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::attempt::What;

/// Most addresses that are known at a time; beyond it a silent one is asked again.
const MOST: usize = 1_000;

/// Addresses that are not connected to for now, and what came of the last time.
pub(super) struct Shunned {
    lasting: Duration,
    known: Mutex<HashMap<SocketAddr, (Instant, What)>>,
}

impl Shunned {
    pub(super) fn new(lasting: Duration) -> Self {
        Shunned { lasting, known: Mutex::default() }
    }

    /// It let us wait in vain.
    pub(super) fn add(&self, address: SocketAddr, what: &What, now: Instant) {
        let mut known = self.known();
        if known.len() >= MOST {
            known.retain(|_, (until, _)| now < *until);
        }
        if known.len() < MOST {
            known.insert(address, (now + self.lasting, what.clone()));
        }
    }

    /// What it would come to, if it is not to be tried now.
    pub(super) fn verdict(&self, address: SocketAddr, now: Instant) -> Option<What> {
        let mut known = self.known();
        if known.get(&address).is_some_and(|(until, _)| now >= *until) {
            known.remove(&address);
        }
        known.get(&address).map(|(_, what)| what.clone())
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SocketAddr, (Instant, What)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay_out::attempt::Fault;

    fn slow() -> What {
        What::Trouble(Fault::new("timeout", "4.4.2", "it took too long"))
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn it_lasts_as_long_as_it_says() {
        let (now, lasting) = (Instant::now(), Duration::from_secs(30));
        let shunned = Shunned::new(lasting);
        shunned.add(address(1), &slow(), now);
        let told = |port, at| shunned.verdict(address(port), at).is_some();
        assert!(told(1, now) && told(1, now + lasting - Duration::from_millis(1)));
        assert!(!told(2, now), "another port is another server");
        assert!(!told(1, now + lasting) && !told(1, now), "once over, it is over");
    }

    #[test]
    fn only_so_many_are_known_and_room_is_made() {
        let (now, lasting) = (Instant::now(), Duration::from_secs(30));
        let shunned = Shunned::new(lasting);
        for port in 1..=u16::try_from(MOST).unwrap() {
            shunned.add(address(port), &slow(), now);
        }
        shunned.add(address(60_000), &slow(), now);
        assert!(shunned.verdict(address(60_000), now).is_none());
        shunned.add(address(60_000), &slow(), now + lasting);
        assert!(shunned.verdict(address(60_000), now + lasting).is_some());
    }
}
