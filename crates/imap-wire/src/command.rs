//! What a client asked for, as data: the result of the grammar, the argument of every handler.
//! May use plain values only. Must never touch bytes of the wire, the store or a socket.
//!
//! Commands are split by who answers them, so that a handler cannot be called in the wrong state (RFC 3501 §3):
//! the driver answers [`ConnectionCommand`]s, a session answers [`SessionCommand`]s, a session with an open
//! mailbox answers [`SelectedCommand`]s. IDLE and APPEND belong to the driver and the session together; APPEND is no
//! [`Command`], because its message is never gathered: see [`AppendArgs`].

use std::fmt;

use zeroize::Zeroizing;

pub use self::{
    acl::AclCommand,
    append::{AppendArgs, AppendMessage},
    fetch::{BinaryFetch, FetchItem, Partial, Section, SectionFetch, SectionName, SectionPart},
    names::{MAILBOX_NAME_BYTES, MAILBOX_NAME_LEVELS, MailboxName, MailboxNameError, Tag},
    search::{SearchKey, SearchReturn, SearchText},
    set::{Bound, Messages, Numbering, SequenceSet},
};

mod acl;
mod append;
mod fetch;
mod names;
mod search;
mod set;

/// One whole command with the tag its completion must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The client's tag.
    pub tag: Tag,
    /// What it asks for.
    pub command: Command,
}

/// A command, by who answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Answered by the driver of the connection.
    Connection(ConnectionCommand),
    /// Answered by the session of a logged-in person.
    Session(SessionCommand),
    /// IDLE (RFC 2177): the driver waits for DONE while the session reports changes.
    Idle,
}

/// What the driver answers by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionCommand {
    /// CAPABILITY (RFC 3501 §6.1.1).
    Capability,
    /// LOGOUT (§6.1.3).
    Logout,
    /// ID (RFC 2971); `None` for NIL.
    Id(Vec<(String, Option<String>)>),
    /// STARTTLS (§6.2.1).
    StartTls,
    /// AUTHENTICATE (§6.2.2) with the initial response of RFC 4959, still in base64 (`=` stands for an empty one).
    Authenticate {
        /// Upper-case name of the mechanism.
        mechanism: String,
        /// Initial response, if any.
        initial: Option<Secret>,
    },
    /// LOGIN (§6.2.3).
    Login {
        /// User name as given; may be `box*person`.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// What needs a logged-in person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionCommand {
    /// NOOP (RFC 3501 §6.1.2). Before login the driver answers it.
    Noop,
    /// ENABLE (RFC 5161): the capabilities, in upper case.
    Enable(Vec<String>),
    /// NAMESPACE (RFC 2342).
    Namespace,
    /// SELECT (§6.3.1).
    Select {
        /// Which mailbox.
        mailbox: MailboxName,
        /// What else is asked (RFC 7162).
        params: SelectParams,
    },
    /// EXAMINE (§6.3.2).
    Examine {
        /// Which mailbox.
        mailbox: MailboxName,
        /// What else is asked (RFC 7162).
        params: SelectParams,
    },
    /// CREATE (§6.3.3), with the special uses of RFC 6154 §3 (empty unless given).
    Create {
        /// Name of the new mailbox.
        mailbox: MailboxName,
        /// The name as the client wrote it, if the mailbox will not be called quite so (RFC 9051 §6.3.4).
        written: Option<String>,
        /// Uses asked for.
        special_use: Vec<SpecialUse>,
    },
    /// DELETE (§6.3.4).
    Delete(MailboxName),
    /// RENAME (§6.3.5).
    Rename {
        /// The present name.
        from: MailboxName,
        /// The name wanted.
        to: MailboxName,
    },
    /// SUBSCRIBE (§6.3.6).
    Subscribe(MailboxName),
    /// UNSUBSCRIBE (§6.3.7).
    Unsubscribe(MailboxName),
    /// LIST (§6.3.8, RFC 5258, RFC 6154).
    List(ListArgs),
    /// LSUB (§6.3.9).
    Lsub {
        /// Reference name, UTF-8, empty most of the time.
        reference: String,
        /// Pattern with `*` and `%`, UTF-8.
        pattern: String,
    },
    /// STATUS (§6.3.10).
    Status {
        /// The mailbox looked at.
        mailbox: MailboxName,
        /// What to tell of it, in the order asked.
        items: Vec<StatusItem>,
    },
    /// GETQUOTA (RFC 9208 §4.1.1): the name of a quota root.
    GetQuota(String),
    /// GETQUOTAROOT (RFC 9208 §4.1.2).
    GetQuotaRoot(MailboxName),
    /// SETQUOTA (RFC 9208 §4.1.3): nobody may here, so nothing is kept of it.
    SetQuota,
    /// MYRIGHTS (RFC 4314 §3.5).
    MyRights(MailboxName),
    /// The other commands of RFC 4314 §3, which take the right to administer a mailbox.
    Acl {
        /// Which one.
        command: AclCommand,
        /// The mailbox.
        mailbox: MailboxName,
    },
    /// What needs an open mailbox.
    Selected(SelectedCommand),
}

/// What needs an open mailbox (RFC 3501 §6.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectedCommand {
    /// CHECK (§6.4.1).
    Check,
    /// CLOSE (§6.4.2).
    Close,
    /// UNSELECT (RFC 3691).
    Unselect,
    /// EXPUNGE (§6.4.3); with a set it is UID EXPUNGE (RFC 4315 §2.1).
    Expunge(Option<SequenceSet>),
    /// SEARCH and UID SEARCH (§6.4.4): the numbering is the one of the answer.
    Search {
        /// What numbers to answer with.
        numbering: Numbering,
        /// What to answer (RFC 4731); `None` when there was no RETURN.
        returns: Option<SearchReturn>,
        /// What to look for.
        key: SearchKey,
    },
    /// FETCH and UID FETCH (§6.4.5); macros are already spelled out, UID is present in a UID FETCH.
    Fetch {
        /// Which messages.
        messages: Messages,
        /// What of them, in the order asked, without duplicates.
        items: Vec<FetchItem>,
        /// Only those that changed after this mod-sequence (RFC 7162 §3.1.4.1).
        changed_since: Option<u64>,
        /// Tell UIDs that vanished since, too (RFC 7162 §3.2.6); only beside `changed_since`.
        vanished: bool,
    },
    /// STORE and UID STORE (§6.4.6).
    Store {
        /// Which messages.
        messages: Messages,
        /// Only those that did not change after this mod-sequence (RFC 7162 §3.1.3).
        unchanged_since: Option<u64>,
        /// What to do with the flags.
        mode: StoreMode,
        /// Whether `.SILENT` was asked.
        silent: bool,
        /// The flags.
        flags: Vec<Flag>,
    },
    /// COPY and UID COPY (§6.4.7).
    Copy {
        /// Which messages.
        messages: Messages,
        /// Where to.
        to: MailboxName,
    },
    /// MOVE and UID MOVE (RFC 6851).
    Move {
        /// Which messages.
        messages: Messages,
        /// Where to.
        to: MailboxName,
    },
}

/// What SELECT and EXAMINE ask beside the mailbox (RFC 7162 §3.1.8, §3.2.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SelectParams {
    /// `CONDSTORE`.
    pub condstore: bool,
    /// `QRESYNC (…)`.
    pub qresync: Option<QResync>,
    /// What the client calls the mailbox, where that is called otherwise.
    pub written: Option<String>,
}

/// What a client kept of a mailbox from an earlier session (RFC 7162 §3.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QResync {
    /// UIDVALIDITY it knows.
    pub uid_validity: u32,
    /// Up to which mod-sequence it knows everything.
    pub modseq: u64,
    /// UIDs it knows; all of them if absent. Never names `*`.
    pub known_uids: Option<SequenceSet>,
    /// Some sequence numbers and the UIDs that it knows under them, in the same order and as many. Neither names `*`.
    pub sequence_match: Option<(SequenceSet, SequenceSet)>,
}

/// Arguments of LIST (RFC 3501 §6.3.8, RFC 5258).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListArgs {
    /// Selection options.
    pub select: ListSelect,
    /// Reference name, UTF-8, empty most of the time.
    pub reference: String,
    /// One pattern or more, UTF-8, with `*` and `%`.
    pub patterns: Vec<String>,
    /// Return options; `None` when there was no RETURN.
    pub returns: Option<ListReturn>,
}

/// Selection options of LIST (RFC 5258 §3.1, RFC 6154 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListSelect {
    /// Only subscribed names, existing or not.
    pub subscribed: bool,
    /// Remote mailboxes too: there are none here, it changes nothing.
    pub remote: bool,
    /// Parents of names that match the other selections.
    pub recursive_match: bool,
    /// Only mailboxes with a special use.
    pub special_use: bool,
}

/// Return options of LIST (RFC 5258 §3.2, RFC 6154 §5.2, RFC 5819 §2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListReturn {
    /// `\Subscribed` attributes.
    pub subscribed: bool,
    /// `\HasChildren` and `\HasNoChildren` attributes.
    pub children: bool,
    /// Special-use attributes.
    pub special_use: bool,
    /// What STATUS would tell of each mailbox, in the order asked; empty if nothing.
    pub status: Vec<StatusItem>,
}

/// Special uses (RFC 6154 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the RFC")]
pub enum SpecialUse {
    All,
    Archive,
    Drafts,
    Flagged,
    Junk,
    Sent,
    Trash,
}

/// Items of STATUS (RFC 3501 §6.3.10; SIZE: RFC 8438; DELETED: RFC 9051 §6.3.11; DELETED-STORAGE: RFC 9208 §5.1;
/// APPENDLIMIT: RFC 7889 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the RFC")]
pub enum StatusItem {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
    Size,
    Deleted,
    DeletedStorage,
    AppendLimit,
    /// RFC 7162 §3.1.7.
    HighestModSeq,
}

/// What STORE does (RFC 3501 §6.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreMode {
    /// `FLAGS`: these and no others.
    Replace,
    /// `+FLAGS`.
    Add,
    /// `-FLAGS`.
    Remove,
}

/// A flag a client may set or search for (RFC 3501 §2.3.2). `\Recent` is never one of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are those of the RFC")]
pub enum Flag {
    Answered,
    Deleted,
    Draft,
    Flagged,
    Seen,
    /// A keyword, an atom kept as the client wrote it (compare without case).
    Keyword(String),
}

/// Bytes nobody may see: wiped when dropped, absent from `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives the bytes away, still wiped when dropped.
    pub fn into_inner(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Command {
    /// Name for logs and traces; holds no argument.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connection(command) => command.name(),
            Self::Session(command) => command.name(),
            Self::Idle => "IDLE",
        }
    }
}

impl ConnectionCommand {
    fn name(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Logout => "LOGOUT",
            Self::Id(_) => "ID",
            Self::StartTls => "STARTTLS",
            Self::Authenticate { .. } => "AUTHENTICATE",
            Self::Login { .. } => "LOGIN",
        }
    }
}

impl SessionCommand {
    /// Whether nothing is lost when it is broken off: it changes no more than what it did already (`\Seen` of what FETCH
    /// gave).
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Noop
            | Self::Namespace
            | Self::Select { .. }
            | Self::Examine { .. }
            | Self::List(_)
            | Self::Lsub { .. }
            | Self::Status { .. }
            | Self::GetQuota(_)
            | Self::GetQuotaRoot(_)
            | Self::MyRights(_) => true,
            Self::Selected(command) => matches!(
                command,
                SelectedCommand::Check | SelectedCommand::Search { .. } | SelectedCommand::Fetch { .. }
            ),
            _ => false,
        }
    }

    /// Name for logs, traces and completion texts (`UID` is not part of it).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Noop => "NOOP",
            Self::Enable(_) => "ENABLE",
            Self::Namespace => "NAMESPACE",
            Self::Select { .. } => "SELECT",
            Self::Examine { .. } => "EXAMINE",
            Self::Create { .. } => "CREATE",
            Self::Delete(_) => "DELETE",
            Self::Rename { .. } => "RENAME",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::List(_) => "LIST",
            Self::Lsub { .. } => "LSUB",
            Self::Status { .. } => "STATUS",
            Self::GetQuota(_) => "GETQUOTA",
            Self::GetQuotaRoot(_) => "GETQUOTAROOT",
            Self::SetQuota => "SETQUOTA",
            Self::MyRights(_) => "MYRIGHTS",
            Self::Acl { command, .. } => command.name(),
            Self::Selected(command) => command.name(),
        }
    }
}

impl SelectedCommand {
    fn name(&self) -> &'static str {
        match self {
            Self::Check => "CHECK",
            Self::Close => "CLOSE",
            Self::Unselect => "UNSELECT",
            Self::Expunge(_) => "EXPUNGE",
            Self::Search { .. } => "SEARCH",
            Self::Fetch { .. } => "FETCH",
            Self::Store { .. } => "STORE",
            Self::Copy { .. } => "COPY",
            Self::Move { .. } => "MOVE",
        }
    }
}
