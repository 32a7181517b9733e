//! What each of those who are bounded has left.
//!
//! Who has done nothing for an hour is forgotten, which changes nothing: their buckets would be full.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{Allowance, LimitSettings, Party, bucket::Bucket, settings::TRACES};

/// Parties that are remembered before those are looked for that may be forgotten.
const REMEMBERED: usize = 1024;

/// What one party has left.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) messages: Bucket,
    pub(super) recipients: Bucket,
    pub(super) refusals: Bucket,
    pub(super) bytes: Bucket,
    /// Traces of being refused for it.
    pub(super) traces: Bucket,
}

impl Meter {
    fn new(allowance: &Allowance, now: Instant) -> Self {
        Self {
            messages: Bucket::full(&allowance.messages(), now),
            recipients: Bucket::full(&allowance.recipients(), now),
            refusals: Bucket::full(&allowance.refusals(), now),
            bytes: Bucket::full(&allowance.bytes(), now),
            traces: Bucket::full(&TRACES, now),
        }
    }

    fn is_full(&mut self, allowance: &Allowance, now: Instant) -> bool {
        self.messages.is_full(&allowance.messages(), now)
            && self.recipients.is_full(&allowance.recipients(), now)
            && self.refusals.is_full(&allowance.refusals(), now)
            && self.bytes.is_full(&allowance.bytes(), now)
            && self.traces.is_full(&TRACES, now)
    }
}

/// The meters of all parties: as many as there are accounts and operators at most.
#[derive(Debug, Default)]
pub(super) struct Meters {
    of: HashMap<Party, Meter>,
    tidy_at: usize,
}

impl Meters {
    pub(super) fn of(&mut self, party: &Party, settings: &LimitSettings, now: Instant) -> &mut Meter {
        if self.of.len() >= self.tidy_at.max(REMEMBERED) {
            self.of.retain(|party, meter| !meter.is_full(settings.of(party.class), now));
            self.tidy_at = 2 * self.of.len();
        }
        self.of.entry(party.clone()).or_insert_with(|| Meter::new(settings.of(party.class), now))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }
}
