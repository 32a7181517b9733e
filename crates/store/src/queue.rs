//! The outgoing queue, as it is put in and as readers give it: one entry a recipient, the rest shared by the message.
//!
//! Must never touch: the engine, keys, the network.

use std::fmt;

use jiff::Timestamp;
use mssante::{Address, Domain};
use serde::{Deserialize, Serialize};

use crate::{ids::AccountId, trace::TraceId};

/// Most recipients one message may have in the queue.
pub const QUEUED_RECIPIENTS: usize = 1_000;
/// Longest ENVID, octets as decoded (RFC 3461 §4.4 allows 100 characters).
pub const ENVID_BYTES: usize = 100;
/// Longest ORCPT, octets as decoded with its type (RFC 3461 §4.2 allows 500 characters).
pub const ORCPT_BYTES: usize = 500;
/// Longest name of a connector, octets.
pub const CONNECTOR_BYTES: usize = 64;
/// Most ways by which one message leaves.
pub const WAYS: usize = 16;
/// What is kept of a peer's last words, octets; the rest is cut off.
pub const LAST_BYTES: usize = 1_000;

/// One recipient of one message in the queue, for the life of the store: never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueueId(pub(crate) u64);

impl QueueId {
    /// The identifier written as this number (a control command, a log line); it may name nothing.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// By whom a message leaves. Enumerations here only ever grow at their end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Way {
    /// To the other operators of the trust space, each found by its domain (M-2).
    Peers,
    /// To the structure's smart host, which carries ordinary mail on (S-3.3).
    SmartHost,
    /// To a hospital's own server, by the name of its connector (S-3.10), at most [`CONNECTOR_BYTES`].
    Connector(String),
}

/// What waits for the same next hop: one is served whatever becomes of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Lane {
    /// A domain of another operator.
    Peers(Domain),
    /// The smart host, whatever the domain.
    SmartHost,
    /// A connector, by its name, whatever the domain.
    Connector(String),
}

impl Lane {
    /// The lane of what goes this way to this address.
    pub fn of(way: &Way, recipient: &Address) -> Self {
        match way {
            Way::Peers => Self::Peers(recipient.domain().clone()),
            Way::SmartHost => Self::SmartHost,
            Way::Connector(name) => Self::Connector(name.clone()),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peers(domain) => domain.fmt(f),
            Self::SmartHost => f.write_str("smart-host"),
            Self::Connector(name) => write!(f, "connector {name}"),
        }
    }
}

/// What a body is made of (RFC 6152, RFC 3030).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BodyKind {
    /// Lines of ASCII.
    SevenBit,
    /// Lines with octets above 127.
    EightBit,
    /// Anything: lone CR or LF, NUL, lines of any length.
    Binary,
}

/// What goes first where something has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// Reports, and whatever somebody waits for.
    Prompt,
    /// A letter.
    Usual,
    /// A letter to many, or a large one.
    Bulk,
}

/// How much of the message a report of failure should carry, in the sender's wish (RFC 3461 §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header.
    Headers,
}

/// Of what the sender wants to hear for one recipient (RFC 3461 §4.1); nothing at all is NEVER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notify {
    /// Of its arrival.
    pub success: bool,
    /// Of its failure.
    pub failure: bool,
    /// Of its delay.
    pub delay: bool,
}

/// What leaves of a message one way: part of the delivery that accepts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// By whom.
    pub way: Way,
    /// The reverse path; none is the null one.
    pub reverse_path: Option<Address>,
    /// The account of ours that gets reports.
    pub sender: Option<AccountId>,
    /// Place in [`crate::Delivery::variants`] of the header that leaves.
    pub variant: usize,
    /// Whether it needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// What its body is made of.
    pub body: BodyKind,
    /// Whether it may only pass servers that prove themselves (RFC 8689).
    pub require_tls: bool,
    /// What it waits behind.
    pub priority: Priority,
    /// ENVID, decoded.
    pub envid: Option<String>,
    /// RET.
    pub ret: Option<Ret>,
    /// When trying ends.
    pub expires: Timestamp,
    /// Who is to get it; none: nothing is queued.
    pub recipients: Vec<OutgoingRecipient>,
}

/// One recipient of what leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingRecipient {
    /// The address.
    pub address: Address,
    /// NOTIFY; none if the sender said nothing.
    pub notify: Option<Notify>,
    /// ORCPT: type and address, decoded.
    pub original: Option<String>,
}

/// One entry of the queue with what its message shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The entry.
    pub id: QueueId,
    /// By whom it leaves.
    pub way: Way,
    /// Which [`Outgoing`] of its message: entries of one share header and envelope.
    pub part: u8,
    /// The journey of its message.
    pub message: TraceId,
    /// Who is to get it.
    pub recipient: Address,
    /// NOTIFY; none if the sender said nothing.
    pub notify: Option<Notify>,
    /// ORCPT: type and address, decoded.
    pub original: Option<String>,
    /// The reverse path; none is the null one.
    pub reverse_path: Option<Address>,
    /// The account of ours that gets reports.
    pub sender: Option<AccountId>,
    /// ENVID, decoded.
    pub envid: Option<String>,
    /// RET.
    pub ret: Option<Ret>,
    /// Whether it needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// What its body is made of.
    pub body: BodyKind,
    /// Whether it may only pass servers that prove themselves (RFC 8689).
    pub require_tls: bool,
    /// What it waits behind.
    pub priority: Priority,
    /// Octets of header and body.
    pub size: u64,
    /// When it was accepted.
    pub queued: Timestamp,
    /// When it is to be tried next.
    pub due: Timestamp,
    /// When trying ends.
    pub expires: Timestamp,
    /// Attempts that ended in [`Settlement::Later`].
    pub attempts: u32,
    /// The outcome of the last one, as told with it.
    pub last: Option<String>,
    /// Since when the next hop is not trusted.
    pub distrusted_since: Option<Timestamp>,
    /// Whether the sender was told of the delay.
    pub delay_told: bool,
    /// Whether an administrator keeps it back.
    pub held: bool,
}

impl Queued {
    /// What it waits with.
    pub fn lane(&self) -> Lane {
        Lane::of(&self.way, &self.recipient)
    }
}

/// What becomes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It leaves the queue: it arrived, failed for good, or is removed. The last one of a message releases its body.
    Gone,
    /// An attempt did not settle it: one more is counted.
    Later {
        /// When to try again.
        due: Timestamp,
        /// What the peer said or what happened; kept up to [`LAST_BYTES`].
        last: String,
        /// Since when the next hop is not trusted.
        distrusted_since: Option<Timestamp>,
        /// Whether the sender was told of the delay.
        delay_told: bool,
    },
    /// Only the time of its next attempt moves (an administrator's wish): whoever keeps away from its next hop for a while
    /// goes there again.
    Due(Timestamp),
    /// It is kept back, until it is released (an administrator's wish).
    Hold,
    /// It is kept back no longer.
    Release,
}
