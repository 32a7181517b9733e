//! The outgoing queue, as one snapshot has it.

use bytes::Bytes;
use jiff::Timestamp;

use super::Reader;
use crate::{BodyReader, QueueId, Queued, Result, StoreError};

#[allow(clippy::missing_errors_doc, reason = "said once, at the type")]
impl Reader<'_> {
    /// At most `limit` entries that are due at `now`, after `after`, the longest due first.
    pub fn queue_due(
        &self,
        _now: Timestamp,
        _after: Option<(Timestamp, QueueId)>,
        _limit: usize,
    ) -> Result<Vec<Queued>> {
        Ok(vec![])
    }

    /// When the first entry is due; it may be one that is being worked on.
    pub fn queue_next_due(&self) -> Result<Option<Timestamp>> {
        Ok(None)
    }

    /// At most `limit` entries after `after`, in the order of their identifiers.
    pub fn queue_list(&self, _after: Option<QueueId>, _limit: usize) -> Result<Vec<Queued>> {
        Ok(vec![])
    }

    /// One entry.
    pub fn queued(&self, _id: QueueId) -> Result<Option<Queued>> {
        Ok(None)
    }

    /// What leaves for one entry: its header, blank line included, and its body.
    pub fn queued_content(&self, _id: QueueId) -> Result<Option<(Bytes, BodyReader)>> {
        Err(StoreError::Engine("the queue is not built yet".into()))
    }

    /// Entries in the queue.
    pub fn queue_size(&self) -> Result<u64> {
        Ok(0)
    }
}
