//! The decision itself. May use and must never touch: what the module above says.

use super::{Place, Refusal, RouteSettings, Sender};
use crate::{Address, Tag};

/// What In-Reply-To, References and X-Forwarded-Message-Id say (S-3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answers {
    /// One of them is a message that the service carried for the account acted as.
    Carried,
    /// None was carried for it, and one looks like an id that this service makes (S-3.3).
    LooksOursUnknown,
    /// Neither.
    No,
}

/// All that the path depends on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The account acted as.
    pub sender: Sender,
    /// What the subject says.
    pub tag: Tag,
    /// Every recipient and where it is.
    pub recipients: &'a [(Address, Place)],
    /// What the message answers.
    pub answers: Answers,
    /// The sender's structure says that all its mail is secure (S-3.1).
    pub structure_all_secure: bool,
    /// An ordinary smart host is configured (S-3.3).
    pub smart_host: bool,
}

/// Why a message takes the secure path (S-3.1); the first that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The subject carries the tag.
    Tag,
    /// A recipient's address is in an MSSanté domain.
    MssanteRecipient,
    /// Every recipient is a local account.
    AllLocal,
    /// It answers a carried message (S-3.9).
    Answer,
    /// The structure says so.
    Structure,
}

impl Why {
    /// The stable machine name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::MssanteRecipient => "mssante-recipient",
            Self::AllLocal => "all-local",
            Self::Answer => "answer",
            Self::Structure => "structure",
        }
    }
}

/// What becomes of the whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Secure: local boxes and the trust space, nowhere else.
    Secure(Why),
    /// Ordinary mail: the smart host takes it (S-3.3).
    SmartHost,
    /// Nobody gets anything.
    Refuse(Refusal),
}

/// Judges one recipient at RCPT: the sender's rights and patients' numbers (S-3.2). A recipient outside the trust
/// space passes here: the header decides.
///
/// # Errors
/// The refusal to answer with.
pub fn recipient(
    sender: &Sender,
    to: &Address,
    place: Place,
    settings: &RouteSettings,
) -> Result<(), Refusal> {
    let _ = (sender, to, place, settings);
    todo!()
}

/// Chooses the path for the whole message, failing closed in doubt (S-3.1 to S-3.3).
#[must_use]
pub fn decide(facts: &Facts<'_>) -> Decision {
    let _ = facts;
    todo!()
}
