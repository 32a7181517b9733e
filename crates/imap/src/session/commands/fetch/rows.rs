//! What FETCH reads of each message before it answers: batches bounded by number and by bytes.
//! May read the store on its blocking pool. Must never read more of a body than its first chunk.

use bytes::Bytes;
use message::IndexRecord;
use store::{Asked, BodyReader, BoxId, Entry, Parts, Reader, Store, StoreError, Uid};

use crate::{
    command::{BinaryFetch, FetchItem, Section, SectionPart},
    session::{BATCH, entries},
};

/// Bytes read ahead for one batch; the message that exceeds it is the batch's last.
const BATCH_BYTES: usize = 512 * 1024;

/// Bodies up to this size are read with their batch: one visit to the store for many small messages.
const SMALL_BODY: u64 = 64 * 1024;

/// Messages of a batch that is read on this thread if it lies in memory: waking another costs more.
const AT_ONCE: usize = 4;

/// Which parts of a stored message the items need.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    parts: Asked,
    saved: bool,
}

impl Needs {
    /// The parts that these items need (I-7: a listing never needs header or body).
    pub(super) fn of(items: &[FetchItem]) -> Self {
        let saved = items.contains(&FetchItem::SaveDate);
        let asked = |parts: Asked, item: &FetchItem| match item {
            FetchItem::Uid
            | FetchItem::Flags
            | FetchItem::InternalDate
            | FetchItem::Size
            | FetchItem::SaveDate
            | FetchItem::ModSeq => parts,
            FetchItem::Envelope | FetchItem::Body | FetchItem::BodyStructure => {
                Asked { index: true, ..parts }
            }
            FetchItem::Section(fetch) => and(parts, &fetch.section),
            FetchItem::Binary(BinaryFetch { path, .. }) | FetchItem::BinarySize(path) => {
                Asked { index: parts.index || !path.is_empty(), header: true, body: true }
            }
        };
        Self { parts: items.iter().fold(Asked::default(), asked), saved }
    }
}

/// These parts, and those that a section needs.
fn and(parts: Asked, section: &Section) -> Asked {
    match (&section.path[..], &section.part) {
        ([], SectionPart::All) => Asked { header: true, body: true, ..parts },
        ([], SectionPart::Text) => Asked { body: true, ..parts },
        ([], _) => Asked { header: true, ..parts },
        _ => Asked { index: true, header: true, body: true },
    }
}

/// One message, as far as its answer needs it at hand.
pub(super) struct Row {
    pub(super) entry: Entry,
    /// Its \Seen was just set: the flags are told even if nobody asked (RFC 3501 §6.4.5).
    pub(super) newly_seen: bool,
    pub(super) index: Option<IndexRecord>,
    pub(super) header: Bytes,
    pub(super) body: Option<Body>,
    /// When it was put in the mailbox, if that was asked and is known.
    pub(super) saved: Option<i64>,
}

/// A body in the store and, if it is small, its bytes.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) reader: BodyReader,
    /// The bytes from the start, as far as they were read ahead.
    pub(super) ahead: Bytes,
}

/// Some rows, the UIDs that were not looked at for their weight, and whether a message was gone.
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    pub(super) left: Vec<Uid>,
    pub(super) missing: bool,
}

/// The UIDs of the next batch.
pub(super) fn batch(uids: &mut impl Iterator<Item = Uid>) -> Vec<Uid> {
    uids.take(BATCH).collect()
}

/// Reads the rows of the first of these UIDs, at least one of them.
pub(super) async fn read(
    store: &Store,
    mailbox: BoxId,
    uids: Vec<Uid>,
    needs: Needs,
) -> Result<Batch, StoreError> {
    let few = uids.len() <= AT_ONCE;
    let read = move |reader: &Reader<'_>| read_batch(reader, mailbox, &uids, needs);
    if few { store.look(read).await } else { store.read(read).await }
}

fn read_batch(reader: &Reader<'_>, mailbox: BoxId, uids: &[Uid], needs: Needs) -> Result<Batch, StoreError> {
    let mut rows = Vec::new();
    let (mut looked, mut left): (_, &[Uid]) = (uids, &[]);
    let mut bytes = 0;
    for entry in entries(reader, mailbox, uids)? {
        let uid = entry.uid;
        let Some(row) = read_row(reader, mailbox, entry, needs)? else { continue };
        bytes += weight(&row);
        rows.push(row);
        if bytes >= BATCH_BYTES {
            (looked, left) = uids.split_at(uids.partition_point(|other| *other <= uid));
            break;
        }
    }
    Ok(Batch { missing: rows.len() < looked.len(), rows, left: left.to_vec() })
}

/// `None` for a message whose bytes are gone (I-4: its day was erased) though its entry is still there.
fn read_row(
    reader: &Reader<'_>,
    mailbox: BoxId,
    entry: Entry,
    needs: Needs,
) -> Result<Option<Row>, StoreError> {
    let uid = entry.uid;
    let Some(parts) = reader.parts(mailbox, uid, needs.parts)? else { return Ok(None) };
    let Parts { index, header, body } = parts;
    let body = match body {
        Some(reader_of) => {
            let small = !reader_of.is_empty() && reader_of.len() <= SMALL_BODY;
            let ahead = if small { reader.chunk_at_hand(&reader_of, 0)? } else { None };
            Some(Body { reader: reader_of, ahead: ahead.unwrap_or_default() })
        }
        None => None,
    };
    let mut row =
        Row { entry, newly_seen: false, index, header: header.unwrap_or_default(), body, saved: None };
    if needs.saved {
        reader.saved(mailbox, &[uid], &mut |_, saved| {
            row.saved = saved;
            Ok(true)
        })?;
    }
    Ok(Some(row))
}

fn weight(row: &Row) -> usize {
    let index = row
        .index
        .as_ref()
        .map_or(0, |index| index.envelope.len() + index.body.len() + index.bodystructure.len());
    index + row.header.len() + row.body.as_ref().map_or(0, |body| body.ahead.len())
}
