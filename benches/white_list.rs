//! How fast a signed white list of 10,000 rows is read and verified, beside what hashing the same bytes costs, and how fast it answers.
//!
//! May use: the crate's public face, and a list that it signs itself. Must never become a test: nothing here passes or fails.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, unreachable_pub)]

mod measure;

use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use aws_lc_rs::digest;
use demo_pki::{Attribute, Hierarchy, Issued, Leaf, Name, Row, Space, Tier, sign_list};
use jiff::{SignedDuration, Timestamp};
use measure::{row, table};
use mssante::{Domain, dn::DistinguishedName};
use pki::{SignedList, TrustSettings, TrustSpace, canonical};

const ROWS: usize = 10_000;
/// As many as the agency's list has.
const OPERATORS: usize = 400;
const LOOKUPS: usize = 1_000_000;

fn main() {
    let now = Timestamp::now();
    let hierarchy = Hierarchy::new(Space::Demonstration, now).unwrap();
    let subject =
        Name::new().with(Attribute::Country, "FR").with(Attribute::CommonName, "alb.demonstration.invalid");
    let signer =
        hierarchy.organisations.issue(&Leaf::signer(subject, "alb@demonstration.invalid", now)).unwrap();
    let list = sign_list(&signer, now - SignedDuration::from_mins(1), &rows(now)).unwrap();
    table(
        &format!("a signed list of {ROWS} rows ({:.1} MB)", list.len() as f64 / 1e6),
        list.len(),
        (ROWS, "row"),
        vec![
            row("hashed (SHA-256)", || digest::digest(&digest::SHA256, &list)),
            row("in canonical form", || canonical(&list).unwrap().len()),
            row("read and its signature verified", || SignedList::read(&list).unwrap().certificate().len()),
        ],
    );
    let dir = tempfile::tempdir().unwrap();
    let space = space(&dir, &hierarchy, &signer, &list, now);
    lookups(&space, now);
}

fn name(operator: usize) -> String {
    format!(
        "CN=smtp{operator}.essai.fr,OU=1{operator:09},O=CENTRE HOSPITALIER D'ESSAI {operator},ST=Côte-d'Or (21),C=FR"
    )
}

fn rows(now: Timestamp) -> Vec<Row> {
    (0..ROWS)
        .map(|row| Row::new(&format!("etablissement{row}.mssante.fr"), &name(row % OPERATORS), now))
        .collect()
}

/// A trust space with that list in force; says how long it took to put it there.
fn space(
    dir: &tempfile::TempDir,
    hierarchy: &Hierarchy,
    signer: &Issued,
    list: &[u8],
    now: Timestamp,
) -> TrustSpace {
    let at = |name: &str| dir.path().join(name);
    fs::write(at("root.pem"), hierarchy.root.certificate_pem()).unwrap();
    fs::write(at("issuing.pem"), hierarchy.authorities_pem()).unwrap();
    fs::write(at("list.xml"), list).unwrap();
    fs::create_dir(at("crl")).unwrap();
    for tier in Tier::ALL {
        let crl = hierarchy.tier(tier).crl(
            &[],
            1,
            now - SignedDuration::from_mins(1),
            now + SignedDuration::from_hours(24),
        );
        fs::write(at("crl").join(tier.id()), crl.unwrap()).unwrap();
    }
    let mut settings = TrustSettings::new(&at("root.pem"), &at("crl"), &at("list.xml"), &at("state"));
    settings.authorities = Some(at("issuing.pem"));
    settings.signers = vec![signer.subject.to_string().parse().unwrap()];
    let began = Instant::now();
    let space = TrustSpace::open(settings.clone(), now).unwrap();
    told("read, verified, judged, kept (fsync) and put in force", began.elapsed());
    assert!(space.current().list().is_some(), "{:?}", space.status(now).alarms);
    let began = Instant::now();
    space.refresh(now);
    told("refreshed, nothing new", began.elapsed());
    let began = Instant::now();
    TrustSpace::open(settings, now).unwrap();
    told("taken up at a restart", began.elapsed());
    space
}

fn told(what: &str, time: Duration) {
    println!("{what:<54} {:>9.1} ms", time.as_secs_f64() * 1e3);
}

fn lookups(space: &TrustSpace, now: Timestamp) {
    let domains: Vec<Domain> =
        (0..ROWS).map(|row| format!("etablissement{row}.mssante.fr").parse().unwrap()).collect();
    let names: Vec<DistinguishedName> =
        (0..OPERATORS).map(|operator| name(operator).parse().unwrap()).collect();
    let trust = space.current();
    let list = trust.list().unwrap();
    each("the trust in force is looked at", |_| space.current().relaying(now).is_ok());
    each("a domain is listed", |at| list.contains(&domains[at % ROWS]));
    each("a name speaks for a domain", |at| {
        list.speaks_for(&names[at % ROWS % OPERATORS], &domains[at % ROWS])
    });
}

/// Domains are asked for in an order that caches do not foresee.
fn each(what: &str, mut ask: impl FnMut(usize) -> bool) {
    let began = Instant::now();
    let mut found = 0_usize;
    for turn in 0..LOOKUPS {
        found += usize::from(black_box(ask(turn.wrapping_mul(7_919))));
    }
    let nanoseconds = began.elapsed().as_secs_f64() * 1e9 / LOOKUPS as f64;
    println!("{what:<54} {nanoseconds:>9.1} ns ({found} of {LOOKUPS})");
}
