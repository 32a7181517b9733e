//! Where a section of FETCH lies (RFC 3501 §6.4.5): in the variant header, or at which bytes of the body.

use std::ops::Range;

use super::IndexRecord;

/// A section: part numbers and what of that part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SectionPath {
    /// Part numbers from 1; empty for the message itself.
    pub path: Vec<u16>,
    /// What of the part.
    pub text: SectionText,
}

/// What of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SectionText {
    /// Everything: the whole message, or the content of the part.
    #[default]
    All,
    /// `HEADER`, and the block that `HEADER.FIELDS` and `HEADER.FIELDS.NOT` filter (see [`filter_fields`](crate::filter_fields)).
    Header,
    /// `TEXT`.
    Text,
    /// `MIME`.
    Mime,
}

/// Where the bytes of a section are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The variant header, then the whole body.
    Message,
    /// The variant header.
    Header,
    /// These bytes of the body.
    Body(Range<u64>),
}

impl IndexRecord {
    /// Finds a section; none if the message has no such part (answered NIL).
    pub fn section(&self, section: &SectionPath) -> Option<Piece> {
        let body = 0..self.size.saturating_sub(u64::from(self.header_len));
        let Some(part) = self.parts.iter().find(|part| part.path == section.path) else {
            return match section.text {
                _ if !section.path.is_empty() => None,
                SectionText::All => Some(Piece::Message),
                SectionText::Header => Some(Piece::Header),
                SectionText::Text => Some(Piece::Body(body)),
                SectionText::Mime => None,
            };
        };
        match section.text {
            SectionText::All => Some(Piece::Body(part.text.clone())),
            SectionText::Mime => Some(part.mime.clone().map_or(Piece::Header, Piece::Body)),
            SectionText::Header => part.header.clone().map(Piece::Body),
            SectionText::Text => part.header.as_ref().map(|header| Piece::Body(header.end..part.text.end)),
        }
    }
}
