//! TLS as the stories' own peers speak it: they show any chain with any key, and look at what the other side shows without
//! judging it; only the handshake's signature is checked. Never a way for the program itself.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use demo_pki::Issued;
use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig,
    ServerConnection, SignatureScheme, StreamOwned,
};

use super::Peer;

/// A line, before and after STARTTLS.
pub enum Stream {
    Clear(TcpStream),
    Client(Box<StreamOwned<ClientConnection, TcpStream>>),
    Server(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    /// What the other side showed, leaf first.
    pub fn shown(&self) -> Vec<CertificateDer<'static>> {
        let chain = match self {
            Stream::Clear(_) => None,
            Stream::Client(tls) => tls.conn.peer_certificates(),
            Stream::Server(tls) => tls.conn.peer_certificates(),
        };
        chain.unwrap_or_default().iter().map(|c| c.clone().into_owned()).collect()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Clear(tcp) => tcp.read(buffer),
            Stream::Client(tls) => tls.read(buffer),
            Stream::Server(tls) => tls.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Clear(tcp) => tcp.write(bytes),
            Stream::Client(tls) => tls.write(bytes),
            Stream::Server(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Clear(tcp) => tcp.flush(),
            Stream::Client(tls) => tls.flush(),
            Stream::Server(tls) => tls.flush(),
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A client that trusts `ca` and shows `peer`'s chain, or nothing. Sessions are remembered and resumed where the server
/// lets them: use one configuration twice to try.
pub fn client_config(ca: &Path, peer: Option<&Peer>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match peer {
        Some(peer) => builder.with_client_cert_resolver(Arc::new(Shown(certified(peer)))),
        None => builder.with_no_client_auth(),
    })
}

/// A server that shows `peer`'s chain and asks for a certificate without demanding one.
pub fn server_config(peer: &Peer) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(AnyClient(provider().signature_verification_algorithms)))
        .with_cert_resolver(Arc::new(Shown(certified(peer))));
    Arc::new(config)
}

/// A server that shows this chain and asks for nothing, as web hosts do.
pub fn plain_server_config(shown: &Issued) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(shown.key.to_der().unwrap()).unwrap();
    let chain = shown.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

/// The chain with the key that the peer has, which need not be the right one.
fn certified(peer: &Peer) -> Arc<CertifiedKey> {
    let key = PrivateKeyDer::try_from(peer.key.to_der().unwrap()).unwrap();
    let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let chain = peer.issued.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    Arc::new(CertifiedKey::new(chain, key))
}

#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Lets every client in that has the key of what it shows.
#[derive(Debug)]
struct AnyClient(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _above: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
