//! What a mail is made of: header fields that can be read and edited without touching another byte, a
//! scanner that learns the MIME structure while the body streams by (I-3), and the index record that
//! lets IMAP answer listings without reading bodies (I-7), the reports on what became of one, and the same message for servers
//! that take less (`recode`).
//!
//! May use: parsing libraries. Must never touch: the network, the store, files, the clock.

pub mod decode;
pub mod dkim;
pub mod header;
pub mod index;
mod mime;
mod received;
pub mod recode;
pub mod report;
mod results;
pub mod scan;
pub mod structure;
mod words;

pub use decode::{Decoder, Encoding, MAX_DECODED_PART, decode_part};
pub use header::{Editor, Header, Mailbox, field_texts, filter_fields};
pub use index::{DecodeError, IndexRecord, IndexRef, Part, PartKind, Piece, SectionPath, SectionText, index};
pub use mime::{decoded_parameters, labels};
pub use received::{Received, received};
pub use report::{Report, report};
pub use results::{Verified, authentication_results, results_by};
pub use scan::{Limits, ScanError, Scanned, Scanner};
pub use structure::Structure;
