//! The other operator: who it is, and what it may speak for now (M-2). The verdicts are `pki`'s; here they become refusals.
//!
//! May use: the trust space. Must never touch: the message.

use jiff::Timestamp;
use mssante::{Address, dn::DistinguishedName};
use pki::{Distrust, Role, Trust, TrustSpace, TrustedPeer};
use smtp::Connection;

use crate::{distrust, replies::Denial};

/// Another operator that is trusted.
#[derive(Clone, Debug)]
pub struct RelayPeer(TrustedPeer);

impl RelayPeer {
    /// Judges what the client presented. A refusal tells the name in the certificate, if that was read.
    pub(super) fn judge(
        connection: &Connection,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<Self, Box<(Denial, Option<DistinguishedName>)>> {
        let chain = connection.tls.as_ref().map(|tls| tls.certificates.as_slice()).unwrap_or_default();
        match trust.peer(chain, Role::Client, now) {
            Ok(peer) => Ok(Self(peer)),
            Err(distrust) => {
                let name = match &distrust {
                    Distrust::NotListed { name } | Distrust::OtherName { name, .. } => Some(name.clone()),
                    _ => None,
                };
                let mut denial = distrust::denial(&distrust);
                denial.facts.extend(pki::presented(chain));
                Err(Box::new((denial, name)))
            }
        }
    }

    /// Whether it is still trusted, and mail may be relayed at all (M-1, M-4).
    pub(super) fn still(&self, trust: &TrustSpace, now: Timestamp) -> Result<(), Denial> {
        let trust = trust.current();
        let verdict = trust.still(&self.0, now).and_then(|()| trust.relaying(now));
        verdict.map_err(|distrust| distrust::denial(&distrust))
    }

    /// Whether it may write as `address`.
    pub(super) fn speaks_as(
        &self,
        address: &Address,
        trust: &TrustSpace,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let verdict = trust.current().speaks_for(&self.0, address.domain(), now);
        verdict.map_err(|distrust| distrust::denial(&distrust))
    }

    /// The whole subject of its certificate.
    #[must_use]
    pub fn name(&self) -> &DistinguishedName {
        self.0.name()
    }
}
