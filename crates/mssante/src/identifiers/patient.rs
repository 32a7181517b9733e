//! INS: the number of a patient, never written to a log (M-11).

use std::fmt;

use super::{IdentifierError, number};

/// A patient's matricule: 13 characters of NIR (Corsica has `2A` or `2B` in it) and a key of two digits (S-5.1).
///
/// `Display` writes it whole, for the patient's own address; `Debug` never does.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Ins(String);

impl Ins {
    /// Reads the 15 characters, without spaces, and checks the key; letters may be in lower case.
    ///
    /// # Errors
    /// [`IdentifierError`]: wrong shape or wrong key.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let (number, expected, key) = split(text)?;
        if key != expected {
            return Err(IdentifierError::Key { kind: "INS" });
        }
        Ok(Self(number))
    }

    /// Reads the 15 characters of a test identity, whose key need not be right.
    ///
    /// # Errors
    /// [`IdentifierError::Shape`].
    pub fn parse_any_key(text: &str) -> Result<Self, IdentifierError> {
        split(text).map(|(number, ..)| Self(number))
    }
}

/// The number in upper case, the key that it should have and the one that it has.
fn split(text: &str) -> Result<(String, u64, u64), IdentifierError> {
    const SHAPE: IdentifierError =
        IdentifierError::Shape { kind: "INS", shape: "15 characters, the NIR then its key," };
    let number = text.to_ascii_uppercase();
    if number.len() != 15 || !matches!(number.as_bytes().first(), Some(b'1'..=b'8')) {
        return Err(SHAPE);
    }
    let (nir, key) = number.split_at_checked(13).ok_or(SHAPE)?;
    // The two départements of Corsica count as 19 and 18.
    let digits = match nir.get(5..7) {
        Some("2A") => nir.replacen("2A", "19", 1),
        Some("2B") => nir.replacen("2B", "18", 1),
        _ => nir.to_owned(),
    };
    if ![digits.as_str(), key].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit())) {
        return Err(SHAPE);
    }
    let value = digits.parse::<u64>().map_err(|_| SHAPE)?;
    let key = key.parse::<u64>().map_err(|_| SHAPE)?;
    Ok((number, 97 - value % 97, key))
}

impl fmt::Debug for Ins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ins(***)")
    }
}

// What was once accepted, test identities included, must read back.
number!(Ins, Ins::parse_any_key);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_checked_in_corsica_too() {
        for good in ["269054958815780", "255081416802538", "195032A00400144", "195032B00400171"] {
            let (_, expected, key) = split(good).unwrap();
            assert_eq!(expected, key, "{good}");
            assert_eq!(Ins::parse(good).unwrap().to_string(), good);
            assert_eq!(Ins::parse(&good.to_lowercase()).unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_wrong_digit_is_seen_and_a_test_identity_passes_only_where_asked() {
        let good = "269054958815780";
        for place in 1..15 {
            let mut wrong = good.to_owned().into_bytes();
            wrong[place] = if wrong[place] == b'9' { b'0' } else { wrong[place] + 1 };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(Ins::parse(&wrong), Err(IdentifierError::Key { kind: "INS" }), "{wrong}");
            assert!(Ins::parse_any_key(&wrong).is_ok());
        }
    }

    #[test]
    fn other_shapes_are_refused_whatever_the_key() {
        for wrong in [
            "",
            "26905495881578",
            "2690549588157800",
            "069054958815780",
            "2690549588157é",
            "26905A958815780",
            "2690549588157 8",
            "2690549588157+8",
        ] {
            assert!(matches!(Ins::parse(wrong), Err(IdentifierError::Shape { .. })), "{wrong}");
            assert!(Ins::parse_any_key(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn debug_hides_the_number() {
        let ins = Ins::parse("269054958815780").unwrap();
        assert!(!format!("{ins:?}").contains("2690"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_reads_back(text in "\\PC{0,16}|[1-8][0-9]{14}|[12][0-9]{4}2[AB][0-9]{8}") {
            if let Ok(ins) = Ins::parse_any_key(&text) {
                prop_assert_eq!(Ins::parse_any_key(ins.as_str()), Ok(ins.clone()));
                prop_assert_eq!(Ins::parse(&text).is_ok(), Ins::parse(ins.as_str()).is_ok());
            } else {
                prop_assert!(Ins::parse(&text).is_err());
            }
        }

        #[test]
        fn every_number_has_exactly_one_key(nir in "[12][0-9]{4}(2A|2B|[0-9]{2})[0-9]{6}") {
            let keys = (0..100).filter(|key| Ins::parse(&format!("{nir}{key:02}")).is_ok()).count();
            prop_assert_eq!(keys, 1);
        }
    }
}
