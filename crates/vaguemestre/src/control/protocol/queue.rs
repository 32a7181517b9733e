//! What travels about the outgoing queue. Addresses are masked where they could hold a patient's number (M-11).

use jiff::Timestamp;
use mssante::Domain;
use serde::{Deserialize, Serialize};

/// Entries looked at for one answer.
pub(crate) const QUEUE_PAGE: usize = 1_000;

/// Entries that one request may name.
pub(crate) const QUEUE_IDS: usize = 1_000;

/// Which entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Which {
    /// Those with these numbers; all must be there.
    Ids(Vec<u64>),
    /// Those whose recipient is in this domain.
    Domain(Domain),
    /// All.
    All,
}

/// A recipient of a message in the queue.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct QueuedView {
    pub(crate) id: u64,
    /// The identifier of the message, for `trace`.
    pub(crate) message: String,
    pub(crate) recipient: String,
    /// Empty for the null path.
    pub(crate) reverse_path: String,
    /// Login address of the account that gets reports, or the number of one that is gone.
    pub(crate) sender: Option<String>,
    pub(crate) size: u64,
    pub(crate) queued: Timestamp,
    pub(crate) due: Timestamp,
    pub(crate) expires: Timestamp,
    /// Attempts that settled nothing.
    pub(crate) attempts: u32,
    /// What the last one came to.
    pub(crate) last: Option<String>,
    pub(crate) distrusted_since: Option<Timestamp>,
    pub(crate) delay_told: bool,
    pub(crate) smtputf8: bool,
    /// `7bit`, `8bit` or `binary`.
    pub(crate) body: String,
    pub(crate) require_tls: bool,
    /// What it waits with: a domain, `smart-host`, or a connector.
    pub(crate) lane: String,
    pub(crate) envid: Option<String>,
    pub(crate) ret: Option<String>,
    pub(crate) notify: Option<String>,
    pub(crate) original: Option<String>,
}

/// An entry that an administrator took out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RemovedView {
    pub(crate) id: u64,
    /// The identifier of the message: its trace says who removed what.
    pub(crate) message: String,
    pub(crate) recipient: String,
}
