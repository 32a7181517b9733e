//! The content of a message while it arrives, on either way in: scanned, digested, shown to the antivirus and sealed into the store piece
//! by piece, never whole in memory (I-3).
//!
//! May use: the scanner, the antivirus, the store's body writer. Must never touch: the decision; it hands the header out.

use aws_lc_rs::digest;
use message::{Scanned, Scanner};
use store::{BodyWriter, SealedBody};

use crate::{
    dkim::BodyDigest,
    replies::{self, Denial},
    scan::{Scan, Verdict},
};

/// Content that arrives.
pub(crate) struct Arriving {
    scanner: Scanner,
    /// Of every byte as it came, for the fingerprint of I-1.
    digest: digest::Context,
    body: BodyWriter,
    /// For a signature, if there will be one.
    body_digest: Option<BodyDigest>,
    antivirus: Option<Scan>,
    /// Whether the antivirus was shown the header.
    header_shown: bool,
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
    /// What the antivirus says, if there is one.
    pub(crate) antivirus: Option<Verdict>,
    /// Digest of the canonical body, if it was asked for (RFC 6376 §3.4.4).
    pub(crate) body_digest: Option<digest::Digest>,
}

impl Arriving {
    pub(crate) fn new(scan: message::scan::Limits, body: BodyWriter, antivirus: Option<Scan>) -> Self {
        let digest = digest::Context::new(&digest::SHA256);
        let scanner = Scanner::new(scan);
        Self {
            scanner,
            digest,
            body,
            body_digest: None,
            antivirus,
            header_shown: false,
            eight_bit: false,
            seen: 0,
        }
    }

    /// The same, with a digest of the canonical body.
    pub(crate) fn with_body_digest(self) -> Self {
        Self { body_digest: Some(BodyDigest::new()), ..self }
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

    /// Seals bytes of the body; the antivirus sees them at the same time, and the client goes on when both have them.
    pub(crate) async fn write(&mut self, body: &[u8]) -> Result<(), Denial> {
        if body.is_empty() {
            return Ok(());
        }
        if let Some(digest) = &mut self.body_digest {
            digest.update(body);
        }
        self.show_header().await;
        let seen = async {
            if let Some(scan) = &mut self.antivirus {
                scan.show(body).await;
            }
        };
        let (written, ()) = tokio::join!(self.body.write(body), seen);
        Ok(written?)
    }

    async fn show_header(&mut self) {
        if let (Some(scan), Some(header), false) =
            (&mut self.antivirus, self.scanner.header(), self.header_shown)
        {
            scan.show(header).await;
            self.header_shown = true;
        }
    }

    /// The last byte has come: a message without a body may have its header complete only now.
    pub(crate) async fn finish(mut self) -> Result<Arrived, Denial> {
        self.show_header().await;
        let (antivirus, header_shown) = (self.antivirus, self.header_shown);
        let scanned = self.scanner.finish().map_err(too_long)?;
        let (digest, eight_bit) = (self.digest.finish(), self.eight_bit);
        let verdict = async {
            match antivirus {
                Some(mut scan) => {
                    if !header_shown {
                        scan.show(&scanned.header).await;
                    }
                    scan.finish().await.map(Some)
                }
                None => Ok(None),
            }
        };
        let (body, antivirus) = tokio::join!(self.body.finish(), verdict);
        let body_digest = self.body_digest.map(BodyDigest::finish);
        Ok(Arrived { body: body?, antivirus: antivirus?, scanned, digest, eight_bit, body_digest })
    }
}

fn too_long(error: message::ScanError) -> Denial {
    let message::ScanError::HeaderTooLong { limit } = error;
    replies::header_too_large(limit)
}
