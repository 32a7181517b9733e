//! What APPEND says of its messages (RFC 3501 §6.3.11); the messages themselves follow as streams. Plain values only.

use jiff::Timestamp;

use super::{Flag, MailboxName};

/// Arguments of APPEND, up to its first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendArgs {
    /// Where to.
    pub mailbox: MailboxName,
    /// What is said of the first message; others may follow (RFC 3502).
    pub message: AppendMessage,
}

/// What is said of one message; `size` bytes follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendMessage {
    /// Its flags.
    pub flags: Vec<Flag>,
    /// INTERNALDATE asked for; the time of arrival if absent.
    pub internal_date: Option<Timestamp>,
    /// Bytes announced.
    pub size: u64,
    /// Whether the literal may hold zero bytes (`~{n}`, RFC 3516 §4.4).
    pub binary: bool,
    /// Whether the header holds UTF-8 (`UTF8 (~{n}…)`, RFC 6855 §4).
    pub utf8: bool,
}
