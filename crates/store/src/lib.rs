//! Everything that is kept: accounts, boxes, messages, traces, sealed at rest (I-5) in an embedded engine behind a
//! small wall (I-6), changed by one committer that syncs many operations at once (I-1, I-2).
//!
//! [`Store`] is the door. Reads see one snapshot ([`Reader`]); writes are operations that resolve once they are durable.
//! May use: rocksdb (in `engine::rocks` only), aws-lc-rs. Must never touch: protocols, the network.

#[cfg(test)]
extern crate self as store;

mod accept;
mod account;
mod backup;
mod binding;
mod body;
mod boxes;
mod clearing;
mod clock;
mod committer;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
mod core;
mod day;
mod delivery;
mod door;
mod engine;
mod error;
mod files;
mod flags;
mod health;
mod housekeeping;
mod ids;
mod instant;
mod keyring;
mod keys;
mod lanes;
mod master;
mod open;
mod ops;
mod pieces;
mod prepare;
mod prove;
mod queue;
mod reader;
mod records;
mod retention;
mod rotation;
mod rows;
mod seal;
mod settings;
mod shed;
mod statistics;
#[cfg(test)]
mod stolen;
mod summary;
mod trace;
mod uids;
mod upgrade;
mod watch;
mod write;

pub use accept::{LogLoss, accept_log_loss};
pub use account::{
    Account, CREDENTIAL_NAME_BYTES, CREDENTIALS_PER_ACCOUNT, Credential, OPENERS_PER_ACCOUNT, Quota, Usage,
};
pub use backup::{
    BackupError, BackupInfo, BackupReport, BoxRestore, BoxRestored, FollowOptions, Followed, Position,
    Receiver, Replayed, RestoreOptions, Restored, VerifiedBackup, backups, restore, verify_backup,
};
pub use body::{BodyReader, BodyWriter, SealedBody};
pub use boxes::{
    BOX_DEPTH, BOX_NAME_BYTES, BOXES_PER_ACCOUNT, BoxInfo, Changes, Entry, INBOX, KEYWORDS_PER_BOX,
    ListingRef, OpenBox, SpecialUse, Stored,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use day::Day;
pub use delivery::{
    APPENDED_AT_ONCE, Appended, AppendedAll, Conversation, Copied, Copy, Delivered, Delivery, Durable,
    Incoming, Variant,
};
pub use door::Store;
pub use error::{Conflict, Limit, StoreError};
pub use flags::{FlagChange, FlagMode, Flags, KEYWORD_BYTES, KEYWORDS_PER_MESSAGE, SystemFlag};
pub use ids::{AccountId, BodyId, BoxId, CredentialId, LaneId, ModSeq, Uid, UidValidity};
pub use keyring::{KeyFileView, KeyKind, KeyringError, StoreId, backup_keys, show_keys};
pub use lanes::ReadyLane;
pub use master::{MasterKey, MasterKeyError, is_credential_name};
pub use open::{Kind, OpenError, OpenOptions, UpgradeCheck, check_upgrade};
pub use pieces::{Interrupted, Pieces};
pub use prove::{FAULTS, Fault, ProofReport};
pub use queue::{
    BodyKind, CONNECTOR_BYTES, ENVID_BYTES, LAST_BYTES, Lane, Notify, ORCPT_BYTES, Outgoing,
    OutgoingRecipient, Priority, QUEUED_RECIPIENTS, QueueId, Queued, Ret, Settlement, WAYS, Way,
};
pub use reader::{Asked, DuePage, LaneInfo, Parts, Reader, Salvaged};
pub use retention::{KeepPlan, Kept, Retention, RetentionProof};
pub use rotation::rotate_master;
pub use seal::{CHUNK, SealError};
pub use settings::Settings;
pub use statistics::Statistics;
pub use trace::{Action, Actor, Outcome, Trace, TraceId, TraceIdError};
pub use uids::UidRuns;

/// What every operation of the store gives.
pub type Result<T> = std::result::Result<T, StoreError>;
