//! Distinguished names of operators, as the white list writes them and as certificates hold them (B.2.4).
//!
//! May use: `unicode-normalization`. Must never touch: a certificate's bytes; whoever reads those hands the attributes
//! in. Two names are the same when their sets of (type, value) are, order, case, spacing, outer quotes and Unicode
//! composition aside: the whole name counts, never the common name alone (M-2).

mod attribute;
#[cfg(test)]
mod tests;
mod text;

use std::{collections::BTreeSet, fmt};

pub use self::attribute::Attribute;
use crate::texts::text_value;

/// Longest text of a name that is read, in octets. The longest of the agency's list has 140.
pub const MAX_TEXT: usize = 2_048;
/// Most attributes in a name.
pub const MAX_ATTRIBUTES: usize = 32;

/// A whole subject name, in the one form in which names are compared.
///
/// `Display` gives that form, the common name first: `CN=smtp.exemple.fr,OU=1750000000,O=ch exemple,…`, values in lower
/// case; it reads back to the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DistinguishedName(Box<[(Attribute, Box<str>)]>);

/// Why a text or a list of attributes is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnError {
    /// Nothing was written.
    #[error("the distinguished name is empty")]
    Empty,
    /// More than [`MAX_TEXT`] octets.
    #[error("the distinguished name is longer than {MAX_TEXT} octets")]
    TooLong,
    /// More than [`MAX_ATTRIBUTES`] attributes.
    #[error("the distinguished name has more than {MAX_ATTRIBUTES} attributes")]
    TooManyAttributes,
    /// It does not start with a known key and `=`.
    #[error("the distinguished name does not start with a known key (CN=, OU=, O=, L=, ST=, C=)")]
    NoKey,
    /// A key without a value.
    #[error("the attribute {0} of the distinguished name has no value")]
    NoValue(Attribute),
    /// A control character in a value: no such name is honest.
    #[error("the attribute {0} of the distinguished name holds a control character")]
    Control(Attribute),
}

impl DistinguishedName {
    /// Reads the text of a white-list row or of a setting, tolerant of every irregularity seen there (B.2.4).
    ///
    /// # Errors
    /// [`DnError`] tells what is wrong; a name that cannot be read speaks for nobody.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        if text.trim().is_empty() {
            return Err(DnError::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(DnError::TooLong);
        }
        collect(text::attributes(text)?.into_iter().map(|(kind, raw)| (kind, text::unescaped(raw))))
    }

    /// Makes a name of a certificate's attributes: every attribute of every RDN, multi-valued ones flattened.
    ///
    /// # Errors
    /// [`DnError`] as for a text.
    pub fn from_attributes<'a>(
        attributes: impl IntoIterator<Item = (Attribute, &'a str)>,
    ) -> Result<Self, DnError> {
        let mut octets = 0_usize;
        let mut read = Vec::new();
        for (kind, value) in attributes {
            octets = octets.saturating_add(value.len());
            if octets > MAX_TEXT {
                return Err(DnError::TooLong);
            }
            if read.len() == MAX_ATTRIBUTES {
                return Err(DnError::TooManyAttributes);
            }
            read.push((kind, text::unquoted(value).to_owned()));
        }
        collect(read)
    }

    /// The common names, in the compared form; most names have one.
    pub fn common_names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(kind, _)| *kind == Attribute::CommonName).map(|(_, value)| &**value)
    }

    /// Whether both have a common name in common; says nothing about who they are.
    #[must_use]
    pub fn shares_common_name(&self, other: &Self) -> bool {
        self.common_names().any(|ours| other.common_names().any(|theirs| theirs == ours))
    }
}

fn collect(attributes: impl IntoIterator<Item = (Attribute, String)>) -> Result<DistinguishedName, DnError> {
    let mut set = BTreeSet::new();
    for (at, (kind, value)) in attributes.into_iter().enumerate() {
        if at >= MAX_ATTRIBUTES {
            return Err(DnError::TooManyAttributes);
        }
        let value = text::folded(&value);
        if value.is_empty() {
            return Err(DnError::NoValue(kind));
        }
        if value.chars().any(char::is_control) {
            return Err(DnError::Control(kind));
        }
        set.insert((kind, value.into_boxed_str()));
    }
    if set.is_empty() {
        return Err(DnError::Empty);
    }
    Ok(DistinguishedName(set.into_iter().collect()))
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (kind, value)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            write!(f, "{kind}={}", text::escaped(value))?;
        }
        Ok(())
    }
}

text_value!(DistinguishedName, DnError, DistinguishedName::parse);
