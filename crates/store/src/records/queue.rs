//! What is kept of the queue. What a record of before lacks stands behind what it has, so that both are read.
//!
//! Must never touch: the engine, keys of encryption.

use mssante::Address;
use serde::{Deserialize, Serialize};

use super::decode;
use crate::{
    Result, StoreError,
    ids::{AccountId, BodyId, Dispatch, LaneId},
    queue::{BodyKind, Notify, Priority, Ret, Way},
    trace::TraceId,
};

/// The queue as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct QueueCounters {
    pub(crate) entries: u64,
    /// The last number given to an entry.
    pub(crate) last: u64,
}

/// An entry of the queue: what the committer must know, then a sealed [`EntryRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryRow {
    pub(crate) body: BodyId,
    /// Microseconds since 1970.
    pub(crate) due: i64,
    pub(crate) sealed: Vec<u8>,
    /// Which of the ways of its message.
    pub(crate) number: u8,
    pub(crate) lane: LaneId,
    pub(crate) priority: Priority,
    /// An administrator keeps it back.
    pub(crate) held: bool,
}

/// Where in its lane an entry that is held stands: never reached.
pub(crate) const HELD: u8 = u8::MAX;

impl EntryRow {
    /// Reads a row as it is kept since format 4.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        decode(bytes, "queue entry")
    }

    pub(crate) fn dispatch(&self) -> Dispatch {
        Dispatch { body: self.body, number: self.number }
    }

    /// Which of the rows of its lane it stands in.
    pub(crate) fn class(&self) -> u8 {
        if self.held { HELD } else { self.priority as u8 }
    }
}

/// An entry before format 4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OldEntryRow {
    pub(crate) body: BodyId,
    pub(crate) due: i64,
    pub(crate) sealed: Vec<u8>,
}

/// What waits for one next hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaneRow {
    /// How many entries.
    pub(crate) entries: u64,
    /// Since when an administrator keeps all of it back, microseconds since 1970.
    pub(crate) held: Option<i64>,
    /// The [`Lane`](crate::Lane), sealed under the store key; nothing for entries that did not open when lanes were made.
    pub(crate) sealed: Vec<u8>,
}

/// What an entry has of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryRecord {
    pub(crate) recipient: Address,
    pub(crate) notify: Option<Notify>,
    pub(crate) original: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) last: Option<String>,
    /// Microseconds since 1970, as every instant here.
    pub(crate) distrusted_since: Option<i64>,
    pub(crate) delay_told: bool,
}

/// A message in the queue: one reference to its body, as long as entries are left; then a sealed [`MessageRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageRow {
    pub(crate) left: u32,
    pub(crate) sealed: Vec<u8>,
    /// The account of ours that gets reports; it may have only so much in the queue.
    pub(crate) sender: Option<AccountId>,
}

/// The same before format 4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OldMessageRow {
    pub(crate) left: u32,
    pub(crate) sealed: Vec<u8>,
}

/// What the entries of a message share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageRecord {
    pub(crate) id: TraceId,
    pub(crate) reverse_path: Option<Address>,
    pub(crate) sender: Option<AccountId>,
    pub(crate) variant: u16,
    pub(crate) smtputf8: bool,
    /// Said by [`Sort::body`], too; kept where it always was.
    pub(crate) eight_bit: bool,
    pub(crate) envid: Option<String>,
    pub(crate) ret: Option<Ret>,
    pub(crate) size: u64,
    pub(crate) queued: i64,
    pub(crate) expires: i64,
    pub(crate) sort: Sort,
}

/// What was not asked about a message before there were several ways; its record ended there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sort {
    pub(crate) way: Way,
    pub(crate) body: BodyKind,
    pub(crate) require_tls: bool,
    pub(crate) priority: Priority,
}

impl MessageRecord {
    /// Reads a record, one without its sort too.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Before {
            id: TraceId,
            reverse_path: Option<Address>,
            sender: Option<AccountId>,
            variant: u16,
            smtputf8: bool,
            eight_bit: bool,
            envid: Option<String>,
            ret: Option<Ret>,
            size: u64,
            queued: i64,
            expires: i64,
        }
        let what = "queued message";
        let (before, rest) = decode_first(bytes, what)?;
        let Before { id, reverse_path, sender, variant, smtputf8, eight_bit, envid, ret, .. } = before;
        let Before { size, queued, expires, .. } = before;
        let sort = if rest.is_empty() {
            let body = if eight_bit { BodyKind::EightBit } else { BodyKind::SevenBit };
            Sort { way: Way::Peers, body, require_tls: false, priority: Priority::Usual }
        } else {
            decode(rest, what)?
        };
        Ok(Self {
            id,
            reverse_path,
            sender,
            variant,
            smtputf8,
            eight_bit,
            envid,
            ret,
            size,
            queued,
            expires,
            sort,
        })
    }
}

/// Reads the first of two records that stand one behind the other; gives the bytes of the second.
pub(crate) fn decode_first<'b, T: Deserialize<'b>>(
    bytes: &'b [u8],
    what: &'static str,
) -> Result<(T, &'b [u8])> {
    postcard::take_from_bytes(bytes).map_err(|_| StoreError::Corrupt(what))
}
