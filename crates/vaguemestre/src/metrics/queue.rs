//! The figures of the outgoing queue and of what it did, by operator: what waits, since when, what became of it.
//!
//! Labels are names of operators' servers as the white list has them, or of ways: never a person, never a domain of one doctor (M-11).

use std::{collections::BTreeMap, sync::Arc};

use delivery::{Outcomes, RelayStatistics, operator_of};
use jiff::Timestamp;
use pki::{Trust, TrustSpace};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use store::{Reader, Store, StoreError};

use super::figures::{Fractions, Labels, counter, fraction, gauge, unsigned};

/// Next hops read at once.
const PAGE: usize = 1_000;

/// Operators that are told apart.
const OPERATORS: usize = 500;

/// What waits for one operator.
#[derive(Debug, Clone, Copy, Default)]
struct Waiting {
    entries: u64,
    oldest: Option<Timestamp>,
    held: u64,
}

/// What the relay did since it started.
pub(super) fn relayed(figures: &RelayStatistics, registry: &mut Registry) {
    counter(registry, "relayed", "Recipients whose operator took the message", figures.relayed());
    counter(registry, "deferred", "Attempts after which a recipient waits for another", figures.deferred());
    counter(registry, "failed", "Recipients given up, each with a report", figures.failed());
    counter(registry, "connections", "Connections to trusted operators", figures.connections());
    let failed = figures.failed_connections();
    counter(registry, "failed_connections", "Connections that failed, or to nobody who is trusted", failed);
    let restarts =
        "Times that the scheduler of the queue fell and began again: tell whoever made this program";
    counter(registry, "relay_restarts", restarts, figures.restarts());
    let each = Family::<Labels, Counter>::default();
    for (operator, Outcomes { relayed, deferred, failed }) in figures.operators() {
        for (outcome, count) in [("relayed", relayed), ("deferred", deferred), ("failed", failed)] {
            let labels = vec![("operator", operator.clone()), ("outcome", outcome.to_owned())];
            each.get_or_create(&labels).inc_by(count);
        }
    }
    registry.register(
        "operator_recipients",
        "Recipients of each operator, by what became of an attempt",
        each,
    );
}

/// What waits now.
pub(super) async fn waiting(
    store: &Store,
    space: &TrustSpace,
    now: Timestamp,
    registry: &mut Registry,
) -> Result<(), StoreError> {
    let trust = space.current();
    let read = store.read(move |reader| {
        Ok((reader.queue_size()?, reader.queue_list(None, 1)?, by_operator(reader, &trust)?))
    });
    let (size, first, operators) = read.await?;
    gauge(registry, "queue_size", "Recipients of other operators that wait for delivery", unsigned(size));
    let age =
        |oldest: Option<Timestamp>| oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
    let oldest = age(first.first().map(|queued| queued.queued));
    fraction(registry, "queue_oldest_age_seconds", "How long the oldest of them has waited", oldest);
    let [sizes, held] = std::array::from_fn(|_| Family::<Labels, Gauge>::default());
    let ages = Family::<Labels, Fractions>::default();
    for (operator, Waiting { entries, oldest, held: kept }) in operators {
        let labels = vec![("operator", operator)];
        sizes.get_or_create(&labels).set(unsigned(entries));
        ages.get_or_create(&labels).set(age(oldest));
        held.get_or_create(&labels).set(unsigned(kept));
    }
    registry.register("operator_queue_size", "Recipients of each operator that wait", sizes);
    registry.register("operator_queue_oldest_age_seconds", "How long the oldest of each has waited", ages);
    registry.register("operator_queue_held", "Next hops of each operator that an administrator holds", held);
    Ok(())
}

fn by_operator(reader: &Reader<'_>, trust: &Arc<Trust>) -> Result<BTreeMap<String, Waiting>, StoreError> {
    let (mut operators, mut after) = (BTreeMap::<String, Waiting>::new(), None);
    loop {
        let page = reader.queue_lanes(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(operators) };
        after = Some(last.id);
        for lane in page {
            let name = operator_of(&lane.lane, trust);
            let known = operators.len() < OPERATORS || operators.contains_key(&name);
            let waiting = operators.entry(if known { name } else { "others".to_owned() }).or_default();
            waiting.entries += lane.entries;
            waiting.held += u64::from(lane.held.is_some());
            let first = reader.queue_lane_list(lane.id, None, 1)?.pop().map(|queued| queued.queued);
            waiting.oldest = waiting.oldest.into_iter().chain(first).min();
        }
    }
}
