//! One certificate revocation list: read from DER, its signature verified, then looked up (RFC 5280 §5). Pure functions
//! over bytes: whether it may replace another is decided in [`super`].

use std::fmt;

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use thiserror::Error;
use webpki::EndEntityCert;
use x509_parser::{
    asn1_rs::{Any, Oid},
    extensions::{ParsedExtension, X509Extension},
    oid_registry::{
        OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER, OID_X509_EXT_CRL_NUMBER, OID_X509_EXT_DELTA_CRL_INDICATOR,
        OID_X509_EXT_ISSUER_DISTRIBUTION_POINT, OID_X509_EXT_REASON_CODE,
    },
    prelude::FromDer as _,
    revocation_list::{CertificateRevocationList, RevokedCertificate},
    x509::X509Version,
};

use crate::{
    algorithms::ALGORITHMS,
    authorities::{Authorities, Authority, AuthorityId},
    name, points,
};

/// A CRL's number and a certificate's serial number have at most 20 octets (RFC 5280 §4.1.2.2, §5.2.3); some authorities
/// write one more zero.
const MAX_NUMBER_OCTETS: usize = 21;
/// The extension by which an entry is another issuer's (RFC 5280 §5.3.3).
const CERTIFICATE_ISSUER: &str = "2.5.29.29";
/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// A verified revocation list.
#[derive(Clone)]
pub struct Crl {
    authority: AuthorityId,
    issuer: String,
    number: Number,
    this_update: Timestamp,
    next_update: Timestamp,
    cover: Cover,
    /// By serial number, sorted.
    revoked: Vec<(Number, Timestamp)>,
    der: Vec<u8>,
}

/// Why bytes are no revocation list that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CrlFault {
    /// Something else, an HTML page for instance (B.3.5).
    #[error("it is not a certificate revocation list ({0})")]
    NotACrl(String),
    /// No authority here has the issuer's name.
    #[error("its issuer \"{issuer}\" is not among the authorities: add that authority's certificate")]
    UnknownAuthority {
        /// The issuer.
        issuer: String,
    },
    /// The authority of that name did not sign it.
    #[error("its signature is not that of \"{issuer}\"")]
    BadSignature {
        /// The issuer.
        issuer: String,
    },
    /// A delta CRL (M-4).
    #[error("it is a delta list, which is ignored: the complete list is needed")]
    Delta,
    /// A CRL of other issuers' certificates (M-4).
    #[error("it is an indirect list, which is refused: each authority's own list is needed")]
    Indirect,
    /// A CRL of some reasons or of attribute certificates only.
    #[error("it covers only some reasons or kinds of certificates: the complete list is needed")]
    Partial,
    /// A CRL of one distribution point that is not told by an address (RFC 5280 §5.2.5).
    #[error(
        "it speaks for one distribution point and does not tell its address, so that nobody knows which certificates it covers"
    )]
    Nameless,
    /// A critical extension that is not understood.
    #[error("it has a critical extension that is not understood ({0})")]
    CriticalExtension(String),
    /// Without a number, nobody can tell whether it goes back.
    #[error("it has no number (CRLNumber), which every complete list must have")]
    NoNumber,
    /// Without an end, it would serve for ever.
    #[error("it does not say when the next one is due (nextUpdate)")]
    NoNextUpdate,
}

/// Which certificates of its issuer a list speaks of (RFC 5280 §5.2.5): an authority may have several lists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cover {
    scope: Scope,
    /// The addresses of its distribution point, where it speaks for one alone: it covers the certificates that name one of
    /// them.
    points: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    All,
    Users,
    Authorities,
}

/// A positive integer of any length: a CRL's own number, or a serial number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number {
    /// First, so that numbers compare as numbers.
    length: usize,
    digits: Box<[u8]>,
}

impl Crl {
    /// Reads a list and verifies that one of `authorities` signed it. Its dates are not judged.
    ///
    /// # Errors
    /// [`CrlFault`] tells why it cannot be used.
    pub fn read(der: &[u8], authorities: &Authorities) -> Result<Self, CrlFault> {
        let not_a_crl = |reason: &str| CrlFault::NotACrl(reason.to_owned());
        if der.first() != Some(&SEQUENCE) {
            return Err(not_a_crl("it does not start as DER does"));
        }
        let (rest, parsed) =
            CertificateRevocationList::from_der(der).map_err(|error| CrlFault::NotACrl(error.to_string()))?;
        if !rest.is_empty() {
            return Err(not_a_crl("bytes follow it"));
        }
        if parsed.version() != Some(X509Version::V2) {
            return Err(not_a_crl("its version is not 2"));
        }
        let said = extensions(&parsed);
        let authority = signer(&parsed, authorities)?;
        let (number, cover) = said?;
        let next_update = parsed.next_update().ok_or(CrlFault::NoNextUpdate)?;
        let instant =
            |seconds| Timestamp::from_second(seconds).map_err(|_| not_a_crl("a date is out of range"));
        if next_update.timestamp() < parsed.last_update().timestamp() {
            return Err(not_a_crl("it ends before it starts"));
        }
        let mut revoked = parsed.iter_revoked_certificates().map(entry).collect::<Result<Vec<_>, _>>()?;
        revoked.sort();
        Ok(Self {
            authority: authority.id(),
            issuer: authority.name().to_owned(),
            number,
            this_update: instant(parsed.last_update().timestamp())?,
            next_update: instant(next_update.timestamp())?,
            cover,
            revoked,
            der: der.to_vec(),
        })
    }

    /// The authority's name.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its number, which grows with each list of the authority.
    #[must_use]
    pub fn number(&self) -> &Number {
        &self.number
    }

    /// When it was made.
    #[must_use]
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// When the next one is due at the latest.
    #[must_use]
    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// How many certificates it revokes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.revoked.len()
    }

    /// Its bytes, as accepted.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// A name for a file that holds it: the same for every list of this authority that covers the same certificates, and no
    /// other's.
    #[must_use]
    pub fn file_name(&self) -> String {
        let authority = self.authority.hex();
        if self.cover.is_all() {
            return format!("{authority}.crl");
        }
        let cover = digest::digest(&digest::SHA256, format!("{:?}", self.cover).as_bytes());
        let cover: String = cover.as_ref().iter().take(8).map(|octet| format!("{octet:02x}")).collect();
        format!("{authority}-{cover}.crl")
    }

    /// Which certificates it speaks of, where those are not all of its authority.
    #[must_use]
    pub fn part(&self) -> Option<String> {
        let scope = match self.cover.scope {
            Scope::All => None,
            Scope::Users => Some("no authorities"),
            Scope::Authorities => Some("authorities alone"),
        };
        let points = self.cover.points.as_ref().map(|points| points.join(" "));
        let parts: Vec<_> = scope.map(str::to_owned).into_iter().chain(points).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// What tells it from the other lists that are in force: its successors have the same.
    pub(super) fn key(&self) -> (AuthorityId, Cover) {
        (self.authority, self.cover.clone())
    }

    pub(crate) fn authority(&self) -> AuthorityId {
        self.authority
    }

    /// Whether it speaks of certificates of this kind that name these distribution points.
    pub(super) fn covers(&self, is_authority: bool, points: &[String]) -> bool {
        let of_this_kind = match self.cover.scope {
            Scope::All => true,
            Scope::Users => !is_authority,
            Scope::Authorities => is_authority,
        };
        let own = self.cover.points.as_ref();
        of_this_kind && own.is_none_or(|own| own.iter().any(|point| points.contains(point)))
    }

    /// Since when a certificate of this serial number is revoked.
    pub(super) fn revoked(&self, serial: &Number) -> Option<Timestamp> {
        let at = self.revoked.partition_point(|(found, _)| found < serial);
        self.revoked.get(at).filter(|(found, _)| found == serial).map(|(_, at)| *at)
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crl")
            .field("issuer", &self.issuer)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Number {
    /// The content of a DER INTEGER.
    pub(crate) fn of(integer: &[u8]) -> Option<Self> {
        if integer.is_empty()
            || integer.len() > MAX_NUMBER_OCTETS
            || integer.first().is_some_and(|octet| *octet > 127)
        {
            return None;
        }
        let zeros = integer.iter().take_while(|octet| **octet == 0).count();
        let digits: Box<[u8]> = integer.get(zeros..).unwrap_or_default().into();
        Some(Self { length: digits.len(), digits })
    }

    /// In hexadecimal, as certificate tools write serial numbers.
    #[must_use]
    pub fn hex(&self) -> String {
        if self.digits.is_empty() {
            return "00".to_owned();
        }
        self.digits.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length > 16 {
            return write!(f, "0x{}", self.hex());
        }
        let number = self.digits.iter().fold(0_u128, |number, octet| (number << 8) | u128::from(*octet));
        write!(f, "{number}")
    }
}

/// The authority that really signed it. Several may have its name: an authority keeps it when it renews its key.
fn signer<'a>(
    crl: &CertificateRevocationList<'_>,
    authorities: &'a Authorities,
) -> Result<&'a Authority, CrlFault> {
    let issuer = || name::shown(crl.issuer());
    let mut named = authorities
        .all()
        .filter(|authority| authority.subject() == crl.issuer().as_raw() && authority.signs_crls())
        .peekable();
    if named.peek().is_none() {
        return Err(CrlFault::UnknownAuthority { issuer: issuer() });
    }
    let algorithm = signature_algorithm(crl).ok_or_else(|| CrlFault::BadSignature { issuer: issuer() })?;
    named
        .find(|authority| is_signed_by(crl, algorithm, authority.der()))
        .ok_or_else(|| CrlFault::BadSignature { issuer: issuer() })
}

/// The content of the outer algorithm identifier, if the signed one inside says the same (RFC 5280 §5.1.1.2). No signature
/// covers the frame around the signed part, so that must be the only one that DER allows.
fn signature_algorithm<'a>(crl: &CertificateRevocationList<'a>) -> Option<&'a [u8]> {
    let (der, signed) = (crl.as_raw(), crl.tbs_cert_list.as_ref());
    let (_, list) = Any::from_der(der).ok()?;
    let (_, algorithm) = Any::from_der(list.data.get(signed.len()..)?).ok()?;
    let (algorithm, signature) = (algorithm.data, &*crl.signature_value.data);
    let after = [
        &header(SEQUENCE, algorithm.len()),
        algorithm,
        &header(BIT_STRING, signature.len() + 1),
        &[0],
        signature,
    ]
    .concat();
    let before = header(SEQUENCE, signed.len() + after.len());
    let exact = der.len() == before.len() + signed.len() + after.len()
        && der.starts_with(&before)
        && der.ends_with(&after);
    (exact && crl.signature_algorithm == crl.tbs_cert_list.signature).then_some(algorithm)
}

/// The tag and length of a DER value.
fn header(tag: u8, length: usize) -> Vec<u8> {
    match u8::try_from(length) {
        Ok(short @ ..128) => vec![tag, short],
        _ => {
            let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
            // no more than the eight octets of a length
            [&[tag, 0x80 | u8::try_from(octets.len()).unwrap_or_default()], octets.as_slice()].concat()
        }
    }
}

fn is_signed_by(
    crl: &CertificateRevocationList<'_>,
    algorithm: &[u8],
    authority: &CertificateDer<'_>,
) -> bool {
    let Ok(key) = EndEntityCert::try_from(authority) else { return false };
    ALGORITHMS.iter().filter(|known| known.signature_alg_id().as_ref() == algorithm).any(|known| {
        key.verify_signature(*known, crl.tbs_cert_list.as_ref(), &crl.signature_value.data).is_ok()
    })
}

/// What its extensions say: each at most once, none critical that is not understood (RFC 5280 §5.2).
fn extensions(crl: &CertificateRevocationList<'_>) -> Result<(Number, Cover), CrlFault> {
    let sound = crl.tbs_cert_list.extensions_map();
    sound.map_err(|_| CrlFault::NotACrl("an extension is there twice".to_owned()))?;
    let (mut number, mut cover) = (None, Cover { scope: Scope::All, points: None });
    for extension in crl.extensions() {
        let oid = &extension.oid;
        if *oid == OID_X509_EXT_DELTA_CRL_INDICATOR {
            return Err(CrlFault::Delta);
        } else if *oid == OID_X509_EXT_ISSUER_DISTRIBUTION_POINT {
            cover = covered(extension)?;
        } else if *oid == OID_X509_EXT_CRL_NUMBER {
            number = Any::from_der(extension.value).ok().and_then(|(_, integer)| Number::of(integer.data));
        } else if *oid != OID_X509_EXT_AUTHORITY_KEY_IDENTIFIER {
            not_critical(extension)?;
        }
    }
    Ok((number.ok_or(CrlFault::NoNumber)?, cover))
}

fn covered(extension: &X509Extension<'_>) -> Result<Cover, CrlFault> {
    let ParsedExtension::IssuingDistributionPoint(point) = extension.parsed_extension() else {
        return Err(CrlFault::NotACrl("its distribution point cannot be read".to_owned()));
    };
    if point.indirect_crl {
        return Err(CrlFault::Indirect);
    }
    if point.only_some_reasons.is_some() || point.only_contains_attribute_certs {
        return Err(CrlFault::Partial);
    }
    let scope = match (point.only_contains_user_certs, point.only_contains_ca_certs) {
        (false, false) => Scope::All,
        (true, false) => Scope::Users,
        (false, true) => Scope::Authorities,
        (true, true) => return Err(CrlFault::Partial),
    };
    let points = match &point.distribution_point {
        None => None,
        Some(name) => {
            let mut points = points::addresses(name);
            if points.is_empty() {
                return Err(CrlFault::Nameless);
            }
            points.sort();
            Some(points)
        }
    };
    Ok(Cover { scope, points })
}

impl Cover {
    fn is_all(&self) -> bool {
        self.scope == Scope::All && self.points.is_none()
    }
}

fn entry(entry: &RevokedCertificate<'_>) -> Result<(Number, Timestamp), CrlFault> {
    for extension in entry.extensions() {
        if extension.oid.to_id_string() == CERTIFICATE_ISSUER {
            return Err(CrlFault::Indirect);
        }
        if extension.oid != OID_X509_EXT_REASON_CODE {
            not_critical(extension)?;
        }
    }
    let serial = Number::of(entry.raw_serial())
        .ok_or_else(|| CrlFault::NotACrl("a serial number is out of range".to_owned()))?;
    let at = Timestamp::from_second(entry.revocation_date.timestamp())
        .map_err(|_| CrlFault::NotACrl("a date is out of range".to_owned()))?;
    Ok((serial, at))
}

fn not_critical(extension: &X509Extension<'_>) -> Result<(), CrlFault> {
    let name = |oid: &Oid<'_>| CrlFault::CriticalExtension(oid.to_id_string());
    if extension.critical { Err(name(&extension.oid)) } else { Ok(()) }
}
