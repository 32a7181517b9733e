//! Lists that are soundly signed and still no use: written by hand, since no honest tool makes them.

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, SigningKey as _};
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use super::*;
use crate::samples::trusted;

/// ecdsaWithSHA256, and SHA-384.
const ALGORITHM: &[u8] = &[0x30, 0x0A, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 2];
const OTHER_ALGORITHM: &[u8] = &[0x30, 0x0A, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, 3];

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match length {
        [0, short] if short < 128 => vec![tag, short],
        [0, long] => vec![tag, 0x81, long],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

fn time(text: &str) -> Vec<u8> {
    tlv(0x17, &[text.as_bytes()])
}

/// An extension under 2.5.29.
fn extension(last: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xFF] } else { &[] };
    tlv(0x30, &[&[6, 3, 0x55, 0x1D, last], critical, &tlv(4, &[value])])
}

fn number(number: u8) -> Vec<u8> {
    extension(20, false, &[2, 1, number])
}

/// An issuing distribution point with one of its flags set.
fn only(flag: u8) -> Vec<u8> {
    extension(28, true, &[0x30, 3, 0x80 | flag, 1, 0xFF])
}

struct Hand {
    key: KeyPair,
    issuer: Vec<u8>,
    authorities: Authorities,
}

impl Hand {
    fn new(usages: &[KeyUsagePurpose]) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = usages.to_vec();
        let certificate = params.self_signed(&key).unwrap();
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
        let issuer = parsed.subject().as_raw().to_vec();
        let authorities = trusted(&certificate.pem(), &certificate.pem());
        Self { key, issuer, authorities }
    }

    fn signed(&self, list: &[u8], outer: &[u8]) -> Result<Crl, CrlFault> {
        let signature = self.key.sign(list).unwrap();
        Crl::read(&tlv(0x30, &[list, outer, &tlv(3, &[&[0], &signature])]), &self.authorities)
    }

    fn list(&self, next: Option<&str>, entries: &[Vec<u8>], extensions: &[Vec<u8>]) -> Vec<u8> {
        let next = next.map(time).unwrap_or_default();
        let entries = if entries.is_empty() { Vec::new() } else { tlv(0x30, &[&entries.concat()]) };
        let extensions = tlv(0xA0, &[&tlv(0x30, &[&extensions.concat()])]);
        let this = time("261121080000Z");
        tlv(0x30, &[&[2, 1, 1], ALGORITHM, &self.issuer, &this, &next, &entries, &extensions])
    }

    fn read(&self, entries: &[Vec<u8>], extensions: &[Vec<u8>]) -> Result<Crl, CrlFault> {
        self.signed(&self.list(Some("261122080000Z"), entries, extensions), ALGORITHM)
    }
}

fn entry(extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = if extensions.is_empty() { Vec::new() } else { tlv(0x30, &[&extensions.concat()]) };
    tlv(0x30, &[&[2, 1, 5], &time("261120080000Z"), &extensions])
}

#[test]
fn a_list_must_say_its_number_and_when_the_next_is_due() {
    let hand = Hand::new(&[KeyUsagePurpose::CrlSign]);
    let crl = hand.read(&[entry(&[])], &[number(1)]).unwrap();
    assert_eq!(crl.revoked(&Number::of(&[5]).unwrap()), Some("2026-11-20T08:00:00Z".parse().unwrap()));
    assert_eq!(hand.read(&[], &[extension(35, false, &[0x30, 0])]).unwrap_err(), CrlFault::NoNumber);
    assert_eq!(hand.read(&[], &[extension(20, false, &[2, 1, 0x80])]).unwrap_err(), CrlFault::NoNumber);
    let backwards = hand.list(Some("261121075959Z"), &[], &[number(1)]);
    assert!(matches!(hand.signed(&backwards, ALGORITHM), Err(CrlFault::NotACrl(_))));
    let endless = hand.list(None, &[], &[number(1)]);
    assert_eq!(hand.signed(&endless, ALGORITHM).unwrap_err(), CrlFault::NoNextUpdate);
}

#[test]
fn what_is_not_understood_is_not_believed() {
    let hand = Hand::new(&[KeyUsagePurpose::CrlSign]);
    let unknown = |critical| extension(99, critical, &[5, 0]);
    hand.read(&[], &[number(1), unknown(false)]).unwrap();
    let fault = hand.read(&[], &[number(1), unknown(true)]).unwrap_err();
    assert_eq!(fault, CrlFault::CriticalExtension("2.5.29.99".to_owned()));
    hand.read(&[entry(&[unknown(false)])], &[number(1)]).unwrap();
    let fault = hand.read(&[entry(&[unknown(true)])], &[number(1)]).unwrap_err();
    assert_eq!(fault, CrlFault::CriticalExtension("2.5.29.99".to_owned()));
    assert!(matches!(hand.read(&[], &[number(1), number(2)]), Err(CrlFault::NotACrl(_))));
    // another issuer's entry
    let others = entry(&[extension(29, true, &[0x30, 0])]);
    assert_eq!(hand.read(&[others], &[number(1)]).unwrap_err(), CrlFault::Indirect);
}

#[test]
fn a_list_of_some_certificates_speaks_of_those_only() {
    let hand = Hand::new(&[KeyUsagePurpose::CrlSign]);
    let covered = |flag| {
        hand.read(&[], &[number(1), only(flag)]).map(|crl| [crl.covers(false, &[]), crl.covers(true, &[])])
    };
    assert_eq!(covered(1).unwrap(), [true, false]);
    assert_eq!(covered(2).unwrap(), [false, true]);
    assert_eq!(covered(4).unwrap_err(), CrlFault::Indirect);
    assert_eq!(covered(5).unwrap_err(), CrlFault::Partial);
    let both = extension(28, true, &[0x30, 6, 0x81, 1, 0xFF, 0x82, 1, 0xFF]);
    assert_eq!(hand.read(&[], &[number(1), both]).unwrap_err(), CrlFault::Partial);
    let reasons = extension(28, true, &[0x30, 4, 0x83, 2, 1, 0xFE]);
    assert_eq!(hand.read(&[], &[number(1), reasons]).unwrap_err(), CrlFault::Partial);
}

#[test]
fn the_authority_must_be_allowed_to_sign_lists_and_the_algorithm_be_the_signed_one() {
    let hand = Hand::new(&[KeyUsagePurpose::KeyCertSign]);
    let fault = hand.read(&[], &[number(1)]).unwrap_err();
    assert!(matches!(fault, CrlFault::UnknownAuthority { .. }), "{fault:?}");
    let hand = Hand::new(&[]);
    hand.read(&[], &[number(1)]).unwrap();
    let list = hand.list(Some("261122080000Z"), &[], &[number(1)]);
    let fault = hand.signed(&list, OTHER_ALGORITHM).unwrap_err();
    assert!(matches!(fault, CrlFault::BadSignature { .. }), "{fault:?}");
    // version 1 has no extensions, and none is version 1
    let mut first = list;
    let at = first.windows(3).position(|version| version == [2, 1, 1]).unwrap();
    first[at + 2] = 0;
    assert!(hand.signed(&first, ALGORITHM).is_err());
}
