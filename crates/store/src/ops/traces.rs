//! Traces into the view.

use crate::{committer::txn::Txn, day::Day, engine::Family, keys, trace::TraceId};

/// A trace ready to be kept: sealed by whoever asked, under the key of its trace day.
#[derive(Clone)]
pub(crate) struct SealedTrace {
    pub(crate) id: TraceId,
    pub(crate) day: Day,
    pub(crate) number: u64,
    pub(crate) sealed: Vec<u8>,
}

/// Keeps a trace and its place in its journey.
pub(crate) fn put(txn: &mut Txn<'_>, trace: SealedTrace) {
    let SealedTrace { id, day, number, sealed } = trace;
    txn.put_blind(Family::Traces, keys::trace(day, number), sealed);
    txn.put_blind(Family::Traces, keys::journey_step(&id, day, number), vec![]);
}
