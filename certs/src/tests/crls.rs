//! The revocation lists, as openssl and webpki see them.

use std::fs;

use super::*;

fn verify(world: &World, issued: &Issued, dir: &Path) -> (bool, String) {
    let (leaf, crls, above) = (dir.join("leaf.pem"), dir.join("crls.pem"), dir.join("above.pem"));
    fs::write(&leaf, issued.chain_pem()).unwrap();
    fs::write(&above, world.hierarchy().authorities_pem()).unwrap();
    let lists = Tier::ALL.map(|tier| {
        let der = fs::read(world.crls().join(format!("{}.crl", tier.id()))).unwrap();
        pem::encode(&der, "X509 CRL")
    });
    fs::write(&crls, lists.concat()).unwrap();
    let at = now().as_second().to_string();
    let ca = world.ca();
    let words = [
        "verify",
        "-x509_strict",
        "-crl_check_all",
        "-attime",
        &at,
        "-CAfile",
        ca.to_str().unwrap(),
        "-CRLfile",
    ];
    let words = [&words[..], &[crls.to_str().unwrap(), "-untrusted", above.to_str().unwrap()]].concat();
    ask("openssl", &words, &[&leaf])
}

#[test]
fn openssl_accepts_the_chain_with_its_lists_until_the_certificate_is_revoked() {
    let (dir, world) = made(&["localhost"]);
    let leaf = Leaf::server(nord(&[]).subject, &["localhost"], now());
    let issued = world.hierarchy().organisations.issue(&leaf).unwrap();
    let (ok, said) = verify(&world, &issued, dir.path());
    assert!(ok, "{said}");
    world.revoke(Tier::Organisations, &Serial::new(&[7]), now()).unwrap();
    assert!(verify(&world, &issued, dir.path()).0);
    world.revoke(Tier::Organisations, &issued.serial, now()).unwrap();
    let (ok, said) = verify(&world, &issued, dir.path());
    assert!(!ok && said.contains("certificate revoked"), "{said}");
    let words = ["crl", "-noout", "-text", "-inform", "DER", "-in"];
    let (ok, said) = ask("openssl", &words, &[&world.crls().join("organisations.crl")]);
    assert!(ok && said.contains("X509v3 CRL Number: \n                3"), "{said}");
    assert!(said.contains(&format!("Serial Number: {}", issued.serial)), "{said}");
    assert!(said.contains("Last Update: Nov 21 09:29:02 2026 GMT"), "two more within the minute: {said}");
    assert!(said.contains("Next Update: Nov 28 09:30:00 2026 GMT"), "{said}");
}

#[test]
fn an_authority_that_was_revoked_takes_its_leaves_with_it() {
    let (dir, world) = made(&["localhost"]);
    let leaf = Leaf::server(nord(&[]).subject, &["localhost"], now());
    let issued = world.hierarchy().organisations.issue(&leaf).unwrap();
    let authority = crate::kept::serial(world.hierarchy().organisations.certificate()).unwrap();
    world.revoke(Tier::Root, &authority, now()).unwrap();
    let (ok, said) = verify(&world, &issued, dir.path());
    assert!(!ok && said.contains("certificate revoked"), "{said}");
}

#[test]
fn delta_and_indirect_lists_are_what_they_say() {
    let authority = Hierarchy::new(Space::Demonstration, now()).unwrap().organisations;
    let whole = Crl {
        revoked: vec![Serial::new(&[1])],
        number: 300,
        this_update: now(),
        next_update: days_later(1),
        delta_of: None,
        indirect: false,
        point: None,
    };
    let parse = |crl: &Crl| {
        let der = authority.crl_of(crl).unwrap();
        webpki::OwnedCertRevocationList::from_der(&der).map(|_| ())
    };
    parse(&whole).unwrap();
    let delta = parse(&Crl { delta_of: Some(299), ..whole.clone() }).unwrap_err();
    assert!(matches!(delta, webpki::Error::UnsupportedDeltaCrl), "{delta:?}");
    let indirect = parse(&Crl { indirect: true, ..whole }).unwrap_err();
    assert!(matches!(indirect, webpki::Error::UnsupportedIndirectCrl), "{indirect:?}");
}
