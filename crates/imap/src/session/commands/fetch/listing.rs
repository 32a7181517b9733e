//! FETCH of items that listings and index records answer: responses are written where they are read, batch by batch.
//! May read listings and index records on the store's blocking pool. Must never read a header or a body (I-7).

use std::sync::Arc;

use store::{BoxId, Reader, StoreError, Uid, UidRuns};

use super::{
    answer::{self, Facts, Ready},
    needs_index,
};
use crate::{
    command::FetchItem,
    output::Output,
    session::{Session, halt::Halt},
};

/// Messages answered in one visit to the store.
const BATCH: usize = 4096;

/// The same if index records are read too.
const INDEXED_BATCH: usize = 1024;

/// Messages up to which a command is answered without waking another thread, if they lie in memory.
const AT_ONCE: usize = 8;

/// Bytes answered in one visit to the store; the message that exceeds it is the visit's last. Twice as much is held: what is
/// read and what is written.
const BATCH_BYTES: usize = 512 * 1024;

/// Bytes of a response from a listing alone, about, and of one with an index record.
const SHORT: usize = 64;
const LONG: usize = 600;

/// Whether these items ask for nothing else.
pub(super) fn answers(items: &[FetchItem]) -> bool {
    !items.iter().any(reads_message)
}

fn reads_message(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Section(_) | FetchItem::Binary(_) | FetchItem::BinarySize(_))
}

/// Answers for all of these UIDs that are still there; whether some were not.
pub(super) async fn fetch(
    session: &Session,
    uids: &UidRuns,
    items: &[FetchItem],
    out: &mut Output<'_>,
) -> Result<bool, Halt> {
    let view = session.view()?;
    let mailbox = view.mailbox();
    let most = if items.iter().any(needs_index) { INDEXED_BATCH } else { BATCH };
    let mut left = uids.iter().filter_map(|uid| Some(Wanted { uid, sequence: view.sequence(uid.get())? }));
    let visit = |mut wanted: Vec<Wanted>, room: Vec<u8>| {
        let items = items.to_vec();
        session.read(move |reader: &Reader<'_>| {
            let batch = answered(reader, mailbox, &wanted, &items, room)?;
            let rest = wanted.split_off(batch.taken.min(wanted.len()).max(1));
            Ok((batch, rest))
        })
    };
    let first: Vec<Wanted> = left.by_ref().take(most).collect();
    if first.len() <= AT_ONCE {
        return few(session, mailbox, first, items, out).await;
    }
    let (mut batch, mut next) = visit(first, Vec::new()).await?;
    let mut room = Vec::new();
    let mut missing = false;
    loop {
        missing |= batch.written < batch.taken;
        next.extend(left.by_ref().take(most - next.len()));
        if next.is_empty() {
            out.bytes(&batch.bytes).await?;
            return Ok(missing);
        }
        // The next batch is read while the client takes this one.
        let (read, written) = tokio::join!(visit(next, room), out.bytes(&batch.bytes));
        written?;
        room = std::mem::take(&mut batch.bytes);
        (batch, next) = read?;
    }
}

/// The same for a few messages, on this thread if they lie in memory: waking another costs more.
async fn few(
    session: &Session,
    mailbox: BoxId,
    wanted: Vec<Wanted>,
    items: &[FetchItem],
    out: &mut Output<'_>,
) -> Result<bool, Halt> {
    let (wanted, items): (Arc<[Wanted]>, Arc<[FetchItem]>) = (wanted.into(), items.into());
    let mut from = 0;
    let mut missing = false;
    while from < wanted.len() {
        let (wanted, items) = (Arc::clone(&wanted), Arc::clone(&items));
        let look = move |reader: &Reader<'_>| {
            answered(reader, mailbox, wanted.get(from..).unwrap_or_default(), &items, Vec::new())
        };
        let batch = session.look(look).await?;
        missing |= batch.written < batch.taken;
        from += batch.taken.max(1);
        out.bytes(&batch.bytes).await?;
    }
    Ok(missing)
}

/// The responses of a visit to the store, written behind nothing into `room`.
fn answered(
    reader: &Reader<'_>,
    mailbox: BoxId,
    wanted: &[Wanted],
    items: &[FetchItem],
    room: Vec<u8>,
) -> Result<Batch, StoreError> {
    if items.iter().any(needs_index) {
        index_batch(reader, mailbox, wanted, items, room)
    } else {
        batch_of(reader, mailbox, wanted, items, room)
    }
}

/// A message that the client asked for.
#[derive(Clone, Copy)]
struct Wanted {
    uid: Uid,
    sequence: u32,
}

/// Responses, and how many messages they stand for: those that are gone have none.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    written: usize,
    taken: usize,
}

impl Batch {
    /// Room for that many messages of about `each` bytes, that of an earlier batch if it had one: claimed anew each time, it
    /// would have to be cleared each time.
    fn of(messages: usize, each: usize, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.reserve(messages.saturating_mul(each).min(BATCH_BYTES + BATCH_BYTES / 8));
        Self { bytes, ..Self::default() }
    }

    /// Where the next message of the batch is, and whether it is this one; earlier ones are gone.
    fn at(&mut self, wanted: &[Wanted], uid: Uid) -> Option<Wanted> {
        while wanted.get(self.taken).is_some_and(|next| next.uid < uid) {
            self.taken += 1;
        }
        let here = wanted.get(self.taken).copied().filter(|next| next.uid == uid)?;
        self.taken += 1;
        self.written += 1;
        Some(here)
    }

    fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES
    }
}

fn uids(wanted: &[Wanted]) -> Vec<Uid> {
    wanted.iter().map(|wanted| wanted.uid).collect()
}

/// When messages were put in the mailbox (RFC 8514), read only if it is asked.
struct SaveDates(std::iter::Peekable<std::vec::IntoIter<(Uid, Option<i64>)>>);

impl SaveDates {
    fn read(
        reader: &Reader<'_>,
        mailbox: BoxId,
        wanted: &[Wanted],
        items: &[FetchItem],
    ) -> Result<Self, StoreError> {
        let mut dates = Vec::new();
        if items.contains(&FetchItem::SaveDate) {
            reader.saved(mailbox, &uids(wanted), &mut |uid, saved| {
                dates.push((uid, saved));
                Ok(true)
            })?;
        }
        Ok(Self(dates.into_iter().peekable()))
    }

    /// The date of a message behind all that were asked for before; none if it is not known.
    fn of(&mut self, uid: Uid) -> Option<i64> {
        while self.0.next_if(|(earlier, _)| *earlier < uid).is_some() {}
        self.0.next_if(|(here, _)| *here == uid).and_then(|(_, saved)| saved)
    }
}

/// Responses from listings alone.
fn batch_of(
    reader: &Reader<'_>,
    mailbox: BoxId,
    wanted: &[Wanted],
    items: &[FetchItem],
    room: Vec<u8>,
) -> Result<Batch, StoreError> {
    let mut batch = Batch::of(wanted.len(), SHORT, room);
    let mut full = false;
    let mut saved = SaveDates::read(reader, mailbox, wanted, items)?;
    reader.listed(mailbox, &uids(wanted), &mut |listing| {
        let Some(here) = batch.at(wanted, listing.uid()) else { return Ok(true) };
        let facts = Facts { entry: &listing.entry()?, ready: None, saved: saved.of(here.uid) };
        write(here.sequence, &facts, items, &mut batch.bytes);
        full = batch.is_full();
        Ok(!full)
    })?;
    if !full {
        batch.taken = wanted.len();
    }
    Ok(batch)
}

/// Responses from listings and index records.
fn index_batch(
    reader: &Reader<'_>,
    mailbox: BoxId,
    wanted: &[Wanted],
    items: &[FetchItem],
    room: Vec<u8>,
) -> Result<Batch, StoreError> {
    let mut entries = Vec::with_capacity(wanted.len());
    reader.listed(mailbox, &uids(wanted), &mut |listing| {
        entries.push(listing.entry()?);
        Ok(true)
    })?;
    let present: Vec<Uid> = entries.iter().map(|entry| entry.uid).collect();
    let mut entries = entries.into_iter();
    let mut batch = Batch::of(wanted.len(), LONG, room);
    let mut full = false;
    let mut saved = SaveDates::read(reader, mailbox, wanted, items)?;
    reader.indexes(mailbox, &present, &mut |uid, index| {
        let Some(here) = batch.at(wanted, uid) else { return Ok(true) };
        let Some(entry) = entries.find(|entry| entry.uid == uid) else { return Ok(true) };
        let facts = Facts { entry: &entry, ready: Some(Ready::from(&index)), saved: saved.of(uid) };
        write(here.sequence, &facts, items, &mut batch.bytes);
        full = batch.is_full();
        Ok(!full)
    })?;
    if !full {
        batch.taken = wanted.len();
    }
    Ok(batch)
}

fn write(sequence: u32, facts: &Facts<'_>, items: &[FetchItem], buffer: &mut Vec<u8>) {
    answer::begin(sequence, buffer);
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            buffer.push(b' ');
        }
        answer::write_plain(facts, item, buffer);
    }
    buffer.extend_from_slice(b")\r\n");
}
