//! The record and its stored form.
//!
//! May use: serde, postcard. The first byte of the stored form is its version.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::decode::Encoding;

const VERSION: u8 = 1;

/// All that IMAP lists of a message. Holds header text: never in a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRecord {
    /// RFC822.SIZE: variant header plus body, in bytes.
    pub size: u64,
    /// Bytes of the variant header, blank line included.
    pub header_len: u32,
    /// Date field, Unix seconds; none if absent or not a date.
    pub sent: Option<i64>,
    /// Day of the Date field as it is written, zone ignored (RFC 3501 SENTON), as the number yyyymmdd.
    pub sent_day: Option<i32>,
    /// ENVELOPE in wire form (RFC 3501 §7.4.2).
    pub envelope: Vec<u8>,
    /// BODY in wire form.
    pub body: Vec<u8>,
    /// BODYSTRUCTURE in wire form.
    pub bodystructure: Vec<u8>,
    /// Every part that can be named by numbers, in message order.
    pub parts: Vec<Part>,
    /// First identifier of the Message-ID field, with its angle brackets.
    pub message_id: Option<String>,
}

/// A part that can be fetched by its numbers. Ranges are offsets in the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Numbers from 1, as in `BODY[1.2]`.
    pub path: Vec<u16>,
    /// Its MIME header, blank line included; none for part 1 of a message that is not multipart (that is the header of
    /// the message).
    pub mime: Option<Range<u64>>,
    /// Header of the embedded message, if this is a message/rfc822 part.
    pub header: Option<Range<u64>>,
    /// Its content.
    pub text: Range<u64>,
    /// How the content is encoded.
    pub encoding: Encoding,
    /// What the content is, for searches.
    pub kind: PartKind,
    /// Charset parameter, empty if there is none.
    pub charset: String,
}

/// What a search can do with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartKind {
    /// text/html.
    Html,
    /// Any other text.
    Text,
    /// An embedded message; its own parts follow.
    Message,
    /// A multipart; its parts follow.
    Multipart,
    /// Nothing to search in.
    Other,
}

/// Why stored bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by another version of this program.
    #[error("index record of version {0} is not known here; run a newer version of the server")]
    Version(u8),
    /// Cut short or damaged.
    #[error("index record is damaged")]
    Damaged,
}

impl IndexRecord {
    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION])
            .expect("a vector takes any length and no field is unserialisable")
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`DecodeError`] if the version is another or the bytes are damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes {
            [VERSION, rest @ ..] => match postcard::take_from_bytes(rest) {
                Ok((record, [])) => Ok(record),
                _ => Err(DecodeError::Damaged),
            },
            [version, ..] => Err(DecodeError::Version(*version)),
            [] => Err(DecodeError::Damaged),
        }
    }
}

impl std::fmt::Debug for IndexRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexRecord")
            .field("size", &self.size)
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}
