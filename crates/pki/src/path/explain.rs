//! What an error of path building means to the other operator's engineer.

use jiff::Timestamp;
use rustls_pki_types::UnixTime;
use webpki::Error;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _, x509::X509Name};

use super::{MAX_CHAIN, Usage};
use crate::{authorities::Authorities, distrust::Distrust, name};

pub(super) fn is_of_dates(error: &Error) -> bool {
    matches!(error, Error::CertExpired { .. } | Error::CertNotValidYet { .. })
}

pub(super) fn is_of_usage(error: &Error) -> bool {
    matches!(error, Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension)
}

pub(super) fn explain(error: &Error, way_up: &[X509Certificate<'_>], usage: Usage) -> Distrust {
    let instant = |time: &UnixTime| {
        i64::try_from(time.as_secs())
            .ok()
            .and_then(|at| Timestamp::from_second(at).ok())
            .unwrap_or(Timestamp::MAX)
    };
    match error {
        Error::CertExpired { not_after, .. } => Distrust::Expired { at: instant(not_after) },
        Error::CertNotValidYet { not_before, .. } => Distrust::NotYetValid { from: instant(not_before) },
        // what makes itself with one command is its own issuer, and often says that it is an authority
        Error::CaUsedAsEndEntity if way_up.first().is_some_and(|own| same(own.subject(), own.issuer())) => {
            Distrust::UnknownAuthority {
                issuer: way_up.first().map(|own| name::shown(own.issuer())).unwrap_or_default(),
            }
        }
        Error::UnknownIssuer => {
            let issuer = way_up.last().map(|last| name::shown(last.issuer())).unwrap_or_default();
            Distrust::UnknownAuthority { issuer }
        }
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => {
            Distrust::BadSignature("it does not verify under the issuer's key".to_owned())
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            Distrust::BadSignature("its algorithm is not accepted, RSA or ECDSA with SHA-2 is".to_owned())
        }
        error if is_of_usage(error) => Distrust::WrongUsage { needed: usage.name() },
        error => rule(error).map_or_else(
            || Distrust::Malformed(error.to_string()),
            |rule| Distrust::BadChain(rule.to_owned()),
        ),
    }
}

/// The rule of path validation that an error says is broken; none: what was presented is malformed.
fn rule(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::CaUsedAsEndEntity => "an authority's certificate stands first",
        Error::EndEntityUsedAsCa => "an issuer is no authority",
        Error::PathLenConstraintViolated => "it is longer than an authority allows",
        Error::NameConstraintViolation => "an authority may not issue such names",
        Error::UnsupportedCriticalExtension => "a critical extension is not understood",
        Error::InvalidCertValidity => "a certificate ends before it starts",
        Error::MaximumPathDepthExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => "it is too long or too tangled",
        _ => return None,
    })
}

/// The certificates on the way up from the first, by their names alone: for words, never for trust.
pub(super) fn way_up<'a>(
    certificates: &[X509Certificate<'a>],
    authorities: &'a Authorities,
) -> Vec<X509Certificate<'a>> {
    let known = authorities.issuing().iter().filter_map(|found| X509Certificate::from_der(found.der()).ok());
    let all: Vec<_> = certificates.iter().cloned().chain(known.map(|(_, certificate)| certificate)).collect();
    let mut way: Vec<X509Certificate<'a>> = all.first().cloned().into_iter().collect();
    // a loop of issuers ends somewhere, too
    while let Some(at) = way.last().filter(|_| way.len() < MAX_CHAIN) {
        let issues = |next: &&X509Certificate<'_>| {
            same(next.subject(), at.issuer()) && !same(next.subject(), at.subject())
        };
        let Some(up) = all.iter().find(issues) else { break };
        way.push(up.clone());
    }
    way
}

fn same(one: &X509Name<'_>, other: &X509Name<'_>) -> bool {
    one.as_raw() == other.as_raw()
}
