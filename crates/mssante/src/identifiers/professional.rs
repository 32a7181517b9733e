//! RPPS and ADELI: numbers of health professionals.

use super::{IdentifierError, is_digits, luhn, number};

/// An RPPS number: 11 digits, the last one a Luhn check digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rpps(String);

impl Rpps {
    /// Reads the 11 digits, without spaces and without the `8` that certificates put before them.
    ///
    /// # Errors
    /// [`IdentifierError`]: wrong shape or wrong check digit.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if !is_digits(text, 11) {
            return Err(IdentifierError::Shape { kind: "RPPS", shape: "11 digits" });
        }
        if !luhn::checks_out(text.bytes()) {
            return Err(IdentifierError::Key { kind: "RPPS" });
        }
        Ok(Self(text.to_owned()))
    }
}

number!(Rpps, Rpps::parse);

/// An ADELI number: a département (two digits, or a digit and a letter such as `2A` or `9F`) and seven digits.
///
/// Only its shape is checked: numbers were given by each département and not all of them carry a right key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Adeli(String);

impl Adeli {
    /// Reads the nine characters, without spaces; a letter may be in lower case.
    ///
    /// # Errors
    /// [`IdentifierError::Shape`].
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let number = text.to_ascii_uppercase();
        let department = matches!(
            number.as_bytes(),
            [b'0'..=b'9', b'0'..=b'9', ..] | [b'2', b'A' | b'B', ..] | [b'9', b'A'..=b'F', ..]
        );
        if !department || !number.get(2..).is_some_and(|rest| is_digits(rest, 7)) {
            return Err(IdentifierError::Shape {
                kind: "ADELI",
                shape: "9 characters, the département then 7 digits,",
            });
        }
        Ok(Self(number))
    }
}

number!(Adeli, Adeli::parse);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rpps_numbers_have_eleven_digits_and_a_key() {
        assert_eq!(Rpps::parse("99700218896").unwrap().as_str(), "99700218896");
        for wrong in
            ["", "9970021889", "997002188966", "9970021889a", "99 700 218 896", "９９７００２１８８９６"]
        {
            assert!(matches!(Rpps::parse(wrong), Err(IdentifierError::Shape { .. })), "{wrong}");
        }
        assert_eq!(Rpps::parse("99700218897"), Err(IdentifierError::Key { kind: "RPPS" }));
        assert_eq!(Rpps::parse("99700281896"), Err(IdentifierError::Key { kind: "RPPS" }));
    }

    #[test]
    fn adeli_numbers_begin_with_a_department() {
        for (text, kept) in
            [("750012345", "750012345"), ("2a0012345", "2A0012345"), ("9F0012345", "9F0012345")]
        {
            assert_eq!(Adeli::parse(text).unwrap().as_str(), kept);
        }
        for wrong in ["", "2", "75001234", "7500123456", "2C0012345", "75001234A", "é50012345"] {
            assert!(Adeli::parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_reads_back(text in "\\PC{0,14}|[0-9]{11}|[29][0-9AB][0-9]{7}") {
            if let Ok(number) = Rpps::parse(&text) {
                prop_assert_eq!(Rpps::parse(&number.to_string()), Ok(number));
            }
            if let Ok(number) = Adeli::parse(&text) {
                prop_assert_eq!(Adeli::parse(&number.to_string()), Ok(number));
            }
        }
    }
}
