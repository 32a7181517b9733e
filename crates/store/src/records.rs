//! The values that keys lead to, and how they are written: postcard for what is small and hot, JSON for an account,
//! whose fields will grow. Enumerations of the first kind only ever grow at their end.
//!
//! Must never touch: the engine, keys of encryption.

use jiff::Timestamp;
use mssante::{Profile, State};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Result, StoreError,
    account::{Account, Quota},
    body::{Place, Turn},
    boxes::SpecialUse,
    day::Day,
    ids::{AccountId, BodyId, BoxId, ModSeq, Uid, UidValidity},
    open::Kind,
    trace::TraceId,
};

mod queue;

pub(crate) use queue::*;

/// The format this program writes. 2 added the family of the queue; a store of format 1 only lacks it. 3 added the day of
/// reception and the date of saving to listings and what each box and account holds of each day (S-4.3). 4 sorted the
/// queue into lanes: [`crate::upgrade`].
pub(crate) const FORMAT: u32 = 4;
/// The oldest format that is upgraded when it is opened.
pub(crate) const OLDEST_FORMAT: u32 = 1;

/// What a store is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Format {
    pub(crate) version: u32,
    pub(crate) kind: Kind,
}

/// The last number of each sort that was given, and how far time got. One record, part of every commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) account: u64,
    pub(crate) mailbox: u64,
    pub(crate) credential: u64,
    pub(crate) trace: u64,
    pub(crate) uid_validity: u32,
    /// The latest instant of a commit, microseconds since 1970.
    pub(crate) committed: i64,
    /// The latest day of a commit or of a body.
    pub(crate) day: Day,
    /// Messages received on that day or before are gone (I-4). Day 0: none yet.
    pub(crate) erased: Day,
    /// The same for traces (M-10).
    pub(crate) erased_traces: Day,
    /// No box has rows of a day up to here any more.
    pub(crate) tidied: Day,
    /// The clock leapt: nothing is erased until it is accepted.
    pub(crate) held: bool,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self {
            account: 0,
            mailbox: 0,
            credential: 0,
            trace: 0,
            uid_validity: 0,
            committed: 0,
            day: Day::from_number(0),
            erased: Day::from_number(0),
            erased_traces: Day::from_number(0),
            tidied: Day::from_number(0),
            held: false,
        }
    }
}

/// Who has an address, or had it last.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct AddressRecord {
    pub(crate) account: AccountId,
    pub(crate) live: bool,
}

/// An account as it is kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct AccountRecord {
    profile: Profile,
    state: State,
    openers: Vec<AccountId>,
    #[serde(default, skip_serializing_if = "Quota::is_usual")]
    quota: Quota,
    #[serde(with = "crate::instant")]
    created: Timestamp,
    version: u64,
}

impl AccountRecord {
    pub(crate) fn encode(account: &Account) -> Result<Vec<u8>> {
        let record = Self {
            profile: account.profile.clone(),
            state: account.state,
            openers: account.openers.clone(),
            quota: account.quota,
            created: account.created,
            version: account.version,
        };
        serde_json::to_vec(&record).map_err(|error| StoreError::Engine(error.to_string()))
    }

    pub(crate) fn decode(id: AccountId, bytes: &[u8]) -> Result<Account> {
        let Self { profile, state, openers, quota, created, version } =
            serde_json::from_slice(bytes).map_err(|_| StoreError::Corrupt("account"))?;
        Ok(Account { id, profile, state, openers, quota, created, version })
    }
}

/// An application password as it is kept: the keyed hash of its secret, never the secret.
#[derive(Serialize, Deserialize)]
pub(crate) struct CredentialRecord {
    pub(crate) name: String,
    #[serde(with = "crate::instant")]
    pub(crate) created: Timestamp,
    pub(crate) mac: [u8; 32],
}

/// What rarely changes of a box.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BoxRecord {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) special_use: Option<SpecialUse>,
    pub(crate) subscribed: bool,
    pub(crate) uid_validity: UidValidity,
}

/// What changes with each message of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BoxState {
    pub(crate) uid_next: Uid,
    pub(crate) highest: ModSeq,
    pub(crate) exists: u32,
    pub(crate) unseen: u32,
    pub(crate) bytes: u64,
    /// Whose it is.
    pub(crate) account: AccountId,
    /// UIDs below are in the summary of the box.
    pub(crate) covered: Uid,
    /// The summary is as of this mod-sequence.
    pub(crate) summarised: ModSeq,
    /// The log of vanished UIDs is complete above this mod-sequence.
    pub(crate) floor: ModSeq,
    /// Runs of vanished UIDs that are kept.
    pub(crate) runs: u32,
}

impl BoxState {
    pub(crate) fn new(account: AccountId) -> Self {
        Self {
            uid_next: Uid::MIN,
            highest: ModSeq(1),
            exists: 0,
            unseen: 0,
            bytes: 0,
            account,
            covered: Uid::MIN,
            summarised: ModSeq(0),
            floor: ModSeq(0),
            runs: 0,
        }
    }

    /// The same box without those messages; none if it has fewer.
    pub(crate) fn less(self, those: DayTally) -> Option<Self> {
        Some(Self {
            exists: self.exists.checked_sub(those.messages)?,
            unseen: self.unseen.checked_sub(those.unseen)?,
            bytes: self.bytes.checked_sub(those.bytes)?,
            ..self
        })
    }
}

/// What a box has of the messages received on one day. A day of which it has none has no row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DayTally {
    pub(crate) messages: u32,
    pub(crate) unseen: u32,
    pub(crate) bytes: u64,
}

impl DayTally {
    /// These without those; none if those are more.
    pub(crate) fn less(self, those: Self) -> Option<Self> {
        Some(Self {
            messages: self.messages.checked_sub(those.messages)?,
            unseen: self.unseen.checked_sub(those.unseen)?,
            bytes: self.bytes.checked_sub(those.bytes)?,
        })
    }
}

/// A day that was erased and is out of a box's counters; the row stays until those of its messages are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GoneDay {
    /// The mod-sequence at which its messages vanished.
    pub(crate) modseq: ModSeq,
    /// How many the box had.
    pub(crate) messages: u32,
    /// Their UIDs are in the log of vanished UIDs: nothing needs their rows any more.
    pub(crate) listed: bool,
}

/// One line of the log of erasures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErasureRecord {
    /// When its keys were destroyed, microseconds since 1970.
    pub(crate) at: i64,
    /// The first day on which they might be.
    pub(crate) due: Day,
    /// Messages of that day whose rows were removed from boxes since.
    pub(crate) messages: u64,
}

/// What an account has in all its boxes. An account without messages may have no row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsageRecord {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl UsageRecord {
    /// This without those messages; none if it has fewer.
    pub(crate) fn less(self, those: DayTally) -> Option<Self> {
        Some(Self {
            messages: self.messages.checked_sub(u64::from(those.messages))?,
            bytes: self.bytes.checked_sub(those.bytes)?,
        })
    }
}

/// A deleted box: its references up to this UID, 0 for none, are released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeletedBox {
    pub(crate) released: u32,
}

/// A run of messages that an unfinished COPY made; its key has the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CopyingRun {
    pub(crate) to: BoxId,
    pub(crate) last: Uid,
}

/// What listings show of a message. Keywords are numbers of the box's own table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) modseq: ModSeq,
    pub(crate) bits: u8,
    pub(crate) internal_date: i64,
    pub(crate) size: u64,
    pub(crate) keywords: Vec<u8>,
    /// The day of reception of its body: it is gone once that day is erased (I-4).
    pub(crate) day: Day,
    /// When this copy was put in its box, Unix seconds (RFC 8514); none if format 2 kept it. The summary has no use for it,
    /// nor for what follows.
    pub(crate) saved: Option<i64>,
    /// Whether it had `\Seen` once, here or in the box it was copied from: its first opening was (S-4.5).
    pub(crate) opened: bool,
}

/// A [`Listing`] read where it lies.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct ListingRow<'b> {
    pub(crate) modseq: ModSeq,
    pub(crate) bits: u8,
    pub(crate) internal_date: i64,
    pub(crate) size: u64,
    pub(crate) keywords: &'b [u8],
    pub(crate) day: Day,
    pub(crate) saved: Option<i64>,
}

impl<'b> ListingRow<'b> {
    pub(crate) fn decode(bytes: &'b [u8]) -> Result<Self> {
        postcard::from_bytes(bytes).map_err(|_| StoreError::Corrupt("message"))
    }
}

/// What never changes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reference {
    pub(crate) body: BodyId,
    pub(crate) variant: u16,
    pub(crate) origin: Option<TraceId>,
}

/// A body: how long, and how many messages refer to it. The last one that goes takes it along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BodyRecord {
    pub(crate) len: u64,
    pub(crate) references: u32,
    pub(crate) variants: u16,
    /// Where its chunks lie; none if format 2 made it.
    pub(crate) turn: Option<Turn>,
}

impl BodyRecord {
    /// Reads a record, one of format 2 too: it ends before the turn.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Before {
            len: u64,
            references: u32,
            variants: u16,
        }
        if let Ok(record) = postcard::from_bytes(bytes) {
            return Ok(record);
        }
        let Before { len, references, variants } = decode(bytes, "body record")?;
        Ok(Self { len, references, variants, turn: None })
    }

    /// Where the chunks of this body lie.
    pub(crate) fn place(&self, id: BodyId) -> Place {
        Place { id, turn: self.turn }
    }
}

/// A submission that was accepted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct OnceRecord {
    pub(crate) id: TraceId,
}

/// Writes a record.
pub(crate) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    /// Longer ones grow.
    const USUAL: usize = 96;
    postcard::to_extend(record, Vec::with_capacity(USUAL))
        .map_err(|error| StoreError::Engine(error.to_string()))
}

/// Reads a record; `what` names its sort if it is damaged.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|_| StoreError::Corrupt(what))
}

/// A box number as a value.
pub(crate) fn box_id(bytes: &[u8]) -> Result<BoxId> {
    bytes
        .try_into()
        .map(|bytes| BoxId(u64::from_be_bytes(bytes)))
        .map_err(|_| StoreError::Corrupt("box number"))
}
