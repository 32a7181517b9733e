//! Counting failed logins (S-7.4): by name and address together, by name, and by address. Memory is bounded, names and
//! passwords are kept as keyed hashes of this process only. Time is an argument; nothing is read or written.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::{hmac, rand};
use jiff::{SignedDuration, Timestamp};

use crate::Settings;

/// A failure weighs two points, or one if the same password was just tried.
const NEW_GUESS: u32 = 2;
const OLD_GUESS: u32 = 1;
/// Guesses remembered for each name.
const GUESSES: usize = 8;

/// Who fails how often.
pub(crate) struct Throttle {
    key: hmac::Key,
    limits: Limits,
    tallies: Mutex<HashMap<Key, Tally>>,
}

struct Limits {
    pair: u32,
    name: u32,
    peer: u32,
    window: SignedDuration,
    block: SignedDuration,
    remembered: usize,
}

/// What one attempt is counted under.
pub(crate) struct Tracked {
    pair: Key,
    name: Key,
    peer: Key,
    guess: u64,
}

/// A block that is in force.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) retry_after: Duration,
    /// Nobody was told of this block before.
    pub(crate) is_news: bool,
}

type Key = u128;

struct Tally {
    since: Timestamp,
    points: u32,
    guesses: Vec<u64>,
    blocked: Option<Blocked>,
}

struct Blocked {
    from: Timestamp,
    told: bool,
}

impl Throttle {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut key = [0; 32];
        rand::fill(&mut key).expect("the system's generator gives bytes once it was seeded");
        let signed = |duration: Duration| SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            limits: Limits {
                pair: settings.guesses_per_name_and_peer.saturating_mul(NEW_GUESS),
                name: settings.guesses_per_name.saturating_mul(NEW_GUESS),
                peer: settings.guesses_per_peer.saturating_mul(NEW_GUESS),
                window: signed(settings.window),
                block: signed(settings.block),
                remembered: settings.remembered.max(16),
            },
            tallies: Mutex::new(HashMap::new()),
        }
    }

    /// The counts that an attempt belongs to.
    pub(crate) fn track(&self, name: &str, peer: IpAddr, password: &[u8]) -> Tracked {
        let peer = place(peer);
        Tracked {
            pair: self.hash(&[b"pair", &peer, name.as_bytes()]),
            name: self.hash(&[b"name", name.as_bytes()]),
            peer: self.hash(&[b"peer", &peer]),
            guess: (self.hash(&[b"guess", name.as_bytes(), password]) >> 64) as u64,
        }
    }

    /// The longest block that this attempt meets, if any.
    pub(crate) fn blocked(&self, tracked: &Tracked, now: Timestamp) -> Option<Block> {
        let mut tallies = self.lock();
        let mut longest: Option<Block> = None;
        for key in [tracked.pair, tracked.name, tracked.peer] {
            let Some(tally) = tallies.get_mut(&key) else { continue };
            let Some(left) = tally.left(now, &self.limits) else { continue };
            let Some(blocked) = &mut tally.blocked else { continue };
            let is_news = !std::mem::replace(&mut blocked.told, true);
            let is_news = is_news || longest.as_ref().is_some_and(|block| block.is_news);
            let retry_after = longest.map_or(left, |block| block.retry_after.max(left));
            longest = Some(Block { retry_after, is_news });
        }
        longest
    }

    /// Counts a failure; true if it begins a block.
    pub(crate) fn failed(&self, tracked: &Tracked, now: Timestamp) -> bool {
        let limits = &self.limits;
        let mut tallies = self.lock();
        let name = tally(&mut tallies, tracked.name, now, limits);
        let is_new = name.note(tracked.guess);
        let weight = if is_new { NEW_GUESS } else { OLD_GUESS };
        let mut began = name.add(weight, limits.name, now);
        began |= tally(&mut tallies, tracked.pair, now, limits).add(weight, limits.pair, now);
        // a device that repeats an old password says nothing against the address it shares with others
        let weight = if is_new { NEW_GUESS } else { 0 };
        began | tally(&mut tallies, tracked.peer, now, limits).add(weight, limits.peer, now)
    }

    /// Forgets the failures of this name from this address: its owner came back.
    pub(crate) fn succeeded(&self, tracked: &Tracked) {
        self.lock().remove(&tracked.pair);
    }

    fn hash(&self, parts: &[&[u8]]) -> Key {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        tag.as_ref().iter().take(16).fold(0, |key, byte| key << 8 | Key::from(*byte))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Tally>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tally under `key`, begun anew if there is none or its time has passed.
fn tally<'a>(
    tallies: &'a mut HashMap<Key, Tally>,
    key: Key,
    now: Timestamp,
    limits: &Limits,
) -> &'a mut Tally {
    if !tallies.contains_key(&key) && tallies.len() >= limits.remembered {
        make_room(tallies, now, limits);
    }
    let tally = tallies.entry(key).or_insert_with(|| Tally::new(now));
    if !tally.is_running(now, limits) {
        *tally = Tally::new(now);
    }
    tally
}

/// Forgets what has passed, then, if that is not enough, the oldest eighth: blocks last.
fn make_room(tallies: &mut HashMap<Key, Tally>, now: Timestamp, limits: &Limits) {
    tallies.retain(|_, tally| tally.is_running(now, limits));
    let spare = limits.remembered / 8;
    let excess = (tallies.len() + spare).saturating_sub(limits.remembered);
    if excess == 0 {
        return;
    }
    let mut order: Vec<_> =
        tallies.iter().map(|(key, tally)| (tally.blocked.is_some(), tally.since, *key)).collect();
    order.sort_unstable();
    for (_, _, key) in order.into_iter().take(excess) {
        tallies.remove(&key);
    }
}

impl Tally {
    fn new(now: Timestamp) -> Self {
        Self { since: now, points: 0, guesses: Vec::new(), blocked: None }
    }

    /// Whether this count or its block is still in force. A clock that went back ends both.
    fn is_running(&self, now: Timestamp, limits: &Limits) -> bool {
        if self.blocked.is_some() {
            return self.left(now, limits).is_some();
        }
        let age = now.duration_since(self.since);
        !age.is_negative() && age < limits.window
    }

    /// What is left of the block, if one is in force.
    fn left(&self, now: Timestamp, limits: &Limits) -> Option<Duration> {
        let age = now.duration_since(self.blocked.as_ref()?.from);
        if age.is_negative() || age >= limits.block {
            return None;
        }
        Duration::try_from(limits.block.saturating_sub(age)).ok()
    }

    /// Whether this guess is none of the last ones; remembers it.
    fn note(&mut self, guess: u64) -> bool {
        if self.guesses.contains(&guess) {
            return false;
        }
        if self.guesses.len() >= GUESSES {
            self.guesses.remove(0);
        }
        self.guesses.push(guess);
        true
    }

    /// Adds a failure; true if that begins a block.
    fn add(&mut self, points: u32, limit: u32, now: Timestamp) -> bool {
        self.points = self.points.saturating_add(points);
        if self.points < limit || self.blocked.is_some() {
            return false;
        }
        self.blocked = Some(Blocked { from: now, told: false });
        true
    }
}

/// What of an address stands for one place: an IPv4 address, or the /64 that one IPv6 site chooses its addresses from.
fn place(peer: IpAddr) -> Vec<u8> {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => (address.to_bits() & (u128::MAX << 64)).to_be_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests;
