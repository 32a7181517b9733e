//! What goes into the store and what comes back: one message, its variants, its copies (I-1).
//!
//! Must never touch: the engine. `Durable` is made by the committer alone.

use message::IndexRecord;
use mssante::Address;

use crate::{
    body::SealedBody,
    flags::Flags,
    ids::{AccountId, Uid, UidValidity},
    queue::Outgoing,
    trace::{Trace, TraceId},
};

/// Proof that a commit was synced. Only the committer makes one; an SMTP `250` takes it.
#[derive(Debug)]
pub struct Durable(pub(crate) ());

/// The header block one class of recipients gets (S-3.4, S-3.5), and the index record made from it and the body.
pub struct Variant {
    /// Raw header block, blank line included.
    pub header: Vec<u8>,
    /// Its index record.
    pub index: IndexRecord,
}

/// One copy: which account's INBOX gets which variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Whose INBOX.
    pub account: AccountId,
    /// Place in [`Delivery::variants`].
    pub variant: usize,
}

/// All that accepting one message makes durable, at once (I-1).
pub struct Delivery {
    /// The journey it starts or continues.
    pub id: TraceId,
    /// Its body, shared by every copy.
    pub body: SealedBody,
    /// Its header variants.
    pub variants: Vec<Variant>,
    /// Its copies.
    pub copies: Vec<Copy>,
    /// What of it leaves, one for each way: queued in the same commit. At most [`WAYS`](crate::WAYS).
    pub outgoing: Vec<Outgoing>,
    /// Its traces.
    pub traces: Vec<Trace>,
    /// Message-IDs carried for an account from now on, for 15 months (S-3.9).
    pub carried: Vec<(AccountId, String)>,
    /// Fingerprint of peer, envelope and content: the same one within 7 days is answered with the first one's
    /// identifier and stored once (I-1).
    pub once: Option<[u8; 32]>,
    /// Conversations with patients that it ends, or goes on with (S-5.2).
    pub conversations: Vec<Conversation>,
}

/// What a message says of a conversation with a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The professional's account.
    pub account: AccountId,
    /// The patient's address.
    pub patient: Address,
    /// Whether it is over: the patient may not answer any more.
    pub ended: bool,
}

/// What became of a delivery.
#[derive(Debug)]
pub enum Delivered {
    /// It was stored: the UID each copy got in its INBOX, in the order of the copies.
    New(Durable, Vec<(AccountId, Uid)>),
    /// It was stored before, under this identifier. Nothing was written, no trace either: what they say did not happen.
    Again(Durable, TraceId),
}

/// A message a client puts in a box (APPEND).
pub struct Incoming {
    /// Its body.
    pub body: SealedBody,
    /// Raw header block, blank line included.
    pub header: Vec<u8>,
    /// Its index record.
    pub index: IndexRecord,
    /// Its first flags.
    pub flags: Flags,
    /// INTERNALDATE, Unix seconds.
    pub internal_date: i64,
}

/// Where an appended message is (RFC 4315 APPENDUID).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// UIDVALIDITY of the box.
    pub uid_validity: UidValidity,
    /// Its UID.
    pub uid: Uid,
}

/// Most messages that are appended at once: one short operation puts them all in their box (I-2).
pub const APPENDED_AT_ONCE: usize = 128;

/// Where messages that were appended at once are (RFC 4315 APPENDUID, RFC 3502).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendedAll {
    /// UIDVALIDITY of the box.
    pub uid_validity: UidValidity,
    /// Their UIDs, in the order of the messages.
    pub uids: Vec<Uid>,
}

/// Where copied or moved messages are (RFC 4315 COPYUID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the box they are in now.
    pub uid_validity: UidValidity,
    /// Old and new UID of each, ascending. UIDs that no longer existed are left out.
    pub pairs: Vec<(Uid, Uid)>,
}
