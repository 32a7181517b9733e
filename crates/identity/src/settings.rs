//! The limits of logging in, each with its default.

use std::time::Duration;

/// How failed logins are slowed (S-7.4). A wrong password that was just tried for the same name counts half, so that a
/// device which keeps an old password does not shut its owner out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Wrong passwords for one name from one address within [`Settings::window`] that block that name from there: 6.
    pub guesses_per_name_and_peer: u32,
    /// Wrong passwords for one name from anywhere that block the name: 60. Higher, so that a stranger cannot shut
    /// people out from a single place.
    pub guesses_per_name: u32,
    /// New wrong passwords from one address (IPv6: its /64) that block the address: 100. Repeated ones do not count: a
    /// hospital's thousands of devices share an address.
    pub guesses_per_peer: u32,
    /// Failures are counted over this time from the first: 10 minutes.
    pub window: Duration,
    /// How long a block lasts: 10 minutes. Attempts during a block do not prolong it.
    pub block: Duration,
    /// Names and addresses remembered at most: 16,384 (about 3 MB). Beyond, the oldest are forgotten.
    pub remembered: usize,
    /// A refusal is said no sooner than this after the attempt, whatever was wrong (M-5): 200 ms.
    pub denial_floor: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            guesses_per_name_and_peer: 6,
            guesses_per_name: 60,
            guesses_per_peer: 100,
            window: Duration::from_secs(600),
            block: Duration::from_secs(600),
            remembered: 16_384,
            denial_floor: Duration::from_millis(200),
        }
    }
}
