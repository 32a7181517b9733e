//! Flags of a message (RFC 3501 §2.3.2): the system flags as bits, keywords as sorted words.
//!
//! Must never touch: the engine. Keywords are kept in the case of their first use and compared without case.

use crate::error::{Limit, StoreError};

/// Most keywords one message may carry.
pub const KEYWORDS_PER_MESSAGE: usize = 32;
/// Longest keyword, bytes.
pub const KEYWORD_BYTES: usize = 64;

/// Flags of one message. `\Recent` is no stored flag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    pub(crate) bits: u8,
    keywords: Vec<String>,
}

/// A system flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SystemFlag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
}

impl SystemFlag {
    /// All of them, in the order they are listed.
    pub const ALL: [SystemFlag; 5] = [Self::Answered, Self::Flagged, Self::Deleted, Self::Seen, Self::Draft];

    /// As IMAP writes it, backslash included.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "\\Seen",
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Draft => "\\Draft",
        }
    }

    pub(crate) fn bit(self) -> u8 {
        match self {
            Self::Seen => 1,
            Self::Answered => 2,
            Self::Flagged => 4,
            Self::Deleted => 8,
            Self::Draft => 16,
        }
    }
}

impl Flags {
    /// No flag.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        Self { bits, keywords: vec![] }
    }

    /// These flags and `flag`.
    #[must_use]
    pub fn with(mut self, flag: SystemFlag) -> Self {
        self.set(flag, true);
        self
    }

    /// Sets or clears a system flag.
    pub fn set(&mut self, flag: SystemFlag, on: bool) {
        if on {
            self.bits |= flag.bit();
        } else {
            self.bits &= !flag.bit();
        }
    }

    /// Whether a system flag is set.
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.bits & flag.bit() != 0
    }

    /// Adds a keyword; one that is there already (without case) stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Limit`] beyond [`KEYWORDS_PER_MESSAGE`] keywords or [`KEYWORD_BYTES`] bytes, or if it is empty.
    pub fn add_keyword(&mut self, keyword: &str) -> Result<(), StoreError> {
        if keyword.is_empty() || keyword.len() > KEYWORD_BYTES {
            return Err(StoreError::Limit(Limit::KeywordBytes));
        }
        let Err(place) = self.place(keyword) else { return Ok(()) };
        if self.keywords.len() >= KEYWORDS_PER_MESSAGE {
            return Err(StoreError::Limit(Limit::Keywords));
        }
        self.keywords.insert(place, keyword.to_owned());
        Ok(())
    }

    /// Removes a keyword (without case) if it is there.
    pub fn remove_keyword(&mut self, keyword: &str) {
        if let Ok(place) = self.place(keyword) {
            self.keywords.remove(place);
        }
    }

    /// Whether the keyword is there, without case.
    pub fn has_keyword(&self, keyword: &str) -> bool {
        self.place(keyword).is_ok()
    }

    /// The keywords, sorted without case.
    pub fn keywords(&self) -> impl Iterator<Item = &str> {
        self.keywords.iter().map(String::as_str)
    }

    /// Whether no flag and no keyword is set.
    pub fn is_empty(&self) -> bool {
        self.bits == 0 && self.keywords.is_empty()
    }

    fn place(&self, keyword: &str) -> Result<usize, usize> {
        let wanted = keyword.to_ascii_lowercase();
        self.keywords.binary_search_by(|known| known.to_ascii_lowercase().cmp(&wanted))
    }
}

/// How a change of flags is to be taken (RFC 3501 §6.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagMode {
    /// Add these (`+FLAGS`).
    Add,
    /// Take these away (`-FLAGS`).
    Remove,
    /// Exactly these (`FLAGS`).
    Replace,
}

/// A change of flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagChange {
    /// How it is to be taken.
    pub mode: FlagMode,
    /// The flags named.
    pub flags: Flags,
}

impl FlagChange {
    /// What `before` becomes.
    ///
    /// # Errors
    /// [`StoreError::Limit`] if it would carry too many keywords.
    pub fn apply(&self, before: &Flags) -> Result<Flags, StoreError> {
        let mut after = before.clone();
        match self.mode {
            FlagMode::Add => {
                after.bits |= self.flags.bits;
                self.flags.keywords().try_for_each(|k| after.add_keyword(k))?;
            }
            FlagMode::Remove => {
                after.bits &= !self.flags.bits;
                self.flags.keywords().for_each(|k| after.remove_keyword(k));
            }
            FlagMode::Replace => after = self.flags.clone(),
        }
        Ok(after)
    }
}
