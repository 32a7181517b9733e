//! The server's own certificate chain and key, checked before anything listens, and what listeners for mail clients show.
//! It may read the two files; what it shows to other operators is in `relay_tls.rs`.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use mssante::dn::DistinguishedName;
use rustls::{
    CipherSuite, InconsistentKeys, ServerConfig, SignatureScheme, SupportedProtocolVersion,
    client::ResolvesClientCert,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

use crate::{error::PkiError, files::read, name};

/// The suites of TLS 1.2 (M-5): ECDHE with AES-GCM or ChaCha20. The second of each pair is the same for certificates
/// whose key is not RSA.
const TLS12_SUITES: [CipherSuite; 6] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// The highest version of TLS that a listener speaks; the lowest is always 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 alone, for card middleware that cannot do better.
    V1_2,
    /// TLS 1.2 and 1.3.
    V1_3,
}

/// A server certificate with its key, ready to serve. Clones, and the configurations made of it, show the same one: also when
/// its files are read again.
#[derive(Clone)]
pub struct ServerTls {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) shown: Arc<Current>,
    /// Of the chain.
    pub(crate) path: PathBuf,
    /// Of its key.
    key: PathBuf,
}

/// What is shown at this moment.
pub(crate) struct Current(ArcSwap<Shown>);

/// A certificate with its key, and what is read from it once.
pub(crate) struct Shown {
    certified: Arc<CertifiedKey>,
    own: Own,
}

#[derive(Clone)]
struct Own {
    description: Description,
    name: DistinguishedName,
    /// Whether its usages let it speak to other operators in both roles.
    for_relay: bool,
}

/// What a server certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its subject's distinguished name.
    pub subject: String,
    /// Its subject alternative names: DNS names and IP addresses.
    pub names: Vec<String>,
    /// The first instant at which it is valid.
    pub not_before: Timestamp,
    /// The last instant at which it is valid.
    pub not_after: Timestamp,
}

/// From how many days before its end a certificate is worth a warning: an authority's answer takes days, not hours.
pub const EXPIRES_SOON_DAYS: i64 = 30;

impl Description {
    /// Whole days from `now` to the last valid instant; negative once it is past.
    #[must_use]
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.not_after.duration_since(now).as_hours().div_euclid(24)
    }

    /// Whether it ends within [`EXPIRES_SOON_DAYS`] of `now`, or has ended.
    #[must_use]
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        self.days_left(now) < EXPIRES_SOON_DAYS
    }
}

impl ServerTls {
    /// Reads a certificate chain (PEM, the server's own certificate first) and its private key (PEM: PKCS #8, PKCS #1 or
    /// SEC 1, without pass phrase). Dates are not judged here: see [`ServerTls::check_dates`].
    ///
    /// # Errors
    /// What is wrong with the files, and what to do about it.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, PkiError> {
        let provider = Arc::new(provider());
        let shown = Shown::load(&provider, chain, key)?;
        let shown = Arc::new(Current(ArcSwap::from_pointee(shown)));
        Ok(Self { provider, shown, path: chain.into(), key: key.into() })
    }

    /// Reads its files again, and shows another certificate from now on if they hold one that can serve at `now`; whether they
    /// do. Connections that are there keep what they were shown. Blocks.
    ///
    /// # Errors
    /// What is wrong with the files; the one shown until now stays.
    pub fn reread(&self, now: Timestamp) -> Result<bool, PkiError> {
        let next = Shown::load(&self.provider, &self.path, &self.key)?;
        let known = self.shown.0.load();
        if known.certified.cert == next.certified.cert {
            return Ok(false);
        }
        next.check_dates(&self.path, now)?;
        if known.own.for_relay && !next.own.for_relay {
            return Err(PkiError::NotForRelay(self.path.clone()));
        }
        self.shown.0.store(Arc::new(next));
        Ok(true)
    }

    /// What the certificate says.
    #[must_use]
    pub fn describe(&self) -> Description {
        self.shown.0.load().own.description.clone()
    }

    /// The certificate and those that lead to its authority.
    #[must_use]
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.shown.0.load().certified.cert.clone()
    }

    pub(crate) fn name_shown(&self) -> DistinguishedName {
        self.shown.0.load().own.name.clone()
    }

    pub(crate) fn is_for_relay(&self) -> bool {
        self.shown.0.load().own.for_relay
    }

    /// Whether clients accept the certificate's dates at `now`.
    ///
    /// # Errors
    /// [`PkiError::Expired`] or [`PkiError::NotYetValid`].
    pub fn check_dates(&self, now: Timestamp) -> Result<(), PkiError> {
        self.shown.0.load().check_dates(&self.path, now)
    }

    /// The configuration of one listener (M-5): TLS 1.2 up to `highest`, no client certificate asked, no early data. Call
    /// it once for each listener: session tickets and the session cache are its own, no other listener accepts them.
    #[must_use]
    pub fn access_config(&self, highest: TlsVersion) -> Arc<ServerConfig> {
        let versions: &[&'static SupportedProtocolVersion] = match highest {
            TlsVersion::V1_2 => &[&TLS12],
            TlsVersion::V1_3 => &[&TLS13, &TLS12],
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)
            .expect("the provider has suites of both versions, see its test")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.shown) as _);
        // without tickets, sessions resume from the listener's own cache
        if let Ok(tickets) = aws_lc_rs::Ticketer::new() {
            config.ticketer = tickets;
        }
        Arc::new(config)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("description", &self.describe()).finish_non_exhaustive()
    }
}

impl Shown {
    fn load(provider: &CryptoProvider, chain: &Path, key: &Path) -> Result<Self, PkiError> {
        let certificates = certificates(chain)?;
        let own = certificates.first().map_or_else(
            || Err(PkiError::NoCertificate(chain.into())),
            |certificate| describe(chain, certificate),
        )?;
        let signer = provider
            .key_provider
            .load_private_key(private_key(key)?)
            .map_err(|error| PkiError::BadKey { path: key.into(), reason: error.to_string() })?;
        let certified = CertifiedKey::new(certificates, signer);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(_) => return Err(PkiError::KeyMismatch { chain: chain.into(), key: key.into() }),
        }
        Ok(Self { certified: Arc::new(certified), own })
    }

    fn check_dates(&self, path: &Path, now: Timestamp) -> Result<(), PkiError> {
        let Description { not_before, not_after, .. } = self.own.description;
        if now > not_after {
            return Err(PkiError::Expired { path: path.into(), at: not_after });
        }
        if now < not_before {
            return Err(PkiError::NotYetValid { path: path.into(), at: not_before });
        }
        Ok(())
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").field(&self.0.load().own.description.subject).finish()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().certified))
    }
}

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().certified))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

pub(crate) fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.version() == &TLS13 || TLS12_SUITES.contains(&suite.suite()));
    provider
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PkiError> {
    let text = read(path)?.0;
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| PkiError::BadPem(path.into()))
}

fn describe(path: &Path, certificate: &CertificateDer<'_>) -> Result<Own, PkiError> {
    let bad = |reason: String| PkiError::BadCertificate { path: path.into(), reason };
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| bad(error.to_string()))?;
    if parsed.is_ca() {
        return Err(PkiError::AuthorityFirst(path.into()));
    }
    let usage = parsed.extended_key_usage().map_err(|error| bad(error.to_string()))?;
    if usage.as_ref().is_some_and(|usage| !usage.value.server_auth && !usage.value.any) {
        return Err(PkiError::NotForServers(path.into()));
    }
    let names = names(&parsed).map_err(|error| bad(error.to_string()))?;
    if names.is_empty() {
        return Err(PkiError::NoNames(path.into()));
    }
    let instant = |seconds| Timestamp::from_second(seconds).map_err(|error| bad(error.to_string()));
    let description = Description {
        subject: parsed.subject().to_string(),
        names,
        not_before: instant(parsed.validity().not_before.timestamp())?,
        not_after: instant(parsed.validity().not_after.timestamp())?,
    };
    let name = name::distinguished_name(parsed.subject()).map_err(|error| bad(error.to_string()))?;
    let for_relay = usage.is_some_and(|usage| usage.value.server_auth && usage.value.client_auth);
    Ok(Own { description, name, for_relay })
}

fn names(certificate: &X509Certificate<'_>) -> Result<Vec<String>, x509_parser::error::X509Error> {
    let Some(extension) = certificate.subject_alternative_name()? else { return Ok(Vec::new()) };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        },
        _ => None,
    };
    Ok(extension.value.general_names.iter().filter_map(name).collect())
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, PkiError> {
    let (text, mode) = read(path)?;
    if mode & 0o007 != 0 {
        return Err(PkiError::ExposedKey { path: path.into(), mode });
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound if holds(&text, b"ENCRYPTED PRIVATE KEY") => {
            PkiError::EncryptedKey(path.into())
        }
        pem::Error::NoItemsFound => PkiError::NoKey(path.into()),
        _ => PkiError::BadPem(path.into()),
    })
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests;
