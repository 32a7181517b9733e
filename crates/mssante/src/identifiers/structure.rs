//! FINESS, SIREN and SIRET: numbers of structures.

use super::{IdentifierError, is_digits, luhn, number};

/// A FINESS number: a département (`2A` and `2B` included) and seven digits, the last one a check digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Finess(String);

impl Finess {
    /// Reads the nine characters, without spaces; the letter of Corsica may be in lower case.
    ///
    /// # Errors
    /// [`IdentifierError`]: wrong shape or wrong check digit.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        const SHAPE: IdentifierError =
            IdentifierError::Shape { kind: "FINESS", shape: "9 characters, the département then 7 digits," };
        let number = text.to_ascii_uppercase();
        let (department, rest) = number.split_at_checked(2).ok_or(SHAPE)?;
        // In the sum the letters of Corsica count as their rank in the alphabet.
        let digits = match department {
            "2A" => format!("21{rest}"),
            "2B" => format!("22{rest}"),
            _ => number.clone(),
        };
        if !is_digits(&digits, 9) {
            return Err(SHAPE);
        }
        if !luhn::checks_out(digits.bytes()) {
            return Err(IdentifierError::Key { kind: "FINESS" });
        }
        Ok(Self(number))
    }
}

number!(Finess, Finess::parse);

/// A SIREN number: nine digits, the last one a Luhn check digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Siren(String);

impl Siren {
    /// Reads the nine digits, without spaces.
    ///
    /// # Errors
    /// [`IdentifierError`]: wrong shape or wrong check digit.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if !is_digits(text, 9) {
            return Err(IdentifierError::Shape { kind: "SIREN", shape: "9 digits" });
        }
        if !luhn::checks_out(text.bytes()) {
            return Err(IdentifierError::Key { kind: "SIREN" });
        }
        Ok(Self(text.to_owned()))
    }
}

number!(Siren, Siren::parse);

/// A SIRET number: a SIREN, four digits for the site, and a Luhn check digit over all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Siret(String);

/// The company whose many sites outgrew the Luhn sum: the plain sum of their digits is a multiple of five.
const LA_POSTE: &str = "356000000";

impl Siret {
    /// Reads the fourteen digits, without spaces.
    ///
    /// # Errors
    /// [`IdentifierError`]: wrong shape or wrong check digit.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if !is_digits(text, 14) {
            return Err(IdentifierError::Shape { kind: "SIRET", shape: "14 digits" });
        }
        let by_sum = || text.bytes().map(|b| u32::from(b - b'0')).sum::<u32>() % 5 == 0;
        let whole = luhn::checks_out(text.bytes()) || (text.starts_with(LA_POSTE) && by_sum());
        let company = text.get(..9).is_some_and(|siren| luhn::checks_out(siren.bytes()));
        if !whole || !company {
            return Err(IdentifierError::Key { kind: "SIRET" });
        }
        Ok(Self(text.to_owned()))
    }
}

number!(Siret, Siret::parse);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finess_numbers_have_a_key_in_corsica_too() {
        for good in ["310781406", "750712184", "2A0000014", "2B0000020"] {
            assert_eq!(Finess::parse(good).unwrap().as_str(), good);
            assert_eq!(Finess::parse(&good.to_lowercase()).unwrap().as_str(), good);
            let mut wrong = good.to_owned();
            wrong.replace_range(8.., "9");
            assert_eq!(Finess::parse(&wrong), Err(IdentifierError::Key { kind: "FINESS" }), "{wrong}");
        }
        for wrong in ["", "2", "31078140", "3107814066", "2C0000014", "31078140A", "é10781406", "2A00é014"]
        {
            assert!(matches!(Finess::parse(wrong), Err(IdentifierError::Shape { .. })), "{wrong}");
        }
    }

    #[test]
    fn siren_and_siret_have_keys() {
        assert!(Siren::parse("732829320").is_ok());
        assert_eq!(Siren::parse("732829321"), Err(IdentifierError::Key { kind: "SIREN" }));
        assert!(matches!(Siren::parse("73282932"), Err(IdentifierError::Shape { .. })));
        assert!(Siret::parse("73282932000074").is_ok());
        assert_eq!(Siret::parse("73282932000075"), Err(IdentifierError::Key { kind: "SIRET" }));
        // The whole sums up right, its company does not.
        assert_eq!(Siret::parse("73282932100072"), Err(IdentifierError::Key { kind: "SIRET" }));
        assert!(matches!(Siret::parse("732829320000741"), Err(IdentifierError::Shape { .. })));
    }

    #[test]
    fn sites_of_la_poste_follow_their_own_sum() {
        for good in ["35600000000048", "35600000049837", "35600000000001"] {
            assert!(Siret::parse(good).is_ok(), "{good}");
        }
        assert!(Siret::parse("35600000000002").is_err());
        // The exception is theirs alone: this sum is a multiple of five, this company is another.
        assert!(Siret::parse("73282932000014").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_reads_back(text in "\\PC{0,15}|[0-9]{9}|[0-9]{14}|2[AB][0-9]{7}|356000000[0-9]{5}") {
            if let Ok(number) = Finess::parse(&text) {
                prop_assert_eq!(Finess::parse(number.as_str()), Ok(number));
            }
            if let Ok(number) = Siren::parse(&text) {
                prop_assert_eq!(Siren::parse(number.as_str()), Ok(number));
            }
            if let Ok(number) = Siret::parse(&text) {
                prop_assert_eq!(Siret::parse(number.as_str()), Ok(number));
            }
        }
    }
}
