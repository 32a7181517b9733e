//! How fast another operator is judged: its chain when it connects, and the verdict looked at again with each message.
//!
//! May use: the public face of the crate, over the demonstration's authorities. Must never become a test: nothing here passes or fails.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

mod measure;

use aws_lc_rs::digest;
use demo_pki::{Name, Operator, Row, SIGNING_POLICY, World};
use jiff::Timestamp;
use measure::{row, table};
use mssante::Domain;
use pki::{Role, TrustSettings, TrustSpace};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

const TIMES: usize = 1_000;
const DOMAIN: &str = "clinique-sud.mssante.fr";

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let now = Timestamp::now();
    let subject = Name::server("smtp.sud.invalid", "1590000001", "CLINIQUE DU SUD", "Rhône (69)");
    let rows = [Row::new(DOMAIN, &subject, now)];
    let operator = Operator { id: "sud".to_owned(), hostnames: vec!["smtp.sud.invalid".to_owned()], subject };
    let world = World::create(&dir.path().join("pki"), &[operator], &rows, now).unwrap();
    let mut settings =
        TrustSettings::new(&world.ca(), &world.crls(), &world.list(), &dir.path().join("state"));
    settings.authorities = Some(world.authorities());
    settings.signers = vec![world.signer().subject.to_string().parse().unwrap()];
    settings.signer_policies = vec![SIGNING_POLICY.to_owned()];
    let trust = TrustSpace::open(settings, now).unwrap().current();
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(world.chain("sud")).unwrap().map(Result::unwrap).collect();
    let bytes: usize = chain.iter().map(|certificate| certificate.len()).sum();
    let peer = trust.peer(&chain, Role::Client, now).unwrap();
    let domain = Domain::parse(DOMAIN).unwrap();
    table(
        "a peer, when it connects: chain, revocation, white list",
        bytes,
        (1, "peer"),
        vec![
            row("SHA-256 of its chain", || {
                chain.iter().map(|part| digest::digest(&digest::SHA256, part).as_ref().len()).sum::<usize>()
            }),
            row("judged", || trust.peer(&chain, Role::Client, now).is_ok()),
            row("refused: a byte of its signature altered", {
                let mut altered = chain.clone();
                let mut der = altered[0].to_vec();
                *der.last_mut().unwrap() ^= 1;
                altered[0] = der.into();
                let trust = &trust;
                move || trust.peer(&altered, Role::Client, now).is_err()
            }),
        ],
    );
    table(
        "a peer, with each message: does the verdict still hold",
        bytes * TIMES,
        (TIMES, "message"),
        vec![
            row("the domain found in the list", || {
                (0..TIMES).filter(|_| trust.list().unwrap().contains(&domain)).count()
            }),
            row("speaks for its domain", || {
                (0..TIMES).filter(|_| trust.speaks_for(&peer, &domain, now).is_ok()).count()
            }),
        ],
    );
}
