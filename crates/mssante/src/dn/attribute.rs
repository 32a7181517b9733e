//! The types of a name's attributes: their keys in text and their object identifiers in certificates.
//!
//! May use: nothing. Must never touch: values.

use std::fmt;

/// What an attribute of a name is; in the order in which names are shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// `CN`: a host, or a free text naming a service.
    CommonName,
    /// `OU`: the structure's identifier, with its prefix.
    OrganizationalUnit,
    /// `O`: the structure's name.
    Organization,
    /// `ST`: the département.
    State,
    /// `L`: one row of the real list has it in place of `ST`.
    Locality,
    /// `C`: the country.
    Country,
    /// `serialNumber`.
    SerialNumber,
    /// `SN`: a person's last name.
    Surname,
    /// `GN`: a person's first name.
    GivenName,
    /// `title`: a person's profession.
    Title,
    /// `DC`.
    DomainComponent,
    /// `emailAddress`.
    Email,
    /// `UID`.
    UserId,
    /// Any other, by its dotted object identifier.
    Other(String),
}

/// The key that is written, the others that are read, the object identifier.
const KNOWN: [(Attribute, &str, &[&str], &str); 13] = [
    (Attribute::CommonName, "CN", &["commonName"], "2.5.4.3"),
    (Attribute::OrganizationalUnit, "OU", &["organizationalUnitName"], "2.5.4.11"),
    (Attribute::Organization, "O", &["organizationName"], "2.5.4.10"),
    (Attribute::State, "ST", &["S", "stateOrProvinceName"], "2.5.4.8"),
    (Attribute::Locality, "L", &["localityName"], "2.5.4.7"),
    (Attribute::Country, "C", &["countryName"], "2.5.4.6"),
    (Attribute::SerialNumber, "serialNumber", &[], "2.5.4.5"),
    (Attribute::Surname, "SN", &["surname"], "2.5.4.4"),
    (Attribute::GivenName, "GN", &["givenName", "G"], "2.5.4.42"),
    (Attribute::Title, "title", &["T"], "2.5.4.12"),
    (Attribute::DomainComponent, "DC", &["domainComponent"], "0.9.2342.19200300.100.1.25"),
    (Attribute::Email, "emailAddress", &["E", "email"], "1.2.840.113549.1.9.1"),
    (Attribute::UserId, "UID", &["userId"], "0.9.2342.19200300.100.1.1"),
];

impl Attribute {
    /// The attribute of a dotted object identifier, as certificates hold it.
    #[must_use]
    pub fn from_oid(oid: &str) -> Self {
        let known = KNOWN.iter().find(|(.., known)| *known == oid);
        known.map_or_else(|| Self::Other(oid.to_owned()), |(kind, ..)| kind.clone())
    }

    /// The attribute of a key as texts write it, in any case, or of a dotted object identifier.
    pub(super) fn from_key(key: &str) -> Option<Self> {
        let same = |known: &str| known.eq_ignore_ascii_case(key);
        let known =
            KNOWN.iter().find(|(_, written, others, _)| same(written) || others.iter().any(|k| same(k)));
        match known {
            Some((kind, ..)) => Some(kind.clone()),
            None => dotted(key).map(Self::from_oid),
        }
    }
}

/// `1.2.3` or `OID.1.2.3`, as RFC 2253 and older tools write a type that they do not know.
fn dotted(key: &str) -> Option<&str> {
    let oid = match key.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("oid.") => key.get(4..).unwrap_or_default(),
        _ => key,
    };
    let mut arcs = oid.split('.');
    let numbers = arcs.clone().all(|arc| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()));
    (numbers && arcs.nth(1).is_some()).then_some(oid)
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match KNOWN.iter().find(|(kind, ..)| kind == self) {
            Some((_, key, ..)) => f.write_str(key),
            None => {
                let Self::Other(oid) = self else { return Ok(()) };
                f.write_str(oid)
            }
        }
    }
}
