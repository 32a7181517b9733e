//! The content of a message while it arrives, on either way in: scanned, digested and sealed into the store piece by piece, never whole
//! in memory (I-3).
//!
//! May use: the scanner, the store's body writer. Must never touch: the decision; it hands the header out.

use aws_lc_rs::digest;
use message::{Scanned, Scanner};
use store::{BodyWriter, SealedBody};

use crate::replies::{self, Denial};

/// Content that arrives.
pub(crate) struct Arriving {
    scanner: Scanner,
    /// Of every byte as it came, for the fingerprint of I-1.
    digest: digest::Context,
    body: BodyWriter,
    /// Whether an octet above 127 came.
    eight_bit: bool,
    /// Bytes scanned so far.
    seen: u64,
}

/// Content whose last byte has come.
pub(crate) struct Arrived {
    pub(crate) scanned: Scanned,
    pub(crate) digest: digest::Digest,
    /// Whether an octet of it is above 127.
    pub(crate) eight_bit: bool,
    pub(crate) body: SealedBody,
}

impl Arriving {
    pub(crate) fn new(scan: message::scan::Limits, body: BodyWriter) -> Self {
        let digest = digest::Context::new(&digest::SHA256);
        Self { scanner: Scanner::new(scan), digest, body, eight_bit: false, seen: 0 }
    }

    /// Scans a piece. Gives the bytes of it that belong to the body, or nothing while the header is not complete.
    pub(crate) fn scan<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Denial> {
        self.scanner.feed(bytes).map_err(too_long)?;
        self.digest.update(bytes);
        self.eight_bit |= !bytes.is_ascii();
        let before = self.seen;
        self.seen += bytes.len() as u64;
        let Some(header) = self.scanner.header() else { return Ok(None) };
        // What of this piece was still header; nothing once the header lies before it.
        let skip = (header.len() as u64).saturating_sub(before);
        let skip = usize::try_from(skip).unwrap_or(bytes.len());
        Ok(bytes.get(skip..))
    }

    /// The raw header, empty until it is complete.
    pub(crate) fn header(&self) -> &[u8] {
        self.scanner.header().unwrap_or_default()
    }

    /// Seals bytes of the body.
    pub(crate) async fn write(&mut self, body: &[u8]) -> Result<(), Denial> {
        if !body.is_empty() {
            self.body.write(body).await?;
        }
        Ok(())
    }

    /// The last byte has come: a message without a body may have its header complete only now.
    pub(crate) async fn finish(self) -> Result<Arrived, Denial> {
        let scanned = self.scanner.finish().map_err(too_long)?;
        let (digest, eight_bit) = (self.digest.finish(), self.eight_bit);
        Ok(Arrived { scanned, digest, eight_bit, body: self.body.finish().await? })
    }
}

fn too_long(error: message::ScanError) -> Denial {
    let message::ScanError::HeaderTooLong { limit } = error;
    replies::header_too_large(limit)
}
