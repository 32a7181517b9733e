//! The certificates: what they say, and to whom they prove what.

use std::{sync::Arc, time::Duration};

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use x509_parser::{extensions::ParsedExtension, parse_x509_certificate};

use super::*;

/// What a client that trusts the root says of the server's certificate under `name` at `at`.
pub(super) fn judged(world: &World, name: &str, at: Timestamp) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(world.ca()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(world.chain("nord")).unwrap().map(Result::unwrap).collect();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().unsigned_abs()));
    let name = ServerName::try_from(name).unwrap();
    verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], at).map(|_| ())
}

/// What a server that trusts `roots` says of a client that shows `issued`.
fn as_client(root: &Authority, issued: &Issued) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(root.certificate().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let chain: Vec<_> = issued.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let at = UnixTime::since_unix_epoch(Duration::from_secs(now().as_second().unsigned_abs()));
    verifier.verify_client_cert(&chain[0], &chain[1..], at).map(|_| ())
}

#[test]
fn a_client_that_has_the_root_accepts_the_server_and_only_by_its_names() {
    let (_dir, world) = made(&["localhost", "127.0.0.1", "mail.chu-nord.mssante.fr"]);
    for name in ["localhost", "mail.chu-nord.mssante.fr", "127.0.0.1", "::1"] {
        judged(&world, name, now()).unwrap();
    }
    judged(&world, "mail.elsewhere.fr", now()).unwrap_err();
    judged(&world, "127.0.0.2", now()).unwrap_err();
    judged(&world, "localhost", days_later(SERVER_DAYS + 1)).unwrap_err();
}

#[test]
fn the_certificates_have_the_shape_of_the_trust_space() {
    let (_dir, world) = made(&["localhost"]);
    let pem = std::fs::read_to_string(world.chain("nord")).unwrap();
    let der = pem::decode(&pem, pem::CERTIFICATE).unwrap();
    let server = parse_x509_certificate(&der).unwrap().1;
    let issuer = world.hierarchy().organisations.certificate();
    let issuer = parse_x509_certificate(issuer).unwrap().1;
    assert_eq!(server.issuer().as_raw(), issuer.subject().as_raw());
    assert_eq!(
        issuer.subject().to_string(),
        "C=FR, O=VAGUEMESTRE, OU=0002 000000000, OU=IGC-SANTE DEMONSTRATION, \
         CN=AC DEMONSTRATION ELEMENTAIRE ORGANISATIONS"
    );
    assert_eq!(
        server.subject().to_string(),
        "C=FR, ST=Côte-d'Or (21), O=CHU \"NORD\" & Cie, OU=1990000001, CN=mail.chu-nord.fr"
    );
    let constraints = issuer.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca && constraints.value.path_len_constraint == Some(0));
    let usage = issuer.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
    assert!(!server.basic_constraints().unwrap().unwrap().value.ca);
    let usage = server.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.digital_signature() && usage.value.key_encipherment());
    assert!(!usage.value.key_cert_sign() && !usage.value.non_repudiation());
    let usage = server.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && usage.client_auth && !usage.email_protection);
    let x509_parser::public_key::PublicKey::RSA(key) = server.public_key().parsed().unwrap() else {
        panic!("an RSA key");
    };
    assert_eq!(key.key_size(), 2048);
    assert_eq!(policy(&server), SERVER_POLICY);
    assert!(server.iter_extensions().any(|extension| {
        matches!(extension.parsed_extension(), ParsedExtension::CRLDistributionPoints(points)
            if format!("{points:?}").contains("http://igc-sante.demonstration.invalid/CRL/ACI-EL-ORG.crl"))
    }));
    let signer = parse_x509_certificate(world.signer().der()).unwrap().1;
    let usage = signer.key_usage().unwrap().unwrap().value;
    assert!(usage.digital_signature() && usage.non_repudiation() && !usage.key_encipherment());
    assert!(signer.extended_key_usage().unwrap().unwrap().value.email_protection);
    assert_eq!(policy(&signer), SIGNING_POLICY);
}

fn policy(certificate: &x509_parser::certificate::X509Certificate<'_>) -> String {
    let policies = certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::CertificatePolicies(policies) => Some(policies),
        _ => None,
    });
    policies.unwrap()[0].policy_id.to_id_string()
}

#[test]
fn a_name_of_several_attributes_in_one_rdn_is_read_as_such() {
    let hierarchy = Hierarchy::new(Space::Demonstration, now()).unwrap();
    let subject = Name::professional("899700075122", "DURAND", "Zoé", "Médecin");
    assert_eq!(subject.to_string(), "SN=DURAND+CN=899700075122+GN=Zoé,title=Médecin,C=FR");
    let issued = hierarchy.personnes.issue(&Leaf::person(subject, now())).unwrap();
    let parsed = parse_x509_certificate(issued.der()).unwrap().1;
    let rdns: Vec<usize> = parsed.subject().iter_rdn().map(|rdn| rdn.iter().count()).collect();
    assert_eq!(rdns, [1, 1, 3]);
    assert_eq!(parsed.subject().iter_common_name().next().unwrap().as_str().unwrap(), "899700075122");
    as_client(&hierarchy.root, &issued).unwrap();
}

#[test]
fn what_is_not_right_is_not_accepted_by_others_either() {
    let right = Hierarchy::new(Space::Demonstration, now()).unwrap();
    let key = Key::generate().unwrap();
    let leaf = Leaf::server(nord(&[]).subject, &["localhost"], now()).with_key(&key);
    as_client(&right.root, &right.organisations.issue(&leaf).unwrap()).unwrap();
    let ended = leaf.clone().lasting(days_later(-20), days_later(-1));
    let early = leaf.clone().lasting(days_later(1), days_later(20));
    let server = Leaf { usage: Usage::Server, ..leaf.clone() };
    for wrong in [ended, early, server] {
        as_client(&right.root, &right.organisations.issue(&wrong).unwrap()).unwrap_err();
    }
    for space in [Space::Test, Space::Foreign, Space::Impostor] {
        let other = Hierarchy::new(space, now()).unwrap();
        let issued = other.organisations.issue(&leaf).unwrap();
        as_client(&other.root, &issued).unwrap();
        as_client(&right.root, &issued).unwrap_err();
        let parsed = parse_x509_certificate(issued.der()).unwrap().1;
        let expected = if space == Space::Test { TEST_POLICY } else { SERVER_POLICY };
        assert_eq!(policy(&parsed), expected);
        let same_names = parsed.issuer().as_raw() == right.organisations.subject().to_der();
        assert_eq!(same_names, space == Space::Impostor);
    }
}

#[test]
fn a_name_that_cannot_stand_in_a_certificate_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let operator = nord(&["hôpital.fr"]);
    assert!(matches!(World::create(dir.path(), &[operator], &[], now()), Err(DemoPkiError::Name(_))));
}
