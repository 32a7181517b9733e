//! What an earlier run left, judged: whether a certificate, a key or a list may stay. Reads what is given; writes nothing.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension, X509Extension},
    prelude::FromDer as _,
    revocation_list::CertificateRevocationList,
};

use crate::{Authority, Key, Name, Serial, authority::key_identifier};

const RENEWED_DAYS_BEFORE: i64 = 30;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether `certificate` has `key` and `subject`, names all of `names`, was issued by `issuer` (none: by itself) and lasts.
pub(crate) fn certificate_is_good(
    certificate: &[u8],
    key: &Key,
    subject: &Name,
    names: &[String],
    issuer: Option<&Authority>,
    now: Timestamp,
) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
    let issuer_key = issuer.map_or(key, |issuer| &issuer.key);
    let left = parsed.validity().not_after.timestamp().saturating_sub(now.as_second());
    left > RENEWED_DAYS_BEFORE * 86_400
        && parsed.validity().not_before.timestamp() <= now.as_second()
        && parsed.public_key().raw == key.public_info()
        && parsed.subject().as_raw() == subject.to_der()
        && issued_with(parsed.extensions(), issuer_key)
        && names.iter().all(|name| has_name(&parsed, name))
}

fn issued_with(extensions: &[X509Extension<'_>], key: &Key) -> bool {
    extensions.iter().any(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(found) => {
            found.key_identifier.as_ref().is_some_and(|id| id.0 == key_identifier(key))
        }
        _ => false,
    })
}

fn has_name(certificate: &X509Certificate<'_>, name: &str) -> bool {
    let names = certificate.subject_alternative_name().ok().flatten();
    names.into_iter().flat_map(|names| &names.value.general_names).any(|found| match (found, name.parse()) {
        (GeneralName::DNSName(found), Err(_)) => *found == name,
        (GeneralName::IPAddress(found), Ok(IpAddr::V4(address))) => *found == address.octets(),
        (GeneralName::IPAddress(found), Ok(IpAddr::V6(address))) => *found == address.octets(),
        _ => false,
    })
}

/// What matters of a revocation list of an earlier run.
pub(crate) struct KeptCrl {
    pub(crate) number: u64,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Timestamp,
    pub(crate) revoked: Vec<Serial>,
    /// Whether the authority that is there now issued it.
    pub(crate) ours: bool,
}

impl KeptCrl {
    pub(crate) fn read(der: &[u8], issuer: &Authority) -> Option<Self> {
        let (_, crl) = CertificateRevocationList::from_der(der).ok()?;
        let number = crl.crl_number()?.to_u64_digits();
        Some(Self {
            number: number.first().copied().unwrap_or(0),
            this_update: Timestamp::from_second(crl.last_update().timestamp()).ok()?,
            next_update: Timestamp::from_second(crl.next_update()?.timestamp()).ok()?,
            revoked: crl.iter_revoked_certificates().map(|entry| Serial::new(entry.raw_serial())).collect(),
            ours: issued_with(crl.extensions(), &issuer.key),
        })
    }

    /// Made at most a day ago, and not ending within one.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.ours && is_of_today(self.this_update, now) && self.next_update.duration_since(now) > DAY
    }
}

/// Made at `at`: not later than `now`, and at most a day ago.
pub(crate) fn is_of_today(at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age < DAY
}

/// The number of a certificate.
pub(crate) fn serial(certificate: &[u8]) -> Option<Serial> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(Serial::new(parsed.raw_serial()))
}
