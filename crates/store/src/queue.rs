//! The outgoing queue, as it is put in and as readers give it: one entry a recipient, the rest shared by the message.
//!
//! Must never touch: the engine, keys, the network.

use std::fmt;

use jiff::Timestamp;
use mssante::Address;
use serde::{Deserialize, Serialize};

use crate::{ids::AccountId, trace::TraceId};

/// Most recipients one message may have in the queue.
pub const QUEUED_RECIPIENTS: usize = 1_000;
/// Longest ENVID, octets as decoded (RFC 3461 §4.4 allows 100 characters).
pub const ENVID_BYTES: usize = 100;
/// Longest ORCPT, octets as decoded with its type (RFC 3461 §4.2 allows 500 characters).
pub const ORCPT_BYTES: usize = 500;
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

/// What leaves of a message: part of the delivery that accepts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The reverse path; none is the null one.
    pub reverse_path: Option<Address>,
    /// The account of ours that gets reports.
    pub sender: Option<AccountId>,
    /// Place in [`crate::Delivery::variants`] of the header that leaves.
    pub variant: usize,
    /// Whether it needs SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// Whether its body has octets above 127 (RFC 6152).
    pub eight_bit: bool,
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
    /// Whether its body has octets above 127 (RFC 6152).
    pub eight_bit: bool,
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
    /// Only the time of its next attempt moves (an administrator's wish).
    Due(Timestamp),
}
