//! Which certificates their authorities have revoked (M-4): an immutable set of verified lists, one an authority (or one for
//! each part of what it issued, RFC 5280 §5.2.5), and the rule by which a list replaces another. Pure functions over bytes, and a reader of a directory; time is an argument.

mod crl;
mod files;
mod note;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use self::crl::Cover;
pub use self::{
    crl::{Crl, CrlFault, Number},
    files::{CrlFile, MAX_CRL_BYTES},
    note::{CrlEvent, CrlNote},
};
use crate::{
    authorities::{Authorities, Authority, AuthorityId},
    distrust::Distrust,
};

/// A list dated later than this from now is refused.
pub const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// A list that keeps less than one part in this many of the bytes of the last raises an alarm.
const SHRINK_ALARM: usize = 2;

/// The verified revocation lists in force.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    /// By authority and by what they cover of what it issued.
    lists: BTreeMap<(AuthorityId, Cover), Arc<Crl>>,
}

/// Where a list stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrlState {
    /// Before its nextUpdate.
    Valid,
    /// After it, within the grace: it still serves.
    InGrace,
    /// Too old: certificates of its authority are refused for now.
    Stale,
}

impl Revocations {
    /// None: everything is unknown.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The set that follows this one: each candidate that is sound, signed by one of `authorities` and newer than the list
    /// in force takes its place; whatever is not leaves it in force. Lists of authorities that are no longer known go.
    #[must_use]
    pub fn update(
        &self,
        candidates: &[CrlFile],
        authorities: &Authorities,
        now: Timestamp,
    ) -> (Self, Vec<CrlNote>) {
        let mut next = Self::default();
        let mut notes = Vec::new();
        for (key, crl) in &self.lists {
            if authorities.all().any(|authority| authority.id() == key.0) {
                next.lists.insert(key.clone(), Arc::clone(crl));
            } else {
                let event = CrlEvent::AuthorityGone { issuer: crl.issuer().to_owned() };
                notes.push(CrlNote { source: crl.file_name(), event });
            }
        }
        let mut read = Vec::new();
        for candidate in candidates {
            match next.read(candidate, authorities) {
                Ok(crl) => read.push((candidate, crl)),
                Err(event) => notes.push(CrlNote { source: candidate.name.clone(), event }),
            }
        }
        // oldest first: a directory may hold yesterday's list beside today's
        read.sort_by(|(_, one), (_, other)| one.number().cmp(other.number()));
        let mut behind = Vec::new();
        for (candidate, crl) in read {
            let (source, key) = (candidate.name.clone(), crl.key());
            for event in next.offer(crl, now) {
                let goes_back = matches!(event, CrlEvent::GoesBack { .. });
                let note = CrlNote { source: source.clone(), event };
                if goes_back { behind.push((key.clone(), note)) } else { notes.push(note) }
            }
        }
        // and yesterday's is nobody's fault where the one in force lies beside it, after a restart either
        let lies_beside = |crl: &Arc<Crl>| {
            candidates.iter().any(|candidate| candidate.der().is_ok_and(|der| *der == *crl.der()))
        };
        behind.retain(|(key, _)| !next.lists.get(key).is_some_and(lies_beside));
        notes.extend(behind.into_iter().map(|(_, note)| note));
        (next, notes)
    }

    /// The lists in force.
    pub fn lists(&self) -> impl Iterator<Item = &Crl> {
        self.lists.values().map(AsRef::as_ref)
    }

    /// The lists of this authority: mostly one, several where each covers a part of what it issued.
    pub fn of(&self, authority: &Authority) -> impl Iterator<Item = &Crl> {
        let id = authority.id();
        self.lists().filter(move |crl| crl.authority() == id)
    }

    /// Whether a list of these bytes, told by their [`digest`](crate::digest), is in force.
    #[must_use]
    pub fn contains(&self, digest: &str) -> bool {
        self.lists().any(|crl| crate::digest(crl.der()) == digest)
    }

    /// The authorities without a list: nothing that they issued is trusted (M-4).
    pub fn missing<'a>(&'a self, authorities: &'a Authorities) -> impl Iterator<Item = &'a Authority> {
        authorities.all().filter(|authority| self.of(authority).next().is_none())
    }

    /// Until when what is known of this certificate serves; with `as_of`, a revocation dated after `now` counts for nothing.
    ///
    /// # Errors
    /// It is revoked, or nothing recent enough is known.
    pub(crate) fn judge(
        &self,
        issued: &IssuedBy<'_>,
        now: Timestamp,
        grace: SignedDuration,
        as_of: bool,
    ) -> Result<Timestamp, Distrust> {
        let issuer = || issued.issuer.to_owned();
        let covers = |crl: &&Crl| {
            crl.authority() == issued.authority && crl.covers(issued.is_authority, issued.points)
        };
        let covering: Vec<_> = self.lists().filter(covers).collect();
        // what one list knows to be revoked is, whatever the others leave out
        let mut revoked = covering.iter().filter_map(|crl| crl.revoked(issued.serial));
        if let Some(at) = revoked.find(|at| !as_of || *at <= now) {
            return Err(Distrust::Revoked { serial: issued.serial.hex(), at });
        }
        let Some(crl) = covering.into_iter().max_by_key(|crl| crl.next_update()) else {
            return Err(Distrust::RevocationUnknown { issuer: issuer() });
        };
        match crl.state(now, grace) {
            CrlState::Valid | CrlState::InGrace => Ok(crl.serves_until(grace)),
            CrlState::Stale => {
                Err(Distrust::RevocationStale { issuer: issuer(), next_update: crl.next_update() })
            }
        }
    }

    /// A candidate's list, unless it is the one in force, byte by byte.
    fn read(&self, candidate: &CrlFile, authorities: &Authorities) -> Result<Crl, CrlEvent> {
        let der = candidate.der()?;
        if let Some(crl) = self.lists().find(|crl| *crl.der() == *der) {
            return Err(CrlEvent::Unchanged { issuer: crl.issuer().to_owned() });
        }
        Crl::read(&der, authorities).map_err(CrlEvent::Refused)
    }

    /// Puts a list in force, if it follows the one that is.
    fn offer(&mut self, crl: Crl, now: Timestamp) -> Vec<CrlEvent> {
        let issuer = crl.issuer().to_owned();
        if crl.this_update() > now.saturating_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX) {
            return vec![CrlEvent::FromTheFuture { issuer, this_update: crl.this_update() }];
        }
        let mut events = Vec::new();
        if let Some(known) = self.lists.get(&crl.key()) {
            if known.der() == crl.der() {
                return vec![CrlEvent::Unchanged { issuer }];
            }
            if crl.number() <= known.number() || crl.this_update() < known.this_update() {
                let (number, in_force) = (crl.number().clone(), known.number().clone());
                return vec![CrlEvent::GoesBack { issuer, number, in_force }];
            }
            let (from, to) = (known.der().len(), crl.der().len());
            if to < from / SHRINK_ALARM {
                events.push(CrlEvent::Shrunk { issuer: issuer.clone(), from, to });
            }
        }
        events.push(CrlEvent::Accepted {
            issuer,
            number: crl.number().clone(),
            next_update: crl.next_update(),
            revoked: crl.count(),
        });
        self.lists.insert(crl.key(), Arc::new(crl));
        events
    }
}

impl Crl {
    /// Where it stands at `now`, with this grace after its nextUpdate.
    #[must_use]
    pub fn state(&self, now: Timestamp, grace: SignedDuration) -> CrlState {
        if now <= self.next_update() {
            CrlState::Valid
        } else if now <= self.serves_until(grace) {
            CrlState::InGrace
        } else {
            CrlState::Stale
        }
    }

    fn serves_until(&self, grace: SignedDuration) -> Timestamp {
        self.next_update().saturating_add(grace).unwrap_or(Timestamp::MAX)
    }
}

/// A certificate, as a revocation list knows it.
pub(crate) struct IssuedBy<'a> {
    pub(crate) authority: AuthorityId,
    /// The authority's name, for messages.
    pub(crate) issuer: &'a str,
    pub(crate) serial: &'a Number,
    /// Whether it is itself an authority's.
    pub(crate) is_authority: bool,
    /// Where it says that it would be revoked.
    pub(crate) points: &'a [String],
}

#[cfg(test)]
mod tests;
