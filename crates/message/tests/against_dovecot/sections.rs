//! `BODY[…]` of every part (RFC 3501 §6.4.5), ours beside Dovecot's: the same bytes.
//! May use the index record and the message.

use message::{IndexRecord, Piece, SectionPath, SectionText};

use crate::value::Value;

/// Most parts of a message that are asked for.
const PARTS: usize = 40;

/// Sections by their names on the wire.
pub(crate) fn of(record: &IndexRecord) -> Vec<(String, SectionPath)> {
    let section = |path: &[u16], text| {
        let numbers = path.iter().map(u16::to_string);
        let name = match text {
            SectionText::All => None,
            SectionText::Header => Some("HEADER".to_owned()),
            SectionText::Text => Some("TEXT".to_owned()),
            SectionText::Mime => Some("MIME".to_owned()),
        };
        let name: Vec<String> = numbers.chain(name).collect();
        (name.join("."), SectionPath { path: path.to_vec(), text })
    };
    let mut sections = vec![section(&[], SectionText::Header), section(&[], SectionText::Text)];
    for part in record.parts.iter().take(PARTS) {
        sections.push(section(&part.path, SectionText::All));
        sections.push(section(&part.path, SectionText::Mime));
        if part.header.is_some() {
            sections.push(section(&part.path, SectionText::Header));
            sections.push(section(&part.path, SectionText::Text));
        }
    }
    sections
}

/// The bytes of a section, or NIL.
pub(crate) fn read(raw: &[u8], record: &IndexRecord, path: &SectionPath) -> Value {
    let (header, body) = raw.split_at(record.header_len as usize);
    match record.section(path) {
        None => Value::Nil,
        Some(Piece::Message) => Value::Text(raw.to_vec()),
        Some(Piece::Header) => Value::Text(header.to_vec()),
        Some(Piece::Body(range)) => {
            let (start, end) = (usize::try_from(range.start).unwrap(), usize::try_from(range.end).unwrap());
            Value::Text(body[start..end].to_vec())
        }
    }
}

/// Whether both give the same, but for the CRLF that may end a part and belongs to the delimiter that follows (RFC 2046 §5.1.1):
/// Dovecot leaves it to a multipart that ends with its own last delimiter and to an embedded message, and takes it from a header
/// whose blank line it is.
pub(crate) fn agree(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Text(ours), Value::Text(theirs)) => {
            ours == theirs
                || ours.strip_suffix(b"\r\n").is_some_and(|ours| ours == theirs)
                || theirs.strip_suffix(b"\r\n").is_some_and(|theirs| theirs == ours)
        }
        _ => ours == theirs,
    }
}
