//! The record and its stored form.
//!
//! May use: serde, postcard. The first byte of the stored form is its version.

use std::ops::Range;

use serde::{Deserialize, Serialize, Serializer};

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
    #[serde(serialize_with = "as_bytes")]
    pub envelope: Vec<u8>,
    /// BODY in wire form.
    #[serde(serialize_with = "as_bytes")]
    pub body: Vec<u8>,
    /// BODYSTRUCTURE in wire form.
    #[serde(serialize_with = "as_bytes")]
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

/// About what the stored form takes beside the wire forms: each part, and all the rest.
const PART_BYTES: usize = 48;
const REST_BYTES: usize = 160;

/// The same stored form as byte after byte, in one step.
fn as_bytes<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

impl IndexRecord {
    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let wire = self.envelope.len() + self.body.len() + self.bodystructure.len();
        let mut stored = Vec::with_capacity(wire + self.parts.len() * PART_BYTES + REST_BYTES);
        stored.push(VERSION);
        postcard::to_extend(self, stored).expect("a vector takes any length and no field is unserialisable")
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`DecodeError`] if the version is another or the bytes are damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let index = IndexRef::decode(bytes)?;
        match postcard::take_from_bytes(index.rest) {
            Ok((Rest { parts, message_id }, [])) => Ok(Self {
                size: index.size,
                header_len: index.header_len,
                sent: index.sent,
                sent_day: index.sent_day,
                envelope: index.envelope.to_vec(),
                body: index.body.to_vec(),
                bodystructure: index.bodystructure.to_vec(),
                parts,
                message_id,
            }),
            _ => Err(DecodeError::Damaged),
        }
    }
}

/// The stored form of an [`IndexRecord`], read where it lies: what a listing copies, without what it does not show.
#[derive(Clone, Copy)]
pub struct IndexRef<'b> {
    /// RFC822.SIZE, bytes.
    pub size: u64,
    /// Bytes of the variant header, blank line included.
    pub header_len: u32,
    /// Date field, Unix seconds; none if absent or not a date.
    pub sent: Option<i64>,
    /// Day of the Date field as it is written, as the number yyyymmdd.
    pub sent_day: Option<i32>,
    /// ENVELOPE in wire form.
    pub envelope: &'b [u8],
    /// BODY in wire form.
    pub body: &'b [u8],
    /// BODYSTRUCTURE in wire form.
    pub bodystructure: &'b [u8],
    /// Parts and Message-ID, not looked at.
    rest: &'b [u8],
}

/// The fields before the parts. A vector of bytes and a slice of bytes have the same stored form.
#[derive(Deserialize)]
struct Front<'b> {
    size: u64,
    header_len: u32,
    sent: Option<i64>,
    sent_day: Option<i32>,
    envelope: &'b [u8],
    body: &'b [u8],
    bodystructure: &'b [u8],
}

/// The other fields.
#[derive(Deserialize)]
struct Rest {
    parts: Vec<Part>,
    message_id: Option<String>,
}

impl<'b> IndexRef<'b> {
    /// Reads the stored form as far as the parts.
    ///
    /// # Errors
    /// As [`IndexRecord::decode`], but damage behind BODYSTRUCTURE is not seen.
    pub fn decode(bytes: &'b [u8]) -> Result<Self, DecodeError> {
        match bytes {
            [VERSION, stored @ ..] => {
                let (front, rest) =
                    postcard::take_from_bytes::<Front<'b>>(stored).map_err(|_| DecodeError::Damaged)?;
                let Front { size, header_len, sent, sent_day, envelope, body, bodystructure } = front;
                Ok(Self { size, header_len, sent, sent_day, envelope, body, bodystructure, rest })
            }
            [version, ..] => Err(DecodeError::Version(*version)),
            [] => Err(DecodeError::Damaged),
        }
    }
}

impl std::fmt::Debug for IndexRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexRef").field("size", &self.size).finish_non_exhaustive()
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

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn range() -> impl Strategy<Value = Range<u64>> {
        (any::<u64>(), any::<u64>()).prop_map(|(from, to)| from..to)
    }

    fn part() -> impl Strategy<Value = Part> {
        (vec(any::<u16>(), 0..4), option::of(range()), option::of(range()), range(), "[a-z0-9-]{0,12}")
            .prop_map(|(path, mime, header, text, charset)| Part {
                path,
                mime,
                header,
                text,
                encoding: Encoding::Base64,
                kind: PartKind::Html,
                charset,
            })
    }

    fn record() -> impl Strategy<Value = IndexRecord> {
        let bytes = || vec(any::<u8>(), 0..300);
        let dates = (option::of(any::<i64>()), option::of(any::<i32>()));
        let tail = (vec(part(), 0..3), option::of(".{0,40}"));
        (any::<u64>(), any::<u32>(), dates, bytes(), bytes(), bytes(), tail).prop_map(
            |(size, header_len, (sent, sent_day), envelope, body, bodystructure, (parts, message_id))| {
                let parts = parts.into_iter().collect();
                IndexRecord {
                    size,
                    header_len,
                    sent,
                    sent_day,
                    envelope,
                    body,
                    bodystructure,
                    parts,
                    message_id,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn every_form_reads_what_was_written(record in record()) {
            let stored = record.encode();
            // What every version so far wrote: the fields in their order, as postcard has them.
            prop_assert_eq!(&stored, &postcard::to_extend(&record, vec![1]).unwrap());
            prop_assert!(IndexRecord::decode(&stored).unwrap() == record);
            let index = IndexRef::decode(&stored).unwrap();
            prop_assert_eq!((index.size, index.header_len), (record.size, record.header_len));
            prop_assert_eq!((index.sent, index.sent_day), (record.sent, record.sent_day));
            prop_assert_eq!(
                (index.envelope, index.body, index.bodystructure),
                (&record.envelope[..], &record.body[..], &record.bodystructure[..])
            );
        }

        #[test]
        fn what_is_cut_or_longer_is_an_error(record in record(), at in any::<prop::sample::Index>()) {
            let mut stored = record.encode();
            prop_assert!(IndexRecord::decode(&stored[..at.index(stored.len())]).is_err());
            stored.push(0);
            prop_assert!(IndexRecord::decode(&stored).is_err());
        }

        #[test]
        fn noise_is_no_panic(noise in vec(any::<u8>(), 0..80)) {
            let _ = (IndexRecord::decode(&noise), IndexRef::decode(&noise));
        }
    }
}
