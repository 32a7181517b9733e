//! Boxes written to files that other programs read: mbox (one file a box) or eml (one file a message).
//!
//! A message that cannot be read is left out and named; the others come all the same. Files are private (0600), nothing is
//! overwritten. Must never decide who may ask: that is for whoever calls.

mod mbox;
mod names;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Seek as _, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use store::{AccountId, BoxInfo, Reader, Salvaged, StoreError, Uid};

use self::names::{file_name, message_name};

/// Bad messages that are named at most; the others are counted.
pub(crate) const NAMED: usize = 1000;

/// What the files look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// mboxrd: all messages of a box in one file, lines ended by LF, flags as Status and X-Status.
    Mbox,
    /// One file a message, byte for byte as IMAP gives it.
    Eml,
}

/// What was written, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Exported {
    pub(crate) boxes: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Messages left out, or whose flags and date are lost.
    pub(crate) bad: u64,
    /// The first of them, each with its reason.
    pub(crate) named: Vec<String>,
}

/// Why nothing more is written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The system refused.
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    /// No such box.
    #[error("the account has no box {0:?}: see its boxes with a mail client, names are told apart by case")]
    NoBox(String),
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes one box of an account, or all, below the new or empty directory `to`. Blocking.
///
/// # Errors
/// [`ExportError`]; what was written stays.
pub(crate) fn export(
    reader: &Reader<'_>,
    account: AccountId,
    only: Option<&str>,
    format: Format,
    to: &Path,
) -> Result<Exported, ExportError> {
    let mut job = Job { reader, format, to, done: Exported::default() };
    let boxes = match only {
        Some(name) => {
            let found = reader.box_by_name(account, name)?;
            vec![found.ok_or_else(|| ExportError::NoBox(name.to_owned()))?]
        }
        None => job.boxes(account)?,
    };
    make_empty_dir(to)?;
    for mailbox in &boxes {
        job.mailbox(mailbox)?;
    }
    File::open(to).and_then(|dir| dir.sync_all()).map_err(at(to))?;
    Ok(job.done)
}

struct Job<'r> {
    reader: &'r Reader<'r>,
    format: Format,
    to: &'r Path,
    done: Exported,
}

impl Job<'_> {
    fn boxes(&mut self, account: AccountId) -> Result<Vec<BoxInfo>, ExportError> {
        let (boxes, damaged) = self.reader.salvage_boxes(account)?;
        for id in damaged {
            self.bad(format!("box {id}: its record does not open; restore it from a backup"));
        }
        Ok(boxes)
    }

    fn mailbox(&mut self, mailbox: &BoxInfo) -> Result<(), ExportError> {
        let reader = self.reader;
        let name = file_name(&mailbox.name, mailbox.id.get());
        self.done.boxes += 1;
        match self.format {
            Format::Mbox => {
                let path = self.to.join(format!("{name}.mbox"));
                let mut file = BufWriter::new(create(&path)?);
                reader
                    .salvage(mailbox.id, |uid, found| self.append(mailbox, uid, found, &mut file, &path))?;
                file.flush().and_then(|()| file.get_ref().sync_all()).map_err(at(&path))
            }
            Format::Eml => {
                let dir = self.to.join(name);
                fs::DirBuilder::new().mode(0o700).create(&dir).map_err(at(&dir))?;
                reader.salvage(mailbox.id, |uid, found| self.message_file(mailbox, uid, found, &dir))
            }
        }
    }

    /// One message at the end of an mbox; what was written of one that breaks off is cut away again.
    fn append(
        &mut self,
        mailbox: &BoxInfo,
        uid: Uid,
        found: Result<Salvaged<'_>, StoreError>,
        file: &mut BufWriter<File>,
        path: &Path,
    ) -> Result<(), ExportError> {
        let Some(message) = self.readable(mailbox, uid, found) else { return Ok(()) };
        let start = file.stream_position().map_err(at(path))?;
        match mbox::write(&message, file) {
            Ok(()) => self.wrote(file.stream_position().map_err(at(path))? - start),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.bad(place(mailbox, uid, &error));
                let cut = |file: &mut BufWriter<File>| {
                    file.flush()?;
                    file.get_ref().set_len(start)?;
                    file.seek(SeekFrom::Start(start)).map(drop)
                };
                cut(file).map_err(at(path))?;
            }
            Err(error) => return Err(at(path)(error)),
        }
        Ok(())
    }

    /// One message in a file of its own.
    fn message_file(
        &mut self,
        mailbox: &BoxInfo,
        uid: Uid,
        found: Result<Salvaged<'_>, StoreError>,
        dir: &Path,
    ) -> Result<(), ExportError> {
        let Some(message) = self.readable(mailbox, uid, found) else { return Ok(()) };
        let path = dir.join(message_name(uid));
        let mut file = BufWriter::new(create(&path)?);
        let mut write = || {
            file.write_all(&message.header)?;
            message.read_body(&mut |piece| file.write_all(piece))?;
            file.stream_position().and_then(|bytes| file.flush().map(|()| bytes))
        };
        match write() {
            Ok(bytes) => self.wrote(bytes),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.bad(place(mailbox, uid, &error));
                fs::remove_file(&path).map_err(at(&path))?;
            }
            Err(error) => return Err(at(&path)(error)),
        }
        Ok(())
    }

    fn readable<'m>(
        &mut self,
        mailbox: &BoxInfo,
        uid: Uid,
        found: Result<Salvaged<'m>, StoreError>,
    ) -> Option<Salvaged<'m>> {
        match found {
            Ok(message) => {
                if message.listing.is_none() {
                    self.bad(place(mailbox, uid, &"its flags and its date are lost, it is written without"));
                }
                Some(message)
            }
            Err(error) => {
                self.bad(place(mailbox, uid, &error));
                None
            }
        }
    }

    fn wrote(&mut self, bytes: u64) {
        self.done.messages += 1;
        self.done.bytes += bytes;
    }

    fn bad(&mut self, what: String) {
        self.done.bad += 1;
        if self.done.named.len() < NAMED {
            self.done.named.push(what);
        }
    }
}

fn place(mailbox: &BoxInfo, uid: Uid, problem: &dyn std::fmt::Display) -> String {
    format!("{}, UID {uid}: {problem}", mailbox.name)
}

fn make_empty_dir(path: &Path) -> Result<(), ExportError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))?;
    if fs::read_dir(path).map_err(at(path))?.next().is_some() {
        let error = io::Error::new(io::ErrorKind::DirectoryNotEmpty, "it is not empty: name a new directory");
        return Err(at(path)(error));
    }
    Ok(())
}

fn create(path: &Path) -> Result<File, ExportError> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |error| ExportError::File { path, error }
}
