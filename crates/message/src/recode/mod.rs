//! A message made fit for a next hop that takes no 8-bit or binary content (RFC 6152 §3, RFC 3030 §3): the parts that need it are
//! written in base64 or quoted-printable, their fields say so, and every other byte stays (M-6).
//!
//! Two walks over the body, neither of which keeps it: [`Survey`] learns what has to change and how long the result is, [`Recoder`] makes
//! it. Both follow the tree that the scanner found. What is signed is never touched, what cannot be written otherwise is said to be so.
//!
//! May use: the scan, header edits. Must never touch: the decoded content of any part.

mod encode;
mod facts;
mod label;
mod place;
mod plan;
mod stream;
#[cfg(test)]
mod tests;

pub use self::{
    plan::{Plan, Survey},
    stream::Recoder,
};

/// What the content of a message may hold (RFC 2045 §2.7 to 2.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// Lines of ASCII.
    SevenBit,
    /// Lines of any octets (`BODY=8BITMIME`).
    EightBit,
    /// Anything (`BODY=BINARYMIME`).
    Binary,
}

impl Content {
    /// Its name in Content-Transfer-Encoding.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::EightBit => "8bit",
            Self::Binary => "binary",
        }
    }
}

/// Text in quoted-printable, its CR LF line breaks kept.
pub(crate) fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 4);
    let mut encoder = encode::Encoder::new(encode::Written::QuotedPrintable);
    encoder.feed(text, &mut out);
    encoder.finish(false, &mut out);
    out
}

/// Why a message cannot be made fit. Nothing of it may go to that next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unconvertible {
    /// A signature covers what would have to change (RFC 1847 §2.1).
    #[error(
        "a signed part holds octets that the next server does not take, and rewriting it would break its signature"
    )]
    Signed,
    /// A header, for which no encoding exists.
    #[error("a header of the message holds octets that the next server does not take")]
    Header,
    /// The structure is broken, or nests deeper than it is followed.
    #[error(
        "the message holds octets that the next server does not take, in a place that cannot be rewritten"
    )]
    Structure,
}
