//! Distinguished names as certificates write them, turned into the one form that the white list is compared in (B.2.4).
//! It may use x509-parser; it must never decide what a name may do.

use std::borrow::Cow;

use mssante::dn::{Attribute, DistinguishedName, DnError};
use thiserror::Error;
use x509_parser::{
    asn1_rs::Tag,
    x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name},
};

/// Why a certificate's name cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NameError {
    /// A value that is no text, or no text of the type it claims.
    #[error("the attribute {0} of its name is no readable text")]
    Unreadable(String),
    /// The rules cannot make a name of it.
    #[error("its name cannot be read: {0}")]
    Name(#[from] DnError),
}

/// The whole name: every attribute of every RDN, multi-valued ones too (B.3.4).
pub(crate) fn distinguished_name(name: &X509Name<'_>) -> Result<DistinguishedName, NameError> {
    let attributes = name
        .iter_rdn()
        .flat_map(RelativeDistinguishedName::iter)
        .map(attribute)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(DistinguishedName::from_attributes(
        attributes.iter().map(|(kind, value)| (kind.clone(), value.as_ref())),
    )?)
}

/// A name for messages, whatever is wrong with it.
pub(crate) fn shown(name: &X509Name<'_>) -> String {
    distinguished_name(name).map_or_else(|_| name.to_string(), |name| name.to_string())
}

fn attribute<'a>(found: &'a AttributeTypeAndValue<'_>) -> Result<(Attribute, Cow<'a, str>), NameError> {
    let oid = found.attr_type().to_id_string();
    let text =
        text(found.attr_value().tag(), found.as_slice()).ok_or_else(|| NameError::Unreadable(oid.clone()))?;
    Ok((Attribute::from_oid(&oid), text))
}

/// The text in a value of one of the string types of RFC 5280 §4.1.2.4. TeletexString (T61) is read as Latin-1, which is
/// what those who wrote it meant.
fn text(tag: Tag, bytes: &[u8]) -> Option<Cow<'_, str>> {
    match tag {
        Tag::Utf8String => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            bytes.is_ascii().then(|| std::str::from_utf8(bytes).ok().map(Cow::Borrowed))?
        }
        Tag::TeletexString => Some(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into()),
        Tag::BmpString => {
            let (units, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            rest.is_empty().then(|| String::from_utf16(&units).ok().map(Cow::Owned))?
        }
        Tag::UniversalString => {
            let (units, rest) = bytes.as_chunks::<4>();
            let text = units
                .iter()
                .map(|unit| char::from_u32(u32::from_be_bytes(*unit)))
                .collect::<Option<String>>();
            rest.is_empty().then(|| text.map(Cow::Owned))?
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
