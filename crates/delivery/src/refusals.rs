//! The table of docs/refusals.md holds every refusal of this room, with its codes. A test only.

use std::{collections::BTreeSet, fs, path::Path};

use jiff::{SignedDuration, Timestamp};
use mssante::{Domain, dn::DistinguishedName, route::Reason};
use pki::Distrust;

use crate::{connector, conversation, distrust, limits, replies, scan};

const TABLE: &str = include_str!("../../../docs/refusals.md");

/// Each row's name and codes.
fn rows() -> BTreeSet<(String, String)> {
    let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| {
        let (name, rest) = row.split_once("` | ")?;
        Some((name.to_owned(), rest.split_once(" | ")?.0.to_owned()))
    });
    cells.collect()
}

fn row(name: &str, codes: impl Into<String>) -> (String, String) {
    (name.to_owned(), codes.into())
}

/// One of each; a new one does not compile until it has a place here.
fn place(distrust: &Distrust) -> usize {
    match distrust {
        Distrust::NoCertificate => 0,
        Distrust::Malformed(_) => 1,
        Distrust::TestCertificate => 2,
        Distrust::UnknownAuthority { .. } => 3,
        Distrust::NotYetValid { .. } => 4,
        Distrust::Expired { .. } => 5,
        Distrust::WrongUsage { .. } => 6,
        Distrust::BadSignature(_) => 7,
        Distrust::BadChain(_) => 8,
        Distrust::Revoked { .. } => 9,
        Distrust::RevocationUnknown { .. } => 10,
        Distrust::RevocationStale { .. } => 11,
        Distrust::NotListed { .. } => 12,
        Distrust::NotListedFor { .. } => 13,
        Distrust::OtherName { .. } => 14,
        Distrust::DomainUnlisted { .. } => 15,
        Distrust::NoList => 16,
        Distrust::ListTooOld { .. } => 17,
    }
}

fn every_distrust() -> Vec<Distrust> {
    let name = DistinguishedName::parse("CN=smtp.sud.fr,O=Sud,C=FR").unwrap();
    let domain = Domain::parse("clinique-sud.mssante.fr").unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let issuer = "CN=AC".to_owned();
    vec![
        Distrust::NoCertificate,
        Distrust::Malformed("x".into()),
        Distrust::TestCertificate,
        Distrust::UnknownAuthority { issuer: issuer.clone() },
        Distrust::NotYetValid { from: at },
        Distrust::Expired { at },
        Distrust::WrongUsage { needed: "clientAuth" },
        Distrust::BadSignature("x".into()),
        Distrust::BadChain("x".into()),
        Distrust::Revoked { serial: "01".into(), at },
        Distrust::RevocationUnknown { issuer: issuer.clone() },
        Distrust::RevocationStale { issuer, next_update: at },
        Distrust::NotListed { name: name.clone() },
        Distrust::NotListedFor { name: name.clone(), domain: domain.clone() },
        Distrust::OtherName { name, domain: domain.clone() },
        Distrust::DomainUnlisted { domain },
        Distrust::NoList,
        Distrust::ListTooOld { age: SignedDuration::from_hours(400) },
    ]
}

fn every_reason() -> Vec<Reason> {
    let all = vec![
        Reason::SenderState,
        Reason::BeyondRights,
        Reason::PatientNumber,
        Reason::UnknownRecipient,
        Reason::NoRecipient,
        Reason::OutsideTrustSpace,
        Reason::UnlistedDomain,
        Reason::TagNearMiss,
        Reason::DomainLookAlike,
        Reason::UnknownAnswer,
        Reason::NotSecure,
    ];
    // a new one does not compile until it is above
    for reason in &all {
        match reason {
            Reason::SenderState
            | Reason::BeyondRights
            | Reason::PatientNumber
            | Reason::UnknownRecipient
            | Reason::NoRecipient
            | Reason::OutsideTrustSpace
            | Reason::UnlistedDomain
            | Reason::TagNearMiss
            | Reason::DomainLookAlike
            | Reason::UnknownAnswer
            | Reason::NotSecure => {}
        }
    }
    all
}

/// The sources of this room below a directory, but for tests of their own.
fn sources(directory: &Path) -> Vec<String> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| !path.ends_with("tests.rs"));
    let texts = paths.flat_map(|path| match path.is_dir() {
        true => sources(&path),
        false => vec![fs::read_to_string(path).unwrap()],
    });
    texts.collect()
}

/// Each refusal that is written down with its code, status and name, so that none is forgotten in the lists of the tests.
fn written() -> BTreeSet<(String, String)> {
    let quoted = |text: &str| Some(text.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned());
    let mut found = BTreeSet::new();
    for text in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for arguments in text.split("::new(").skip(1) {
            let mut arguments = arguments.splitn(4, ',');
            let mut read = || {
                let code: u16 = arguments.next()?.trim().parse().ok()?;
                let (status, name) = (quoted(arguments.next()?)?, quoted(arguments.next()?)?);
                Some(row(&name, format!("{code} {status}")))
            };
            found.extend(read());
        }
    }
    found
}

/// What the outbound relay says: the names and codes are where they are used, each on a line.
fn outbound() -> BTreeSet<(String, String)> {
    let texts = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/relay_out")).into_iter();
    let found = texts.flat_map(|text| {
        let uses = text.split("Fault::new(\"").skip(1);
        let named = uses.filter_map(|rest| {
            let mut quoted = rest.splitn(4, '"');
            Some(row(quoted.next()?, quoted.nth(1)?))
        });
        named.collect::<Vec<_>>()
    });
    found.collect()
}

#[test]
fn every_refusal_is_in_the_table_with_its_codes() {
    let distrusted = every_distrust();
    let places: BTreeSet<usize> = distrusted.iter().map(place).collect();
    assert!(places.into_iter().eq(0..distrusted.len()), "one of each, and all of them");
    let mut expected: BTreeSet<(String, String)> = replies::tests::all()
        .iter()
        .chain(&connector::replies::tests::all())
        .chain(&scan::all_denials())
        .chain(&[conversation::over()])
        .chain(&limits::texts::all())
        .chain(&distrusted.iter().map(distrust::denial).collect::<Vec<_>>())
        .map(|denial| row(denial.reason, format!("{} {}", denial.code, denial.status)))
        .collect();
    let written = written();
    assert!(written.len() > 20, "they are found: {written:?}");
    expected.extend(written);
    let rows = rows();
    let missing: Vec<_> = expected.difference(&rows).collect();
    assert!(missing.is_empty(), "not in docs/refusals.md: {missing:?}");
    let outbound = outbound();
    assert!(!outbound.is_empty());
    let missing: Vec<_> = outbound.difference(&rows).collect();
    assert!(missing.is_empty(), "not in docs/refusals.md: {missing:?}");
    // nothing there that nobody says
    expected.extend(outbound);
    let reasons: BTreeSet<&str> = every_reason().into_iter().map(Reason::as_str).collect();
    for reason in &reasons {
        assert!(rows.iter().any(|(name, _)| name == reason), "{reason} is not in docs/refusals.md");
    }
    let stray: Vec<_> =
        rows.difference(&expected).filter(|(name, _)| !reasons.contains(name.as_str())).collect();
    assert!(stray.is_empty(), "in docs/refusals.md, and said by nobody: {stray:?}");
}

#[test]
fn each_check_has_its_name_a_temporary_one_a_4xx_and_both_languages_are_ascii() {
    let distrusted = every_distrust();
    let names: BTreeSet<&str> = distrusted.iter().map(Distrust::reason).collect();
    assert_eq!(names.len(), distrusted.len(), "no two have the same name");
    for distrust in &distrusted {
        let denial = distrust::denial(distrust);
        assert_eq!(denial.code / 100 == 4, distrust.is_temporary(), "{denial:?}");
        assert!(denial.status.starts_with(if distrust.is_temporary() { "4.7." } else { "5.7." }));
        assert!(denial.en.starts_with(&format!("{}: ", distrust.reason())), "{}", denial.en);
        assert!(denial.en.is_ascii() && denial.fr.is_ascii() && denial.en != denial.fr, "{denial:?}");
        assert!(denial.fr.len() > denial.reason.len() + 20, "it says what to do: {}", denial.fr);
    }
}
