//! Answers to bytes. Every encoder appends to a buffer; none can fail.

/// Response codes (RFC 3501 §7.1, RFC 4315, RFC 5530, RFC 6154).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// The text must be shown to the person.
    Alert,
    /// The mailbox exists already (RFC 5530).
    AlreadyExists,
    /// Where an appended message went (RFC 4315).
    AppendUid {
        /// UIDVALIDITY of the mailbox.
        validity: u32,
        /// The new UID.
        uid: u32,
    },
    /// Wrong user or password (RFC 5530).
    AuthenticationFailed,
    /// The right to use the mailbox ended, or never was (RFC 5530).
    AuthorizationFailed,
    /// The charset is not known (RFC 3501); the ones known are told.
    BadCharset,
    /// It can never be done (RFC 5530).
    Cannot,
    /// Where copied messages went (RFC 4315); both lists in the same order.
    CopyUid {
        /// UIDVALIDITY of the target.
        validity: u32,
        /// UIDs in the source.
        from: Vec<u32>,
        /// UIDs in the target.
        to: Vec<u32>,
    },
    /// Some messages are gone, their expunge not told yet (RFC 5530).
    ExpungeIssued,
    /// Another one uses it (RFC 5530).
    InUse,
    /// A limit was reached (RFC 5530).
    Limit,
    /// No such mailbox (RFC 5530).
    NonExistent,
    /// Flags that can be kept; keywords too if `any` (`\*`).
    PermanentFlags {
        /// The flags, as on the wire.
        flags: Vec<String>,
        /// Whether new keywords are accepted.
        any: bool,
    },
    /// Login must be done over TLS (RFC 5530).
    PrivacyRequired,
    /// The mailbox is read only.
    ReadOnly,
    /// The mailbox is read and write.
    ReadWrite,
    /// Our fault (RFC 5530).
    ServerBug,
    /// The message is larger than what is accepted (RFC 4469).
    TooBig,
    /// Create the mailbox first.
    TryCreate,
    /// The next UID.
    UidNext(u32),
    /// UIDVALIDITY.
    UidValidity(u32),
    /// Out of order for now: try later (RFC 5530).
    Unavailable,
    /// Sequence number of the first message without `\Seen`.
    Unseen(u32),
    /// The special use is not supported here (RFC 6154 §3).
    UseAttr,
}
