//! What is told of retention.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far retention got. Days are UTC dates.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RetentionView {
    /// Messages received on that day or before are erased.
    pub(crate) erased_through: Option<String>,
    pub(crate) traces_erased_through: Option<String>,
    /// The oldest day of which messages are kept.
    pub(crate) oldest_kept: Option<String>,
    /// Whether boxes are still being tidied behind an erasure.
    pub(crate) tidying: bool,
    /// Whether the clock leapt and nothing is erased until it is accepted.
    pub(crate) held: bool,
    pub(crate) proof: Option<ProofView>,
}

/// The latest proof.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ProofView {
    pub(crate) at: Timestamp,
    pub(crate) erased_through: String,
    /// Messages, one a box, erased since the proof before.
    pub(crate) messages_erased: u64,
    /// What is wrong; nothing if retention is kept.
    pub(crate) faults: Vec<String>,
}
