//! One FETCH response (RFC 3501 §7.4.2; MODSEQ of RFC 7162 §3.1.4.2, SAVEDATE of RFC 8514 §4.2): ready bytes of the index record, small values, and sections as literals.
//! May read what the row names. Must never compute what the index record holds (I-7).

use bytes::Bytes;
use jiff::Timestamp;
use message::{IndexRecord, IndexRef, SectionPath, SectionText, filter_fields};
use store::{Entry, Store, StoreError};

use super::{
    binary,
    content::{Content, Piece},
    rows::Row,
};
use crate::{
    command::{FetchItem, Section, SectionFetch, SectionPart},
    output::Output,
    session::{flags, halt::Halt, tell::mod_sequence},
    wire::encode,
};

/// Bytes of an embedded header looked at by HEADER.FIELDS: what the scanner takes for a header at most.
const EMBEDDED_HEADER_BYTES: u64 = 256 * 1024;

/// Writes the whole response. What may be refused is found out before its first byte; from then on a failure of the store can
/// only close the connection.
pub(super) async fn write(
    store: &Store,
    sequence: u32,
    row: &Row,
    items: &[FetchItem],
    mod_sequences: bool,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let prepared = binary::prepare(store, row, items).await?;
    begin(sequence, out.buffer());
    let written = write_items(store, row, &prepared, items, mod_sequences, out).await;
    written.map_err(Halt::broken_off)
}

async fn write_items(
    store: &Store,
    row: &Row,
    prepared: &binary::Prepared,
    items: &[FetchItem],
    mod_sequences: bool,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let besides = beside_seen(row.newly_seen, mod_sequences).iter().filter(|item| !items.contains(item));
    for (position, item) in items.iter().chain(besides).enumerate() {
        if position > 0 {
            out.buffer().push(b' ');
        }
        match item {
            FetchItem::Section(fetch) => write_section(store, row, fetch, out).await?,
            FetchItem::Binary(fetch) => binary::write(store, prepared, fetch, out).await?,
            FetchItem::BinarySize(path) => binary::write_size(prepared, path, out.buffer()),
            plain => {
                let ready = row.index.as_ref().map(Ready::from);
                let facts = Facts { entry: &row.entry, ready, saved: row.saved };
                write_plain(&facts, plain, out.buffer());
            }
        }
    }
    Ok(out.line(")").await?)
}

/// What is told beside what was asked when \Seen was set on the way: the flags (RFC 3501 §6.4.5), and to whom mod-sequences
/// are told, those and the UID (RFC 7162 §3.2.4).
fn beside_seen(newly_seen: bool, mod_sequences: bool) -> &'static [FetchItem] {
    match (newly_seen, mod_sequences) {
        (false, _) => &[],
        (true, false) => &[FetchItem::Flags],
        (true, true) => &[FetchItem::Uid, FetchItem::Flags, FetchItem::ModSeq],
    }
}

/// `* n FETCH (`.
pub(super) fn begin(sequence: u32, buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(b"* ");
    encode::number(buffer, u64::from(sequence));
    buffer.extend_from_slice(b" FETCH (");
}

/// What an index record has ready (I-7).
#[derive(Clone, Copy)]
pub(super) struct Ready<'b> {
    envelope: &'b [u8],
    body: &'b [u8],
    bodystructure: &'b [u8],
}

impl<'b> From<&'b IndexRecord> for Ready<'b> {
    fn from(index: &'b IndexRecord) -> Self {
        Self { envelope: &index.envelope, body: &index.body, bodystructure: &index.bodystructure }
    }
}

impl<'b> From<&IndexRef<'b>> for Ready<'b> {
    fn from(index: &IndexRef<'b>) -> Self {
        Self { envelope: index.envelope, body: index.body, bodystructure: index.bodystructure }
    }
}

/// What is at hand of a message.
pub(super) struct Facts<'m> {
    pub(super) entry: &'m Entry,
    pub(super) ready: Option<Ready<'m>>,
    /// When it was put in the mailbox, if that was asked and is known.
    pub(super) saved: Option<i64>,
}

/// An item that is no section.
pub(super) fn write_plain(facts: &Facts<'_>, item: &FetchItem, buffer: &mut Vec<u8>) {
    let Facts { entry, ready, saved } = *facts;
    match item {
        FetchItem::Uid => {
            buffer.extend_from_slice(b"UID ");
            encode::number(buffer, u64::from(entry.uid.get()));
        }
        FetchItem::Flags => {
            buffer.extend_from_slice(b"FLAGS (");
            flags::write(&entry.flags, buffer);
            buffer.push(b')');
        }
        FetchItem::InternalDate => {
            buffer.extend_from_slice(b"INTERNALDATE ");
            encode::internal_date(buffer, Timestamp::from_second(entry.internal_date).unwrap_or_default());
        }
        FetchItem::Size => {
            buffer.extend_from_slice(b"RFC822.SIZE ");
            encode::number(buffer, entry.size);
        }
        FetchItem::ModSeq => mod_sequence(entry.modseq, buffer),
        FetchItem::SaveDate => {
            buffer.extend_from_slice(b"SAVEDATE ");
            match saved.and_then(|saved| Timestamp::from_second(saved).ok()) {
                Some(at) => encode::internal_date(buffer, at),
                None => buffer.extend_from_slice(b"NIL"),
            }
        }
        FetchItem::Envelope => write_ready("ENVELOPE ", ready.map(|ready| ready.envelope), buffer),
        FetchItem::Body => write_ready("BODY ", ready.map(|ready| ready.body), buffer),
        FetchItem::BodyStructure => {
            write_ready("BODYSTRUCTURE ", ready.map(|ready| ready.bodystructure), buffer);
        }
        FetchItem::Section(_) | FetchItem::Binary(_) | FetchItem::BinarySize(_) => {}
    }
}

fn write_ready(name: &str, ready: Option<&[u8]>, buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(name.as_bytes());
    buffer.extend_from_slice(ready.unwrap_or(b"NIL"));
}

/// `BODY[1]<0> {n}` and its bytes. A part that the message does not have is NIL.
async fn write_section(
    store: &Store,
    row: &Row,
    fetch: &SectionFetch,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let content = content(store, row, fetch).await?;
    let buffer = out.buffer();
    encode::section_label(buffer, fetch);
    buffer.push(b' ');
    match content {
        None => buffer.extend_from_slice(b"NIL"),
        Some(content) if content.len() == 0 => buffer.extend_from_slice(b"\"\""),
        Some(content) => {
            encode::literal_head(buffer, content.len());
            out.body(content.len(), |offset| content.at(store, offset)).await?;
        }
    }
    Ok(())
}

async fn content(store: &Store, row: &Row, fetch: &SectionFetch) -> Result<Option<Content>, StoreError> {
    let Some(mut pieces) = pieces(row, &fetch.section) else { return Ok(None) };
    let filter = match &fetch.section.part {
        SectionPart::HeaderFields(names) => Some((names, false)),
        SectionPart::HeaderFieldsNot(names) => Some((names, true)),
        _ => None,
    };
    if let Some((names, not)) = filter {
        let header = Content::new(pieces, row.body.clone(), None);
        let header = header.gather(store, EMBEDDED_HEADER_BYTES).await?;
        pieces = vec![Piece::Memory(Bytes::from(filter_fields(&header, names, not)))];
    }
    Ok(Some(Content::new(pieces, row.body.clone(), fetch.partial)))
}

/// Where the bytes of a section are; HEADER.FIELDS is the header that it will filter.
fn pieces(row: &Row, section: &Section) -> Option<Vec<Piece>> {
    let header = Piece::Memory(row.header.clone());
    let body = Piece::Stored(0..row.body.as_ref().map_or(0, |body| body.reader.len()));
    let text = match section.part {
        SectionPart::All => SectionText::All,
        SectionPart::Header | SectionPart::HeaderFields(_) | SectionPart::HeaderFieldsNot(_) => {
            SectionText::Header
        }
        SectionPart::Text => SectionText::Text,
        SectionPart::Mime => SectionText::Mime,
    };
    if section.path.is_empty() {
        return match text {
            SectionText::All => Some(vec![header, body]),
            SectionText::Header => Some(vec![header]),
            SectionText::Text => Some(vec![body]),
            SectionText::Mime => None,
        };
    }
    match row.index.as_ref()?.section(&SectionPath { path: section.path.clone(), text })? {
        message::Piece::Message => Some(vec![header, body]),
        message::Piece::Header => Some(vec![header]),
        message::Piece::Body(range) => Some(vec![Piece::Stored(range)]),
    }
}
