//! Messages into boxes and into the queue: deliveries (I-1) and APPEND.

use crate::{
    Result, StoreError,
    body::SealedBody,
    committer::txn::Txn,
    day::Day,
    delivery::{APPENDED_AT_ONCE, AppendedAll, Copy},
    engine::{Family, View},
    error::Limit,
    flags::Flags,
    housekeeping::{ONCE_DAYS, month},
    ids::{AccountId, BodyId, BoxId, Dispatch, Uid},
    keys::{self, Hash},
    ops::{
        carried,
        conversations::{self, HashedConversation},
        edit::{BoxEdit, NewListing},
        queue::{self, SealedOutgoing},
        quota,
        traces::{self, SealedTrace},
    },
    records::{self, BodyRecord, OnceRecord, Reference},
    rows::{accounts, boxes},
    trace::TraceId,
};

/// A header variant and its index record, sealed by whoever delivers.
pub(crate) struct SealedVariant {
    pub(crate) header: Vec<u8>,
    pub(crate) index: Vec<u8>,
    pub(crate) size: u64,
}

/// A delivery, sealed.
pub(crate) struct SealedDelivery {
    pub(crate) id: TraceId,
    pub(crate) body: SealedBody,
    pub(crate) variants: Vec<SealedVariant>,
    pub(crate) copies: Vec<Copy>,
    pub(crate) outgoing: Vec<SealedOutgoing>,
    pub(crate) traces: Vec<SealedTrace>,
    pub(crate) carried: Vec<Hash>,
    pub(crate) once: Option<Hash>,
    pub(crate) conversations: Vec<HashedConversation>,
}

/// What a delivery came to, before it is durable.
pub(crate) enum Outcome {
    New(Vec<(AccountId, Uid)>),
    Again(TraceId),
}

/// One whole delivery, or its repetition.
pub(crate) fn deliver(txn: &mut Txn<'_>, delivery: SealedDelivery) -> Result<Outcome> {
    txn.core.check_clock(txn.core.clock.now())?;
    queue::check_room(txn, &delivery.outgoing)?;
    keep(txn, delivery)
}

/// The same, with the report that it causes unless it was stored before.
pub(crate) fn deliver_and_report(
    txn: &mut Txn<'_>,
    delivery: SealedDelivery,
    report: SealedDelivery,
) -> Result<Outcome> {
    let outcome = deliver(txn, delivery)?;
    if let Outcome::New(_) = outcome {
        keep(txn, report)?;
    }
    Ok(outcome)
}

/// The same as [`deliver`], whatever the clock says and however long the queue is.
pub(crate) fn keep(txn: &mut Txn<'_>, delivery: SealedDelivery) -> Result<Outcome> {
    let SealedDelivery {
        id,
        body,
        variants,
        copies,
        outgoing,
        traces: steps,
        carried: ids,
        once,
        conversations: told,
    } = delivery;
    let now = txn.core.clock.now();
    let day = body.id().day;
    let first = once.map(|hash| known_submission(txn, &hash)).transpose()?.flatten();
    if let Some(first) = first {
        return Ok(Outcome::Again(first));
    }
    for step in steps {
        traces::put(txn, step);
    }
    let sizes: Vec<u64> = variants.iter().map(|variant| variant.size).collect();
    let mut given = Vec::with_capacity(copies.len());
    for copy in &copies {
        let inbox = accounts::inbox(txn, copy.account)?.ok_or(StoreError::NotFound)?;
        let size = *sizes.get(copy.variant).ok_or(StoreError::NotFound)?;
        let variant = u16::try_from(copy.variant).map_err(|_| StoreError::NotFound)?;
        let reference = Reference { body: body.id(), variant, origin: Some(id) };
        let mut edit = BoxEdit::open(txn, inbox)?;
        let new = NewListing { flags: &Flags::new(), internal_date: now.as_second(), size, opened: false };
        given.push((copy.account, edit.add(txn, &reference, new)?));
        edit.finish(txn)?;
        txn.message_added();
    }
    // The queue refers to the body once for all entries of one way.
    let references = copies.len() + outgoing.len();
    let references = u32::try_from(references).map_err(|_| StoreError::Corrupt("copies"))?;
    for (number, outgoing) in (0..=u8::MAX).zip(outgoing) {
        queue::enqueue(txn, Dispatch { body: body.id(), number }, outgoing)?;
    }
    if references > 0 {
        adopt(txn, body, variants, references)?;
    }
    for hash in ids {
        carried::remember(txn, month(now), &hash, day)?;
    }
    for conversation in told {
        conversations::note(txn, now, conversation)?;
    }
    if let Some(hash) = once {
        txn.put(Family::Accounts, keys::once(Day::of(now), &hash), records::encode(&OnceRecord { id })?);
    }
    Ok(Outcome::New(given))
}

/// The journey accepted under this fingerprint in the last seven days.
fn known_submission(txn: &Txn<'_>, hash: &Hash) -> Result<Option<TraceId>> {
    let today = Day::of(txn.core.clock.now());
    for back in 0..=ONCE_DAYS {
        let day = Day::from_number(today.number().saturating_sub(back));
        if let Some(bytes) = txn.get(Family::Accounts, &keys::once(day, hash))? {
            return records::decode::<OnceRecord>(&bytes, "submission").map(|record| Some(record.id));
        }
    }
    Ok(None)
}

/// An appended message, sealed.
pub(crate) struct SealedIncoming {
    pub(crate) body: SealedBody,
    pub(crate) variant: SealedVariant,
    pub(crate) flags: Flags,
    pub(crate) internal_date: i64,
    pub(crate) trace: Option<SealedTrace>,
    pub(crate) origin: Option<TraceId>,
}

/// Puts messages in a box: all of them or none (RFC 3502 §3).
pub(crate) fn append(txn: &mut Txn<'_>, to: BoxId, messages: Vec<SealedIncoming>) -> Result<AppendedAll> {
    if messages.len() > APPENDED_AT_ONCE {
        return Err(StoreError::Limit(Limit::Appended));
    }
    txn.core.check_clock(txn.core.clock.now())?;
    let record = boxes::record(txn, &txn.core.keys, to)?.ok_or(StoreError::NotFound)?;
    let bytes = messages.iter().fold(0_u64, |sum, message| sum.saturating_add(message.variant.size));
    quota::check(txn, record.account, messages.len() as u64, bytes)?;
    let mut edit = BoxEdit::open(txn, to)?;
    let mut uids = Vec::with_capacity(messages.len());
    for message in messages {
        let SealedIncoming { body, variant, flags, internal_date, trace, origin } = message;
        let reference = Reference { body: body.id(), variant: 0, origin };
        let new = NewListing { flags: &flags, internal_date, size: variant.size, opened: false };
        uids.push(edit.add(txn, &reference, new)?);
        adopt(txn, body, vec![variant], 1)?;
        txn.message_added();
        if let Some(trace) = trace {
            traces::put(txn, trace);
        }
    }
    edit.finish(txn)?;
    Ok(AppendedAll { uid_validity: record.uid_validity, uids })
}

/// Makes a body part of the store.
fn adopt(txn: &mut Txn<'_>, body: SealedBody, variants: Vec<SealedVariant>, references: u32) -> Result<()> {
    let id: BodyId = body.id();
    if txn.counters().erased >= id.day {
        return Err(body.too_late());
    }
    if id.day > Day::of(txn.core.clock.now()).max(txn.counters().day).next() {
        // It began under a clock that was set back since.
        return Err(StoreError::ClockBehind);
    }
    let count = u16::try_from(variants.len()).map_err(|_| StoreError::Limit(Limit::Variants))?;
    let turn = Some(body.turn());
    let record = BodyRecord { len: body.len(), references, variants: count, turn };
    txn.put(Family::Index, keys::body(id), records::encode(&record)?);
    for (number, variant) in (0..count).zip(variants) {
        txn.put_blind(Family::Index, keys::header(id, number), variant.header);
        txn.put_blind(Family::Index, keys::index(id, number), variant.index);
    }
    txn.saw_day(id.day);
    body.adopt(txn)
}
