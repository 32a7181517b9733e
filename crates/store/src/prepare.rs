//! What is sealed before an operation goes to the committer, on the side of whoever asks: deliveries, traces.
//!
//! Must never touch: the engine.

use std::sync::{Arc, atomic::Ordering};

use jiff::Timestamp;
use mssante::Address;

use crate::{
    Actor, BodyKind, CONNECTOR_BYTES, Delivery, ENVID_BYTES, Lane, ORCPT_BYTES, Outgoing, QUEUED_RECIPIENTS,
    QueueId, Result, Store, StoreError, Trace, TraceId, Variant, WAYS, Way,
    body::SealedBody,
    core::Core,
    day::Day,
    error::Limit,
    ids::{Dispatch, LaneId},
    keyring::KeyKind,
    keys,
    ops::{
        conversations::HashedConversation,
        deliver::{SealedDelivery, SealedVariant},
        queue::{SealedEntry, SealedOutgoing},
        traces::{Asked, SealedTrace},
    },
    records::{self, EntryRecord, MessageRecord, Sort},
    rows::{accounts, queue},
    seal::DayKey,
};

impl Store {
    pub(crate) async fn seal_delivery(&self, delivery: Delivery) -> Result<SealedDelivery> {
        let Delivery { id, body, variants, copies, outgoing, traces, carried, once, conversations } =
            delivery;
        let variants = seal_variants(&self.core, &body, &variants)?;
        if outgoing.len() > WAYS {
            return Err(StoreError::Limit(Limit::Ways));
        }
        let outgoing = (0..=u8::MAX)
            .zip(outgoing.into_iter().filter(|outgoing| !outgoing.recipients.is_empty()))
            .map(|(number, outgoing)| {
                let dispatch = Dispatch { body: body.id(), number };
                seal_outgoing(&self.core, id, dispatch, &variants, outgoing)
            })
            .collect::<Result<_>>()?;
        let traces = self.seal_traces(traces).await?;
        let keys = &self.core.keys;
        let carried =
            carried.iter().map(|(account, mid)| accounts::carried_hash(keys, *account, mid)).collect();
        let once = once.map(|fingerprint| keys.lookup_hash("submission", &fingerprint));
        let hashed = |told: crate::Conversation| HashedConversation {
            hash: accounts::conversation_hash(keys, told.account, &told.patient),
            ended: told.ended,
        };
        let conversations = conversations.into_iter().map(hashed).collect();
        Ok(SealedDelivery { id, body, variants, copies, outgoing, traces, carried, once, conversations })
    }

    pub(crate) async fn seal_traces(&self, traces: Vec<Trace>) -> Result<Vec<SealedTrace>> {
        let mut steps = Vec::with_capacity(traces.len());
        for trace in traces {
            steps.push(self.seal_trace(trace).await?);
        }
        Ok(steps)
    }

    /// Seals a trace under the key of its day, made off the runtime's threads if it is the day's first.
    pub(crate) async fn seal_trace(&self, trace: Trace) -> Result<SealedTrace> {
        self.trace_key(trace.at).await?;
        seal_trace(&self.core, &trace)
    }

    /// Who asks for an operation, now: it can seal its traces.
    pub(crate) async fn asked(&self, actor: Actor) -> Result<Asked> {
        let at = self.core.clock.now();
        self.trace_key(at).await?;
        Ok(Asked::new(actor, at))
    }

    async fn trace_key(&self, at: Timestamp) -> Result<()> {
        let day = trace_day(&self.core, at);
        if self.core.known_key(KeyKind::Trace, day).is_none() {
            let core = Arc::clone(&self.core);
            tokio::task::spawn_blocking(move || core.ensure_key(KeyKind::Trace, day))
                .await
                .map_err(|_| StoreError::Busy)??;
        }
        Ok(())
    }
}

/// Who asks for an operation, now, on a thread that may wait.
pub(crate) fn asked_blocking(core: &Core, actor: Actor) -> Result<Asked> {
    let at = core.clock.now();
    core.ensure_key(KeyKind::Trace, trace_day(core, at))?;
    Ok(Asked::new(actor, at))
}

/// The day under whose key a trace of that time is sealed: its own, or the first that is not erased.
pub(crate) fn trace_day(core: &Core, at: Timestamp) -> Day {
    Day::of(at).max(core.numbers.first_day(KeyKind::Trace))
}

/// Seals a trace under the key of its day, which there must be.
pub(crate) fn seal_trace(core: &Core, trace: &Trace) -> Result<SealedTrace> {
    let day = trace_day(core, trace.at);
    let key = core.reading_key(KeyKind::Trace, day)?;
    let number = core.numbers.trace.fetch_add(1, Ordering::AcqRel) + 1;
    let place = keys::trace(day, number);
    let sealed = key
        .seal_record(&place, &records::encode(trace)?)
        .map_err(|error| StoreError::Engine(error.to_string()))?;
    Ok(SealedTrace { id: trace.id, day, number, sealed })
}

/// Entries and what they share, each with a number of its own; all are due at once.
fn seal_outgoing(
    core: &Core,
    id: TraceId,
    dispatch: Dispatch,
    variants: &[SealedVariant],
    outgoing: Outgoing,
) -> Result<SealedOutgoing> {
    check_limits(&outgoing)?;
    let Outgoing { way, reverse_path, sender, variant, smtputf8, body, require_tls, priority, .. } = outgoing;
    let Outgoing { envid, ret, expires, recipients, .. } = outgoing;
    let size = variants.get(variant).ok_or(StoreError::NotFound)?.size;
    let variant = u16::try_from(variant).map_err(|_| StoreError::NotFound)?;
    let queued = core.clock.now().as_microsecond();
    let expires = expires.as_microsecond();
    let message = MessageRecord {
        id,
        reverse_path,
        sender,
        variant,
        smtputf8,
        eight_bit: body != BodyKind::SevenBit,
        envid,
        ret,
        size,
        queued,
        expires,
        sort: Sort { way: way.clone(), body, require_tls, priority },
    };
    let key = core.reading_key(KeyKind::Message, dispatch.body.day)?;
    let message = seal_record(&key, &keys::queued_message(dispatch), &records::encode(&message)?)?;
    let first = core.numbers.queue.fetch_add(recipients.len() as u64, Ordering::AcqRel) + 1;
    let mut lanes: Vec<(LaneId, Lane, u64)> = vec![];
    let mut entries = Vec::with_capacity(recipients.len());
    for (number, recipient) in (first..).zip(recipients) {
        let lane = lane_of(core, &way, &recipient.address, &mut lanes);
        let entry = EntryRecord {
            recipient: recipient.address,
            notify: recipient.notify,
            original: recipient.original,
            attempts: 0,
            last: None,
            distrusted_since: None,
            delay_told: false,
        };
        let id = QueueId(number);
        let sealed = seal_record(&key, &keys::queued(id), &records::encode(&entry)?)?;
        entries.push(SealedEntry { id, lane, sealed });
    }
    Ok(SealedOutgoing { message, sender, priority, due: queued, entries, lanes })
}

/// Counts one more in the lane of an address.
fn lane_of(core: &Core, way: &Way, to: &Address, lanes: &mut Vec<(LaneId, Lane, u64)>) -> LaneId {
    let lane = Lane::of(way, to);
    if let Some((id, _, count)) = lanes.iter_mut().find(|(_, known, _)| *known == lane) {
        *count += 1;
        return *id;
    }
    let id = queue::lane_id(&core.keys, &lane);
    lanes.push((id, lane, 1));
    id
}

fn check_limits(outgoing: &Outgoing) -> Result<()> {
    if outgoing.recipients.len() > QUEUED_RECIPIENTS {
        return Err(StoreError::Limit(Limit::QueuedRecipients));
    }
    let too_long = |text: &Option<String>, most| text.as_ref().is_some_and(|text| text.len() > most);
    let originals = outgoing.recipients.iter().any(|to| too_long(&to.original, ORCPT_BYTES));
    if matches!(&outgoing.way, Way::Connector(name) if name.len() > CONNECTOR_BYTES) {
        return Err(StoreError::Limit(Limit::ConnectorName));
    }
    if originals || too_long(&outgoing.envid, ENVID_BYTES) {
        return Err(StoreError::Limit(Limit::QueuedText));
    }
    Ok(())
}

fn seal_variants(core: &Core, body: &SealedBody, variants: &[Variant]) -> Result<Vec<SealedVariant>> {
    let number = |at: usize| u16::try_from(at).map_err(|_| StoreError::Limit(Limit::Variants));
    number(variants.len())?;
    variants.iter().enumerate().map(|(at, variant)| seal_variant(core, body, number(at)?, variant)).collect()
}

pub(crate) fn seal_variant(
    core: &Core,
    body: &SealedBody,
    number: u16,
    variant: &Variant,
) -> Result<SealedVariant> {
    let id = body.id();
    let key = core.reading_key(KeyKind::Message, id.day).map_err(|error| match error {
        StoreError::NotFound => body.too_late(),
        error => error,
    })?;
    let (header, index) = (keys::header(id, number), keys::index(id, number));
    let [header, index] = key
        .seal_records([(&header, &variant.header), (&index, &variant.index.encode())])
        .map_err(|error| StoreError::Engine(error.to_string()))?;
    Ok(SealedVariant { header, index, size: variant.index.size })
}

fn seal_record(key: &DayKey, place: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    key.seal_record(place, plain).map_err(|error| StoreError::Engine(error.to_string()))
}
