//! The index record: all that IMAP lists of a message, computed once at delivery (I-7).

mod record;
mod section;

pub use record::{DecodeError, IndexRecord, Part, PartKind};
pub use section::{Piece, SectionPath, SectionText};

use crate::scan::Scanned;

/// Computes the record of a message as one class of recipients sees it: `header` is their variant of the header block, the body
/// is the one that was scanned.
pub fn index(header: &[u8], scanned: &Scanned) -> IndexRecord {
    let _ = (header, scanned);
    todo!()
}
