//! Why a white list is refused, in words that tell an operator's engineer what happened and what to do. Values only.

use jiff::Timestamp;
use mssante::{dn::DistinguishedName, whitelist::WhiteListError};
use thiserror::Error;

use super::{MAX_LIST_BYTES, MAX_SIGNATURE_BYTES, xml::XmlFault};
use crate::distrust::Distrust;

const _: () =
    assert!(MAX_LIST_BYTES == 64 << 20 && MAX_SIGNATURE_BYTES == 64 << 10, "the texts say these figures");

/// Why a white list is refused. The last good one stays in force.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListFault {
    /// Larger than [`MAX_LIST_BYTES`].
    #[error("the white list is larger than 64 MiB: this is not the agency's list")]
    TooLarge,
    /// Cut off: the agency's own mirror has been, too (B.2.1).
    #[error("the white list is cut off before its end: fetch it again, whole")]
    Truncated,
    /// No sound document.
    #[error("the white list is refused: {0}")]
    Xml(XmlFault),
    /// Another kind of document.
    #[error("this is not a white list: its root element is {found}, not {} in {}", super::ROOT, super::LIST)]
    Root {
        /// The local name of the root.
        found: String,
    },
    /// Without a signature.
    #[error("the white list is not signed: fetch the agency's signed list")]
    Unsigned,
    /// The signature is not where it covers the whole document.
    #[error(
        "the white list's Signature is not the last child of its root: somebody has rearranged it, fetch it again"
    )]
    MovedSignature,
    /// More than one signature.
    #[error("the white list has a second Signature: somebody has rearranged it, fetch it again")]
    SecondSignature,
    /// Larger than [`MAX_SIGNATURE_BYTES`].
    #[error("the white list's Signature is larger than 64 KiB: this is not the agency's list")]
    SignatureTooLarge,
    /// The signature is built otherwise than the agency builds it.
    #[error("the white list's Signature is not of the accepted profile: {0}")]
    Profile(String),
    /// An algorithm that is not accepted.
    #[error("the white list's {element} is {found:?}: only {accepted:?} is accepted")]
    Algorithm {
        /// Where it is named.
        element: &'static str,
        /// What it is.
        found: String,
        /// What it must be.
        accepted: &'static str,
    },
    /// The signature is of a part of the document, or of another one.
    #[error(
        "the white list's signature is not over the whole document: the Reference is to {0:?}, not to \"\""
    )]
    Reference(String),
    /// The signer's certificate or its key cannot be used.
    #[error("the certificate in the white list cannot be used: {0}")]
    Certificate(String),
    /// The document is not what was signed.
    #[error("the white list has been altered: its content does not have the digest that was signed")]
    Digest,
    /// The signature is not the certificate's.
    #[error("the white list's signature is not that of the certificate in it")]
    Signature,
    /// Whoever signed may not.
    #[error(transparent)]
    Signer(#[from] SignerFault),
    /// The list is signed, but cannot be understood.
    #[error("the white list is rightly signed, but it cannot be read: {0}")]
    Format(&'static str),
    /// No rows that can be used.
    #[error("the white list is rightly signed, but it cannot be used: {0}")]
    Rows(#[from] WhiteListError),
    /// Older than the one in force.
    #[error(
        "the white list was generated on {generated}, before the one in force ({in_force}): put the newest there"
    )]
    Older {
        /// When it was made.
        generated: Timestamp,
        /// When the one in force was made.
        in_force: Timestamp,
    },
    /// Made later than now.
    #[error("the white list was generated on {0}, which has not come: is the clock right?")]
    FromTheFuture(Timestamp),
}

/// Why a signer of white lists is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignerFault {
    /// The chain has a gap.
    #[error(
        "the certificate of the white list's signer was issued by \"{issuer}\", which is not among the authorities: \
         install that authority's certificate with the issuing authorities ([trust] authorities), \
         the agency publishes it at http://igc-sante.esante.gouv.fr/AC/"
    )]
    UnknownAuthority {
        /// The issuer for which no certificate is known.
        issuer: String,
    },
    /// Another check of the chain fails: dates, usage, revocation.
    #[error("the white list's signer is not trusted: {}", for_us(.0))]
    Chain(Distrust),
    /// Its key is not for signatures.
    #[error("the certificate of the white list's signer has no key usage digitalSignature")]
    NoDigitalSignature,
    /// None of the signing policies.
    #[error(
        "the certificate of the white list's signer has none of the accepted policies ({accepted}), it has: {found}"
    )]
    Policy {
        /// Those that it has.
        found: String,
        /// Those of which it must have one.
        accepted: String,
    },
    /// Its name is not one of the configured ones.
    #[error(
        "the white list is signed by \"{name}\", who is not one of the accepted signers: \
         if the agency announced that signer, add the whole name to [trust] signers"
    )]
    NotAccepted {
        /// The whole name.
        name: DistinguishedName,
    },
}

/// What a peer is asked to wait for is ours to mend.
fn for_us(distrust: &Distrust) -> String {
    let mend = "put the newest one in its directory ([trust] crls)";
    match distrust {
        Distrust::RevocationUnknown { issuer } => {
            format!("there is no revocation list of \"{issuer}\": {mend}")
        }
        Distrust::RevocationStale { issuer, next_update } => {
            format!("the revocation list of \"{issuer}\" was to be renewed on {next_update}: {mend}")
        }
        other => other.to_string(),
    }
}

impl From<XmlFault> for ListFault {
    fn from(fault: XmlFault) -> Self {
        if fault == XmlFault::Truncated { Self::Truncated } else { Self::Xml(fault) }
    }
}

impl From<Distrust> for SignerFault {
    fn from(distrust: Distrust) -> Self {
        match distrust {
            Distrust::UnknownAuthority { issuer } => Self::UnknownAuthority { issuer },
            other => Self::Chain(other),
        }
    }
}

impl ListFault {
    /// A stable name for traces, metrics and documents.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::SignatureTooLarge => "too-large",
            Self::Truncated => "truncated",
            Self::Xml(XmlFault::DocType) => "document-type",
            Self::Xml(_) => "not-xml",
            Self::Root { .. } => "other-root",
            Self::Unsigned => "unsigned",
            Self::MovedSignature => "moved-signature",
            Self::SecondSignature => "second-signature",
            Self::Profile(_) | Self::Reference(_) => "other-profile",
            Self::Algorithm { .. } => "other-algorithm",
            Self::Certificate(_) => "unusable-certificate",
            Self::Digest => "altered",
            Self::Signature => "bad-signature",
            Self::Signer(fault) => fault.reason(),
            Self::Format(_) | Self::Rows(_) => "unreadable-rows",
            Self::Older { .. } => "older",
            Self::FromTheFuture(_) => "from-the-future",
        }
    }
}

impl SignerFault {
    /// A stable name for traces, metrics and documents.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnknownAuthority { .. } => "signer-unknown-authority",
            Self::Chain(Distrust::Revoked { .. }) => "signer-revoked",
            Self::Chain(Distrust::Expired { .. } | Distrust::NotYetValid { .. }) => "signer-dates",
            Self::Chain(_) => "signer-untrusted",
            Self::NoDigitalSignature => "signer-usage",
            Self::Policy { .. } => "signer-policy",
            Self::NotAccepted { .. } => "signer-not-accepted",
        }
    }

    /// Whether more or newer revocation lists may mend it.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Chain(distrust) if distrust.is_temporary())
    }
}
