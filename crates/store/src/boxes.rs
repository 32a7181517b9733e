//! Boxes and their messages, as the readers give them.
//!
//! Must never touch: the engine.

use serde::{Deserialize, Serialize};

use crate::{
    flags::Flags,
    ids::{AccountId, BoxId, ModSeq, Uid, UidValidity},
};

/// The name every account has, compared without case (RFC 3501 §5.1).
pub const INBOX: &str = "INBOX";
/// Longest name of a box, bytes of UTF-8.
pub const BOX_NAME_BYTES: usize = 1000;
/// Deepest box: parts of its name between slashes.
pub const BOX_DEPTH: usize = 20;
/// Most boxes an account may have.
pub const BOXES_PER_ACCOUNT: usize = 2000;
/// Most different keywords used in one box.
pub const KEYWORDS_PER_BOX: usize = 256;

/// What a box is for (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SpecialUse {
    /// Sent messages.
    Sent,
    /// Drafts.
    Drafts,
    /// Deleted messages.
    Trash,
    /// Unwanted messages.
    Junk,
    /// Kept messages.
    Archive,
    /// Every message.
    All,
    /// Flagged messages.
    Flagged,
}

impl SpecialUse {
    /// As IMAP writes it, backslash included.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "\\Sent",
            Self::Drafts => "\\Drafts",
            Self::Trash => "\\Trash",
            Self::Junk => "\\Junk",
            Self::Archive => "\\Archive",
            Self::All => "\\All",
            Self::Flagged => "\\Flagged",
        }
    }
}

/// One box and its counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxInfo {
    /// Its identifier, for ever; a rename keeps it.
    pub id: BoxId,
    /// Whose it is.
    pub account: AccountId,
    /// Its whole name, UTF-8, parts separated by `/`.
    pub name: String,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether its holder subscribed to it.
    pub subscribed: bool,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// UIDNEXT: above every UID given so far.
    pub uid_next: Uid,
    /// HIGHESTMODSEQ.
    pub highest: ModSeq,
    /// Messages in it.
    pub exists: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Sum of their sizes, bytes.
    pub bytes: u64,
}

/// One message as listings show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: Flags,
    /// Mod-sequence of its last change.
    pub modseq: ModSeq,
    /// INTERNALDATE, Unix seconds.
    pub internal_date: i64,
    /// RFC822.SIZE, bytes.
    pub size: u64,
}

/// What happened in a box since a mod-sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Messages that are new or changed, by UID.
    pub changed: Vec<Entry>,
    /// UIDs that are gone, ascending.
    pub vanished: Vec<Uid>,
    /// UIDNEXT now.
    pub uid_next: Uid,
    /// HIGHESTMODSEQ now.
    pub highest: ModSeq,
}
