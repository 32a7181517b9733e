//! Numbers since the start, for metrics. May use: atomics. Must never touch: anything that names somebody.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use pki::Trust;
use store::Lane;

use super::verdict::End;

/// Operators that are told apart; what is of further ones is of [`OTHERS`].
const OPERATORS: usize = 500;

/// Who is not told apart.
const OTHERS: &str = "others";

/// What became of recipients of one operator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Taken by the operator.
    pub relayed: u64,
    /// Attempts after which a recipient waits for another.
    pub deferred: u64,
    /// Given up.
    pub failed: u64,
}

/// Who is behind a lane, for figures: the first server that the white list names for the domain, or which way it is. Never a person.
#[must_use]
pub fn operator_of(lane: &Lane, trust: &Trust) -> String {
    let Lane::Peers(domain) = lane else { return lane.to_string() };
    let name = trust.list().and_then(|list| list.names(domain).next());
    name.and_then(|name| name.common_names().next()).unwrap_or("unlisted").to_owned()
}

/// What the relay did since it started.
#[derive(Debug, Default)]
pub struct RelayStatistics {
    relayed: AtomicU64,
    deferred: AtomicU64,
    failed: AtomicU64,
    reached: AtomicU64,
    unreached: AtomicU64,
    restarts: AtomicU64,
    operators: Mutex<BTreeMap<String, Outcomes>>,
}

impl RelayStatistics {
    /// Recipients whose next hop has the message.
    pub fn relayed(&self) -> u64 {
        self.relayed.load(Ordering::Relaxed)
    }

    /// Attempts after which a recipient waits for another.
    pub fn deferred(&self) -> u64 {
        self.deferred.load(Ordering::Relaxed)
    }

    /// Recipients given up.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Connections to a trusted peer.
    pub fn connections(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }

    /// Connections that failed, or whose peer failed its check.
    pub fn failed_connections(&self) -> u64 {
        self.unreached.load(Ordering::Relaxed)
    }

    /// Times that the scheduler fell and began again.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    pub(super) fn restarted(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// What became of the recipients of each operator, by name ([`operator_of`]): at most some hundred, and `others`.
    pub fn operators(&self) -> BTreeMap<String, Outcomes> {
        self.operators.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn settled(&self, end: End, operator: String) {
        let mut operators = self.operators.lock().unwrap_or_else(PoisonError::into_inner);
        let known = operators.len() < OPERATORS || operators.contains_key(&operator);
        let outcomes = operators.entry(if known { operator } else { OTHERS.to_owned() }).or_default();
        match end {
            End::Relayed => outcomes.relayed += 1,
            End::Deferred(_) => outcomes.deferred += 1,
            End::Failed | End::Expired => outcomes.failed += 1,
        }
        drop(operators);
        let number = match end {
            End::Relayed => &self.relayed,
            End::Deferred(_) => &self.deferred,
            End::Failed | End::Expired => &self.failed,
        };
        number.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reached(&self) {
        self.reached.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unreached(&self) {
        self.unreached.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_operators_are_told_apart_and_the_rest_is_one() {
        let statistics = RelayStatistics::default();
        for number in 0..OPERATORS + 7 {
            statistics.settled(End::Relayed, format!("relais{number}.test"));
        }
        statistics.settled(End::Failed, "relais0.test".to_owned());
        let operators = statistics.operators();
        assert_eq!((operators.len(), statistics.relayed()), (OPERATORS + 1, OPERATORS as u64 + 7));
        assert_eq!(operators["relais0.test"], Outcomes { relayed: 1, failed: 1, ..Outcomes::default() });
        assert_eq!(operators[OTHERS].relayed, 7);
    }
}
