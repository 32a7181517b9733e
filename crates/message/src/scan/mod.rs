//! The incremental scanner: fed the message as it arrives, it learns the structure in bounded memory (I-3).
//!
//! May use: `header`, `mime`, `index` for envelopes of embedded messages. Never keeps body content: at most one line that
//! might be a delimiter, and one part header.

mod body;
mod boundary;
mod header_lines;
mod lines;
mod transfer;

use std::fmt;

use crate::{header::Header, mime::MimeInfo, structure::Structure};

use self::{header_lines::MessageHeader, lines::Lines};

/// Bounds of a scan. Only the first makes a scan fail; beyond the others a part becomes opaque, because a strange mail is
/// better delivered than lost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the message header, 256 KiB. A longer one is [`ScanError::HeaderTooLong`].
    pub header_bytes: usize,
    /// Parts, containers included, 1000 (at least 2 are always allowed). The part that reaches it is opaque and runs to the
    /// end of the message.
    pub parts: usize,
    /// Containers within containers, 20. A deeper container is an opaque part.
    pub depth: usize,
    /// Bytes of one part's header that are looked at, 64 KiB. Lines beyond are ignored.
    pub part_header_bytes: usize,
    /// Bytes of MIME fields and of envelopes of embedded messages kept for all parts together, 1 MiB. Beyond it parts are
    /// opaque, and envelopes are empty.
    pub kept_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 256 * 1024,
            parts: 1000,
            depth: 20,
            part_header_bytes: 64 * 1024,
            kept_bytes: 1024 * 1024,
        }
    }
}

/// Why a message cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// The header is longer than [`Limits::header_bytes`].
    #[error("the header of the message is longer than {limit} bytes; shorten its fields")]
    HeaderTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
}

/// Incremental scanner of one message.
///
/// Lines end with LF, with or without CR before it. A delimiter line (see RFC 2046 §5.1.1) of an outer multipart ends the inner
/// ones; what is missing at the end of the message is taken as closed. A multipart without boundary, or in which no delimiter
/// occurs, is a plain text part. An embedded message that is itself base64 or quoted-printable, which RFC 2046 §5.2.1
/// forbids, is an opaque part. Opaque parts are `application/octet-stream`.
pub struct Scanner {
    limits: Limits,
    header: MessageHeader,
    body: Option<Lines>,
}

/// What a scan found.
#[derive(Clone)]
pub struct Scanned {
    /// The raw header block, blank line included if there was one.
    pub header: Vec<u8>,
    /// The tree of parts.
    pub structure: Structure,
    /// Bytes after the header.
    pub body_bytes: u64,
    /// Text lines of the body; an unfinished last line counts.
    pub body_lines: u64,
    /// Decoded size of all attachments, in bytes (S-3.6). Every part that holds no parts counts, but text/plain and text/html
    /// that are neither attached nor named; so do the parts of embedded messages. Opaque parts count as they are.
    pub attachments_decoded: u64,
    /// Whether a part is named IHE_XDM.zip, in any case.
    pub xdm: bool,
}

impl Scanner {
    /// A scanner with these bounds.
    pub fn new(limits: Limits) -> Self {
        Self { limits, header: MessageHeader::default(), body: None }
    }

    /// Takes the next bytes of the message, cut anywhere.
    ///
    /// # Errors
    /// [`ScanError::HeaderTooLong`]; the scanner is of no use afterwards.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        let rest = self.header.take(bytes, self.limits.header_bytes)?;
        if self.header.is_complete() {
            let (header, limits) = (&self.header, &self.limits);
            self.body.get_or_insert_with(|| body_of(header, limits)).feed(rest);
        }
        Ok(())
    }

    /// The raw header block, blank line included, once it is complete.
    pub fn header(&self) -> Option<&[u8]> {
        self.header.is_complete().then(|| self.header.raw())
    }

    /// Ends the message. One without a blank line is all header.
    ///
    /// # Errors
    /// None today beyond those of [`feed`](Self::feed), which have been given there.
    pub fn finish(self) -> Result<Scanned, ScanError> {
        let body = self.body.unwrap_or_else(|| body_of(&self.header, &self.limits));
        let found = body.finish();
        Ok(Scanned {
            header: self.header.into_raw(),
            structure: found.structure,
            body_bytes: found.bytes,
            body_lines: found.lines,
            attachments_decoded: found.attachments_decoded,
            xdm: found.xdm,
        })
    }
}

fn body_of(header: &MessageHeader, limits: &Limits) -> Lines {
    Lines::new(MimeInfo::parse(&Header::parse(header.raw()), false), limits.clone())
}

impl fmt::Debug for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanner").field("in_body", &self.body.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Scanned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanned")
            .field("body_bytes", &self.body_bytes)
            .field("parts", &self.structure.part_count())
            .finish_non_exhaustive()
    }
}
