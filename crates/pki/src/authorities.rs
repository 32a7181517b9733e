//! The authorities that are trusted: roots, and the issuing authorities that are known beside them. It may use the files
//! that it is named; it must never take an authority from anywhere else. Dates are judged with each chain, not here.

use std::{fmt, path::Path};

use aws_lc_rs::digest;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, pem::PemObject as _};
use webpki::anchor_from_trusted_cert;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use crate::{
    error::PkiError,
    files::{listed, read},
    name, points,
};

/// The most places of revocation lists that are known at once.
const MAX_CRL_POINTS: usize = 64;

/// What is trusted production, or what is trusted for tests: never both in one store (M-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// The real trust space: certificates of the TEST arc never validate.
    Production,
    /// The agency's test space.
    Test,
}

/// Roots and known issuing authorities.
#[derive(Clone)]
pub struct Authorities {
    anchors: Vec<TrustAnchor<'static>>,
    roots: Vec<Authority>,
    issuing: Vec<Authority>,
}

/// One authority.
#[derive(Clone)]
pub struct Authority {
    der: CertificateDer<'static>,
    id: AuthorityId,
    /// The subject as encoded.
    subject: Vec<u8>,
    name: String,
    not_before: Timestamp,
    not_after: Timestamp,
    signs_crls: bool,
}

/// Where an authority publishes what it has revoked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrlPoint {
    /// The address, as a certificate names it.
    pub url: String,
    /// Whose list is there.
    pub issuer: String,
}

/// An authority is its name and its key: a certificate renewed with the same key is the same authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AuthorityId([u8; 32]);

impl Authorities {
    /// Reads the roots and, if named, the issuing authorities: each a PEM bundle, a DER certificate, or a directory of such
    /// files (`.pem`, `.crt`, `.cer`, `.der`).
    ///
    /// # Errors
    /// A file cannot be read, holds no certificate, or holds one that is not an authority's (or, among the roots, not a
    /// root's).
    pub fn load(roots: &Path, issuing: Option<&Path>) -> Result<Self, PkiError> {
        let roots = authorities(roots, Kind::Root)?;
        let issuing = issuing.map_or(Ok(Vec::new()), |path| authorities(path, Kind::Issuing))?;
        Ok(Self::of(roots, issuing))
    }

    /// No authority: nothing is trusted.
    #[must_use]
    pub fn none() -> Self {
        Self::of(Vec::new(), Vec::new())
    }

    fn of(roots: Vec<Authority>, issuing: Vec<Authority>) -> Self {
        // each was made an anchor of once already, when it was read
        let anchors = roots.iter().filter_map(|root| anchor(&root.der).ok()).collect();
        Self { anchors, roots, issuing }
    }

    /// All of them, roots first.
    pub fn all(&self) -> impl Iterator<Item = &Authority> {
        self.roots.iter().chain(&self.issuing)
    }

    /// The names to ask client certificates with (RFC 8446 §4.2.4): those of all authorities.
    #[must_use]
    pub fn hints(&self) -> Vec<rustls::DistinguishedName> {
        let subject = |authority: &Authority| {
            anchor(&authority.der).ok().map(|anchor| rustls::DistinguishedName::in_sequence(&anchor.subject))
        };
        self.all().filter_map(subject).collect()
    }

    /// Where these authorities publish what they revoke, as they say in each other's certificates and in `issued`: those whose
    /// issuer is one of them. LDAP is not spoken.
    #[must_use]
    pub fn crl_points(&self, issued: &[CertificateDer<'_>]) -> Vec<CrlPoint> {
        let own = self.all().map(|authority| authority.der().as_ref());
        let mut found = Vec::new();
        for der in own.chain(issued.iter().map(AsRef::as_ref)) {
            let Ok((_, certificate)) = X509Certificate::from_der(der) else { continue };
            let issuer = certificate.issuer().as_raw();
            let Some(issuer) = self.all().find(|authority| authority.subject() == issuer) else { continue };
            for url in points::of(&certificate) {
                let point = CrlPoint { url, issuer: issuer.name().to_owned() };
                let is_web = ["http://", "https://"].iter().any(|scheme| point.url.starts_with(scheme));
                if is_web && found.len() < MAX_CRL_POINTS && !found.contains(&point) {
                    found.push(point);
                }
            }
        }
        found
    }

    pub(crate) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.anchors
    }

    /// The roots that `anchor` stands for: one, or several certificates of one name and key.
    pub(crate) fn roots_of<'a>(&'a self, anchor: &'a TrustAnchor<'_>) -> impl Iterator<Item = &'a Authority> {
        let same = |found: &TrustAnchor<'_>| {
            found.subject == anchor.subject && found.subject_public_key_info == anchor.subject_public_key_info
        };
        self.anchors.iter().zip(&self.roots).filter(move |(found, _)| same(found)).map(|(_, root)| root)
    }

    pub(crate) fn issuing(&self) -> &[Authority] {
        &self.issuing
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().map(Authority::name)).finish()
    }
}

impl Authority {
    /// Its subject.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first instant at which its certificate is valid.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last instant at which its certificate is valid.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    pub(crate) fn id(&self) -> AuthorityId {
        self.id
    }

    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    pub(crate) fn signs_crls(&self) -> bool {
        self.signs_crls
    }

    fn read(path: &Path, der: CertificateDer<'static>, kind: Kind) -> Result<Self, PkiError> {
        let bad = |reason: String| PkiError::BadCertificate { path: path.into(), reason };
        let (rest, parsed) = X509Certificate::from_der(&der).map_err(|error| bad(error.to_string()))?;
        if !rest.is_empty() {
            return Err(bad("bytes follow it".to_owned()));
        }
        if !parsed.is_ca() {
            return Err(PkiError::NotAnAuthority { path: path.into(), name: name::shown(parsed.subject()) });
        }
        if matches!(kind, Kind::Root) && parsed.subject().as_raw() != parsed.issuer().as_raw() {
            return Err(PkiError::NotARoot { path: path.into(), name: name::shown(parsed.subject()) });
        }
        anchor(&der).map_err(|error| bad(error.to_string()))?;
        let usage = parsed.key_usage().map_err(|error| bad(error.to_string()))?;
        let instant = |seconds| Timestamp::from_second(seconds).map_err(|error| bad(error.to_string()));
        Ok(Self {
            id: AuthorityId::of(&parsed),
            subject: parsed.subject().as_raw().to_vec(),
            name: name::shown(parsed.subject()),
            not_before: instant(parsed.validity().not_before.timestamp())?,
            not_after: instant(parsed.validity().not_after.timestamp())?,
            signs_crls: usage.is_none_or(|usage| usage.value.crl_sign()),
            der,
        })
    }
}

impl AuthorityId {
    /// Of the authority whose certificate this is.
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        // both are DER values with their lengths: no two pairs run together alike
        context.update(certificate.subject().as_raw());
        context.update(certificate.public_key().raw);
        let mut id = [0; 32];
        id.copy_from_slice(context.finish().as_ref());
        Self(id)
    }

    /// For the name of a file.
    pub(crate) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Root,
    Issuing,
}

fn authorities(path: &Path, kind: Kind) -> Result<Vec<Authority>, PkiError> {
    let mut found: Vec<Authority> = Vec::new();
    for file in files(path)? {
        for der in certificates(&file)? {
            if found.iter().all(|known| known.der != der) {
                found.push(Authority::read(&file, der, kind)?);
            }
        }
    }
    if found.is_empty() {
        return Err(PkiError::NoAuthority(path.into()));
    }
    Ok(found)
}

fn files(path: &Path) -> Result<Vec<std::path::PathBuf>, PkiError> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let (mut files, more) =
        listed(path).map_err(|error| PkiError::Unreadable { path: path.into(), error })?;
    if more {
        return Err(PkiError::TooManyFiles(path.into()));
    }
    files.retain(|file| {
        file.extension().is_some_and(|end| ["pem", "crt", "cer", "der"].iter().any(|known| end == *known))
    });
    Ok(files)
}

/// The certificates of a file, PEM or one in DER.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PkiError> {
    let bytes = read(path)?.0;
    // every DER certificate opens with the tag of a SEQUENCE, no PEM text with a '0'
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateDer::from(bytes)]);
    }
    let found = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| PkiError::BadPem(path.into()))?;
    if found.is_empty() { Err(PkiError::NoAuthority(path.into())) } else { Ok(found) }
}

fn anchor(der: &CertificateDer<'_>) -> Result<TrustAnchor<'static>, webpki::Error> {
    anchor_from_trusted_cert(der).map(|anchor| anchor.to_owned())
}

#[cfg(test)]
mod tests;
