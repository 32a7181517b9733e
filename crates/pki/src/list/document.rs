//! The proof that digest and signature of a list hold: one pass over the document, which digests its canonical form as it
//! reads and keeps the signature's own elements only.

use rustls_pki_types::CertificateDer;

use super::{
    DSIG, LIST, ListFault, ROOT,
    canonical::{Canonical, Digest},
    signature::{Collector, Signature},
    xml::{Document, Event, Start},
};

/// A list is never larger. The agency's had 3.7 MB in February 2025.
pub const MAX_LIST_BYTES: usize = 64 << 20;

/// A document whose one signature holds under the key of the certificate in it. Who signed is not judged by this: the
/// certificate is no part of what the signature covers, its own authority signed it.
#[derive(Clone)]
pub struct SignedList<'d> {
    bytes: &'d [u8],
    certificate: CertificateDer<'static>,
}

impl<'d> SignedList<'d> {
    /// Reads a document and verifies its signature.
    ///
    /// # Errors
    /// It is not sound XML, not a white list, not signed in the one accepted profile, or the signature does not hold.
    pub fn read(bytes: &'d [u8]) -> Result<Self, ListFault> {
        Unverified::read(bytes)?.digest_holds()?.signature_holds()
    }

    /// The certificate that the signature names.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub(super) fn bytes(&self) -> &'d [u8] {
        self.bytes
    }
}

/// A document of the accepted profile; nothing is verified.
pub(super) struct Unverified<'d> {
    bytes: &'d [u8],
    digest: [u8; 32],
    signature: Signature,
}

/// A document whose content has the digest that its signature names.
pub(super) struct Digested<'d> {
    bytes: &'d [u8],
    signature: Signature,
}

impl<'d> Unverified<'d> {
    pub(super) fn read(bytes: &'d [u8]) -> Result<Self, ListFault> {
        if bytes.len() > MAX_LIST_BYTES {
            return Err(ListFault::TooLarge);
        }
        let mut document = Document::new(bytes)?;
        let mut walk = Walk { canonical: Canonical::new(Digest::new()), depth: 0, signature: None };
        while let Some(event) = document.next()? {
            walk.take(&event, &mut document)?;
        }
        let signature = walk.signature.ok_or(ListFault::Unsigned)?;
        let mut digest = [0; 32];
        digest.copy_from_slice(walk.canonical.into_sink().finish().as_ref());
        Ok(Self { bytes, digest, signature })
    }

    pub(super) fn digest_holds(self) -> Result<Digested<'d>, ListFault> {
        if self.digest == *self.signature.digest() {
            Ok(Digested { bytes: self.bytes, signature: self.signature })
        } else {
            Err(ListFault::Digest)
        }
    }

    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        self.signature.certificate()
    }
}

impl<'d> Digested<'d> {
    pub(super) fn signature_holds(self) -> Result<SignedList<'d>, ListFault> {
        self.signature.verify()?;
        Ok(SignedList { bytes: self.bytes, certificate: self.signature.certificate().clone() })
    }
}

struct Walk<'d> {
    canonical: Canonical<'d, Digest>,
    depth: usize,
    signature: Option<Signature>,
}

impl<'d> Walk<'d> {
    fn take(&mut self, event: &Event<'d>, document: &mut Document<'d>) -> Result<(), ListFault> {
        match event {
            Event::Start(start) if start.name.is(DSIG, "Signature") => return self.sign(start, document),
            Event::Start(start) => {
                if self.depth == 0 && !start.name.is(LIST, ROOT) {
                    return Err(ListFault::Root { found: start.name.local.chars().take(100).collect() });
                }
                self.is_still_last(self.depth == 1)?;
                self.depth += 1;
            }
            Event::End => self.depth = self.depth.saturating_sub(1),
            Event::Text(text) => self.is_still_last(!text.bytes().all(|byte| byte.is_ascii_whitespace()))?,
            Event::Instruction { .. } => self.is_still_last(self.depth == 1)?,
        }
        self.canonical.take(event);
        Ok(())
    }

    /// The enveloped-signature transform: what the signature signs is all but the signature.
    fn sign(&mut self, start: &Start<'d>, document: &mut Document<'d>) -> Result<(), ListFault> {
        if self.signature.is_some() {
            return Err(ListFault::SecondSignature);
        }
        if self.depth == 0 {
            return Err(ListFault::Root { found: start.name.local.to_owned() });
        }
        if self.depth != 1 {
            return Err(ListFault::MovedSignature);
        }
        self.signature = Some(Collector::collect(start, document)?);
        Ok(())
    }

    fn is_still_last(&self, something: bool) -> Result<(), ListFault> {
        if something && self.signature.is_some() { Err(ListFault::MovedSignature) } else { Ok(()) }
    }
}
