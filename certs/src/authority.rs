//! An authority: issues certificates in the shape of IGC-Santé (mssante.md B.3) and the lists of those it revoked. May use
//! its key and the system's randomness; must never read a clock or a file.

use std::{fmt, net::IpAddr};

use aws_lc_rs::{digest, rand};
use jiff::Timestamp;

use crate::{
    DemoPkiError, Key, Leaf, Name, Usage, der,
    key::algorithm,
    pem::{self, CERTIFICATE},
};

const ANY_POLICY: &str = "2.5.29.32.0";
/// As long as those of the trust space.
const SERIAL_BYTES: usize = 16;

/// A certificate's number: big-endian bytes, displayed in hexadecimal as openssl does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// The number of these big-endian bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.iter().copied().skip_while(|byte| *byte == 0).collect())
    }

    /// Big-endian, without leading zeros.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn random() -> Result<Self, DemoPkiError> {
        let mut bytes = [0; SERIAL_BYTES];
        rand::fill(&mut bytes).map_err(|_| DemoPkiError::Key("no random number could be made"))?;
        bytes[0] = bytes[0] & 0x7F | 0x40;
        Ok(Self(bytes.to_vec()))
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// A certificate with its key, ready to be shown.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate first, then those above it without the root; DER.
    pub chain: Vec<Vec<u8>>,
    /// Its key.
    pub key: Key,
    /// Its number.
    pub serial: Serial,
    /// Whose it is.
    pub subject: Name,
}

impl Issued {
    /// The certificate alone, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        self.chain.first().map_or(&[], Vec::as_slice)
    }

    /// The certificate and those above it, PEM.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|der| pem::encode(der, CERTIFICATE)).collect()
    }

    /// The key, PKCS #8 PEM.
    ///
    /// # Errors
    /// The library cannot write it.
    pub fn key_pem(&self) -> Result<String, DemoPkiError> {
        self.key.to_pem()
    }
}

/// What a revocation list is to say.
#[derive(Debug, Clone)]
pub struct Crl {
    /// Who is on it.
    pub revoked: Vec<Serial>,
    /// CRLNumber.
    pub number: u64,
    /// Made at; the revocations have this date too.
    pub this_update: Timestamp,
    /// The next one is due at.
    pub next_update: Timestamp,
    /// Makes it a delta CRL on this base number (RFC 5280 §5.2.4).
    pub delta_of: Option<u64>,
    /// Makes it an indirect CRL (RFC 5280 §5.2.5).
    pub indirect: bool,
    /// Makes it the CRL of this distribution point alone (RFC 5280 §5.2.5).
    pub point: Option<String>,
}

/// Who issues: a certificate that may sign others and revocation lists, with its key.
#[derive(Debug, Clone)]
pub struct Authority {
    pub(crate) subject: Name,
    pub(crate) key: Key,
    pub(crate) certificate: Vec<u8>,
    /// What stands above a leaf in the chain that its owner shows.
    pub(crate) above: Vec<Vec<u8>>,
    /// Where its CRL would be fetched.
    pub(crate) crl_url: String,
    /// The policy that it puts into everything.
    pub(crate) policy: Option<&'static str>,
    /// The octet of the agency's private extension 1.2.250.1.71.1.2.5 (B.3.3).
    pub(crate) mark: u8,
}

impl Authority {
    /// Its own certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its own certificate, PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        pem::encode(&self.certificate, CERTIFICATE)
    }

    /// Its name.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// Where its revocation list would be fetched.
    #[must_use]
    pub fn crl_url(&self) -> &str {
        &self.crl_url
    }

    /// Makes the certificate that `leaf` describes.
    ///
    /// # Errors
    /// A key cannot be made or used, or a name cannot stand in a certificate.
    pub fn issue(&self, leaf: &Leaf) -> Result<Issued, DemoPkiError> {
        let key = leaf.key.clone().map_or_else(Key::generate, Ok)?;
        let serial = Serial::random()?;
        let extensions = self.leaf_extensions(leaf, &key)?;
        let dates = (leaf.not_before, leaf.not_after);
        let der = self.sign(&serial, &leaf.subject, dates, &key, &extensions)?;
        let chain = std::iter::once(der).chain(self.above.iter().cloned()).collect();
        Ok(Issued { chain, key, serial, subject: leaf.subject.clone() })
    }

    /// The list of `revoked`, DER.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn crl(
        &self,
        revoked: &[Serial],
        number: u64,
        this_update: Timestamp,
        next_update: Timestamp,
    ) -> Result<Vec<u8>, DemoPkiError> {
        let revoked = revoked.to_vec();
        let whole =
            Crl { revoked, number, this_update, next_update, delta_of: None, indirect: false, point: None };
        self.crl_of(&whole)
    }

    /// The list that `crl` describes, DER (RFC 5280 §5.1).
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn crl_of(&self, crl: &Crl) -> Result<Vec<u8>, DemoPkiError> {
        let mut extensions = vec![
            authority_key(&self.key),
            extension("2.5.29.20", false, &der::unsigned(&crl.number.to_be_bytes())),
        ];
        if let Some(base) = crl.delta_of {
            extensions.push(extension("2.5.29.27", true, &der::unsigned(&base.to_be_bytes())));
        }
        let named = crl.point.as_ref().map(|address| der::context(0, &full_name(address)));
        let indirect = crl.indirect.then(|| der::context_primitive(4, &[0xFF]));
        let point: Vec<_> = named.into_iter().chain(indirect).collect();
        if !point.is_empty() {
            extensions.push(extension("2.5.29.28", true, &der::sequence(&point)));
        }
        let mut parts = vec![
            der::unsigned(&[1]),
            algorithm(),
            self.subject.to_der(),
            der::time(crl.this_update),
            der::time(crl.next_update),
        ];
        let entry =
            |serial: &Serial| der::sequence(&[der::unsigned(serial.as_bytes()), der::time(crl.this_update)]);
        if !crl.revoked.is_empty() {
            parts.push(der::sequence(&crl.revoked.iter().map(entry).collect::<Vec<_>>()));
        }
        parts.push(der::context(0, &der::sequence(&extensions)));
        self.key.signed(der::sequence(&parts))
    }

    /// TBSCertificate (RFC 5280 §4.1), signed.
    pub(crate) fn sign(
        &self,
        serial: &Serial,
        subject: &Name,
        (not_before, not_after): (Timestamp, Timestamp),
        key: &Key,
        extensions: &[Vec<u8>],
    ) -> Result<Vec<u8>, DemoPkiError> {
        self.key.signed(der::sequence(&[
            der::context(0, &der::unsigned(&[2])),
            der::unsigned(serial.as_bytes()),
            algorithm(),
            self.subject.to_der(),
            der::sequence(&[der::time(not_before), der::time(not_after)]),
            subject.to_der(),
            key.public_info(),
            der::context(3, &der::sequence(extensions)),
        ]))
    }

    /// Signs the certificate of an authority: itself, or one below with no further one below that.
    pub(crate) fn certify(
        &self,
        subject: &Name,
        key: &Key,
        dates: (Timestamp, Timestamp),
        root: bool,
    ) -> Result<Vec<u8>, DemoPkiError> {
        let constraints = if root {
            der::sequence(&[der::boolean(true)])
        } else {
            der::sequence(&[der::boolean(true), der::unsigned(&[0])])
        };
        let mut extensions = vec![
            extension("2.5.29.19", true, &constraints),
            extension("2.5.29.15", true, &der::named_bits(&[5, 6])),
            policies(ANY_POLICY),
            subject_key(key),
            authority_key(&self.key),
        ];
        if !root {
            extensions.push(self.distribution_point());
        }
        self.sign(&Serial::random()?, subject, dates, key, &extensions)
    }

    fn leaf_extensions(&self, leaf: &Leaf, key: &Key) -> Result<Vec<Vec<u8>>, DemoPkiError> {
        let usage = match leaf.usage {
            Usage::Email => der::named_bits(&[0, 1]),
            _ => der::named_bits(&[0, 2]),
        };
        let mut extensions = vec![
            extension("2.5.29.19", false, &der::sequence(&[])),
            extension("2.5.29.15", true, &usage),
            authority_key(&self.key),
            subject_key(key),
            self.distribution_point(),
            extension("1.2.250.1.71.1.2.5", false, &[0x04, 0x01, self.mark]),
        ];
        extensions.extend(self.policy.or(leaf.policy.as_deref()).map(policies));
        extensions.extend(extended_usage(leaf.usage));
        extensions.extend(alternative_names(leaf)?);
        Ok(extensions)
    }

    fn distribution_point(&self) -> Vec<u8> {
        let point = der::sequence(&[der::context(0, &full_name(&self.crl_url))]);
        extension("2.5.29.31", false, &der::sequence(&[point]))
    }
}

/// The name of a distribution point: one address.
fn full_name(address: &str) -> Vec<u8> {
    der::context(0, &der::context_primitive(6, address.as_bytes()))
}

fn extension(oid: &str, critical: bool, contents: &[u8]) -> Vec<u8> {
    let mut parts = vec![der::oid(oid)];
    if critical {
        parts.push(der::boolean(true));
    }
    parts.push(der::octets(contents));
    der::sequence(&parts)
}

fn policies(policy: &str) -> Vec<u8> {
    extension("2.5.29.32", false, &der::sequence(&[der::sequence(&[der::oid(policy)])]))
}

/// The first twenty bytes of the hash of the key (RFC 7093 §2, method 1).
pub(crate) fn key_identifier(key: &Key) -> Vec<u8> {
    let mut hash = digest::digest(&digest::SHA256, key.public()).as_ref().to_vec();
    hash.truncate(20);
    hash
}

fn subject_key(key: &Key) -> Vec<u8> {
    extension("2.5.29.14", false, &der::octets(&key_identifier(key)))
}

fn authority_key(key: &Key) -> Vec<u8> {
    extension("2.5.29.35", false, &der::sequence(&[der::context_primitive(0, &key_identifier(key))]))
}

fn extended_usage(usage: Usage) -> Option<Vec<u8>> {
    let purposes: &[&str] = match usage {
        Usage::Both => &["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
        Usage::Server => &["1.3.6.1.5.5.7.3.1"],
        Usage::Client => &["1.3.6.1.5.5.7.3.2"],
        Usage::Email => &["1.3.6.1.5.5.7.3.4"],
        Usage::None => return None,
    };
    let purposes: Vec<_> = purposes.iter().map(|oid| der::oid(oid)).collect();
    Some(extension("2.5.29.37", false, &der::sequence(&purposes)))
}

fn alternative_names(leaf: &Leaf) -> Result<Option<Vec<u8>>, DemoPkiError> {
    let mut names = Vec::new();
    for name in &leaf.names {
        names.push(match name.parse() {
            Ok(IpAddr::V4(address)) => der::context_primitive(7, &address.octets()),
            Ok(IpAddr::V6(address)) => der::context_primitive(7, &address.octets()),
            Err(_) if name.is_ascii() && !name.is_empty() => der::context_primitive(2, name.as_bytes()),
            Err(_) => return Err(DemoPkiError::Name(name.clone())),
        });
    }
    names.extend(leaf.email.as_ref().map(|address| der::context_primitive(1, address.as_bytes())));
    Ok((!names.is_empty()).then(|| extension("2.5.29.17", false, &der::sequence(&names))))
}
