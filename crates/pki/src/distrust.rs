//! Why somebody is not trusted, in words that tell the other operator's engineer which check failed (M-2). Values only:
//! it may use the rules' types; it must never decide anything.

use jiff::{SignedDuration, Timestamp};
use mssante::{Domain, dn::DistinguishedName};
use thiserror::Error;

/// Which check failed. `Display` is one English sentence that says what happened and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Distrust {
    /// Nothing was presented.
    #[error("no certificate was presented: present the operator certificate that the white list names")]
    NoCertificate,
    /// What was presented cannot be read as a chain of X.509 certificates.
    #[error("the certificate cannot be read ({0}): present a sound X.509 chain, your own certificate first")]
    Malformed(String),
    /// A certificate of the test hierarchy where only production ones count (M-2).
    #[error("the certificate is of the IGC-Sante TEST hierarchy: present a production certificate")]
    TestCertificate,
    /// The chain does not end in the configured roots.
    #[error(
        "the issuer \"{issuer}\" does not lead to an authority trusted here: \
         present an IGC-Sante certificate with its chain"
    )]
    UnknownAuthority {
        /// The issuer for which no certificate is known.
        issuer: String,
    },
    /// The first day of a certificate of the chain has not come.
    #[error("a certificate of the chain is not valid before {from}: present one that is valid now")]
    NotYetValid {
        /// From when.
        from: Timestamp,
    },
    /// The last day of a certificate of the chain has passed.
    #[error("a certificate of the chain expired on {at}: present its successor")]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The certificate is for something else.
    #[error(
        "the certificate is not for this use (extended key usage {needed} is missing): present one that is"
    )]
    WrongUsage {
        /// The usage that must be there, by its name in RFC 5280 §4.2.1.12.
        needed: &'static str,
    },
    /// A signature in the chain is not its issuer's.
    #[error(
        "a signature in the certificate chain is not that of its issuer ({0}): present the chain as issued"
    )]
    BadSignature(String),
    /// The chain breaks a rule of its own authorities (lengths, name constraints, critical extensions).
    #[error("the certificate chain breaks a rule of RFC 5280 ({0}): present a chain as issued")]
    BadChain(String),
    /// Its authority has revoked a certificate of the chain.
    #[error("the certificate of serial number {serial} was revoked on {at}: present its successor")]
    Revoked {
        /// Its serial number, in hexadecimal.
        serial: String,
        /// Since when.
        at: Timestamp,
    },
    /// No revocation list of an authority of the chain is here (M-4).
    #[error("no revocation list of \"{issuer}\" is known here at the moment: try again later")]
    RevocationUnknown {
        /// Whose.
        issuer: String,
    },
    /// The revocation list of an authority of the chain is too old to be believed (M-4).
    #[error(
        "the revocation list of \"{issuer}\" known here was to be renewed on {next_update}: try again later"
    )]
    RevocationStale {
        /// Whose.
        issuer: String,
        /// When its successor was due.
        next_update: Timestamp,
    },
    /// The subject is in no row of the white list.
    #[error("the certificate's subject \"{name}\" is not in the MSSante white list: have it listed")]
    NotListed {
        /// The subject.
        name: DistinguishedName,
    },
    /// The subject is listed, but not for this domain.
    #[error(
        "the MSSante white list does not let the certificate's subject \"{name}\" speak for {domain}: \
         use a certificate that is listed for it"
    )]
    NotListedFor {
        /// The subject.
        name: DistinguishedName,
        /// The domain.
        domain: Domain,
    },
    /// The domain's listed certificate has the same common name; the rest of its subject differs.
    #[error(
        "the certificate's subject \"{name}\" has a common name that the MSSante white list knows for {domain}, \
         but its other parts differ: the whole subject must be the listed one"
    )]
    OtherName {
        /// The subject.
        name: DistinguishedName,
        /// The domain.
        domain: Domain,
    },
    /// The domain is in no row of the white list.
    #[error("the domain {domain} is not in the MSSante white list: nothing is exchanged with it")]
    DomainUnlisted {
        /// The domain.
        domain: Domain,
    },
    /// There is no white list here.
    #[error("no MSSante white list is in force here at the moment: try again later")]
    NoList,
    /// The white list was not renewed for too long (M-1).
    #[error(
        "the MSSante white list here was last checked {} hours ago, which is too old to trust: try again later",
        .age.as_hours()
    )]
    ListTooOld {
        /// Time since it was last checked.
        age: SignedDuration,
    },
}

impl Distrust {
    /// A stable name for traces, metrics and documents.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoCertificate => "no-certificate",
            Self::Malformed(_) => "malformed-certificate",
            Self::TestCertificate => "test-certificate",
            Self::UnknownAuthority { .. } => "unknown-authority",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Expired { .. } => "expired",
            Self::WrongUsage { .. } => "wrong-usage",
            Self::BadSignature(_) => "bad-signature",
            Self::BadChain(_) => "bad-chain",
            Self::Revoked { .. } => "revoked",
            Self::RevocationUnknown { .. } => "revocation-unknown",
            Self::RevocationStale { .. } => "revocation-stale",
            Self::NotListed { .. } => "not-listed",
            Self::NotListedFor { .. } => "not-listed-for-domain",
            Self::OtherName { .. } => "other-name",
            Self::DomainUnlisted { .. } => "domain-unlisted",
            Self::NoList => "no-list",
            Self::ListTooOld { .. } => "list-too-old",
        }
    }

    /// Whether the fault is on this side and may pass without the peer doing anything: a 4xx, never a 5xx (M-1, M-4).
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::RevocationUnknown { .. }
                | Self::RevocationStale { .. }
                | Self::NoList
                | Self::ListTooOld { .. }
        )
    }
}
