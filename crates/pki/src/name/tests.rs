//! Every way in which certificates write names, read to the one form that lists are compared in.

use proptest::prelude::*;
use x509_parser::prelude::FromDer as _;

use super::*;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const COUNTRY: &[u8] = &[0x55, 4, 6];

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    let head = if length < 128 { vec![tag, length] } else { vec![tag, 0x81, length] };
    [head.as_slice(), content].concat()
}

/// An attribute with a value of this string type.
fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(6, oid), tlv(tag, value)].concat())
}

fn name(rdns: &[Vec<Vec<u8>>]) -> Vec<u8> {
    tlv(0x30, &rdns.iter().map(|rdn| tlv(0x31, &rdn.concat())).collect::<Vec<_>>().concat())
}

fn read(der: &[u8]) -> Result<DistinguishedName, NameError> {
    distinguished_name(&X509Name::from_der(der).unwrap().1)
}

fn listed(text: &str) -> DistinguishedName {
    DistinguishedName::parse(text).unwrap()
}

#[test]
fn every_string_type_reads_as_the_same_name() {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let wider = |text: &str| text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect::<Vec<u8>>();
    let expected = listed("CN=Hôpital d'Évian,C=FR");
    for (tag, value) in [
        (0x0C, "Hôpital d'Évian".as_bytes().to_vec()),
        (0x0C, "Ho\u{302}pital d'E\u{301}vian".as_bytes().to_vec()),
        // T61 as Latin-1
        (0x14, b"H\xF4pital d'\xC9vian".to_vec()),
        (0x1E, wide("Hôpital d'Évian")),
        (0x1C, wider("Hôpital d'Évian")),
    ] {
        let der = name(&[vec![attribute(COUNTRY, 0x13, b"FR")], vec![attribute(COMMON_NAME, tag, &value)]]);
        assert_eq!(read(&der).unwrap(), expected, "{tag:#x}");
    }
    for tag in [0x13, 0x16, 0x1A] {
        let der = name(&[vec![attribute(COMMON_NAME, tag, b"smtp.sud.invalid")]]);
        assert_eq!(read(&der).unwrap(), listed("CN=SMTP.sud.invalid"), "{tag:#x}");
    }
}

#[test]
fn a_multi_valued_rdn_gives_every_attribute() {
    let der = name(&[
        vec![attribute(COUNTRY, 0x13, b"FR")],
        vec![
            attribute(COMMON_NAME, 0x0C, b"smtp.sud.invalid"),
            attribute(ORGANIZATION, 0x0C, b"CH  \"DU\" SUD"),
        ],
    ]);
    assert_eq!(read(&der).unwrap(), listed("CN=smtp.sud.invalid,O=CH \"DU\" SUD,C=FR"));
    // a value holds a comma and a key: it stays one value
    let tricky = name(&[vec![attribute(COMMON_NAME, 0x0C, b"x,O=CH DU SUD,C=FR")]]);
    assert_ne!(read(&tricky).unwrap(), listed("CN=x,O=CH DU SUD,C=FR"));
}

#[test]
fn a_value_that_is_no_text_makes_no_name() {
    for (tag, value) in [
        (0x0C, b"\xFF".as_slice()),
        (0x1E, b"\0a\0"),
        (0x1E, b"\xD8\0\0a"),
        (0x1C, b"\0\x11\0\0"),
        (0x02, b"\x01"),
        (0x04, b"octets"),
    ] {
        let der = name(&[vec![attribute(COMMON_NAME, tag, value)]]);
        let Ok((_, parsed)) = X509Name::from_der(&der) else { continue };
        assert!(distinguished_name(&parsed).is_err(), "{tag:#x} {value:?}");
        assert!(!shown(&parsed).is_empty());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(tag in any::<u8>(), value in prop::collection::vec(any::<u8>(), 0..60)) {
        let der = name(&[vec![attribute(COMMON_NAME, tag, &value)]]);
        if let Ok((_, parsed)) = X509Name::from_der(&der) {
            let _ = distinguished_name(&parsed);
            let _ = shown(&parsed);
        }
    }
}
