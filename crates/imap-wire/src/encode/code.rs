//! Response codes: the machine-readable part of a status response (RFC 3501 §7.1).
//! May use plain values only.

use super::{list, number, numbers, ranges};

/// Response codes (RFC 3501 §7.1, RFC 3516 §4.3, RFC 4315 §3, RFC 5530 §3, RFC 6154 §3, RFC 9051 §7.1).
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
        /// The new UIDs, in the order of the messages: one, unless several were appended (RFC 3502 §4).
        uids: Vec<u32>,
    },
    /// Wrong user or password (RFC 5530).
    AuthenticationFailed,
    /// The charset is not known (RFC 3501); ones that are known are told.
    BadCharset,
    /// It can never be done (RFC 5530).
    Cannot,
    /// The capabilities, sent along so that the client need not ask (RFC 3501 §7.1).
    Capability(String),
    /// The mailbox that was open is open no more: what follows is about another (RFC 7162 §3.2.11).
    Closed,
    /// Where copied messages went (RFC 4315); both lists in the same order.
    CopyUid {
        /// UIDVALIDITY of the target.
        validity: u32,
        /// UIDs in the source.
        from: Vec<u32>,
        /// UIDs in the target.
        to: Vec<u32>,
    },
    /// What is kept here is damaged (RFC 5530).
    Corruption,
    /// Some messages are gone, their expunge not told yet (RFC 5530).
    ExpungeIssued,
    /// It has mailboxes below it (RFC 9051 §7.1).
    HasChildren,
    /// The mod-sequence up to which a client knows everything (RFC 7162 §3.1.2.1).
    HighestModSeq(u64),
    /// A limit was reached (RFC 5530).
    Limit,
    /// Messages that changed meanwhile and were left as they are (RFC 7162 §3.1.3), first and last of each run of numbers.
    Modified(Vec<(u32, u32)>),
    /// No such mailbox (RFC 5530).
    NonExistent,
    /// The right to do that is missing (RFC 5530).
    NoPerm,
    /// The account has as much as it may have (RFC 9208 §4.3.1).
    OverQuota,
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
    /// The transfer encoding of a part is not known, or its bytes cannot be kept (RFC 3516 §4.3, §4.4).
    UnknownCte,
    /// Out of order for now: try later (RFC 5530).
    Unavailable,
    /// Sequence number of the first message without `\Seen`.
    Unseen(u32),
    /// The special use is not supported here (RFC 6154 §3).
    UseAttr,
}

impl Code {
    /// Appends the code, without the brackets.
    pub fn write(&self, out: &mut Vec<u8>) {
        let text = match self {
            Self::Alert => "ALERT",
            Self::AlreadyExists => "ALREADYEXISTS",
            Self::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Self::BadCharset => {
                "BADCHARSET (US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252 ISO-8859-2 SHIFT_JIS BIG5 GB18030)"
            }
            Self::Cannot => "CANNOT",
            Self::Capability(capability) => {
                return out.extend_from_slice(format!("CAPABILITY {capability}").as_bytes());
            }
            Self::Closed => "CLOSED",
            Self::Corruption => "CORRUPTION",
            Self::ExpungeIssued => "EXPUNGEISSUED",
            Self::HasChildren => "HASCHILDREN",
            Self::Limit => "LIMIT",
            Self::NonExistent => "NONEXISTENT",
            Self::NoPerm => "NOPERM",
            Self::OverQuota => "OVERQUOTA",
            Self::PrivacyRequired => "PRIVACYREQUIRED",
            Self::ReadOnly => "READ-ONLY",
            Self::ReadWrite => "READ-WRITE",
            Self::ServerBug => "SERVERBUG",
            Self::TooBig => "TOOBIG",
            Self::TryCreate => "TRYCREATE",
            Self::Unavailable => "UNAVAILABLE",
            Self::UnknownCte => "UNKNOWN-CTE",
            Self::UseAttr => "USEATTR",
            Self::AppendUid { validity, uids } => {
                out.extend_from_slice(format!("APPENDUID {validity} ").as_bytes());
                return numbers(out, uids.iter().copied());
            }
            Self::UidNext(uid) => return out.extend_from_slice(format!("UIDNEXT {uid}").as_bytes()),
            Self::UidValidity(validity) => {
                return out.extend_from_slice(format!("UIDVALIDITY {validity}").as_bytes());
            }
            Self::Unseen(number) => return out.extend_from_slice(format!("UNSEEN {number}").as_bytes()),
            Self::HighestModSeq(modseq) => {
                out.extend_from_slice(b"HIGHESTMODSEQ ");
                return number(out, *modseq);
            }
            Self::Modified(runs) => {
                out.extend_from_slice(b"MODIFIED ");
                return ranges(out, runs.iter().copied());
            }
            Self::CopyUid { validity, from, to } => return copy_uid(out, *validity, from, to),
            Self::PermanentFlags { flags, any } => return permanent_flags(out, flags, *any),
        };
        out.extend_from_slice(text.as_bytes());
    }
}

fn copy_uid(out: &mut Vec<u8>, validity: u32, from: &[u32], to: &[u32]) {
    out.extend_from_slice(format!("COPYUID {validity} ").as_bytes());
    numbers(out, from.iter().copied());
    out.push(b' ');
    numbers(out, to.iter().copied());
}

fn permanent_flags(out: &mut Vec<u8>, flags: &[String], any: bool) {
    out.extend_from_slice(b"PERMANENTFLAGS ");
    list(out, flags.iter().map(String::as_str).chain(any.then_some("\\*")));
}
