//! Who another operator is, and for which domains it may speak (M-2): proofs as values that only a judgement makes. It
//! may use the white list and the judgement of chains; it knows no socket, no file and no clock.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use mssante::{Address, Domain, dn::DistinguishedName, whitelist::WhiteList};
use rustls_pki_types::CertificateDer;

use crate::{
    authorities::{Authorities, Environment},
    distrust::Distrust,
    path::{Judge, Usage},
    revocation::Revocations,
};

/// Which side of a connection the peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It connected to us.
    Client,
    /// We connected to it.
    Server,
}

/// What is trusted at one moment. Immutable: a change makes another.
pub struct Trust {
    /// No two are alike, so that a peer knows whether it was judged by this one.
    id: u64,
    environment: Environment,
    authorities: Arc<Authorities>,
    revocations: Arc<Revocations>,
    crl_grace: SignedDuration,
    list: Option<ListInForce>,
    stop_after: SignedDuration,
}

/// The white list, and since when nobody has confirmed it.
#[derive(Clone)]
pub(crate) struct ListInForce {
    pub(crate) list: Arc<WhiteList>,
    /// The last successful check (M-1).
    pub(crate) checked: Timestamp,
}

/// What a [`Trust`] is made of.
pub(crate) struct Parts {
    pub(crate) environment: Environment,
    pub(crate) authorities: Arc<Authorities>,
    pub(crate) revocations: Arc<Revocations>,
    pub(crate) crl_grace: SignedDuration,
    pub(crate) list: Option<ListInForce>,
    /// The list is not believed any more at this age.
    pub(crate) stop_after: SignedDuration,
}

/// The proof that a peer's chain holds and that its whole subject is in the white list. Only [`Trust::peer`] makes one.
#[derive(Clone)]
pub struct TrustedPeer(Arc<Peer>);

struct Peer {
    chain: Vec<CertificateDer<'static>>,
    role: Role,
    name: DistinguishedName,
    serial: String,
    not_after: Timestamp,
    /// The trust that judged it, from when, and until when nothing that it rests on ends by itself.
    trust: u64,
    judged: Timestamp,
    until: Timestamp,
}

/// The proof that a peer may receive for this address. Only [`Trust::recipient`] makes one.
#[derive(Clone)]
pub struct TrustedRecipient {
    address: Address,
    peer: TrustedPeer,
}

impl Trust {
    pub(crate) fn new(parts: Parts) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let Parts { environment, authorities, revocations, crl_grace, list, stop_after } = parts;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { id, environment, authorities, revocations, crl_grace, list, stop_after }
    }

    /// The white list in force.
    #[must_use]
    pub fn list(&self) -> Option<&WhiteList> {
        self.list.as_ref().map(|found| found.list.as_ref())
    }

    /// The authorities that are trusted.
    #[must_use]
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// The names of authorities to request client certificates with.
    #[must_use]
    pub fn hints(&self) -> Vec<rustls::DistinguishedName> {
        self.authorities.hints()
    }

    /// The revocation lists in force.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Whether anything is relayed at all (M-1): a white list is in force and was checked recently.
    ///
    /// # Errors
    /// [`Distrust::NoList`] or [`Distrust::ListTooOld`].
    pub fn relaying(&self, now: Timestamp) -> Result<(), Distrust> {
        self.fresh_list(now).map(|_| ())
    }

    /// Judges what a peer presented: the chain, dates, usage, revocation, and whether its subject is listed at all.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn peer(
        &self,
        chain: &[CertificateDer<'_>],
        role: Role,
        now: Timestamp,
    ) -> Result<TrustedPeer, Distrust> {
        let usage = match role {
            Role::Client => Usage::Client,
            Role::Server => Usage::Server,
        };
        let judged = self.judge().chain(chain, usage, now)?;
        let (list, list_until) = self.fresh_list(now)?;
        if !list.is_operator(&judged.name) {
            return Err(unlisted(list, judged.name));
        }
        Ok(TrustedPeer(Arc::new(Peer {
            chain: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
            role,
            name: judged.name,
            serial: judged.serial.hex(),
            not_after: judged.not_after,
            trust: self.id,
            judged: now,
            until: judged.until.min(list_until),
        })))
    }

    /// Whether a peer that was trusted still is: at once when nothing changed since, else it is judged again.
    ///
    /// # Errors
    /// The first check that fails now.
    pub fn still(&self, peer: &TrustedPeer, now: Timestamp) -> Result<(), Distrust> {
        let TrustedPeer(known) = peer;
        if known.trust == self.id && (known.judged..=known.until).contains(&now) {
            return Ok(());
        }
        self.peer(&known.chain, known.role, now).map(|_| ())
    }

    /// Whether this peer may speak for `domain`: its whole subject is in one of the domain's rows.
    ///
    /// # Errors
    /// The first check that fails, those of [`Trust::still`] included.
    pub fn speaks_for(&self, peer: &TrustedPeer, domain: &Domain, now: Timestamp) -> Result<(), Distrust> {
        self.still(peer, now)?;
        let (list, _) = self.fresh_list(now)?;
        let name = peer.name();
        if list.speaks_for(name, domain) {
            return Ok(());
        }
        let (name, domain) = (name.clone(), domain.clone());
        Err(if !list.contains(&domain) {
            Distrust::DomainUnlisted { domain }
        } else if list.shares_common_name(&name, &domain) {
            Distrust::OtherName { name, domain }
        } else {
            Distrust::NotListedFor { name, domain }
        })
    }

    /// Whether this peer, to which we connected, may receive for `to`.
    ///
    /// # Errors
    /// The first check that fails, those of [`Trust::speaks_for`] included.
    pub fn recipient(
        &self,
        peer: &TrustedPeer,
        to: &Address,
        now: Timestamp,
    ) -> Result<TrustedRecipient, Distrust> {
        if peer.0.role != Role::Server {
            return Err(Distrust::WrongUsage { needed: "serverAuth" });
        }
        self.speaks_for(peer, to.domain(), now)?;
        Ok(TrustedRecipient { address: to.clone(), peer: peer.clone() })
    }

    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge {
            environment: self.environment,
            authorities: &self.authorities,
            revocations: &self.revocations,
            crl_grace: self.crl_grace,
            as_of: false,
        }
    }

    /// The list, and until when it is believed without another check.
    fn fresh_list(&self, now: Timestamp) -> Result<(&WhiteList, Timestamp), Distrust> {
        let found = self.list.as_ref().ok_or(Distrust::NoList)?;
        let until = found.checked.saturating_add(self.stop_after).unwrap_or(Timestamp::MAX);
        if now > until {
            return Err(Distrust::ListTooOld { age: now.duration_since(found.checked) });
        }
        Ok((&found.list, until))
    }
}

/// Why a name is in no row. The row that it nearly is in says most, and only certificates of the trusted authorities come
/// so far, so the whole list may be walked.
fn unlisted(list: &WhiteList, name: DistinguishedName) -> Distrust {
    match list.domains().find(|domain| list.shares_common_name(&name, domain)).cloned() {
        Some(domain) => Distrust::OtherName { name, domain },
        None => Distrust::NotListed { name },
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("id", &self.id).finish_non_exhaustive()
    }
}

impl TrustedPeer {
    /// The whole subject of its certificate.
    #[must_use]
    pub fn name(&self) -> &DistinguishedName {
        &self.0.name
    }

    /// The last instant at which its certificate is valid.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Its certificate's serial number, in hexadecimal.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.0.serial
    }
}

impl fmt::Debug for TrustedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedPeer({})", self.name())
    }
}

impl TrustedRecipient {
    /// Who may be sent to.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The peer that may receive for it.
    #[must_use]
    pub fn peer(&self) -> &TrustedPeer {
        &self.peer
    }
}

impl fmt::Debug for TrustedRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedRecipient({}, {:?})", self.address.masked(), self.peer)
    }
}

#[cfg(test)]
mod tests;
