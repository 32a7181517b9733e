//! The receiving side: keeps what comes in a directory, so that it is there after a power cut of this place too.
//!
//! ```text
//! DIR/follow                   what the directory is
//! DIR/incoming/                a copy that is not whole
//! DIR/base-SEQUENCE/           one that is; `complete` lists its files
//! DIR/log/FIRST.log            batches from that number on, in pieces
//! ```
//!
//! A new copy takes the place of the old one when it is whole; until then the log serves both.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    COMPLETE, LOG, MARKER, base_name, base_of,
    frame::{Ended, Frame},
    replay::{bases, segments, walk},
    segment_name,
};
use crate::backup::{
    BackupError,
    files::{self, DirLock},
};

/// A copy that is not whole.
const INCOMING: &str = "incoming";
/// Bytes of a file of the log; then another one is begun.
const SEGMENT: u64 = 64 << 20;

/// The last batch that a second place has: what the log of the store must continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Position {
    /// The number of its first change.
    pub(super) first: u64,
    /// The number of its last one.
    pub(super) last: u64,
    /// CRC-32C of its bytes.
    pub(super) crc: u32,
    /// The format of the store.
    pub(super) format: u32,
    /// Bytes of the batches since its copy began: the store sends a new one before they are too many. Those who follow
    /// from a version before this do not tell.
    #[serde(default)]
    pub(super) log: u64,
}

/// What a piece brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Followed {
    /// Nothing to tell.
    Going,
    /// A whole copy is coming; until it is there nothing can be restored, or only what was there before.
    CopyBegun,
    /// It is there: what is restored from now on is as of each [`Followed::UpTo`].
    CopyWhole,
    /// Everything that the store had made durable at this instant, by its clock, is on the disk here.
    UpTo(Timestamp),
    /// The pieces end.
    Ended,
}

/// A second place.
pub struct Receiver {
    dir: PathBuf,
    _lock: DirLock,
    /// The latest whole copy: its number and format.
    base: Option<(u64, u32)>,
    position: Option<Position>,
    /// The number that the next batch must begin with.
    next: Option<u64>,
    segment: Option<Segment>,
    /// Bytes of the batches since the latest whole copy began.
    log: u64,
    copy: Option<Incoming>,
    /// Whether what comes now continues only the copy that is coming, not the one that was there.
    fresh: bool,
}

struct Segment {
    file: BufWriter<File>,
    path: PathBuf,
    length: u64,
    unsynced: bool,
}

/// A copy that is coming.
struct Incoming {
    dir: PathBuf,
    sequence: u64,
    format: u32,
    /// Bytes of the batches that were there when it began.
    log: u64,
    list: String,
    files: u32,
    open: Option<(BufWriter<File>, String, u32, u64)>,
}

impl Receiver {
    /// Takes a directory up, made if absent (mode 0700). What the last run left unfinished there is cut away.
    ///
    /// # Errors
    /// [`BackupError`]: it can be reached by others, holds something else, or is in use.
    pub fn open(dir: &Path) -> Result<Self, BackupError> {
        files::private_dir(dir)?;
        let lock = DirLock::take(dir)?;
        let marker = dir.join(MARKER.0);
        if !marker.exists() {
            let foreign = fs::read_dir(dir).map_err(BackupError::at(dir))?.count() > 1;
            if foreign {
                return Err(BackupError::Foreign(dir.into()));
            }
            create(&marker)?.write_all(MARKER.1.as_bytes()).map_err(BackupError::at(&marker))?;
        }
        files::private_dir(&dir.join(LOG))?;
        let base = bases(dir)?.into_iter().rfind(|base| base.whole);
        let base = base.map(|base| (base.sequence, base.format));
        let mut receiver = Self {
            dir: dir.into(),
            _lock: lock,
            base,
            position: None,
            next: None,
            segment: None,
            log: 0,
            copy: None,
            fresh: false,
        };
        receiver.tidy()?;
        receiver.find_end()?;
        Ok(receiver)
    }

    /// Where it is; none if it needs a whole copy.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Keeps the next piece.
    ///
    /// # Errors
    /// [`BackupError`]: the pieces are damaged or make no sense, the disk refused. Open it anew to go on.
    pub fn take(&mut self, from: &mut dyn io::Read) -> Result<Followed, BackupError> {
        let frame = match Frame::read(from).map_err(BackupError::Stream)? {
            Ok((frame, _)) => frame,
            Err(Ended::Whole) => return Ok(Followed::Ended),
            Err(Ended::Torn) => return Err(nonsense("a piece is cut or damaged")),
        };
        match frame {
            Frame::Base { sequence, after, format } => {
                self.begin_copy(sequence, after, format).map(|()| Followed::CopyBegun)
            }
            Frame::File { .. } | Frame::Piece(_) | Frame::FileEnd { .. } => {
                self.copy.as_mut().ok_or_else(|| nonsense("a file of no copy"))?.take(frame)?;
                Ok(Followed::Going)
            }
            Frame::BaseEnd { files } => self.end_copy(files).map(|()| Followed::CopyWhole),
            Frame::Update { .. } => self.append(&frame).map(|()| Followed::Going),
            Frame::Tick { at, .. } => {
                self.sync(&frame)?;
                let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
                Ok(if self.base.is_some() && !self.fresh { Followed::UpTo(at) } else { Followed::Going })
            }
        }
    }

    /// Removes copies that are not whole, and a log that continues none.
    fn tidy(&self) -> Result<(), BackupError> {
        for base in bases(&self.dir)?.into_iter().filter(|base| !base.whole) {
            fs::remove_dir_all(&base.dir).map_err(BackupError::at(&base.dir))?;
        }
        remove(&self.dir.join(INCOMING))?;
        if self.base.is_none() {
            for (_, path) in segments(&self.dir)? {
                fs::remove_file(&path).map_err(BackupError::at(&path))?;
            }
        }
        Ok(())
    }

    /// Finds the last batch, and cuts away what was only half written behind it.
    fn find_end(&mut self) -> Result<(), BackupError> {
        let Some((sequence, format)) = self.base else { return Ok(()) };
        let Some((_, path)) = segments(&self.dir)?.pop() else { return Ok(()) };
        let file =
            fs::OpenOptions::new().read(true).write(true).open(&path).map_err(BackupError::at(&path))?;
        let mut reader = BufReader::new(&file);
        let mut whole = 0;
        while let Ok((_, octets)) = Frame::read(&mut reader).map_err(BackupError::at(&path))? {
            whole += octets;
        }
        file.set_len(whole).and_then(|()| file.sync_all()).map_err(BackupError::at(&path))?;
        if whole == 0 {
            fs::remove_file(&path).map_err(BackupError::at(&path))?;
        }
        let (mut end, mut log) = (None, 0);
        let hole = walk(&self.dir, sequence, &mut |frame| {
            if let Frame::Update { first, last, bytes } = frame {
                let crc = crc32c::crc32c(bytes);
                log += bytes.len() as u64;
                end = Some(Position { first: *first, last: *last, crc, format, log });
            }
            Ok(())
        })?;
        (self.position, self.log) = (end.filter(|_| hole.is_none()), log);
        self.next = self.position.map(|position| position.last.saturating_add(1));
        Ok(())
    }

    fn begin_copy(&mut self, sequence: u64, after: u64, format: u32) -> Result<(), BackupError> {
        let log = segments(&self.dir)?.into_iter().map(|(first, _)| first);
        let known = self.base.map(|(known, _)| known);
        if log.chain(known).chain(self.position.map(|position| position.last)).any(|known| known > sequence) {
            return Err(BackupError::OtherHistory(self.dir.clone()));
        }
        self.fresh = self.next != Some(after.saturating_add(1));
        self.next = Some(after.saturating_add(1));
        let dir = self.dir.join(INCOMING);
        remove(&dir)?;
        fs::DirBuilder::new().mode(0o700).create(&dir).map_err(BackupError::at(&dir))?;
        self.end_segment()?;
        let log = self.log;
        self.copy = Some(Incoming { dir, sequence, format, log, list: String::new(), files: 0, open: None });
        Ok(())
    }

    fn end_copy(&mut self, files: u32) -> Result<(), BackupError> {
        let copy = self.copy.take().ok_or_else(|| nonsense("the end of no copy"))?;
        if copy.files != files || copy.open.is_some() {
            return Err(nonsense("a copy lacks files"));
        }
        let path = copy.dir.join(COMPLETE);
        let text = format!("{} {}\n{}", copy.format, files, copy.list);
        let mut complete = create(&path)?;
        complete
            .write_all(text.as_bytes())
            .and_then(|()| complete.sync_all())
            .map_err(BackupError::at(&path))?;
        files::sync_dir(&copy.dir).map_err(BackupError::at(&copy.dir))?;
        let dir = self.dir.join(base_name(copy.sequence));
        remove(&dir)?;
        fs::rename(&copy.dir, &dir).map_err(BackupError::at(&dir))?;
        files::sync_dir(&self.dir).map_err(BackupError::at(&self.dir))?;
        (self.base, self.fresh) = (Some((copy.sequence, copy.format)), false);
        self.log -= copy.log;
        if let Some(position) = &mut self.position {
            position.log = self.log;
        }
        self.trim(copy.sequence)
    }

    /// Removes the copies before this one, and the log that it makes needless.
    fn trim(&self, sequence: u64) -> Result<(), BackupError> {
        for base in bases(&self.dir)?.into_iter().filter(|base| base.sequence != sequence) {
            fs::remove_dir_all(&base.dir).map_err(BackupError::at(&base.dir))?;
        }
        let segments = segments(&self.dir)?;
        for pair in segments.windows(2) {
            if let [(_, path), (next, _)] = pair
                && *next <= sequence + 1
            {
                fs::remove_file(path).map_err(BackupError::at(path))?;
            }
        }
        Ok(())
    }

    fn append(&mut self, frame: &Frame) -> Result<(), BackupError> {
        let Frame::Update { first, last, bytes } = frame else { return Ok(()) };
        if self.next != Some(*first) {
            return Err(nonsense("batches are missing"));
        }
        self.next = Some(last.saturating_add(1));
        if self.segment.as_ref().is_none_or(|segment| segment.length >= SEGMENT) {
            self.end_segment()?;
            let path = self.dir.join(LOG).join(segment_name(*first));
            let file = BufWriter::new(create(&path)?);
            self.segment = Some(Segment { file, path, length: 0, unsynced: false });
            let dir = self.dir.join(LOG);
            files::sync_dir(&dir).map_err(BackupError::at(dir))?;
        }
        let format = self.copy.as_ref().map(|copy| copy.format).or(self.base.map(|(_, format)| format));
        let format = format.ok_or_else(|| nonsense("a batch without a copy"))?;
        self.log += bytes.len() as u64;
        let (crc, log) = (crc32c::crc32c(bytes), self.log);
        self.position = Some(Position { first: *first, last: *last, crc, format, log });
        let Some(segment) = &mut self.segment else { return Ok(()) };
        segment.unsynced = true;
        segment.length += bytes.len() as u64;
        frame.write(&mut segment.file).map_err(BackupError::at(&segment.path))
    }

    /// Makes what came last, and writes down until when it goes.
    fn sync(&mut self, tick: &Frame) -> Result<(), BackupError> {
        let Some(segment) = self.segment.as_mut().filter(|segment| segment.unsynced) else { return Ok(()) };
        let mut write = || {
            tick.write(&mut segment.file)?;
            segment.file.flush()?;
            segment.file.get_ref().sync_data()
        };
        write().map_err(BackupError::at(&segment.path))?;
        segment.unsynced = false;
        Ok(())
    }

    fn end_segment(&mut self) -> Result<(), BackupError> {
        let Some(mut segment) = self.segment.take() else { return Ok(()) };
        let synced = segment.file.flush().and_then(|()| segment.file.get_ref().sync_data());
        synced.map_err(BackupError::at(segment.path))
    }
}

impl Incoming {
    fn take(&mut self, frame: Frame) -> Result<(), BackupError> {
        match (frame, &mut self.open) {
            (Frame::File { name }, None) if is_plain(&name) => {
                let file = BufWriter::new(create(&self.dir.join(&name))?);
                self.open = Some((file, name, 0, 0));
                Ok(())
            }
            (Frame::Piece(bytes), Some((file, name, crc, length))) => {
                *crc = crc32c::crc32c_append(*crc, &bytes);
                *length += bytes.len() as u64;
                file.write_all(&bytes).map_err(BackupError::at(self.dir.join(name)))
            }
            (Frame::FileEnd { crc, length }, open) => {
                let (mut file, name, got, bytes) =
                    open.take().ok_or_else(|| nonsense("the end of no file"))?;
                if (got, bytes) != (crc, length) {
                    return Err(nonsense("a file came damaged"));
                }
                let synced = file.flush().and_then(|()| file.get_ref().sync_all());
                synced.map_err(BackupError::at(self.dir.join(&name)))?;
                self.list.push_str(&format!("{name} {crc} {length}\n"));
                self.files += 1;
                Ok(())
            }
            _ => Err(nonsense("a file that does not begin or end")),
        }
    }
}

/// Names that an engine gives its files: no way out of the directory.
pub(super) fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && !name.starts_with('.') && name != COMPLETE && name.bytes().all(plain)
}

fn create(path: &Path) -> Result<File, BackupError> {
    let new = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    new.map_err(BackupError::at(path))
}

fn remove(dir: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::at(dir)(error)),
        _ => Ok(()),
    }
}

fn nonsense(what: &str) -> BackupError {
    BackupError::Stream(io::Error::new(io::ErrorKind::InvalidData, what))
}

/// The number of a base's directory, for those that list them.
pub(super) fn sequence_of(path: &Path) -> Option<u64> {
    base_of(path.file_name()?.to_str()?)
}
