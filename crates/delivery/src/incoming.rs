//! A message while it arrives: scanned, digested and sealed into the store piece by piece, never whole in memory (I-3).
//!
//! May use: the scanner, the store's body writer. Must never touch: the decision; it hands the header out and takes the verdict.

use aws_lc_rs::digest;
use message::Scanner;
use smtp::Connection;
use store::BodyWriter;

use crate::{
    envelope::Envelope,
    judge::Judged,
    replies::{self, Denial},
};

/// A message whose content is arriving.
pub struct Incoming {
    pub(crate) envelope: Envelope,
    pub(crate) connection: Connection,
    pub(crate) scanner: Scanner,
    /// Of every byte as it came, for the fingerprint of I-1.
    pub(crate) digest: digest::Context,
    pub(crate) body: BodyWriter,
    /// The verdict on the header, once it was complete.
    pub(crate) judged: Option<Judged>,
    /// Bytes scanned so far.
    seen: u64,
}

impl Incoming {
    pub(crate) fn new(
        envelope: Envelope,
        connection: Connection,
        scan: message::scan::Limits,
        body: BodyWriter,
    ) -> Self {
        let digest = digest::Context::new(&digest::SHA256);
        Self { envelope, connection, scanner: Scanner::new(scan), digest, body, judged: None, seen: 0 }
    }

    /// Scans a piece. Gives the bytes of it that belong to the body, or nothing while the header is not complete.
    pub(crate) fn scan<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Denial> {
        self.scanner.feed(bytes).map_err(too_long)?;
        self.digest.update(bytes);
        let before = self.seen;
        self.seen += bytes.len() as u64;
        let Some(header) = self.scanner.header() else { return Ok(None) };
        // What of this piece was still header; nothing once the header lies before it.
        let skip = (header.len() as u64).saturating_sub(before);
        let skip = usize::try_from(skip).unwrap_or(bytes.len());
        Ok(bytes.get(skip..))
    }
}

pub(crate) fn too_long(error: message::ScanError) -> Denial {
    let message::ScanError::HeaderTooLong { limit } = error;
    replies::header_too_large(limit)
}
