//! Boxes and their messages, as the readers give them.
//!
//! Must never touch: the engine.

use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    flags::Flags,
    flags::SystemFlag,
    ids::{AccountId, BoxId, ModSeq, Uid, UidValidity},
    rows::messages::Keywords,
    summary::read::Seen,
    uids::UidRuns,
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

/// What became of a message whose flags were to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It has the flags.
    Done {
        /// As it is now.
        now: Entry,
        /// The mod-sequence it had before.
        before: ModSeq,
    },
    /// It changed after the mod-sequence that was given, and stays as it is.
    Modified(Uid),
}

impl Stored {
    /// The message as it is now, if it has the flags.
    #[must_use]
    pub fn into_entry(self) -> Option<Entry> {
        match self {
            Self::Done { now, .. } => Some(now),
            Self::Modified(_) => None,
        }
    }
}

/// A box as it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBox {
    /// The box.
    pub info: BoxInfo,
    /// Its messages.
    pub uids: UidRuns,
    /// The first message without `\\Seen`.
    pub first_unseen: Option<Uid>,
    /// Keywords that messages of the box have or had, sorted.
    pub keywords: Vec<String>,
}

/// One message as listings show it, on its way through a visit.
#[derive(Clone, Copy)]
pub struct ListingRef<'b> {
    pub(crate) seen: Seen<'b>,
    pub(crate) words: &'b Keywords,
}

impl ListingRef<'_> {
    /// Its UID.
    pub fn uid(&self) -> Uid {
        self.seen.uid
    }

    /// Mod-sequence of its last change.
    pub fn modseq(&self) -> ModSeq {
        self.seen.modseq
    }

    /// INTERNALDATE, Unix seconds.
    pub fn internal_date(&self) -> i64 {
        self.seen.internal_date
    }

    /// RFC822.SIZE, bytes.
    pub fn size(&self) -> u64 {
        self.seen.size
    }

    /// Whether it has a system flag.
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.seen.bits & flag.bit() != 0
    }

    /// Whether it has any keyword.
    pub fn has_keywords(&self) -> bool {
        !self.seen.keywords.is_empty()
    }

    /// Whether it has this keyword, without case.
    pub fn has_keyword(&self, word: &str) -> bool {
        self.has_keywords()
            && self.words.number(word).is_some_and(|number| self.seen.keywords.contains(&number))
    }

    /// All its flags.
    ///
    /// # Errors
    /// `Corrupt` if it has a keyword that its box does not know.
    pub fn flags(&self) -> Result<Flags, StoreError> {
        self.words.flags_of(self.seen.bits, self.seen.keywords)
    }

    /// The same as a value that stays.
    ///
    /// # Errors
    /// As [`ListingRef::flags`].
    pub fn entry(&self) -> Result<Entry, StoreError> {
        Ok(Entry {
            uid: self.seen.uid,
            flags: self.flags()?,
            modseq: self.seen.modseq,
            internal_date: self.seen.internal_date,
            size: self.seen.size,
        })
    }
}

/// What happened in a box since a mod-sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Messages that are new or changed, by UID.
    pub changed: Vec<Entry>,
    /// UIDs that are gone.
    pub vanished: UidRuns,
    /// UIDNEXT now.
    pub uid_next: Uid,
    /// HIGHESTMODSEQ now.
    pub highest: ModSeq,
}
