//! The host of the white list, in TLS (B.2.1): its certificate is of the trust space's own authorities, or of those that an
//! operator names for it, and bears the host's name. What it serves is judged by its own signature (M-1), so an unknown
//! revocation status of the host does not keep the list out; a known revocation does.

use std::{fmt, path::Path, sync::Arc};

use jiff::Timestamp;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use thiserror::Error;
use webpki::EndEntityCert;

use crate::{
    authorities::{Authorities, Environment},
    distrust::Distrust,
    error::PkiError,
    path::{Judge, Usage},
    server::provider,
    space::{TrustSettings, TrustSpace},
};

/// The TLS of whoever fetches for `space`: TLS 1.2 and 1.3; the host's certificate leads to `anchors`, or to the authorities of
/// the trust space where none are named, is valid, for servers, not known to be revoked, and bears the name of the host.
///
/// # Errors
/// The anchors cannot be read.
pub fn list_client(space: &TrustSpace, anchors: Option<&Path>) -> Result<Arc<ClientConfig>, PkiError> {
    let anchors = anchors.map(|anchors| Authorities::load(anchors, None)).transpose()?;
    let provider = Arc::new(provider());
    let verifier = HostVerifier { space: space.clone(), anchors, schemes: schemes(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("the provider has suites of both versions, see its test")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // each request is judged anew
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn schemes(provider: &CryptoProvider) -> WebPkiSupportedAlgorithms {
    provider.signature_verification_algorithms
}

/// A host whose certificate is another's.
#[derive(Debug, Error)]
#[error("the certificate does not bear the host's name")]
struct OtherHost;

struct HostVerifier {
    space: TrustSpace,
    anchors: Option<Authorities>,
    schemes: WebPkiSupportedAlgorithms,
}

impl HostVerifier {
    fn judge(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<(), Distrust> {
        let trust = self.space.current();
        let settings = self.space.settings();
        // a production service believes no test certificate here either; anchors of one's own may be anything
        let environment = match (&self.anchors, &settings) {
            (None, Some(TrustSettings { environment, .. })) => *environment,
            _ => Environment::Test,
        };
        let judge = Judge {
            environment,
            authorities: self.anchors.as_ref().unwrap_or_else(|| trust.authorities()),
            revocations: trust.revocations(),
            crl_grace: settings.map(|settings| settings.crl_grace).unwrap_or_default(),
            as_of: false,
        };
        match judge.chain(chain, Usage::Server, now) {
            Ok(_) | Err(Distrust::RevocationUnknown { .. } | Distrust::RevocationStale { .. }) => Ok(()),
            Err(distrust) => Err(distrust),
        }
    }
}

impl fmt::Debug for HostVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostVerifier").field("own anchors", &self.anchors.is_some()).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for HostVerifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let now = Timestamp::from_second(seconds).map_err(|_| Error::FailedToGetCurrentTime)?;
        let chain: Vec<_> = std::iter::once(own).chain(between).cloned().collect();
        self.judge(&chain, now).map_err(|distrust| {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(distrust))))
        })?;
        let named = EndEntityCert::try_from(own).and_then(|own| own.verify_is_valid_for_subject_name(name));
        named.map_err(|_| {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(OtherHost))))
        })?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
