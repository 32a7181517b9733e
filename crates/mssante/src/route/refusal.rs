//! Refusals as values: code, reason, and a text for people in English and in French (I-8).
//!
//! May use: nothing. Must never touch: ASCII only, since SMTP replies go out before any UTF-8 is agreed on.

use std::fmt;

use crate::Address;

/// Why a message or a recipient is refused, with what the sender should do next.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {status} {en}")]
pub struct Refusal {
    /// SMTP reply code (RFC 5321 §4.2).
    pub code: u16,
    /// Enhanced status code (RFC 3463).
    pub status: &'static str,
    /// The reason, for traces, logs and tests.
    pub reason: Reason,
    /// The recipient that it is about, if one.
    pub recipient: Option<Address>,
    /// For people, in English; ASCII.
    pub en: String,
    /// For people, in French; ASCII.
    pub fr: String,
}

/// The reason of a refusal; the machine name is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The sender's account is not valid (S-1.5).
    SenderState,
    /// A sender with MED's rights wrote to another operator's domain (S-1.2, S-1.4).
    BeyondRights,
    /// A patient's address with a wrong number (S-5.1).
    PatientNumber,
    /// No such account here.
    UnknownRecipient,
    /// Nobody to send to.
    NoRecipient,
    /// A secure message with a recipient outside the trust space (S-3.2).
    OutsideTrustSpace,
    /// A secure message with a recipient whose MSSanté domain is not in the white list (S-3.2, M-9).
    UnlistedDomain,
    /// Not secure, and the subject holds something like the tag (S-3.3).
    TagNearMiss,
    /// Not secure, and a recipient's domain looks like an MSSanté one (S-3.3).
    DomainLookAlike,
    /// Not secure, and it claims to answer a message of ours that is unknown (S-3.3).
    UnknownAnswer,
    /// Not secure, and this service carries secure mail only (S-3.3).
    NotSecure,
}

impl Reason {
    /// The stable machine name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SenderState => "sender-state",
            Self::BeyondRights => "beyond-rights",
            Self::PatientNumber => "patient-number",
            Self::UnknownRecipient => "unknown-recipient",
            Self::NoRecipient => "no-recipient",
            Self::OutsideTrustSpace => "outside-trust-space",
            Self::UnlistedDomain => "unlisted-domain",
            Self::TagNearMiss => "tag-near-miss",
            Self::DomainLookAlike => "domain-look-alike",
            Self::UnknownAnswer => "unknown-answer",
            Self::NotSecure => "not-secure",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// The texts name the recipient whole, for the sender alone: logs get the masked one (M-11).
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({} {} {} {:?})", self.code, self.status, self.reason, self.recipient)
    }
}
