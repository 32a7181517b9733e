//! Signers of white lists that administrators accepted while the service ran, beside the configured ones, and what accepting
//! one would mean: the agency's contractor changes, its certificate at least every three years (B.2.3). Values only.

use jiff::Timestamp;
use mssante::{
    dn::DistinguishedName,
    whitelist::{Counts, ListChanges},
};
use serde::{Deserialize, Serialize};

/// A signer that an administrator accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedSigner {
    /// The whole name.
    #[serde(with = "as_text")]
    pub name: DistinguishedName,
    /// When.
    pub accepted: Timestamp,
    /// Who did, by the name of the configuration.
    pub administrator: String,
}

/// What accepting a signer would mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerView {
    /// The whole name, as it is compared.
    pub name: String,
    /// Whether that signer is accepted already.
    pub accepted: bool,
    /// The lists that are there, are refused, and are signed under that name.
    pub candidates: Vec<CandidateView>,
}

/// A list that waits for its signer to be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateView {
    /// Where it came from.
    pub source: String,
    /// When it was made, where it can be read.
    pub generated: Option<Timestamp>,
    /// How big it is.
    pub counts: Option<Counts>,
    /// What it would change.
    pub changes: Option<ListChanges>,
    /// Who issued the signer's certificate.
    pub signer_issuer: String,
    /// Until when that is valid.
    pub signer_until: Timestamp,
    /// Why it would be refused still; it would come into force where there is none.
    pub refused: Option<String>,
}

/// A name as people write it.
mod as_text {
    use mssante::dn::DistinguishedName;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(name: &DistinguishedName, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DistinguishedName, D::Error> {
        DistinguishedName::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}
