//! The judgement of a chain: does it lead to the configured roots, does it serve for this use at this time, is none of it
//! revoked (M-2, M-4). `webpki` builds the path and verifies its signatures; the order in which faults are told is ours,
//! so that the reason given is the most useful one. Pure: no file, no clock, no white list.

mod explain;
mod usage;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mssante::dn::DistinguishedName;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, VerifiedPath};
use x509_parser::{
    certificate::X509Certificate, extensions::ParsedExtension,
    oid_registry::OID_X509_EXT_CERTIFICATE_POLICIES, prelude::FromDer as _,
};

pub(crate) use self::usage::Usage;
use self::usage::Wanted;
use crate::{
    algorithms::ALGORITHMS,
    authorities::{Authorities, AuthorityId, Environment},
    distrust::Distrust,
    name, points,
    revocation::{IssuedBy, Number, Revocations},
};

/// A peer never needs to present more certificates.
pub(crate) const MAX_CHAIN: usize = 8;
/// No certificate has more bytes.
pub(crate) const MAX_CERTIFICATE_BYTES: usize = 1 << 16;
/// What is shown of a name that nobody verified.
const MAX_SHOWN_CHARS: usize = 300;
/// The arc of the policies of test certificates (M-2).
const TEST_ARC: [u64; 8] = [1, 2, 250, 1, 213, 1, 7, 2];

/// What chains are judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) environment: Environment,
    pub(crate) authorities: &'a Authorities,
    pub(crate) revocations: &'a Revocations,
    pub(crate) crl_grace: SignedDuration,
    /// Whether a revocation dated after the instant of judgement counts for nothing: for what was accepted then (M-1).
    pub(crate) as_of: bool,
}

/// What a chain that holds says.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) name: DistinguishedName,
    pub(crate) serial: Number,
    /// The last instant of the certificate itself.
    pub(crate) not_after: Timestamp,
    /// Until when this verdict holds: the first end of a certificate or revocation list of the path.
    pub(crate) until: Timestamp,
}

/// The authorities of a path whose signatures hold, the issuer of the first certificate first.
struct Path {
    authorities: Vec<CertificateDer<'static>>,
    root: AuthorityId,
    /// The last instant of the root's certificate.
    until: Timestamp,
}

impl Judge<'_> {
    /// Judges a chain, its owner's certificate first.
    pub(crate) fn chain(
        &self,
        chain: &[CertificateDer<'_>],
        usage: Usage,
        now: Timestamp,
    ) -> Result<Judged, Distrust> {
        let certificates = parse(chain)?;
        let Some(own) = certificates.first() else { return Err(Distrust::NoCertificate) };
        let name = name::distinguished_name(own.subject())
            .map_err(|error| Distrust::Malformed(error.to_string()))?;
        if self.environment == Environment::Production {
            certificates.iter().try_for_each(not_test)?;
        }
        let path = self.path(chain, &certificates, usage, now)?;
        usage.is_there(own)?;
        let until = self.not_revoked(own, &path, now)?.min(path.until);
        Ok(Judged { name, serial: serial(own)?, not_after: last_instant(own)?, until })
    }

    /// A path to a root, its signatures and dates verified.
    fn path(
        &self,
        chain: &[CertificateDer<'_>],
        certificates: &[X509Certificate<'_>],
        usage: Usage,
        now: Timestamp,
    ) -> Result<Path, Distrust> {
        let [own, presented @ ..] = chain else { return Err(Distrust::NoCertificate) };
        let issuing = self.authorities.issuing().iter().map(|authority| authority.der().as_ref());
        let presented = presented.iter().map(AsRef::as_ref);
        let between: Vec<_> = issuing.chain(presented).map(CertificateDer::from).collect();
        let own = EndEntityCert::try_from(own).map_err(|error| Distrust::Malformed(error.to_string()))?;
        let build = |wanted: Wanted, at: i64| {
            let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or_default()));
            own.verify_for_usage(ALGORITHMS, self.authorities.anchors(), &between, at, wanted, None, None)
        };
        let error = match build(usage.if_present(), now.as_second()) {
            Ok(path) => return self.rooted(&path, now),
            Err(error) => error,
        };
        // Dates and usages are looked at before issuers are, yet a wrong issuer says more: ask again as of when all of it was
        // valid, if ever.
        let way_up = explain::way_up(certificates, self.authorities);
        let all_valid = way_up.iter().map(|found| found.validity().not_before.timestamp()).max();
        let worse = (explain::is_of_dates(&error) || explain::is_of_usage(&error))
            .then(|| build(Wanted::Anything, all_valid.unwrap_or_default()).err())
            .flatten()
            .filter(|worse| !explain::is_of_dates(worse));
        Err(explain::explain(&worse.unwrap_or(error), &way_up, usage))
    }

    /// The path, if its root's dates hold too: `webpki` takes roots as they are.
    fn rooted(&self, path: &VerifiedPath<'_>, now: Timestamp) -> Result<Path, Distrust> {
        let root = self
            .authorities
            .roots_of(path.anchor())
            .max_by_key(|root| (root.not_before() <= now, root.not_after()))
            .ok_or_else(|| Distrust::BadChain("its root is not known".to_owned()))?;
        if now > root.not_after() {
            return Err(Distrust::Expired { at: root.not_after() });
        }
        if now < root.not_before() {
            return Err(Distrust::NotYetValid { from: root.not_before() });
        }
        let authorities =
            path.intermediate_certificates().map(|certificate| certificate.der().into_owned()).collect();
        Ok(Path { authorities, root: root.id(), until: root.not_after() })
    }

    /// Until when the path holds, if its authorities have revoked none of it. The root itself has nobody to revoke it.
    fn not_revoked(
        &self,
        own: &X509Certificate<'_>,
        path: &Path,
        now: Timestamp,
    ) -> Result<Timestamp, Distrust> {
        let authorities = parse(&path.authorities)?;
        if self.environment == Environment::Production {
            authorities.iter().try_for_each(not_test)?;
        }
        let issued: Vec<_> = std::iter::once(own).chain(&authorities).collect();
        let issuers = authorities.iter().map(AuthorityId::of).chain([path.root]);
        let mut until = Timestamp::MAX;
        let mut unknown = None;
        for (certificate, authority) in issued.into_iter().zip(issuers) {
            until = until.min(last_instant(certificate)?);
            let issuer = name::shown(certificate.issuer());
            let serial = serial(certificate)?;
            let points = points::of(certificate);
            let issued = IssuedBy {
                authority,
                issuer: &issuer,
                serial: &serial,
                is_authority: certificate.is_ca(),
                points: &points,
            };
            match self.revocations.judge(&issued, now, self.crl_grace, self.as_of) {
                Ok(known_until) => until = until.min(known_until),
                // what is known to be revoked counts before what is not known
                Err(revoked @ Distrust::Revoked { .. }) => return Err(revoked),
                Err(error) => unknown = unknown.or(Some(error)),
            }
        }
        unknown.map_or(Ok(until), Err)
    }
}

/// What a chain's first certificate says of itself: subject, issuer and serial number, by name. Nothing of it is verified:
/// it is for whoever looks for the cause of a refusal. Empty when it cannot be read.
#[must_use]
pub fn presented(chain: &[CertificateDer<'_>]) -> Vec<(&'static str, String)> {
    let Some(Ok(certificates)) = chain.get(..1).map(parse) else { return Vec::new() };
    let Some(own) = certificates.first() else { return Vec::new() };
    let shown = |text: String| text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_CHARS).collect();
    let serial = Number::of(own.raw_serial()).map(|number| number.hex()).unwrap_or_default();
    vec![
        ("presented-subject", shown(name::shown(own.subject()))),
        ("presented-issuer", shown(name::shown(own.issuer()))),
        ("presented-serial", serial),
    ]
}

fn parse<'a>(chain: &'a [CertificateDer<'_>]) -> Result<Vec<X509Certificate<'a>>, Distrust> {
    if chain.len() > MAX_CHAIN {
        return Err(Distrust::Malformed(format!("more than {MAX_CHAIN} certificates")));
    }
    let parse = |der: &'a CertificateDer<'_>| {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(Distrust::Malformed("a certificate of more than 64 KiB".to_owned()));
        }
        match X509Certificate::from_der(der) {
            Ok(([], certificate)) => Ok(certificate),
            Ok(_) => Err(Distrust::Malformed("bytes follow a certificate".to_owned())),
            Err(error) => Err(Distrust::Malformed(error.to_string())),
        }
    };
    chain.iter().map(parse).collect()
}

fn not_test(certificate: &X509Certificate<'_>) -> Result<(), Distrust> {
    let policies = certificate
        .get_extension_unique(&OID_X509_EXT_CERTIFICATE_POLICIES)
        .map_err(|error| Distrust::Malformed(error.to_string()))?;
    let Some(policies) = policies else { return Ok(()) };
    let ParsedExtension::CertificatePolicies(policies) = policies.parsed_extension() else {
        return Err(Distrust::Malformed("its policies cannot be read".to_owned()));
    };
    for policy in policies {
        let Some(mut arcs) = policy.policy_id.iter() else {
            return Err(Distrust::Malformed("the number of a policy is too large".to_owned()));
        };
        if TEST_ARC.iter().all(|arc| arcs.next() == Some(*arc)) {
            return Err(Distrust::TestCertificate);
        }
    }
    Ok(())
}

fn serial(certificate: &X509Certificate<'_>) -> Result<Number, Distrust> {
    Number::of(certificate.raw_serial())
        .ok_or_else(|| Distrust::Malformed("its serial number is out of range".to_owned()))
}

fn last_instant(certificate: &X509Certificate<'_>) -> Result<Timestamp, Distrust> {
    Timestamp::from_second(certificate.validity().not_after.timestamp())
        .map_err(|_| Distrust::Malformed("a date is out of range".to_owned()))
}

#[cfg(test)]
mod tests;
