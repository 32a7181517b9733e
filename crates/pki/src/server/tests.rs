//! What clients meet at an access listener, and what an administrator is told about wrong files.

use std::{fs, os::unix::fs::PermissionsExt as _};

use demo_pki::{Name, Operator, World};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, ServerConnection,
    client::Resumption, pki_types::ServerName,
};

use super::*;

struct Files {
    dir: tempfile::TempDir,
    chain: PathBuf,
    key: PathBuf,
}

impl Files {
    /// The demonstration PKI of today: clients judge dates by the clock of this machine.
    fn demo() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let subject = Name::server("localhost", "1000000000", "CH DE DEMONSTRATION", "Nord (59)");
        let operator = Operator { id: "nord".to_owned(), hostnames: vec!["localhost".to_owned()], subject };
        let world = World::create(dir.path(), &[operator], &[], Timestamp::now()).unwrap();
        Self { dir, chain: world.chain("nord"), key: world.key("nord") }
    }

    fn of(params: &CertificateParams) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate().unwrap();
        let files = Self { chain: dir.path().join("chain"), key: dir.path().join("key"), dir };
        fs::write(&files.chain, params.self_signed(&pair).unwrap().pem()).unwrap();
        files.set_key(&pair.serialize_pem());
        files
    }

    fn set_key(&self, text: &str) {
        fs::write(&self.key, text).unwrap();
        fs::set_permissions(&self.key, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn load(&self) -> Result<ServerTls, PkiError> {
        ServerTls::load(&self.chain, &self.key)
    }

    /// A client that trusts the authority; with a suite, it speaks that one alone.
    fn client(&self, suite: Option<CipherSuite>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.dir.path().join("ca.pem")).unwrap()).unwrap();
        let mut provider = aws_lc_rs::default_provider();
        provider.cipher_suites.retain(|found| suite.is_none_or(|suite| found.suite() == suite));
        let versions: &[&SupportedProtocolVersion] =
            if suite.is_some() { &[&TLS12] } else { &[&TLS13, &TLS12] };
        ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

/// A whole handshake in memory, with what the server sends after it.
fn handshake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
) -> Result<ClientConnection, rustls::Error> {
    let mut server = ServerConnection::new(Arc::clone(server))?;
    let mut client = ClientConnection::new(Arc::clone(client), ServerName::try_from("localhost").unwrap())?;
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
    Ok(client)
}

#[test]
fn clients_reach_both_versions_unless_the_listener_stops_at_the_first() {
    let files = Files::demo();
    let tls = files.load().unwrap();
    let client = Arc::new(files.client(None));
    let connection = handshake(&tls.access_config(TlsVersion::V1_3), &client).unwrap();
    assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let connection = handshake(&tls.access_config(TlsVersion::V1_2), &client).unwrap();
    assert_eq!(connection.protocol_version(), Some(ProtocolVersion::TLSv1_2));
}

#[test]
fn the_suites_of_the_rule_are_served_in_tls_1_2() {
    let files = Files::demo();
    let config = files.load().unwrap().access_config(TlsVersion::V1_2);
    for suite in [
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ] {
        let client = files.client(Some(suite));
        let connection = handshake(&config, &Arc::new(client)).unwrap();
        assert_eq!(connection.negotiated_cipher_suite().unwrap().suite(), suite);
    }
    assert_eq!(provider().cipher_suites.len(), TLS12_SUITES.len() + 3);
}

#[test]
fn a_session_resumes_on_its_listener_and_on_no_other() {
    let files = Files::demo();
    let tls = files.load().unwrap();
    for highest in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let (one, other) = (tls.access_config(highest), tls.access_config(highest));
        let mut client = files.client(None);
        client.resumption = Resumption::in_memory_sessions(8);
        let client = Arc::new(client);
        let kind = |server| handshake(server, &client).unwrap().handshake_kind();
        assert_eq!(kind(&one), Some(HandshakeKind::Full));
        assert_eq!(kind(&one), Some(HandshakeKind::Resumed), "{highest:?}");
        assert_eq!(kind(&other), Some(HandshakeKind::Full), "{highest:?}");
    }
}

#[test]
fn the_certificate_is_described() {
    let description = Files::demo().load().unwrap().describe();
    assert!(description.subject.contains("CN=localhost"), "{}", description.subject);
    assert_eq!(description.names, ["localhost", "127.0.0.1", "::1"]);
    assert!(description.not_before < description.not_after);
}

#[test]
fn dates_are_judged_at_the_instant_given() {
    let tls = Files::demo().load().unwrap();
    let Description { not_before, not_after, .. } = tls.describe();
    let second = jiff::SignedDuration::from_secs(1);
    tls.check_dates(not_before).unwrap();
    tls.check_dates(not_after).unwrap();
    assert!(matches!(tls.check_dates(not_before - second), Err(PkiError::NotYetValid { .. })));
    assert!(matches!(tls.check_dates(not_after + second), Err(PkiError::Expired { .. })));
}

#[test]
fn the_end_of_a_certificate_is_seen_coming() {
    let description = Files::demo().load().unwrap().describe();
    let days = |days| description.not_after - jiff::SignedDuration::from_hours(24 * days);
    assert_eq!(description.days_left(days(EXPIRES_SOON_DAYS)), EXPIRES_SOON_DAYS);
    assert!(!description.expires_soon(days(EXPIRES_SOON_DAYS)));
    assert!(description.expires_soon(days(EXPIRES_SOON_DAYS - 1)));
    assert!(description.days_left(days(-1)) < 0 && description.expires_soon(days(-1)));
}

#[test]
fn files_that_are_missing_or_hold_something_else_are_named() {
    let files = Files::demo();
    let absent = files.dir.path().join("absent");
    assert!(matches!(ServerTls::load(&absent, &files.key), Err(PkiError::Unreadable { .. })));
    assert!(matches!(ServerTls::load(&files.chain, &absent), Err(PkiError::Unreadable { .. })));
    assert!(matches!(ServerTls::load(&files.key, &files.key), Err(PkiError::NoCertificate(_))));
    fs::set_permissions(&files.chain, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(ServerTls::load(&files.chain, &files.chain), Err(PkiError::NoKey(_))));
    let empty = files.dir.path().join("empty");
    fs::write(&empty, "").unwrap();
    assert!(matches!(ServerTls::load(&empty, &files.key), Err(PkiError::NoCertificate(_))));
    fs::write(&empty, "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(ServerTls::load(&empty, &files.key), Err(PkiError::BadPem(_))));
    fs::write(&empty, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(ServerTls::load(&empty, &files.key), Err(PkiError::BadCertificate { .. })));
    fs::write(&empty, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(matches!(ServerTls::load(&empty, &files.key), Err(PkiError::TooLarge(_))));
}

#[test]
fn keys_that_cannot_serve_are_named() {
    let files = Files::demo();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(files.load(), Err(PkiError::ExposedKey { mode: 0o644, .. })));
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o640)).unwrap();
    files.load().unwrap();
    files.set_key("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
    assert!(matches!(files.load(), Err(PkiError::EncryptedKey(_))));
    files.set_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert!(matches!(files.load(), Err(PkiError::BadKey { .. })));
    files.set_key(&KeyPair::generate().unwrap().serialize_pem());
    assert!(matches!(files.load(), Err(PkiError::KeyMismatch { .. })));
}

#[test]
fn certificates_that_cannot_serve_are_named() {
    let params = || CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    Files::of(&params()).load().unwrap();
    let mut authority = params();
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    assert!(matches!(Files::of(&authority).load(), Err(PkiError::AuthorityFirst(_))));
    let mut client = params();
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    assert!(matches!(Files::of(&client).load(), Err(PkiError::NotForServers(_))));
    assert!(matches!(Files::of(&CertificateParams::default()).load(), Err(PkiError::NoNames(_))));
}

#[test]
fn nothing_of_the_key_is_shown() {
    let shown = format!("{:?}", Files::demo().load().unwrap());
    assert!(shown.starts_with("ServerTls { description"), "{shown}");
    assert!(!shown.contains("key"), "{shown}");
}

#[test]
fn another_certificate_is_shown_once_its_files_hold_it_and_only_if_it_can_serve() {
    let now = Timestamp::now();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let files = Files::of(&params);
    let tls = files.load().unwrap();
    let clone = tls.clone();
    assert!(!tls.reread(now).unwrap(), "nothing changed");
    let before = tls.chain();
    // half of a renewal: the new chain lies beside the old key
    let pair = KeyPair::generate().unwrap();
    fs::write(&files.chain, params.self_signed(&pair).unwrap().pem()).unwrap();
    assert!(matches!(tls.reread(now), Err(PkiError::KeyMismatch { .. })));
    assert_eq!(clone.chain(), before);
    files.set_key(&pair.serialize_pem());
    assert!(tls.reread(now).unwrap());
    let renewed = clone.chain();
    assert_ne!(renewed, before, "clones show the same");
    // one that no operator would accept, or whose time is over, is not shown
    for (usages, at) in [
        (vec![ExtendedKeyUsagePurpose::ServerAuth], now),
        (params.extended_key_usages.clone(), now + jiff::SignedDuration::from_hours(24 * 366 * 3000)),
    ] {
        params.extended_key_usages = usages;
        fs::write(&files.chain, params.self_signed(&pair).unwrap().pem()).unwrap();
        assert!(tls.reread(at).is_err());
        assert_eq!(tls.chain(), renewed);
    }
}
