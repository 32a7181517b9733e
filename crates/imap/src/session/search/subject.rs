//! One message under a search: what it is asked is read when it is needed, and once.
//! May read index record, header and body pieces. Must never hold more of a body than one chunk (I-3).

use std::cell::{OnceCell, RefCell};

use bytes::Bytes;
use message::{Header, IndexRecord, Part, PartKind, decoded_parameters, field_texts, filter_fields, labels};
use store::{BoxId, Entry, ModSeq, Reader, StoreError, Uid};

use super::{
    decode::PartDecoder,
    fold::{Needle, Scan},
    html::Page,
    plan::{Plan, Question, flagged},
};

/// Bytes of messages read in one visit to the store, more of them counted for several texts looked for; the message that exceeds
/// it is the visit's last.
const VISIT_BYTES: u64 = 8 * 1024 * 1024;

/// A message that matches, and its mod-sequence.
pub(in crate::session) type Match = (Uid, ModSeq);

/// Which of these ascending messages match, ascending, and how many of them were looked at, at least one.
pub(in crate::session) fn matching(
    reader: &Reader<'_>,
    mailbox: BoxId,
    plan: &Plan,
    candidates: &[Uid],
) -> Result<(Vec<Match>, usize), StoreError> {
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    let dates = save_dates(reader, mailbox, plan, candidates)?;
    reader.listed(mailbox, candidates, &mut |listing| {
        let uid = listing.uid();
        let saved = dates.binary_search_by_key(&uid, |(uid, _)| *uid).ok();
        let saved = saved.and_then(|at| dates.get(at)).and_then(|(_, saved)| *saved);
        match plan.question.by_listing(&listing, saved) {
            Some(true) => found.push((uid, listing.modseq())),
            Some(false) => {}
            None => unknown.push((listing.entry()?, saved)),
        }
        Ok(true)
    })?;
    if unknown.is_empty() {
        return Ok((found, candidates.len()));
    }
    let last = read_on(reader, mailbox, plan, unknown, &mut found)?;
    found.retain(|(uid, _)| last.is_none_or(|last| *uid <= last));
    found.sort_unstable_by_key(|(uid, _)| *uid);
    let looked = last.map_or(candidates.len(), |last| candidates.partition_point(|uid| *uid <= last));
    Ok((found, looked))
}

/// When these messages were put in the mailbox, if the plan asks for it.
fn save_dates(
    reader: &Reader<'_>,
    mailbox: BoxId,
    plan: &Plan,
    uids: &[Uid],
) -> Result<Vec<(Uid, Option<i64>)>, StoreError> {
    let mut dates = Vec::new();
    if plan.question.reads_saved() {
        reader.saved(mailbox, uids, &mut |uid, saved| {
            dates.push((uid, saved));
            Ok(true)
        })?;
    }
    Ok(dates)
}

/// Judges messages whose listing does not say enough; the last UID looked at, if too much was read to go on.
fn read_on(
    reader: &Reader<'_>,
    mailbox: BoxId,
    plan: &Plan,
    unknown: Vec<(Entry, Option<i64>)>,
    found: &mut Vec<Match>,
) -> Result<Option<Uid>, StoreError> {
    let mut bytes = 0;
    let mut last = None;
    let mut judge = |entry: Entry, saved: Option<i64>, header: Option<Bytes>| {
        let (uid, modseq) = (entry.uid, entry.modseq);
        let subject = Subject::new(reader, mailbox, entry, saved, plan);
        let read_before = header.as_ref().map_or(0, Bytes::len) as u64;
        if let Some(header) = header {
            let _ = subject.header.set(header);
        }
        if subject.answer(&plan.question)? {
            found.push((uid, modseq));
        }
        bytes += (subject.read.get() + read_before) * plan.weight();
        last = (bytes >= VISIT_BYTES).then_some(uid);
        Ok(bytes < VISIT_BYTES)
    };
    if !plan.question.reads_header() {
        for (entry, saved) in unknown {
            if !judge(entry, saved, None)? {
                break;
            }
        }
        return Ok(last);
    }
    let uids: Vec<Uid> = unknown.iter().map(|(entry, _)| entry.uid).collect();
    let mut unknown = unknown.into_iter();
    reader.headers(mailbox, &uids, &mut |uid, header| {
        let Some((entry, saved)) = unknown.find(|(entry, _)| entry.uid == uid) else { return Ok(true) };
        judge(entry, saved, Some(Bytes::copy_from_slice(header)))
    })?;
    Ok(last)
}

struct Subject<'s> {
    reader: &'s Reader<'s>,
    mailbox: BoxId,
    entry: Entry,
    saved: Option<i64>,
    plan: &'s Plan,
    index: OnceCell<Option<IndexRecord>>,
    header: OnceCell<Bytes>,
    in_header: OnceCell<Vec<bool>>,
    in_body: OnceCell<Vec<bool>>,
    /// A chunk of the body and where it begins.
    chunk: RefCell<Option<(u64, Bytes)>>,
    read: std::cell::Cell<u64>,
}

impl<'s> Subject<'s> {
    fn new(reader: &'s Reader<'s>, mailbox: BoxId, entry: Entry, saved: Option<i64>, plan: &'s Plan) -> Self {
        Self {
            reader,
            mailbox,
            entry,
            saved,
            plan,
            index: OnceCell::new(),
            header: OnceCell::new(),
            in_header: OnceCell::new(),
            in_body: OnceCell::new(),
            chunk: RefCell::default(),
            read: std::cell::Cell::new(0),
        }
    }

    fn answer(&self, question: &Question) -> Result<bool, StoreError> {
        Ok(match question {
            Question::Constant(answer) => *answer,
            Question::All(questions) => {
                for question in questions {
                    if !self.answer(question)? {
                        return Ok(false);
                    }
                }
                true
            }
            Question::Any(questions) => {
                for question in questions {
                    if self.answer(question)? {
                        return Ok(true);
                    }
                }
                false
            }
            Question::Not(question) => !self.answer(question)?,
            Question::Among(uids) => uids.contains(self.entry.uid),
            Question::Has(flag) => flagged(&self.entry.flags, flag),
            Question::Received(from, to) => (*from..*to).contains(&self.entry.internal_date),
            Question::Saved(from, to) => {
                (*from..*to).contains(&self.saved.unwrap_or(self.entry.internal_date))
            }
            Question::ModSeq(modseq) => self.entry.modseq.get() >= *modseq,
            Question::Sent(from, to) => self.sent_day()?.is_some_and(|day| (*from..=*to).contains(&day)),
            Question::Larger(size) => self.entry.size > *size,
            Question::Smaller(size) => self.entry.size < *size,
            Question::Header(name, needle) => self.has_field(name, needle)?,
            Question::InHeader(at) => self.in_header()?.get(*at).copied().unwrap_or(false),
            Question::InBody(at) => self.in_body()?.get(*at).copied().unwrap_or(false),
        })
    }

    /// RFC 3501 §6.4.4: the day as written in `Date:`, its zone ignored; a message without one matches no SENT key.
    fn sent_day(&self) -> Result<Option<i32>, StoreError> {
        Ok(self.index()?.and_then(|index| index.sent_day))
    }

    fn has_field(&self, name: &str, needle: &Needle) -> Result<bool, StoreError> {
        let header = self.header()?;
        if field_texts(header, name).any(|text| needle.is_in(&text)) {
            return Ok(true);
        }
        // Only parameters with a star in their name say more than the text of their field (RFC 2231).
        if memchr::memchr(b'*', header).is_none() {
            return Ok(false);
        }
        let block = filter_fields(header, &[name], false);
        Ok(fields(&block).any(|field| needle.is_in(&field)))
    }

    fn in_header(&self) -> Result<&[bool], StoreError> {
        if let Some(found) = self.in_header.get() {
            return Ok(found);
        }
        let mut scan = Scan::new(&self.plan.in_header);
        scan_header(self.header()?, &mut scan);
        Ok(self.in_header.get_or_init(|| scan.found().collect()))
    }

    /// Looks for all body texts of the plan at once: the body is read once, as far as needed.
    fn in_body(&self) -> Result<&[bool], StoreError> {
        if let Some(found) = self.in_body.get() {
            return Ok(found);
        }
        let mut scan = Scan::new(&self.plan.in_body);
        if let (Some(index), Some(body)) = (self.index()?, self.reader.body(self.mailbox, self.entry.uid)?) {
            for part in &index.parts {
                if scan.is_complete() {
                    break;
                }
                self.scan_part(part, &body, &mut scan)?;
            }
        }
        Ok(self.in_body.get_or_init(|| scan.found().collect()))
    }

    fn scan_part(
        &self,
        part: &Part,
        body: &store::BodyReader,
        scan: &mut Scan<'_>,
    ) -> Result<(), StoreError> {
        self.scan_labels(part, body, scan)?;
        scan.next_text();
        match part.kind {
            PartKind::Text => {
                let mut decoder = PartDecoder::new(part.encoding, &part.charset);
                self.each_piece(part.text.clone(), body, |piece| {
                    scan.push(decoder.push(piece));
                    !scan.is_complete()
                })?;
                scan.push(decoder.finish());
            }
            PartKind::Html => {
                let mut decoder = PartDecoder::new(part.encoding, &part.charset);
                let mut page = Page::default();
                self.each_piece(part.text.clone(), body, |piece| {
                    scan.push(page.push(decoder.push(piece)));
                    !scan.is_complete()
                })?;
                scan.push(page.push(decoder.finish()));
                scan.push(page.finish());
            }
            PartKind::Message => {
                let mut header = Vec::new();
                self.each_piece(part.header.clone().unwrap_or_default(), body, |piece| {
                    header.extend_from_slice(piece);
                    true
                })?;
                scan_header(&header, scan);
            }
            PartKind::Multipart | PartKind::Other => {}
        }
        Ok(())
    }

    /// The names of files and descriptions that people see of a part: they look for an attachment by what it is called. The other
    /// words of its MIME header are nobody's text.
    fn scan_labels(
        &self,
        part: &Part,
        body: &store::BodyReader,
        scan: &mut Scan<'_>,
    ) -> Result<(), StoreError> {
        let Some(range) = part.mime.clone().filter(|_| part.kind != PartKind::Multipart) else {
            return Ok(());
        };
        let mut header = Vec::new();
        self.each_piece(range, body, |piece| {
            header.extend_from_slice(piece);
            true
        })?;
        for label in labels(&Header::parse(&header)) {
            scan.next_text();
            scan.push(&label);
        }
        Ok(())
    }

    /// Gives the bytes of a range chunk by chunk until `go_on` says no.
    fn each_piece(
        &self,
        range: std::ops::Range<u64>,
        body: &store::BodyReader,
        mut go_on: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let end = range.end.min(body.len());
        let mut at = range.start;
        while at < end {
            let chunk = self.chunk(body, at)?;
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let piece = chunk.get(..chunk.len().min(left)).unwrap_or_default();
            if piece.is_empty() || !go_on(piece) {
                break;
            }
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// The bytes from there to the end of their chunk. The chunk opened last is kept: parts follow each other in it.
    fn chunk(&self, body: &store::BodyReader, at: u64) -> Result<Bytes, StoreError> {
        let within = at % store::CHUNK as u64;
        let start = at - within;
        let mut known = self.chunk.borrow_mut();
        if known.as_ref().is_none_or(|(of, _)| *of != start) {
            let chunk = body.chunk(start)?;
            self.read.set(self.read.get() + chunk.len() as u64);
            *known = Some((start, chunk));
        }
        let whole = known.as_ref().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        let within = usize::try_from(within).unwrap_or(usize::MAX);
        Ok(if within < whole.len() { whole.slice(within..) } else { Bytes::new() })
    }

    fn index(&self) -> Result<Option<&IndexRecord>, StoreError> {
        if self.index.get().is_none() {
            let index = self.reader.index(self.mailbox, self.entry.uid)?;
            return Ok(self.index.get_or_init(|| index).as_ref());
        }
        Ok(self.index.get().and_then(Option::as_ref))
    }

    /// The header; empty if the message's bytes are gone.
    fn header(&self) -> Result<&Bytes, StoreError> {
        if let Some(header) = self.header.get() {
            return Ok(header);
        }
        let header = self.reader.header(self.mailbox, self.entry.uid)?.unwrap_or_default();
        self.read.set(self.read.get() + header.len() as u64);
        Ok(self.header.get_or_init(|| header))
    }
}

fn scan_header(block: &[u8], scan: &mut Scan<'_>) {
    for field in fields(block) {
        scan.next_text();
        scan.push(&field);
    }
}

/// The texts of all fields, unfolded and decoded (RFC 2047), and those of their parameters that RFC 2231 encodes.
fn fields(block: &[u8]) -> impl Iterator<Item = String> + '_ {
    let mut rest = block;
    std::iter::from_fn(move || {
        let end = field_end(rest);
        let (field, after) = rest.split_at(end);
        rest = after;
        (!field.is_empty()).then_some(field)
    })
    .flat_map(texts)
}

fn texts(field: &[u8]) -> Vec<String> {
    let name = field.split(|byte| *byte == b':').next().unwrap_or_default();
    let Ok(name) = std::str::from_utf8(name.trim_ascii()) else { return Vec::new() };
    let header = Header::parse(field);
    let mut texts: Vec<String> = header.text(name).into_iter().collect();
    if memchr::memchr(b'*', field).is_some() {
        texts.extend(decoded_parameters(&header, name));
    }
    texts
}

/// Where the field at the start ends: before the next line that does not begin with a blank.
fn field_end(block: &[u8]) -> usize {
    let mut end = 0;
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        if end > 0 && !matches!(line.first(), Some(b' ' | b'\t')) {
            break;
        }
        end += line.len();
    }
    end
}
