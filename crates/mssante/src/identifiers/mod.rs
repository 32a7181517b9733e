//! National numbers of people, structures and patients: text that passed its checks.
//!
//! May use: nothing but text. Must never touch: a register; a number that checks out may still be nobody's.

mod luhn;
mod patient;
mod professional;
mod structure;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    patient::Ins,
    professional::{Adeli, Rpps},
    structure::{Finess, Siren, Siret},
};

/// Why a text is not the number that it should be. The text itself is never repeated (M-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Wrong length, or a character where the number has none.
    #[error("{kind}: {shape} expected")]
    Shape {
        /// Which number.
        kind: &'static str,
        /// What it looks like.
        shape: &'static str,
    },
    /// The check digits do not match: a digit is wrong or two are swapped.
    #[error("{kind}: the check digits are wrong, look for a mistyped digit")]
    Key {
        /// Which number.
        kind: &'static str,
    },
}

/// The national number of a health professional.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NationalId {
    /// The shared register's number.
    Rpps(Rpps),
    /// The older number, for professions that are not in the shared register yet.
    Adeli(Adeli),
}

impl fmt::Display for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rpps(number) => number.fmt(f),
            Self::Adeli(number) => number.fmt(f),
        }
    }
}

/// The number of a structure: its geographic FINESS, or its SIRET or SIREN when it has none (S-1.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StructureId {
    /// Number of a site in the register of health establishments.
    Finess(Finess),
    /// Number of a site in the register of companies.
    Siret(Siret),
    /// Number of a company.
    Siren(Siren),
}

impl fmt::Display for StructureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finess(number) => number.fmt(f),
            Self::Siret(number) => number.fmt(f),
            Self::Siren(number) => number.fmt(f),
        }
    }
}

/// What a number has beside its parser: `as_str`, `Display`, `FromStr`, serde as a string.
macro_rules! number {
    ($type:ident, $read:path) => {
        impl $type {
            /// The number as written on paper, without spaces, letters in upper case.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        crate::texts::text_value!($type, crate::identifiers::IdentifierError, $read);
    };
}

use number;

/// Whether `text` has exactly `length` ASCII digits and nothing else.
fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_digit())
}
