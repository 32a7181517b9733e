//! What has waited too long while nothing may be sent (M-1): the queue is gone through now and then, a bounded piece at a time, and
//! what is over its time, or late enough for its sender to hear of it, is settled, with one report for each message. The rest is not
//! touched: it leaves as soon as there is a list again.
//!
//! May use: the store's queue, `settle`. Must never touch: peers.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use store::{Lane, QUEUED_RECIPIENTS, QueueId, Queued, Reader, StoreError, Way};

use super::{Shared, attempt::Attempt, settle};

/// Entries read at once: a whole message fits.
const PAGE: usize = QUEUED_RECIPIENTS;

/// How far the walk through the queue came.
#[derive(Default)]
pub(super) struct Late {
    after: Option<QueueId>,
    /// When the next walk begins.
    next: Option<Timestamp>,
}

impl Late {
    /// One piece of the walk. Gives how long nothing else is to be done.
    pub(super) async fn step(
        &mut self,
        shared: &Shared,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<Duration, StoreError> {
        if self.next.is_some_and(|next| now < next) {
            return Ok(shared.settings.rescan);
        }
        let after = self.after;
        let both = move |reader: &Reader<'_>| Ok((reader.queue_list(after, PAGE)?, held(reader)?));
        let (page, held) = shared.store.read(both).await?;
        let full = page.len() == PAGE;
        let mut messages: Vec<Vec<Queued>> = Vec::new();
        for entry in page {
            match messages.last_mut() {
                Some(same)
                    if same
                        .first()
                        .is_some_and(|first| (first.message, first.part) == (entry.message, entry.part)) =>
                {
                    same.push(entry);
                }
                _ => messages.push(vec![entry]),
            }
        }
        // the last message of a full page may go on behind it
        if full && messages.len() > 1 {
            messages.pop();
        }
        self.after = messages.last().and_then(|last| last.last()).map(|entry| entry.id);
        for entries in messages {
            let late = entries
                .into_iter()
                .filter(|entry| is_late(entry, shared, now) && !held.contains(&entry.lane()));
            let attempts: Vec<_> = late.map(|entry| (entry, attempt.clone())).collect();
            if !attempts.is_empty() {
                settle::settle(shared, attempts).await;
            }
        }
        if full {
            return Ok(Duration::ZERO);
        }
        (self.after, self.next) = (None, now.saturating_add(shared.settings.late_look).ok());
        Ok(shared.settings.rescan)
    }
}

/// Next hops that an administrator keeps back.
fn held(reader: &Reader<'_>) -> Result<HashSet<Lane>, StoreError> {
    let (mut held, mut after) = (HashSet::new(), None);
    loop {
        let lanes = reader.queue_lanes(after, PAGE)?;
        let Some(last) = lanes.last().map(|lane| lane.id) else { return Ok(held) };
        after = Some(last);
        held.extend(lanes.into_iter().filter(|lane| lane.held.is_some()).map(|lane| lane.lane));
    }
}

/// What an administrator keeps back waits as long as they want.
fn is_late(entry: &Queued, shared: &Shared, now: Timestamp) -> bool {
    let notice = entry.queued.saturating_add(shared.settings.delay_notice);
    let told = !entry.delay_told && notice.is_ok_and(|notice| now >= notice);
    entry.way == Way::Peers && !entry.held && entry.due <= now && (now >= entry.expires || told)
}
