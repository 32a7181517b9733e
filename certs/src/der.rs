//! The little DER that certificates and revocation lists need (X.690). Writes, never reads; knows nothing of keys.
//!
//! Written here because the shapes of the trust space (two OU in one name, several attributes in one RDN, CRLs with a number of
//! one's choice) are more than the usual makers of test certificates can do.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const OCTETS: u8 = 0x04;
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const UTF8: u8 = 0x0C;
const PRINTABLE: u8 = 0x13;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// One value: tag, definite length, contents (X.690 §8.1, §10.1).
pub(crate) fn value(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = vec![tag];
    if length < 0x80 {
        out.push(length.to_le_bytes()[0]);
    } else {
        let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        out.push(0x80 | bytes.len().to_le_bytes()[0]);
        out.extend_from_slice(&bytes);
    }
    out.extend_from_slice(contents);
    out
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    value(SEQUENCE, &parts.concat())
}

/// A SET OF: its elements in the order that DER demands (X.690 §11.6).
pub(crate) fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    value(SET, &parts.concat())
}

/// `[number]` around `contents`, constructed: EXPLICIT, or IMPLICIT on what is constructed itself.
pub(crate) fn context(number: u8, contents: &[u8]) -> Vec<u8> {
    value(0xA0 | number, contents)
}

/// `[number]` IMPLICIT on what is primitive.
pub(crate) fn context_primitive(number: u8, contents: &[u8]) -> Vec<u8> {
    value(0x80 | number, contents)
}

/// An integer of big-endian bytes, never negative.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    if bytes.first().is_none_or(|byte| *byte >= 0x80) {
        bytes.insert(0, 0);
    }
    value(INTEGER, &bytes)
}

pub(crate) fn boolean(yes: bool) -> Vec<u8> {
    value(BOOLEAN, &[if yes { 0xFF } else { 0 }])
}

pub(crate) fn null() -> Vec<u8> {
    value(NULL, &[])
}

pub(crate) fn octets(contents: &[u8]) -> Vec<u8> {
    value(OCTETS, contents)
}

/// A bit string of whole bytes.
pub(crate) fn bits(contents: &[u8]) -> Vec<u8> {
    value(BITS, &[&[0], contents].concat())
}

/// A bit string of named bits, bit 0 the highest: trailing zeros are left out (X.690 §11.2.2).
pub(crate) fn named_bits(set: &[u8]) -> Vec<u8> {
    let byte = set.iter().fold(0_u8, |byte, bit| byte | (0x80 >> (bit & 7)));
    let unused = byte.trailing_zeros().min(7).to_le_bytes()[0];
    value(BITS, &[unused, byte])
}

/// An object identifier in dotted form. Arcs that are no numbers are left out: the callers' are constants.
pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').filter_map(|arc| arc.parse().ok()).collect();
    let (first, rest) = arcs.split_at(arcs.len().min(2));
    let head = first.first().copied().unwrap_or(0) * 40 + first.get(1).copied().unwrap_or(0);
    let mut contents = Vec::new();
    for arc in std::iter::once(&head).chain(rest) {
        let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
        for group in (0..groups).rev() {
            let more = if group > 0 { 0x80 } else { 0 };
            contents.push(more | ((arc >> (7 * group)) & 0x7F).to_le_bytes()[0]);
        }
    }
    value(OID, &contents)
}

pub(crate) fn utf8(text: &str) -> Vec<u8> {
    value(UTF8, text.as_bytes())
}

pub(crate) fn printable(text: &str) -> Vec<u8> {
    value(PRINTABLE, text.as_bytes())
}

/// UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5).
pub(crate) fn time(at: Timestamp) -> Vec<u8> {
    let zoned = at.to_zoned(TimeZone::UTC);
    let mut text = String::new();
    let (year, tag) = (zoned.year(), if zoned.year() < 2050 { UTC_TIME } else { GENERALIZED_TIME });
    let _ = match tag {
        UTC_TIME => write!(text, "{:02}", year.rem_euclid(100)),
        _ => write!(text, "{year:04}"),
    };
    let (month, day) = (zoned.month(), zoned.day());
    let (hour, minute, second) = (zoned.hour(), zoned.minute(), zoned.second());
    let _ = write!(text, "{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
    value(tag, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_the_standard_shows() {
        assert_eq!(oid("1.2.840.113549.1.1.11"), [6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 11]);
        assert_eq!(oid("2.5.29.15"), [6, 3, 85, 29, 15]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0, 0x7F]), [2, 1, 0x7F]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(named_bits(&[0, 2]), [3, 2, 5, 0xA0]);
        assert_eq!(named_bits(&[5, 6]), [3, 2, 1, 0x06]);
        assert_eq!(value(OCTETS, &[0; 200])[..4], [4, 0x81, 200, 0]);
        assert_eq!(value(OCTETS, &[0; 300])[..5], [4, 0x82, 1, 44, 0]);
        assert_eq!(set(vec![utf8("b"), utf8("a")]), [0x31, 6, 0x0C, 1, b'a', 0x0C, 1, b'b']);
        assert_eq!(time("2049-12-31T23:59:59Z".parse().unwrap())[2..], *b"491231235959Z");
        assert_eq!(time("2050-01-01T00:00:00Z".parse().unwrap())[2..], *b"20500101000000Z");
    }
}
