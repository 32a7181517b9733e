//! Mutual TLS between operators (M-2), as rustls configurations. The handshake proves that the peer holds the key of the
//! certificate that it presents, and nothing else: who it is and whether it is trusted is judged afterwards, on the chain,
//! so that a refusal is an SMTP text and not a TLS alert. No session is ever resumed: that would carry an old verdict.

use std::{fmt, sync::Arc};

use mssante::dn::DistinguishedName;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    server::{
        NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::{error::PkiError, server::ServerTls};

impl ServerTls {
    /// The whole subject of the certificate, as the white list must have it.
    #[must_use]
    pub fn name(&self) -> DistinguishedName {
        self.name_shown()
    }

    /// Whether other operators accept the certificate in both roles (M-2, B.3.3).
    ///
    /// # Errors
    /// [`PkiError::NotForRelay`].
    pub fn check_relay(&self) -> Result<(), PkiError> {
        if self.is_for_relay() { Ok(()) } else { Err(PkiError::NotForRelay(self.path.clone())) }
    }

    /// The configuration of the relay listener (M-2): TLS 1.2 and 1.3; a client certificate is requested, with `hints` for
    /// its authorities (see [`Trust::hints`](crate::Trust::hints)), and never demanded; no tickets, no session cache, no
    /// early data.
    #[must_use]
    pub fn relay_server(&self, hints: Vec<rustls::DistinguishedName>) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has suites of both versions, see its test")
            .with_client_cert_verifier(Arc::new(Possession { schemes: self.schemes(), hints }))
            .with_cert_resolver(Arc::clone(&self.shown) as _);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Arc::new(config)
    }

    /// The configuration of connections to other operators (M-2): TLS 1.2 and 1.3; our own certificate is presented; no
    /// resumption, no early data; the name of the host is sent (SNI).
    #[must_use]
    pub fn relay_client(&self) -> Arc<ClientConfig> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has suites of both versions, see its test")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Possession {
                schemes: self.schemes(),
                hints: Vec::new(),
            }))
            .with_client_cert_resolver(Arc::clone(&self.shown) as _);
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        config.enable_sni = true;
        Arc::new(config)
    }

    /// The configuration of connections to the smart host (S-3.3): as [`ServerTls::relay_client`], with nothing presented.
    #[must_use]
    pub fn smart_host_client(&self) -> Arc<ClientConfig> {
        let verifier = Arc::new(Possession { schemes: self.schemes(), hints: Vec::new() });
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has suites of both versions, see its test")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        Arc::new(config)
    }

    fn schemes(&self) -> WebPkiSupportedAlgorithms {
        self.provider.signature_verification_algorithms
    }
}

/// Takes any chain, and verifies that the peer signed the handshake with the key of its first certificate.
struct Possession {
    schemes: WebPkiSupportedAlgorithms,
    hints: Vec<rustls::DistinguishedName>,
}

impl fmt::Debug for Possession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Possession").field("hints", &self.hints.len()).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for Possession {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
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

impl ServerCertVerifier for Possession {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
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
