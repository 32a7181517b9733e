//! Revocation lists in a directory: DER or PEM, each bounded.

use std::{borrow::Cow, fs::File, path::Path};

use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject as _};

use super::{CrlEvent, CrlFault, CrlNote};
use crate::files::{MAX_FILES, bounded, listed};

/// A list is never larger: some 400,000 revoked certificates.
pub const MAX_CRL_BYTES: u64 = 16 << 20;

const _: () = assert!(MAX_FILES == 256 && MAX_CRL_BYTES == 16 << 20, "notes say these figures");

/// A candidate: what a file holds, not looked at yet.
#[derive(Clone)]
pub struct CrlFile {
    /// The file's name, for notes.
    pub name: String,
    /// What it holds: DER or PEM.
    pub bytes: Vec<u8>,
}

impl CrlFile {
    /// All files of a directory that could be read, and notes of those that could not.
    #[must_use]
    pub fn read_all(directory: &Path) -> (Vec<Self>, Vec<CrlNote>) {
        let note = |path: &Path, event| CrlNote { source: path.display().to_string(), event };
        let (paths, more) = match listed(directory) {
            Ok(listed) => listed,
            Err(error) => {
                return (Vec::new(), vec![note(directory, CrlEvent::Unreadable(error.to_string()))]);
            }
        };
        let mut files = Vec::new();
        let mut notes = Vec::new();
        if more {
            notes.push(note(directory, CrlEvent::TooMany));
        }
        for path in paths {
            match Self::read(&path) {
                Ok(file) => files.push(file),
                Err(note) => notes.push(note),
            }
        }
        (files, notes)
    }

    /// One file.
    ///
    /// # Errors
    /// The note of why it could not be read.
    pub fn read(path: &Path) -> Result<Self, CrlNote> {
        let name = path.display().to_string();
        let note = |event| CrlNote { source: name.clone(), event };
        match File::open(path).and_then(|file| bounded(file, MAX_CRL_BYTES)) {
            Ok(Some(bytes)) => Ok(Self { name, bytes }),
            Ok(None) => Err(note(CrlEvent::TooLarge)),
            Err(error) => Err(note(CrlEvent::Unreadable(error.to_string()))),
        }
    }

    /// The DER inside.
    pub(super) fn der(&self) -> Result<Cow<'_, [u8]>, CrlEvent> {
        if self.bytes.len() as u64 > MAX_CRL_BYTES {
            return Err(CrlEvent::TooLarge);
        }
        if !self.bytes.starts_with(b"-----BEGIN") {
            return Ok(Cow::Borrowed(&self.bytes));
        }
        let crl = CertificateRevocationListDer::from_pem_slice(&self.bytes)
            .map_err(|_| CrlEvent::Refused(CrlFault::NotACrl("its PEM holds none".to_owned())))?;
        Ok(Cow::Owned(crl.as_ref().to_vec()))
    }
}
