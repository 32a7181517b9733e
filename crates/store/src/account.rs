//! Accounts and their application passwords, as the readers give them.
//!
//! Must never touch: secrets (those stay in the records).

use jiff::Timestamp;
use mssante::{Profile, State};
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, CredentialId};

/// Longest name of an application password, bytes.
pub const CREDENTIAL_NAME_BYTES: usize = 200;
/// Most application passwords an account may have.
pub const CREDENTIALS_PER_ACCOUNT: usize = 64;
/// Most accounts that may open one ORG or APP box.
pub const OPENERS_PER_ACCOUNT: usize = 1000;

/// What an administrator allows an account; where it says nothing, the store's settings hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Sum of the sizes of its messages, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Messages in all its boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
}

impl Quota {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its identifier, for ever.
    pub id: AccountId,
    /// What is known of its holder.
    pub profile: Profile,
    /// Where it is in its life (S-1.5).
    pub state: State,
    /// The accounts of the people who may open it (ORG and APP, S-1.7).
    pub openers: Vec<AccountId>,
    /// What it may have in its boxes, where that is not as usual.
    pub quota: Quota,
    /// When it was created.
    pub created: Timestamp,
    /// One more at each change; an update names the version it read.
    pub version: u64,
}

/// One application password (S-7.3), without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its identifier.
    pub id: CredentialId,
    /// The account it opens.
    pub account: AccountId,
    /// What its holder calls it.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
}

/// What an account has in all its boxes together (S-4.3: what is erased is out of it at once).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages; one that lies in two boxes counts twice.
    pub messages: u64,
    /// Sum of their sizes, bytes.
    pub bytes: u64,
}
