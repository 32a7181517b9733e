//! What travels about long work on the whole store: backups, proofs, exports. Paths are absolute: the daemon has a working
//! directory of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A backup that was made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BackupView {
    pub(crate) id: u32,
    pub(crate) taken: Timestamp,
    pub(crate) bytes: u64,
    /// Bytes written now.
    pub(crate) written: u64,
    /// Bytes shared with older backups.
    pub(crate) shared: u64,
    pub(crate) kept: Vec<u32>,
    pub(crate) trace: String,
}

/// The proof of a store.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct ProofView {
    pub(crate) clean: bool,
    pub(crate) accounts: u64,
    pub(crate) boxes: u64,
    pub(crate) messages: u64,
    pub(crate) bodies: u64,
    pub(crate) traces: u64,
    pub(crate) queued: u64,
    /// What is wrong: where, and what.
    pub(crate) faults: Vec<FaultView>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FaultView {
    pub(crate) place: String,
    pub(crate) problem: String,
}

/// What an export came to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ExportView {
    pub(crate) boxes: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Messages that could not be read, or not wholly.
    pub(crate) bad: u64,
    /// The first of them, with reasons.
    pub(crate) named: Vec<String>,
    pub(crate) trace: String,
}

/// What came back to a box.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BoxView {
    pub(crate) taken: Option<Timestamp>,
    pub(crate) restored: u64,
    /// Messages that were there.
    pub(crate) present: u64,
    /// Messages whose day was erased since the backup.
    pub(crate) erased: u64,
    /// Messages that do not open in the backup.
    pub(crate) damaged: u64,
    /// The first of them.
    pub(crate) named: Vec<String>,
    pub(crate) trace: String,
}
