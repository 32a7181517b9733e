//! What a certificate for somebody is to say: subject, names, usage, policy, dates. Pure values; the authority makes the
//! certificate of them.

use jiff::{SignedDuration, Timestamp};

use crate::{Key, Name};

/// The policy of the servers' certificates (mssante.md B.3.3).
pub const SERVER_POLICY: &str = "1.2.250.1.213.1.7.1.1.2.5.1";
/// The policy of the certificates that sign for an organisation, the white list's among them (B.2.3).
pub const SIGNING_POLICY: &str = "1.2.250.1.213.1.7.1.1.2.3.1";
/// The policy of every certificate of the TEST hierarchy (B.3.3).
pub const TEST_POLICY: &str = "1.2.250.1.213.1.7.2.1.1.1.1";

/// Some mail clients refuse server certificates that last longer.
pub const SERVER_DAYS: i64 = 397;
/// Three years, like the agency's (B.2.3).
const SIGNER_DAYS: i64 = 3 * 365;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// serverAuth and clientAuth: an operator's (B.3.3).
    Both,
    /// serverAuth alone.
    Server,
    /// clientAuth alone.
    Client,
    /// emailProtection, with digitalSignature and nonRepudiation: who signs the list (B.2.3).
    Email,
    /// No extended key usage at all.
    None,
}

/// A certificate to be. The fields are open: a test makes the valid one and spoils what it is about.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The whole name.
    pub subject: Name,
    /// DNS names and IP addresses.
    pub names: Vec<String>,
    /// A mail address (rfc822Name).
    pub email: Option<String>,
    /// What it may be used for.
    pub usage: Usage,
    /// The policy's OID; the TEST hierarchy puts its own in any case.
    pub policy: Option<String>,
    /// Valid from.
    pub not_before: Timestamp,
    /// Valid until.
    pub not_after: Timestamp,
    /// Its key; a new one is made where there is none.
    pub key: Option<Key>,
}

impl Leaf {
    /// A server's, as the agency makes them (B.3.3), good since yesterday.
    #[must_use]
    pub fn server(subject: Name, names: &[&str], now: Timestamp) -> Self {
        Self {
            subject,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            email: None,
            usage: Usage::Both,
            policy: Some(SERVER_POLICY.to_owned()),
            not_before: now.saturating_sub(DAY).unwrap_or(now),
            not_after: days_after(now, SERVER_DAYS),
            key: None,
        }
    }

    /// The white list's signer's (B.2.3).
    #[must_use]
    pub fn signer(subject: Name, email: &str, now: Timestamp) -> Self {
        Self {
            email: Some(email.to_owned()),
            usage: Usage::Email,
            policy: Some(SIGNING_POLICY.to_owned()),
            not_after: days_after(now, SIGNER_DAYS),
            ..Self::server(subject, &[], now)
        }
    }

    /// A person's (B.3.4).
    #[must_use]
    pub fn person(subject: Name, now: Timestamp) -> Self {
        Self { usage: Usage::Client, policy: None, ..Self::server(subject, &[], now) }
    }

    /// Valid from `not_before` until `not_after`.
    #[must_use]
    pub fn lasting(self, not_before: Timestamp, not_after: Timestamp) -> Self {
        Self { not_before, not_after, ..self }
    }

    /// With `key`, which others may have too.
    #[must_use]
    pub fn with_key(self, key: &Key) -> Self {
        Self { key: Some(key.clone()), ..self }
    }
}

pub(crate) fn days_after(now: Timestamp, days: i64) -> Timestamp {
    now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX)
}
