//! The audit matrix (M-3, B.2.6) at the level of the judgement, in both roles, and how long a verdict holds.

use demo_pki::{Leaf, Name, Space, Usage as LeafUsage};

use super::*;
use crate::samples::{Chain, DOMAIN, HOST, STOP, Sample, hours, list, now, subject};

const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// The verdict on a chain, the same in both roles.
fn verdict(trust: &Trust, chain: &Chain) -> Result<(), Distrust> {
    let [client, server] = ROLES.map(|role| trust.peer(chain, role, now()).map(|_| ()));
    assert_eq!(client, server);
    client
}

fn reason(trust: &Trust, chain: &Chain) -> &'static str {
    verdict(trust, chain).unwrap_err().reason()
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

#[test]
fn the_audit_matrix_has_a_reason_for_each_case() {
    let sample = Sample::demo();
    let revoked = sample.issue(&sample.leaf());
    let files = sample.lists(&[revoked.1]);
    let trust = Trust::new(sample.parts(&files, Some(list(&[(DOMAIN, &subject().to_string())]))));
    assert_eq!(verdict(&trust, &sample.chain()), Ok(()));
    assert_eq!(reason(&trust, &revoked.0), "revoked");

    let issue = |leaf: Leaf| sample.issue(&leaf).0;
    let expired = issue(sample.leaf().lasting(now() - hours(48), now() - hours(1)));
    assert_eq!(verdict(&trust, &expired), Err(Distrust::Expired { at: now() - hours(1) }));
    let early = issue(sample.leaf().lasting(now() + hours(1), now() + hours(48)));
    assert_eq!(verdict(&trust, &early), Err(Distrust::NotYetValid { from: now() + hours(1) }));

    let named = |name| issue(Leaf { subject: name, ..sample.leaf() });
    let other = Name::server("smtp.inconnu.invalid", "1590000002", "INCONNU", "Nord (59)");
    assert_eq!(reason(&trust, &named(other)), "not-listed");
    let same_common_name = Name::server(HOST, "1590000009", "CLINIQUE DU SUD", "Rhône (69)");
    assert_eq!(reason(&trust, &named(same_common_name)), "other-name");

    for (usage, client, server) in [
        (LeafUsage::Both, true, true),
        (LeafUsage::Client, true, false),
        (LeafUsage::Server, false, true),
        (LeafUsage::Email, false, false),
        (LeafUsage::None, false, false),
    ] {
        let chain = issue(Leaf { usage, ..sample.leaf() });
        for (role, good) in ROLES.into_iter().zip([client, server]) {
            let reason = trust.peer(&chain, role, now()).err().map(|error| error.reason());
            assert_eq!(reason, (!good).then_some("wrong-usage"), "{usage:?} {role:?}");
        }
    }
    assert_eq!(reason(&trust, &Vec::new()), "no-certificate");
    assert_eq!(reason(&trust, &vec![CertificateDer::from(b"hello".to_vec())]), "malformed-certificate");
    assert_eq!(reason(&trust, &vec![sample.chain()[0].clone(); 9]), "malformed-certificate");
    assert_eq!(reason(&trust, &sample.chain()[1..].to_vec()), "bad-chain");
}

#[test]
fn other_hierarchies_are_told_apart_and_none_is_trusted() {
    let sample = Sample::demo();
    let trust = sample.trust();
    let foreign = Sample::new(Space::Foreign);
    let Err(Distrust::UnknownAuthority { issuer }) = verdict(&trust, &foreign.chain()) else {
        panic!("an authority that is not known");
    };
    assert!(issuer.to_lowercase().contains("o=autorite etrangere"), "{issuer}");
    // the most useful reason first
    let expired = foreign.leaf().lasting(now() - hours(48), now() - hours(1));
    assert_eq!(reason(&trust, &foreign.issue(&expired).0), "unknown-authority");
    let useless = Leaf { usage: LeafUsage::None, ..foreign.leaf() };
    assert_eq!(reason(&trust, &foreign.issue(&useless).0), "unknown-authority");

    let impostor = Sample::new(Space::Impostor);
    assert_eq!(reason(&trust, &impostor.chain()), "bad-signature");
    let expired = impostor.leaf().lasting(now() - hours(48), now() - hours(1));
    assert_eq!(reason(&trust, &impostor.issue(&expired).0), "bad-signature");
    // its chain without its own issuing authority
    assert_eq!(reason(&trust, &impostor.chain()[..1].to_vec()), "bad-signature");
}

#[test]
fn a_test_certificate_never_validates_in_production_even_under_trusted_roots() {
    let sample = Sample::demo();
    let test = Sample::new(Space::Test);
    assert_eq!(reason(&sample.trust(), &test.chain()), "test-certificate");
    let expired = test.leaf().lasting(now() - hours(48), now() - hours(1));
    assert_eq!(reason(&sample.trust(), &test.issue(&expired).0), "test-certificate");
    // the wrong roots were installed
    assert_eq!(reason(&test.trust(), &test.chain()), "test-certificate");
    let rows = list(&[(DOMAIN, &subject().to_string())]);
    let parts = Parts { environment: Environment::Test, ..test.parts(&test.lists(&[]), Some(rows)) };
    assert_eq!(verdict(&Trust::new(parts), &test.chain()), Ok(()));
}

#[test]
fn a_peer_speaks_for_the_domains_of_its_whole_name_only() {
    let sample = Sample::demo();
    let other =
        Name::server("smtp.est.invalid", "1590000003", "CLINIQUE DE L'EST", "Bas-Rhin (67)").to_string();
    let near = Name::server(HOST, "1590000004", "CLINIQUE DU SUD", "Rhône (69)").to_string();
    let own = subject().to_string();
    let rows = list(&[
        (DOMAIN, &other),
        (DOMAIN, &own),
        ("est.mssante.fr", &other),
        ("proche.mssante.fr", &near),
        ("mssante.apicrypt.org", &own),
    ]);
    let trust = Trust::new(sample.parts(&sample.lists(&[]), Some(rows)));
    let peer = trust.peer(&sample.chain(), Role::Server, now()).unwrap();
    for (text, expected) in [
        (DOMAIN, None),
        ("CLINIQUE-SUD.mssante.fr", None),
        // trust follows the list, never the suffix (M-9)
        ("mssante.apicrypt.org", None),
        ("sub.clinique-sud.mssante.fr", Some("domain-unlisted")),
        ("mssante.fr", Some("domain-unlisted")),
        ("est.mssante.fr", Some("not-listed-for-domain")),
        ("proche.mssante.fr", Some("other-name")),
    ] {
        let verdict = trust.speaks_for(&peer, &domain(text), now());
        assert_eq!(verdict.err().map(|error| error.reason()), expected, "{text}");
        let address = Address::parse(&format!("urgences@{text}")).unwrap();
        let recipient = trust.recipient(&peer, &address, now());
        assert_eq!(recipient.as_ref().err().map(Distrust::reason), expected, "{text}");
        assert!(recipient.is_err() || recipient.unwrap().address() == &address);
    }
    // who connected to us has not shown that it is a server
    let client = trust.peer(&sample.chain(), Role::Client, now()).unwrap();
    trust.speaks_for(&client, &domain(DOMAIN), now()).unwrap();
    let address = Address::parse("urgences@clinique-sud.mssante.fr").unwrap();
    assert_eq!(trust.recipient(&client, &address, now()).unwrap_err().reason(), "wrong-usage");
}

#[test]
fn without_a_recent_list_nothing_is_relayed_and_it_may_pass() {
    let sample = Sample::demo();
    let none = Trust::new(sample.parts(&sample.lists(&[]), None));
    assert_eq!(none.relaying(now()), Err(Distrust::NoList));
    assert_eq!(verdict(&none, &sample.chain()), Err(Distrust::NoList));
    let trust = sample.trust();
    let peer = trust.peer(&sample.chain(), Role::Client, now()).unwrap();
    assert_eq!(trust.relaying(now() + STOP), Ok(()));
    let late = now() + STOP + SignedDuration::from_secs(1);
    let too_old = Distrust::ListTooOld { age: STOP + SignedDuration::from_secs(1) };
    assert_eq!(trust.relaying(late), Err(too_old.clone()));
    assert!(too_old.is_temporary());
    assert!(trust.still(&peer, late).unwrap_err().is_temporary());
    assert_eq!(too_old.to_string().split(" hours").next().unwrap().rsplit(' ').next(), Some("360"));
}

#[test]
fn a_verdict_ends_with_what_it_rests_on() {
    let sample = Sample::demo();
    let (chain, serial) = sample.issue(&sample.leaf());
    let trust = sample.trust();
    let peer = trust.peer(&chain, Role::Client, now()).unwrap();
    assert_eq!(peer.name(), &DistinguishedName::parse(&subject().to_string()).unwrap());
    assert_eq!(peer.serial().to_uppercase(), serial.to_string());
    assert!(peer.not_after() > now() + hours(24 * 300));
    trust.still(&peer, now()).unwrap();
    // the lists of revoked certificates are due after 23 hours and serve four more
    trust.still(&peer, now() + hours(27)).unwrap();
    let stale = trust.still(&peer, now() + hours(27) + SignedDuration::from_secs(1)).unwrap_err();
    assert_eq!((stale.reason(), stale.is_temporary()), ("revocation-stale", true));
    // revoked meanwhile: the next trust says so of the same connection
    let rows = || Some(list(&[(DOMAIN, &subject().to_string())]));
    let revoked = Trust::new(sample.parts(&sample.lists(&[serial]), rows()));
    assert_eq!(revoked.still(&peer, now()).unwrap_err().reason(), "revoked");
    assert_eq!(revoked.speaks_for(&peer, &domain(DOMAIN), now()).unwrap_err().reason(), "revoked");
    // taken off the list meanwhile
    let other = list(&[(DOMAIN, "CN=smtp.autre.invalid,O=AUTRE,C=FR")]);
    let unlisted = Trust::new(sample.parts(&sample.lists(&[]), Some(other)));
    assert_eq!(unlisted.still(&peer, now()).unwrap_err().reason(), "not-listed");
    // the same again is another trust, and judges anew
    sample.trust().still(&peer, now()).unwrap();
}

#[test]
fn proofs_show_no_more_than_they_must() {
    let sample = Sample::demo();
    let trust = sample.trust();
    let peer = trust.peer(&sample.chain(), Role::Server, now()).unwrap();
    let patient = Address::parse("279035121518989@clinique-sud.mssante.fr").unwrap();
    let shown = format!("{:?}", trust.recipient(&peer, &patient, now()).unwrap());
    assert!(shown.starts_with("TrustedRecipient(***@clinique-sud.mssante.fr"), "{shown}");
}
