//! Handshakes between operators in memory: what passes to be judged afterwards, and what never passes.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Mutex};

use demo_pki::{Key, Leaf, Space, Usage};
use rustls::{
    ClientConnection, HandshakeKind, ProtocolVersion, ServerConnection, SupportedProtocolVersion,
    client::ResolvesClientCert,
    crypto::aws_lc_rs,
    sign::{CertifiedKey, SingleCertAndKey},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};

use super::*;
use crate::{
    Distrust, Role,
    samples::{Chain, HOST, Sample, hours, now, subject},
};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn load(sample: &Sample, leaf: &Leaf) -> ServerTls {
    let issued = sample.hierarchy.organisations.issue(leaf).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (chain, key) = (dir.path().join("chain.pem"), dir.path().join("key.pem"));
    fs::write(&chain, issued.chain_pem()).unwrap();
    fs::write(&key, issued.key_pem().unwrap()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    ServerTls::load(&chain, &key).unwrap()
}

/// A certificate with a key that need not be its own.
fn certified(chain: Chain, key: &Key) -> Arc<SingleCertAndKey> {
    let key = PrivateKeyDer::from_pem_slice(key.to_pem().unwrap().as_bytes()).unwrap();
    let signer = aws_lc_rs::default_provider().key_provider.load_private_key(key).unwrap();
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, signer)))
}

/// Another operator's client: it trusts anything and presents what it is given.
fn peer_client(
    version: &'static SupportedProtocolVersion,
    shown: Option<Arc<dyn ResolvesClientCert>>,
) -> ClientConfig {
    let schemes = aws_lc_rs::default_provider().signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Possession { schemes, hints: Vec::new() }));
    match shown {
        Some(shown) => builder.with_client_cert_resolver(shown),
        None => builder.with_no_client_auth(),
    }
}

/// Another operator's server.
fn peer_server(version: &'static SupportedProtocolVersion, shown: Arc<SingleCertAndKey>) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.ticketer = aws_lc_rs::Ticketer::new().unwrap();
    config
}

/// A whole handshake, with what the server sends after it.
fn handshake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
) -> Result<(ServerConnection, ClientConnection), Error> {
    let mut server = ServerConnection::new(Arc::clone(server))?;
    let mut client = ClientConnection::new(Arc::clone(client), ServerName::try_from(HOST).unwrap())?;
    for _ in 0..6 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut wire = wire.as_slice();
        while !wire.is_empty() {
            server.read_tls(&mut wire).unwrap();
            server.process_new_packets()?;
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut wire = wire.as_slice();
        while !wire.is_empty() {
            client.read_tls(&mut wire).unwrap();
            client.process_new_packets()?;
        }
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok((server, client))
}

#[test]
fn two_operators_see_each_others_chain_in_both_versions() {
    let sample = Sample::demo();
    let tls = load(&sample, &sample.leaf());
    assert_eq!(tls.name(), DistinguishedName::parse(&subject().to_string()).unwrap());
    tls.check_relay().unwrap();
    let trust = sample.trust();
    let (server, client) = handshake(&tls.relay_server(trust.hints()), &tls.relay_client()).unwrap();
    assert_eq!(server.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(server.server_name(), Some(HOST));
    trust.peer(server.peer_certificates().unwrap(), Role::Client, now()).unwrap();
    trust.peer(client.peer_certificates().unwrap(), Role::Server, now()).unwrap();
    for version in VERSIONS {
        let client = peer_client(version, Some(certified(sample.chain(), &sample.key)));
        let (server, _) = handshake(&tls.relay_server(trust.hints()), &Arc::new(client)).unwrap();
        trust.peer(server.peer_certificates().unwrap(), Role::Client, now()).unwrap();
        let server = peer_server(version, certified(sample.chain(), &sample.key));
        let (_, client) = handshake(&Arc::new(server), &tls.relay_client()).unwrap();
        assert_eq!(client.protocol_version(), Some(version.version));
        trust.peer(client.peer_certificates().unwrap(), Role::Server, now()).unwrap();
    }
}

#[test]
fn a_listed_certificate_without_its_key_never_passes_the_handshake() {
    let sample = Sample::demo();
    let tls = load(&sample, &sample.leaf());
    let stolen = certified(sample.chain(), &Key::generate().unwrap());
    for version in VERSIONS {
        let client = peer_client(version, Some(Arc::clone(&stolen) as Arc<dyn ResolvesClientCert>));
        let inbound = handshake(&tls.relay_server(Vec::new()), &Arc::new(client));
        assert!(
            matches!(inbound, Err(Error::InvalidCertificate(_) | Error::PeerMisbehaved(_))),
            "{inbound:?}"
        );
        let outbound = handshake(&Arc::new(peer_server(version, Arc::clone(&stolen))), &tls.relay_client());
        assert!(
            matches!(outbound, Err(Error::InvalidCertificate(_) | Error::PeerMisbehaved(_))),
            "{outbound:?}"
        );
    }
}

#[test]
fn whoever_holds_its_key_passes_the_handshake_and_is_judged_after_it() {
    let sample = Sample::demo();
    let tls = load(&sample, &sample.leaf());
    let trust = sample.trust();
    let foreign = Sample::new(Space::Foreign);
    let expired = foreign.leaf().lasting(now() - hours(48), now() - hours(1));
    for version in VERSIONS {
        let shown = certified(foreign.issue(&expired).0, &foreign.key);
        let client = peer_client(version, Some(Arc::clone(&shown) as Arc<dyn ResolvesClientCert>));
        let (server, _) = handshake(&tls.relay_server(trust.hints()), &Arc::new(client)).unwrap();
        let error = trust.peer(server.peer_certificates().unwrap(), Role::Client, now()).unwrap_err();
        assert_eq!(error.reason(), "unknown-authority");
        handshake(&Arc::new(peer_server(version, shown)), &tls.relay_client()).unwrap();
        // nothing presented
        let client = Arc::new(peer_client(version, None));
        let (server, _) = handshake(&tls.relay_server(trust.hints()), &client).unwrap();
        let chain = server.peer_certificates().unwrap_or_default();
        assert_eq!(trust.peer(chain, Role::Client, now()).unwrap_err(), Distrust::NoCertificate);
    }
}

#[test]
fn a_second_connection_shakes_hands_in_full_and_is_judged_anew() {
    let sample = Sample::demo();
    let tls = load(&sample, &sample.leaf());
    for version in VERSIONS {
        let mut client = peer_client(version, Some(certified(sample.chain(), &sample.key)));
        client.resumption = Resumption::in_memory_sessions(8);
        let (client, server) = (Arc::new(client), tls.relay_server(Vec::new()));
        for _ in 0..2 {
            let (server, client) = handshake(&server, &client).unwrap();
            assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full), "{version:?}");
            assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full), "{version:?}");
            assert_eq!(client.tls13_tickets_received(), 0);
            assert_eq!(server.peer_certificates().map(<[_]>::len), Some(2));
        }
        // a server that would resume, and offers tickets
        let server = Arc::new(peer_server(version, certified(sample.chain(), &sample.key)));
        let client = tls.relay_client();
        for _ in 0..2 {
            let (_, client) = handshake(&server, &client).unwrap();
            assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full), "{version:?}");
        }
    }
    let server = tls.relay_server(Vec::new());
    assert_eq!((server.send_tls13_tickets, server.max_early_data_size), (0, 0));
    assert!(!server.ticketer.enabled() && !server.session_storage.can_cache());
    assert!(!tls.relay_client().enable_early_data);
}

/// Presents nothing, and keeps the names that it was asked with.
#[derive(Debug, Default)]
struct Asked(Mutex<Vec<Vec<u8>>>);

impl ResolvesClientCert for Asked {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock().unwrap() = hints.iter().map(|hint| hint.to_vec()).collect();
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn the_certificate_is_requested_with_the_names_of_the_authorities() {
    let sample = Sample::demo();
    let tls = load(&sample, &sample.leaf());
    for version in VERSIONS {
        let asked = Arc::new(Asked::default());
        let client = peer_client(version, Some(Arc::clone(&asked) as Arc<dyn ResolvesClientCert>));
        handshake(&tls.relay_server(sample.trust().hints()), &Arc::new(client)).unwrap();
        let names: Vec<_> = sample.authorities.all().map(|authority| authority.subject().to_vec()).collect();
        assert_eq!(names.len(), 3);
        assert_eq!(*asked.0.lock().unwrap(), names);
    }
}

#[test]
fn the_relay_needs_a_certificate_for_both_roles() {
    let sample = Sample::demo();
    let server_only = load(&sample, &Leaf { usage: Usage::Server, ..sample.leaf() });
    assert!(matches!(server_only.check_relay(), Err(PkiError::NotForRelay(_))));
    let unsaid = load(&sample, &Leaf { usage: Usage::None, ..sample.leaf() });
    assert!(matches!(unsaid.check_relay(), Err(PkiError::NotForRelay(_))));
}
