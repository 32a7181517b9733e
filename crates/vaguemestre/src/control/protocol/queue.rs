//! What travels about the outgoing queue. Addresses are masked where they could hold a patient's number (M-11).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::Lane;

/// Entries looked at for one answer.
pub(crate) const QUEUE_PAGE: usize = 1_000;

/// Entries looked at for one change: it is one short operation of the store.
pub(crate) const CHANGE_PAGE: usize = 200;

/// Entries that one request may name.
pub(crate) const QUEUE_IDS: usize = 1_000;

/// Next hops that `stats` tells of one by one: those with the most entries.
pub(crate) const STATS_LANES: usize = 50;

/// Which entries: those that all of this is true of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// They wait for this next hop.
    pub(crate) lane: Option<Lane>,
    /// They are of the message with this identifier.
    pub(crate) message: Option<String>,
    /// They were accepted at least so many seconds ago.
    pub(crate) older: Option<u64>,
    /// An administrator keeps them back.
    pub(crate) held: bool,
}

/// Which entries a change is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Which {
    /// Those with these numbers; all must be there.
    Ids(Vec<u64>),
    /// Those that the filter lets through.
    Those(Filter),
}

/// What is done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    /// Tried now.
    Retry,
    /// Kept back; of a whole next hop: also what will come.
    Hold,
    /// Kept back no longer.
    Release,
    /// Given back to their senders with a report.
    Bounce,
    /// Taken out, and nobody is told.
    Remove,
}

/// What came of one page of a change.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Changed {
    /// Entries that were changed.
    pub(crate) entries: u64,
    /// Reports that were written.
    pub(crate) reports: u64,
    /// Whether the next hop as a whole is held or released from now on.
    pub(crate) lane: bool,
    /// Entries that were named by number, or taken out.
    pub(crate) shown: Vec<RemovedView>,
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
    /// Whether an administrator keeps it back.
    pub(crate) held: bool,
    pub(crate) smtputf8: bool,
    /// `7bit`, `8bit` or `binary`.
    pub(crate) body: String,
    pub(crate) require_tls: bool,
    /// `prompt`, `usual` or `bulk`.
    pub(crate) priority: String,
    /// What it waits with: a domain, `smart-host`, or a connector.
    pub(crate) lane: String,
    pub(crate) envid: Option<String>,
    pub(crate) ret: Option<String>,
    pub(crate) notify: Option<String>,
    pub(crate) original: Option<String>,
}

/// An entry that an administrator changed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RemovedView {
    pub(crate) id: u64,
    /// The identifier of the message: its trace says who did what.
    pub(crate) message: String,
    pub(crate) recipient: String,
}

/// The queue as a whole.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StatsView {
    pub(crate) entries: u64,
    /// When the oldest was accepted.
    pub(crate) oldest: Option<Timestamp>,
    /// Next hops for which something waits, or that are held.
    pub(crate) lanes: u64,
    /// Those with the most entries, at most [`STATS_LANES`].
    pub(crate) most: Vec<LaneView>,
}

/// What waits for one next hop.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LaneView {
    /// A domain, `smart-host`, or a connector.
    pub(crate) lane: String,
    pub(crate) entries: u64,
    pub(crate) oldest: Option<Timestamp>,
    /// Since when an administrator keeps it back.
    pub(crate) held: Option<Timestamp>,
    /// What the last attempt for the oldest came to.
    pub(crate) last: Option<String>,
}
