//! Whoever signed a list: may they (M-1)? Their certificate leads to the authorities, is valid and not revoked at a given
//! time, is for digital signatures under the agency's policy, and its whole name is one that the operator accepted.

use jiff::Timestamp;
use mssante::dn::DistinguishedName;
use rustls_pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::ParsedExtension, prelude::FromDer as _};

use super::{ListFault, SignedList, SignerFault};
use crate::{
    name,
    path::{Judge, Usage},
};

/// Whom an operator accepts as signers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepting<'a> {
    /// Their whole names: a common name alone is free text.
    pub(crate) signers: &'a [DistinguishedName],
    /// The policies of which the certificate must have one.
    pub(crate) policies: &'a [String],
}

/// Who signed, as their certificate says.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    certificate: CertificateDer<'static>,
    pub(crate) name: DistinguishedName,
    pub(crate) issuer: String,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    digital_signature: bool,
    pub(crate) policies: Vec<String>,
}

impl Signer {
    pub(crate) fn of(signed: &SignedList<'_>) -> Result<Self, ListFault> {
        Self::read(signed.certificate())
    }

    pub(super) fn read(certificate: &CertificateDer<'static>) -> Result<Self, ListFault> {
        let unusable = |reason: String| ListFault::Certificate(reason);
        let (_, parsed) =
            X509Certificate::from_der(certificate).map_err(|error| unusable(error.to_string()))?;
        let instant = |seconds| Timestamp::from_second(seconds).map_err(|error| unusable(error.to_string()));
        let usage = parsed.key_usage().map_err(|error| unusable(error.to_string()))?;
        Ok(Self {
            name: name::distinguished_name(parsed.subject()).map_err(|error| unusable(error.to_string()))?,
            issuer: name::shown(parsed.issuer()),
            not_before: instant(parsed.validity().not_before.timestamp())?,
            not_after: instant(parsed.validity().not_after.timestamp())?,
            digital_signature: usage.is_some_and(|usage| usage.value.digital_signature()),
            policies: policies(&parsed),
            certificate: certificate.clone(),
        })
    }

    /// Whether they may sign, as of `at`.
    pub(crate) fn judge(
        &self,
        judge: &Judge<'_>,
        accepting: Accepting<'_>,
        at: Timestamp,
    ) -> Result<(), SignerFault> {
        self.leads(judge, at)?;
        self.is_for_signatures()?;
        self.has_policy(accepting)?;
        self.is_accepted(accepting)
    }

    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub(super) fn leads(&self, judge: &Judge<'_>, at: Timestamp) -> Result<(), SignerFault> {
        judge.chain(std::slice::from_ref(&self.certificate), Usage::Email, at)?;
        Ok(())
    }

    pub(super) fn is_for_signatures(&self) -> Result<(), SignerFault> {
        if self.digital_signature { Ok(()) } else { Err(SignerFault::NoDigitalSignature) }
    }

    pub(super) fn has_policy(&self, accepting: Accepting<'_>) -> Result<(), SignerFault> {
        if self.policies.iter().any(|policy| accepting.policies.contains(policy)) {
            return Ok(());
        }
        let found = if self.policies.is_empty() { "none".to_owned() } else { self.policies.join(", ") };
        Err(SignerFault::Policy { found, accepted: accepting.policies.join(", ") })
    }

    pub(super) fn is_accepted(&self, accepting: Accepting<'_>) -> Result<(), SignerFault> {
        if accepting.signers.contains(&self.name) {
            return Ok(());
        }
        Err(SignerFault::NotAccepted { name: self.name.clone() })
    }
}

/// The policies of a certificate, dotted; none where they cannot be read.
fn policies(certificate: &X509Certificate<'_>) -> Vec<String> {
    let found = certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CertificatePolicies(policies) => Some(policies),
        _ => None,
    });
    found.flatten().map(|policy| policy.policy_id.to_id_string()).collect()
}
