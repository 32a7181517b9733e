//! Paths: what revocation says of each certificate, the dates of roots, and that no altered byte passes.

use demo_pki::{Leaf, Name, Space};
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::*;
use crate::samples::{Chain, Sample, file, hours, now, subject, trusted};

fn verdict(sample: &Sample, revocations: &Revocations, chain: &Chain) -> Result<Judged, Distrust> {
    sample.judge(revocations).chain(chain, Usage::Client, now())
}

#[test]
fn a_path_says_whose_it_is_and_until_when() {
    let sample = Sample::demo();
    let revocations = sample.revocations(&sample.lists(&[]));
    let judged = verdict(&sample, &revocations, &sample.chain()).unwrap();
    assert_eq!(judged.name, DistinguishedName::parse(&subject().to_string()).unwrap());
    // the revocation lists end first: in 23 hours, and four of grace
    assert_eq!(judged.until, now() + hours(27));
    assert!(judged.not_after > judged.until);
    // what is known here need not be presented; what is presented need not be in order, and may be too much
    let mut chain = sample.chain();
    chain.push(sample.hierarchy.root.certificate().to_vec().into());
    chain.push(sample.hierarchy.personnes.certificate().to_vec().into());
    for chain in [&chain[..1], &chain[..], &[chain[0].clone(), chain[2].clone(), chain[1].clone()]] {
        verdict(&sample, &revocations, &chain.to_vec()).unwrap();
    }
}

#[test]
fn each_authority_of_the_path_needs_its_list_and_revokes_by_it() {
    let sample = Sample::demo();
    let lists = sample.lists(&[]);
    for (missing, issuer) in [(0, "racine"), (1, "organisations")] {
        let mut some = lists.clone();
        some.remove(missing);
        let error = verdict(&sample, &sample.revocations(&some), &sample.chain()).unwrap_err();
        let Distrust::RevocationUnknown { issuer: named } = &error else { panic!("{error:?}") };
        assert!(named.to_lowercase().contains(issuer), "{named}");
        assert!(error.is_temporary());
    }
    // PERSONNES issued nothing of this path
    verdict(&sample, &sample.revocations(&lists[..2]), &sample.chain()).unwrap();

    // the root revokes ORGANISATIONS, whose own list is missing: what is known counts first
    let organisations = &sample.hierarchy.organisations;
    let (_, parsed) = X509Certificate::from_der(organisations.certificate()).unwrap();
    let serial = demo_pki::Serial::new(parsed.raw_serial());
    let by_root = sample.hierarchy.root.crl(&[serial], 1, now() - hours(1), now() + hours(1)).unwrap();
    let error = verdict(&sample, &sample.revocations(&[file(by_root)]), &sample.chain()).unwrap_err();
    assert_eq!(error.reason(), "revoked");
}

#[test]
fn an_authority_that_is_only_presented_leads_up_but_nothing_is_known_of_its_revocations() {
    let sample = Sample::demo();
    let root = sample.hierarchy.root.certificate_pem();
    // ORGANISATIONS is not among the known ones
    let authorities = trusted(&root, &sample.hierarchy.personnes.certificate_pem());
    let revocations = Revocations::none().update(&sample.lists(&[]), &authorities, now()).0;
    let judge = Judge { authorities: &authorities, ..sample.judge(&revocations) };
    let judged = |chain: &Chain| judge.chain(chain, Usage::Client, now()).map(|_| ());
    let chain = sample.chain();
    assert_eq!(judged(&chain).unwrap_err().reason(), "revocation-unknown");
    assert_eq!(judged(&chain[..1].to_vec()).unwrap_err().reason(), "unknown-authority");
    // so it was verified: no altered byte of it leads up
    for at in 0..chain[1].len() {
        let mut bytes = chain[1].to_vec();
        bytes[at] ^= 1 << (at % 8);
        let error = judged(&vec![chain[0].clone(), bytes.into()]).unwrap_err();
        assert!(!error.is_temporary(), "byte {at}: {error:?}");
    }
}

#[test]
fn no_altered_byte_of_a_certificate_is_accepted() {
    let sample = Sample::demo();
    let revocations = sample.revocations(&sample.lists(&[]));
    let chain = sample.chain();
    verdict(&sample, &revocations, &chain).unwrap();
    for at in 0..chain[0].len() {
        for flip in [1_u8, 1 << (at % 8), 0xFF] {
            let mut bytes = chain[0].to_vec();
            bytes[at] ^= flip;
            let altered = vec![CertificateDer::from(bytes), chain[1].clone()];
            assert!(verdict(&sample, &revocations, &altered).is_err(), "byte {at} ^ {flip:#x}");
        }
    }
}

#[test]
fn the_dates_of_the_issuer_count_too() {
    let sample = Sample::demo();
    let chain = sample.issue(&sample.leaf().lasting(now(), now() + hours(24 * 365 * 20))).0;
    let revocations = sample.revocations(&sample.lists(&[]));
    // the demonstration's authorities last ten years
    let late = now() + hours(24 * 365 * 11);
    assert_eq!(
        sample.judge(&revocations).chain(&chain, Usage::Client, late).unwrap_err().reason(),
        "expired"
    );
}

#[test]
fn the_dates_of_the_root_count_too() {
    let authority = |name: &str, years: std::ops::Range<i32>| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        (params.not_before, params.not_after) =
            (date_time_ymd(years.start, 1, 1), date_time_ymd(years.end, 1, 1));
        (params, KeyPair::generate().unwrap())
    };
    let (root, root_key) = authority("root", 2026..2027);
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let root = Issuer::new(root, root_key);
    let (issuing, issuing_key) = authority("issuing", 2020..2040);
    let issuing_pem = issuing.signed_by(&issuing_key, &root).unwrap().pem();
    let issuing = Issuer::new(issuing, issuing_key);
    let mut leaf = CertificateParams::default();
    (leaf.not_before, leaf.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &issuing).unwrap();

    let authorities = trusted(&root_pem, &issuing_pem);
    let revocations = Revocations::none();
    let judge = Judge {
        environment: Environment::Production,
        authorities: &authorities,
        revocations: &revocations,
        crl_grace: SignedDuration::ZERO,
        as_of: false,
    };
    let chain = [leaf.der().clone()];
    let path = |at: Timestamp| judge.path(&chain, &parse(&chain).unwrap(), Usage::Client, at);
    assert_eq!(path(now()).unwrap().until, "2027-01-01T00:00:00Z".parse().unwrap());
    let reason = |at: Timestamp| path(at).err().map(|error| error.reason());
    assert_eq!(reason("2027-01-01T00:00:00Z".parse().unwrap()), None);
    assert_eq!(reason("2027-01-01T00:00:01Z".parse().unwrap()), Some("expired"));
    assert_eq!(reason("2025-12-31T23:59:59Z".parse().unwrap()), Some("not-yet-valid"));
}

#[test]
fn a_certificate_of_another_authority_of_the_space_is_judged_by_that_ones_list() {
    let sample = Sample::demo();
    let person = Leaf::person(Name::professional("899700000018", "MARTIN", "Claire", "Médecin"), now());
    let issued = sample.hierarchy.personnes.issue(&person.with_key(&sample.key)).unwrap();
    let chain: Chain = issued.chain.into_iter().map(CertificateDer::from).collect();
    let lists = sample.lists(&[]);
    let judged = verdict(&sample, &sample.revocations(&lists), &chain).unwrap();
    // a multi-valued RDN, whole
    assert_eq!(judged.name.common_names().collect::<Vec<_>>(), ["899700000018"]);
    let error = verdict(&sample, &sample.revocations(&lists[..2]), &chain).unwrap_err();
    assert_eq!(error.reason(), "revocation-unknown");
}

#[test]
fn a_chain_that_is_tangled_or_not_its_owners_is_refused() {
    let sample = Sample::demo();
    let revocations = sample.revocations(&sample.lists(&[]));
    // a leaf does not issue
    let chain = sample.chain();
    let foreign = Sample::new(Space::Foreign);
    let reason = |chain: Chain| verdict(&sample, &revocations, &chain).unwrap_err().reason();
    assert_eq!(
        reason(vec![foreign.chain()[0].clone(), chain[0].clone(), chain[1].clone()]),
        "unknown-authority"
    );
    // what a peer's engineer makes for a first try: its own issuer, and an authority by default
    let mut own = CertificateParams::default();
    own.distinguished_name.push(DnType::CommonName, "essai");
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = own.self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert_eq!(reason(vec![own.der().clone()]), "unknown-authority");
    let said = presented(std::slice::from_ref(own.der()));
    assert_eq!(said[0], ("presented-subject", "CN=essai".to_owned()));
    assert_eq!(said[1], ("presented-issuer", "CN=essai".to_owned()));
    assert!(!said[2].1.is_empty());
    assert!(presented(&[]).is_empty() && presented(&[CertificateDer::from(vec![0x30, 0])]).is_empty());
    // an extra certificate that cannot be read spoils all
    assert_eq!(reason(vec![chain[0].clone(), CertificateDer::from(vec![0x30, 0])]), "malformed-certificate");
    let long = vec![0x30; MAX_CERTIFICATE_BYTES + 1];
    assert_eq!(reason(vec![chain[0].clone(), long.into()]), "malformed-certificate");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_judged_without_panic(chain in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
        let authorities = Authorities::none();
        let revocations = Revocations::none();
        let judge = Judge {
            environment: Environment::Production,
            authorities: &authorities,
            revocations: &revocations,
            crl_grace: SignedDuration::ZERO,
 as_of: false,
        };
        let chain: Chain = chain.into_iter().map(CertificateDer::from).collect();
        prop_assert!(judge.chain(&chain, Usage::Server, now()).is_err());
    }
}
