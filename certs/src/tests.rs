//! What a client sees of the demonstration PKI, and what a second run keeps.

use std::{os::unix::fs::PermissionsExt as _, sync::Arc, time::Duration};

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

use super::*;

fn now() -> Timestamp {
    "2026-11-21T09:30:00Z".parse().unwrap()
}

fn made(hostnames: &[&str]) -> (tempfile::TempDir, DemoPki) {
    let dir = tempfile::tempdir().unwrap();
    let pki = create(&dir.path().join("pki"), hostnames, now()).unwrap();
    (dir, pki)
}

fn roots(pki: &DemoPki) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&pki.ca).unwrap()).unwrap();
    Arc::new(roots)
}

fn chain(pki: &DemoPki) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(&pki.chain).unwrap().map(Result::unwrap).collect()
}

/// What a client that trusts the authority says of the server's certificate under `name` at `at`.
fn judged(pki: &DemoPki, name: &str, at: Timestamp) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(pki), provider).build().unwrap();
    let chain = chain(pki);
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().unsigned_abs()));
    let name = ServerName::try_from(name).unwrap();
    verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], at).map(|_| ())
}

#[test]
fn a_client_that_has_the_authority_accepts_the_server_and_only_by_its_names() {
    let (_dir, pki) = made(&["localhost", "127.0.0.1", "mail.chu-nord.mssante.fr"]);
    for name in ["localhost", "mail.chu-nord.mssante.fr", "127.0.0.1", "::1"] {
        judged(&pki, name, now()).unwrap();
    }
    judged(&pki, "mail.elsewhere.fr", now()).unwrap_err();
    judged(&pki, "127.0.0.2", now()).unwrap_err();
    judged(&pki, "localhost", days_later(398)).unwrap_err();
}

fn days_later(days: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_hours(24 * days)
}

#[test]
fn the_certificates_say_what_they_are_for() {
    let (_dir, pki) = made(&["localhost"]);
    let pem = fs::read(&pki.ca).unwrap();
    let pem = parse_x509_pem(&pem).unwrap().1;
    let authority = pem.parse_x509().unwrap();
    let constraints = authority.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = authority.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
    let pem = fs::read(&pki.chain).unwrap();
    let pem = parse_x509_pem(&pem).unwrap().1;
    let server = pem.parse_x509().unwrap();
    assert!(!server.basic_constraints().unwrap().unwrap().value.ca);
    let usage = server.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && usage.key_encipherment() && !usage.key_cert_sign());
    assert!(server.extended_key_usage().unwrap().unwrap().value.server_auth);
    assert_eq!(server.issuer(), authority.subject());
    let x509_parser::public_key::PublicKey::RSA(key) = server.public_key().parsed().unwrap() else {
        panic!("an RSA key");
    };
    assert_eq!(key.key_size(), 2048);
}

#[test]
fn keys_are_private() {
    let (dir, pki) = made(&["localhost"]);
    for key in [&pki.key, &dir.path().join("pki/ca.key")] {
        assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_second_run_keeps_everything() {
    let (dir, pki) = made(&["localhost", "mail.chu-nord.mssante.fr"]);
    let all = || [&pki.ca, &pki.chain, &pki.key].map(|path| fs::read(path).unwrap());
    let before = all();
    let again = create(&dir.path().join("pki"), &["localhost"], days_later(360)).unwrap();
    assert_eq!(again, pki);
    assert_eq!(all(), before);
}

#[test]
fn a_server_certificate_that_ends_soon_or_lacks_a_name_is_made_anew_by_the_same_authority() {
    let (dir, pki) = made(&["localhost"]);
    let dir = dir.path().join("pki");
    let authority = fs::read(&pki.ca).unwrap();
    let chain = fs::read(&pki.chain).unwrap();
    create(&dir, &["localhost", "mail.example.fr"], now()).unwrap();
    let named = fs::read(&pki.chain).unwrap();
    assert_ne!(named, chain);
    judged(&pki, "mail.example.fr", now()).unwrap();
    create(&dir, &["localhost"], days_later(380)).unwrap();
    assert_ne!(fs::read(&pki.chain).unwrap(), named);
    judged(&pki, "localhost", days_later(700)).unwrap();
    assert_eq!(fs::read(&pki.ca).unwrap(), authority);
}

#[test]
fn what_does_not_belong_together_is_made_anew() {
    let (dir, pki) = made(&["localhost"]);
    let (_other_dir, other) = made(&["localhost"]);
    fs::copy(&other.key, &pki.key).unwrap();
    let dir = dir.path().join("pki");
    create(&dir, &["localhost"], now()).unwrap();
    judged(&pki, "localhost", now()).unwrap();
    fs::write(dir.join("ca.key"), "not a key").unwrap();
    create(&dir, &["localhost"], now()).unwrap();
    judged(&pki, "localhost", now()).unwrap();
}

#[test]
fn a_name_that_cannot_stand_in_a_certificate_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(create(dir.path(), &["hôpital.fr"], now()), Err(DemoPkiError::Certificate(_))));
}
