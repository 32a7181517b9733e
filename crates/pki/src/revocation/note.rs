//! What became of each revocation list that was offered, for logs and `trust status`.

use std::fmt;

use jiff::Timestamp;

use super::{CrlFault, Number};

/// What became of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlNote {
    /// Where it came from: a file's name.
    pub source: String,
    /// What became of it.
    pub event: CrlEvent,
}

/// What can become of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrlEvent {
    /// It is in force now.
    Accepted {
        /// Its authority.
        issuer: String,
        /// Its number.
        number: Number,
        /// When the next one is due.
        next_update: Timestamp,
        /// How many certificates it revokes.
        revoked: usize,
    },
    /// It is in force already.
    Unchanged {
        /// Its authority.
        issuer: String,
    },
    /// It is in force, but it lost more than half of its bytes.
    Shrunk {
        /// Its authority.
        issuer: String,
        /// Bytes of the list before.
        from: usize,
        /// Bytes now.
        to: usize,
    },
    /// It cannot be used; the one in force stays.
    Refused(CrlFault),
    /// It is older than the one in force, or as old and not the same.
    GoesBack {
        /// Its authority.
        issuer: String,
        /// Its number.
        number: Number,
        /// The number of the one in force.
        in_force: Number,
    },
    /// It is made later than now.
    FromTheFuture {
        /// Its authority.
        issuer: String,
        /// When it says it was made.
        this_update: Timestamp,
    },
    /// It is larger than a list may be.
    TooLarge,
    /// It cannot be read.
    Unreadable(String),
    /// The directory holds more files than are read.
    TooMany,
    /// The authority of a list in force is no longer trusted, so the list is gone too.
    AuthorityGone {
        /// The authority.
        issuer: String,
    },
}

impl CrlNote {
    /// The authority whose list it is about, where one is known.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        match &self.event {
            CrlEvent::Accepted { issuer, .. }
            | CrlEvent::Unchanged { issuer }
            | CrlEvent::Shrunk { issuer, .. }
            | CrlEvent::GoesBack { issuer, .. }
            | CrlEvent::FromTheFuture { issuer, .. }
            | CrlEvent::AuthorityGone { issuer } => Some(issuer),
            CrlEvent::Refused(_) | CrlEvent::TooLarge | CrlEvent::Unreadable(_) | CrlEvent::TooMany => None,
        }
    }

    /// Whether somebody must look at it (M-4).
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        match self.event {
            CrlEvent::Accepted { .. }
            | CrlEvent::Unchanged { .. }
            | CrlEvent::AuthorityGone { .. }
            | CrlEvent::Refused(CrlFault::Delta) => false,
            CrlEvent::Shrunk { .. }
            | CrlEvent::Refused(_)
            | CrlEvent::GoesBack { .. }
            | CrlEvent::FromTheFuture { .. }
            | CrlEvent::TooLarge
            | CrlEvent::Unreadable(_)
            | CrlEvent::TooMany => true,
        }
    }
}

impl CrlNote {
    /// What became of it, in a sentence without where it came from.
    #[must_use]
    pub fn what(&self) -> String {
        self.event.to_string()
    }
}

impl fmt::Display for CrlNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.event)
    }
}

impl fmt::Display for CrlEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted { issuer, number, next_update, revoked } => write!(
                f,
                "revocation list {number} of \"{issuer}\" is in force: {revoked} revoked, the next is due on {next_update}"
            ),
            Self::Unchanged { issuer } => {
                write!(f, "the revocation list of \"{issuer}\" has not changed")
            }
            Self::Shrunk { issuer, from, to } => write!(
                f,
                "the revocation list of \"{issuer}\" shrank from {from} to {to} bytes: \
                 ask the authority whether that is right"
            ),
            Self::Refused(fault) => write!(f, "not used: {fault}"),
            Self::GoesBack { issuer, number, in_force } => write!(
                f,
                "not used: revocation list {number} of \"{issuer}\" does not follow {in_force}, which is in force: \
                 put the newest there"
            ),
            Self::FromTheFuture { issuer, this_update } => write!(
                f,
                "not used: the revocation list of \"{issuer}\" is dated {this_update}, which has not come: \
                 is the clock right?"
            ),
            Self::TooLarge => f.write_str("not used: it is larger than 16 MiB"),
            Self::Unreadable(error) => write!(
                f,
                "it cannot be read: {error}: [trust] crls must name a directory that the service may read, with its files"
            ),
            Self::TooMany => f.write_str("it holds more than 256 files: the others are not read"),
            Self::AuthorityGone { issuer } => write!(
                f,
                "the revocation list of \"{issuer}\" is dropped: that authority is no longer trusted"
            ),
        }
    }
}
