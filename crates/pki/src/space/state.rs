//! What survives a restart: the white list that was last accepted, when it was and when it was last confirmed, and the
//! revocation lists in force. Every file is written whole or not at all. It may use the state directory and nothing else;
//! what it gives back is verified again by whoever asked.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AcceptedSigner;
use crate::{
    files::bounded,
    list::MAX_LIST_BYTES,
    revocation::{CrlFile, Revocations},
};

/// The file that says which list is the accepted one.
const RECORD: &str = "accepted.json";
/// That file is never larger.
const MAX_RECORD_BYTES: u64 = 4 << 10;
/// The signers that were accepted beside the configured ones.
const SIGNERS: &str = "signers.json";
/// That file is never larger: some hundreds of names.
const MAX_SIGNERS_BYTES: u64 = 256 << 10;
/// What whoever fetches wants to know again.
const FETCHED: &str = "fetched.json";
/// That file is never larger.
const MAX_FETCHED_BYTES: u64 = 256 << 10;
/// The directory of revocation lists.
const CRLS: &str = "crl";

/// The digest of a list's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListId([u8; 32]);

/// The state directory.
#[derive(Debug, Clone)]
pub(super) struct State(PathBuf);

/// Which list is the accepted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) list: ListId,
    /// When it was accepted: it is verified as of then.
    pub(super) accepted: Timestamp,
    /// When it was last confirmed.
    pub(super) checked: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Written {
    sha256: String,
    accepted: Timestamp,
    checked: Timestamp,
}

impl ListId {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut id = [0; 32];
        id.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(id)
    }

    pub(super) fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A name of its own for each list, so that the record always names a whole one.
    fn file_name(self) -> String {
        format!("list-{}.xml", self.hex())
    }
}

impl State {
    pub(super) fn new(directory: &Path) -> Self {
        Self(directory.into())
    }

    /// The accepted list; none if none was ever.
    pub(super) fn list(&self) -> io::Result<Option<(Record, Vec<u8>)>> {
        let record = match File::open(self.0.join(RECORD)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => bounded(file?, MAX_RECORD_BYTES)?.ok_or_else(|| damaged("its record is too large"))?,
        };
        let written: Written =
            serde_json::from_slice(&record).map_err(|_| damaged("its record cannot be read"))?;
        let most = u64::try_from(MAX_LIST_BYTES).unwrap_or(u64::MAX);
        let name = format!("list-{}.xml", written.sha256);
        if !written.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(damaged("its record cannot be read"));
        }
        let bytes =
            bounded(File::open(self.0.join(name))?, most)?.ok_or_else(|| damaged("it is too large"))?;
        let list = ListId::of(&bytes);
        if list.hex() != written.sha256 {
            return Err(damaged("it is not the list that was accepted"));
        }
        Ok(Some((Record { list, accepted: written.accepted, checked: written.checked }, bytes)))
    }

    /// Keeps a list that was accepted, and forgets the one before.
    pub(super) fn keep_list(&self, record: &Record, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let name = record.list.file_name();
        write_whole(&self.0, &name, bytes)?;
        self.keep_record(record)?;
        for entry in fs::read_dir(&self.0)? {
            let found = entry?.file_name();
            let other = found.to_str().is_some_and(|found| found.starts_with("list-") && found != name);
            if other {
                // it costs room and no more
                let _ = fs::remove_file(self.0.join(found));
            }
        }
        Ok(())
    }

    /// Keeps that the list was confirmed.
    pub(super) fn keep_record(&self, record: &Record) -> io::Result<()> {
        let Record { list, accepted, checked } = *record;
        let written = serde_json::to_vec(&Written { sha256: list.hex(), accepted, checked })?;
        write_whole(&self.0, RECORD, &written)
    }

    /// The signers that were accepted; none if the file is not there.
    pub(super) fn signers(&self) -> io::Result<Vec<AcceptedSigner>> {
        let Some(bytes) = self.small(SIGNERS, MAX_SIGNERS_BYTES)? else { return Ok(Vec::new()) };
        serde_json::from_slice(&bytes).map_err(|_| damaged("the file of accepted signers cannot be read"))
    }

    pub(super) fn keep_signers(&self, signers: &[AcceptedSigner]) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let bytes = serde_json::to_vec_pretty(signers)?;
        if bytes.len() as u64 > MAX_SIGNERS_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many signers are accepted already"));
        }
        write_whole(&self.0, SIGNERS, &bytes)
    }

    pub(super) fn fetched(&self) -> io::Result<Option<Vec<u8>>> {
        self.small(FETCHED, MAX_FETCHED_BYTES)
    }

    pub(super) fn keep_fetched(&self, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        write_whole(&self.0, FETCHED, bytes)
    }

    /// Copies what a start would take up into another state. What cannot be read is left out, as a start would do without it.
    pub(super) fn copy_to(&self, other: &Self) -> io::Result<()> {
        fs::create_dir_all(&other.0)?;
        if let Ok(Some((record, bytes))) = self.list() {
            other.keep_list(&record, &bytes)?;
        }
        if let Ok(signers) = self.signers() {
            other.keep_signers(&signers)?;
        }
        let crls = other.0.join(CRLS);
        fs::create_dir_all(&crls)?;
        for (number, crl) in self.crls().into_iter().enumerate() {
            fs::write(crls.join(format!("{number}.crl")), crl.bytes)?;
        }
        Ok(())
    }

    fn small(&self, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        let absent = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        let file = match File::open(self.0.join(name)) {
            // that nothing can be written there is told when something is
            Err(error) if absent(error.kind()) => return Ok(None),
            file => file?,
        };
        bounded(file, most)?.ok_or_else(|| damaged("a file of the state is too large")).map(Some)
    }

    /// The revocation lists that were in force.
    pub(super) fn crls(&self) -> Vec<CrlFile> {
        let directory = self.0.join(CRLS);
        if directory.is_dir() { CrlFile::read_all(&directory).0 } else { Vec::new() }
    }

    /// Keeps the revocation lists in force that were not before, and forgets those that are not.
    pub(super) fn keep_crls(&self, before: &Revocations, now: &Revocations) -> io::Result<()> {
        let directory = self.0.join(CRLS);
        fs::create_dir_all(&directory)?;
        for crl in now.lists() {
            let path = directory.join(crl.file_name());
            let kept = path.is_file() && before.lists().any(|known| known.der() == crl.der());
            if !kept {
                write_whole(&directory, &crl.file_name(), crl.der())?;
            }
        }
        for gone in before.lists().filter(|known| now.lists().all(|crl| crl.file_name() != known.file_name()))
        {
            let _ = fs::remove_file(directory.join(gone.file_name()));
        }
        Ok(())
    }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Writes a file that is there whole, with its name, or not at all, whenever the machine stops.
fn write_whole(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    // hidden: whoever lists the directory meanwhile does not take it for the file
    let unfinished = directory.join(format!(".{name}.new"));
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join(name))?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
