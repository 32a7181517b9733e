//! What a client enabled (RFC 5161): forms of answers that it must ask for before they may be used.
//! Plain data. Must never be set by anything but the client's own commands.

use crate::wire::Names;

/// What is on in a session; nothing goes off again (RFC 5161 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Enabled {
    /// The forms of IMAP4rev2 (RFC 9051 appendix E).
    pub(crate) rev2: bool,
    /// UTF-8 in names and quoted strings (RFC 6855).
    pub(crate) utf8: bool,
    /// MODSEQ in flag changes (RFC 7162 §3.1).
    pub(crate) condstore: bool,
    /// VANISHED instead of EXPUNGE (RFC 7162 §3.2).
    pub(crate) qresync: bool,
}

impl Enabled {
    /// How mailbox names are written (RFC 9051 §5.1, RFC 6855 §3).
    pub(crate) fn names(self) -> Names {
        match (self.utf8, self.rev2) {
            (true, _) => Names::Utf8Accept,
            (false, true) => Names::Utf8,
            (false, false) => Names::Utf7,
        }
    }
}
