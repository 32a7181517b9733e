//! Tags and mailbox names: text checked once. Plain values only; never the wire.

use std::fmt;

use thiserror::Error;

/// Longest mailbox name, in bytes of UTF-8.
pub const MAILBOX_NAME_BYTES: usize = 512;

/// Deepest mailbox name, in levels between `/`.
pub const MAILBOX_NAME_LEVELS: usize = 32;

/// A tag (RFC 3501 §2.2.1): 1 to 64 bytes of ASCII a client chose to recognise our answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag(String);

impl Tag {
    /// Longest tag accepted, in bytes; clients use four to twelve.
    pub const BYTES: usize = 64;

    /// Reads a tag: ASTRING-CHAR without `+` (RFC 3501 §9), at most [`Tag::BYTES`]; `None` otherwise.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let legal = |b: &u8| matches!(b, 0x21..=0x7e) && !b"(){%*\"\\+".contains(b);
        if bytes.is_empty() || bytes.len() > Self::BYTES || !bytes.iter().all(legal) {
            return None;
        }
        std::str::from_utf8(bytes).ok().map(|text| Self(text.to_owned()))
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mailbox name: UTF-8, levels separated by `/`, `INBOX` always in upper case (RFC 3501 §5.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(String);

/// Why a text is not a mailbox name; the text is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MailboxNameError {
    /// Nothing but separators.
    #[error("a mailbox name cannot be empty")]
    Empty,
    /// More than [`MAILBOX_NAME_BYTES`].
    #[error("the mailbox name is too long: at most 512 bytes")]
    TooLong,
    /// More than [`MAILBOX_NAME_LEVELS`].
    #[error("the mailbox name is too deep: at most 32 levels")]
    TooDeep,
    /// `a//b` or `/a`.
    #[error("a mailbox name cannot have an empty level: no leading and no double slash")]
    EmptyLevel,
    /// A control character.
    #[error("a mailbox name cannot hold control characters")]
    Control,
}

impl MailboxName {
    /// Checks a decoded name. One trailing `/` is dropped: RFC 3501 §6.3.3 lets CREATE carry it.
    pub fn parse(text: &str) -> Result<Self, MailboxNameError> {
        let name = text.strip_suffix('/').unwrap_or(text);
        if name.is_empty() {
            return Err(MailboxNameError::Empty);
        }
        if name.len() > MAILBOX_NAME_BYTES {
            return Err(MailboxNameError::TooLong);
        }
        if name.split('/').count() > MAILBOX_NAME_LEVELS {
            return Err(MailboxNameError::TooDeep);
        }
        if name.split('/').any(str::is_empty) {
            return Err(MailboxNameError::EmptyLevel);
        }
        if name.chars().any(char::is_control) {
            return Err(MailboxNameError::Control);
        }
        Ok(Self(canonical_inbox(name)))
    }

    /// The name, UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is INBOX.
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }
}

/// INBOX is the one name without case (RFC 3501 §5.1); its first level is treated alike so that no twin appears beside it.
fn canonical_inbox(name: &str) -> String {
    match name.split_once('/') {
        None if name.eq_ignore_ascii_case("INBOX") => "INBOX".to_owned(),
        Some((first, rest)) if first.eq_ignore_ascii_case("INBOX") => format!("INBOX/{rest}"),
        _ => name.to_owned(),
    }
}

/// A mailbox name may hold a patient's name: `Debug` shows its length only.
impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailboxName({} bytes)", self.0.len())
    }
}
