//! What SEARCH looks for (RFC 3501 §6.4.4, RFC 5032, RFC 7162 §3.1.5, RFC 8514 §4.3) and how it answers (RFC 4731, RFC
//! 5182). Plain values only.

use std::fmt;

use jiff::civil::Date;

use crate::command::{Flag, SequenceSet};

/// A search key; depth and number are bounded by the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchKey {
    /// Every message.
    All,
    /// All of these (a list of keys is their conjunction).
    And(Vec<SearchKey>),
    /// One of the two.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// Not that one.
    Not(Box<SearchKey>),
    /// Message sequence numbers.
    Sequence(SequenceSet),
    /// Unique identifiers.
    Uid(SequenceSet),
    /// The flag is set (`SEEN`, `KEYWORD x`, …).
    Has(Flag),
    /// The flag is not set (`UNSEEN`, `UNKEYWORD x`, …).
    Lacks(Flag),
    /// `RECENT`; `NEW` is spelled out as RECENT UNSEEN, `OLD` as NOT RECENT.
    Recent,
    /// INTERNALDATE earlier than that day.
    Before(Date),
    /// INTERNALDATE within that day.
    On(Date),
    /// INTERNALDATE that day or later.
    Since(Date),
    /// `Date:` earlier than that day.
    SentBefore(Date),
    /// `Date:` that day.
    SentOn(Date),
    /// `Date:` that day or later.
    SentSince(Date),
    /// RFC822.SIZE greater.
    Larger(u32),
    /// RFC822.SIZE smaller.
    Smaller(u32),
    /// A header field (BCC, CC, FROM, SUBJECT, TO and HEADER) holds the text; an empty text means the field exists.
    Header(String, SearchText),
    /// The body holds the text.
    Body(SearchText),
    /// Header or body holds the text.
    Text(SearchText),
    /// INTERNALDATE at least so many seconds ago (RFC 5032).
    Older(u32),
    /// INTERNALDATE at most so many seconds ago (RFC 5032).
    Younger(u32),
    /// Mod-sequence equal or greater (RFC 7162 §3.1.5).
    ModSeq(u64),
    /// Put in the mailbox earlier than that day (RFC 8514).
    SavedBefore(Date),
    /// Put in the mailbox within that day (RFC 8514).
    SavedOn(Date),
    /// Put in the mailbox that day or later (RFC 8514).
    SavedSince(Date),
    /// Whether the mailbox keeps save dates (RFC 8514): all messages or none.
    SaveDateSupported,
}

/// What RETURN asks for (RFC 4731 §3.1, RFC 5182 §2.1); `RETURN ()` is spelled out as ALL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchReturn {
    /// The lowest number found.
    pub min: bool,
    /// The highest number found.
    pub max: bool,
    /// All of them.
    pub all: bool,
    /// How many.
    pub count: bool,
    /// Keep them for `$`.
    pub save: bool,
}

impl SearchKey {
    /// Whether the key, or one within it, is such.
    pub fn any(&self, such: &dyn Fn(&Self) -> bool) -> bool {
        such(self)
            || match self {
                Self::And(keys) => keys.iter().any(|key| key.any(such)),
                Self::Or(one, other) => one.any(such) || other.any(such),
                Self::Not(key) => key.any(such),
                _ => false,
            }
    }
}

/// A text looked for, decoded from the charset of the command. Never shown by `Debug`: it may name a patient.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchText(String);

impl SearchText {
    /// Takes decoded text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, as the client wrote it (fold both sides before comparing).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SearchText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SearchText({} bytes)", self.0.len())
    }
}
