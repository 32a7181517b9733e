//! The incremental scanner: fed the message as it arrives, it learns the structure in bounded memory (I-3).

use crate::structure::Structure;

/// Bounds of a scan. Only the first makes a scan fail; beyond the others a part becomes opaque, because a strange mail is
/// better delivered than lost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of the message header, 256 KiB.
    pub header_bytes: usize,
    /// Parts, containers included, 1000. The part that reaches it is opaque and runs to the end of the message.
    pub parts: usize,
    /// Containers within containers, 20. A deeper container is an opaque part.
    pub depth: usize,
    /// Bytes of one part's header that are looked at, 64 KiB. Later fields are ignored.
    pub part_header_bytes: usize,
    /// Bytes of MIME fields and envelopes kept for all parts together, 1 MiB. Beyond it parts say nothing of themselves.
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
pub struct Scanner {
    limits: Limits,
}

/// What a scan found.
pub struct Scanned {
    /// The raw header block, blank line included if there was one.
    pub header: Vec<u8>,
    /// The tree of parts.
    pub structure: Structure,
    /// Bytes after the header.
    pub body_bytes: u64,
    /// Text lines of the body.
    pub body_lines: u64,
    /// Decoded size of all attachments, in bytes (S-3.6).
    pub attachments_decoded: u64,
    /// Whether a part is named IHE_XDM.zip.
    pub xdm: bool,
}

impl Scanner {
    /// A scanner with these bounds.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Takes the next bytes of the message, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        let _ = (bytes, &self.limits);
        todo!()
    }

    /// The raw header block, blank line included, once it is complete.
    pub fn header(&self) -> Option<&[u8]> {
        todo!()
    }

    /// Ends the message.
    pub fn finish(self) -> Result<Scanned, ScanError> {
        todo!()
    }
}
