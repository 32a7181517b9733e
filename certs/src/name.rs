//! Distinguished names as the trust space shapes them (mssante.md B.3): ordered RDNs, some with several attributes, and the
//! same name as the white list writes it (B.2.4).

use std::fmt;

use crate::der;

/// The attribute types that are met in the trust space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// CN
    CommonName,
    /// OU
    OrganizationalUnit,
    /// O
    Organization,
    /// ST
    State,
    /// L
    Locality,
    /// C
    Country,
    /// SN, a person's family name
    Surname,
    /// GN
    GivenName,
    /// title
    Title,
}

impl Attribute {
    fn oid(self) -> &'static str {
        match self {
            Self::CommonName => "2.5.4.3",
            Self::Surname => "2.5.4.4",
            Self::Country => "2.5.4.6",
            Self::Locality => "2.5.4.7",
            Self::State => "2.5.4.8",
            Self::Organization => "2.5.4.10",
            Self::OrganizationalUnit => "2.5.4.11",
            Self::Title => "2.5.4.12",
            Self::GivenName => "2.5.4.42",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::CommonName => "CN",
            Self::Surname => "SN",
            Self::Country => "C",
            Self::Locality => "L",
            Self::State => "ST",
            Self::Organization => "O",
            Self::OrganizationalUnit => "OU",
            Self::Title => "title",
            Self::GivenName => "GN",
        }
    }
}

/// A distinguished name: its RDNs in the order of the certificate, each with its attributes. Displayed as in the white
/// list: `CN=fqdn,OU=id,O=organisation,ST=Département (NN),C=FR`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name(Vec<Vec<(Attribute, String)>>);

impl Name {
    /// A name with nothing in it; [`Name::with`] adds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more RDN with one attribute.
    #[must_use]
    pub fn with(self, attribute: Attribute, value: &str) -> Self {
        self.with_all(&[(attribute, value)])
    }

    /// One more RDN with several attributes, as on the cards of health professionals (B.3.4).
    #[must_use]
    pub fn with_all(mut self, attributes: &[(Attribute, &str)]) -> Self {
        self.0.push(attributes.iter().map(|(attribute, value)| (*attribute, (*value).to_owned())).collect());
        self
    }

    /// What a server certificate names (B.3.3): `C=FR, ST, O, OU=<1+FINESS or 3+SIRET>, CN=fqdn`, `structure` being the
    /// prefixed number.
    #[must_use]
    pub fn server(fqdn: &str, structure: &str, organisation: &str, department: &str) -> Self {
        Self::new()
            .with(Attribute::Country, "FR")
            .with(Attribute::State, department)
            .with(Attribute::Organization, organisation)
            .with(Attribute::OrganizationalUnit, structure)
            .with(Attribute::CommonName, fqdn)
    }

    /// What a professional's card names (B.3.4): `C=FR, title, SN+CN+GN` in one RDN, `person` being `8` and the RPPS number.
    #[must_use]
    pub fn professional(person: &str, surname: &str, given: &str, title: &str) -> Self {
        Self::new().with(Attribute::Country, "FR").with(Attribute::Title, title).with_all(&[
            (Attribute::Surname, surname),
            (Attribute::CommonName, person),
            (Attribute::GivenName, given),
        ])
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        let rdns: Vec<_> = self.0.iter().map(|rdn| der::set(rdn.iter().map(attribute).collect())).collect();
        der::sequence(&rdns)
    }
}

fn attribute((attribute, value): &(Attribute, String)) -> Vec<u8> {
    let value = match attribute {
        Attribute::Country => der::printable(value),
        _ => der::utf8(value),
    };
    der::sequence(&[der::oid(attribute.oid()), value])
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, rdn) in self.0.iter().rev().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            for (at, (attribute, value)) in rdn.iter().enumerate() {
                if at > 0 {
                    f.write_str("+")?;
                }
                write!(f, "{}={value}", attribute.key())?;
            }
        }
        Ok(())
    }
}
