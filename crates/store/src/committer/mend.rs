//! Opening the engine anew, after a write failed: what is on the disk is read again, since nobody knows how much of that
//! write is there; or because a table is damaged, or whole again. Between two batches, so that no operation sees two states.

use std::{sync::atomic::Ordering, time::Instant};

use super::Committer;
use crate::{
    Result,
    engine::{Durability, Family, View as _},
    housekeeping, keys,
    lanes::Lanes,
    records, rows,
};

impl Committer {
    /// Opens the engine anew if the sentry found that it must and may be.
    pub(super) fn mend(&mut self) {
        let engine = &self.core.engine;
        if !self.core.health.take_mend(engine.epoch()) {
            return;
        }
        match engine.reopen().and_then(|()| self.read_again()) {
            Ok(()) => {
                self.core.watches.tell_all();
                if self.core.engine.is_careful() == Some(true) {
                    tracing::warn!(
                        "the storage engine was opened anew and works beside damaged files: tables are not compacted"
                    );
                } else {
                    tracing::warn!("the storage engine was opened anew: the store works again");
                }
            }
            Err(error) => {
                if let Some(before) = self.failing.due(Instant::now()) {
                    tracing::error!(%error, before, "the storage engine does not open anew, it is tried again");
                }
            }
        }
    }

    /// What is kept in memory, from the disk: a commit that failed may be there all the same.
    fn read_again(&mut self) -> Result<()> {
        let engine = &self.core.engine;
        let counters = engine.get(Family::Accounts, keys::COUNTERS)?.unwrap_or_default();
        let counters: records::Counters = records::decode(&counters, "counters")?;
        let queued = rows::queue::counters(engine)?;
        let lanes = Lanes::find(engine)?;
        // No body of before goes on: what was written of it may be gone.
        let (_, leftovers) = housekeeping::leftovers(engine)?;
        self.core.lanes.found(lanes);
        let numbers = &self.core.numbers;
        numbers.trace.fetch_max(counters.trace, Ordering::AcqRel);
        numbers.queue.fetch_max(queued.last, Ordering::AcqRel);
        numbers.mark(&counters);
        self.counters = counters;
        engine.trust();
        if leftovers.is_empty() { Ok(()) } else { engine.write(&leftovers, Durability::Synced) }
    }
}
