//! What a second place has, made an engine again: the latest whole copy, then the log up to its last whole piece.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use jiff::Timestamp;

use super::{
    COMPLETE, LOG, MARKER,
    frame::{Ended, Frame},
    receive::{is_plain, sequence_of},
    segment_of,
};
use crate::{
    backup::{BackupError, files},
    engine::Engine,
};

/// A copy in a second place.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) dir: PathBuf,
    /// It holds every change up to this number.
    pub(crate) sequence: u64,
    pub(crate) format: u32,
    /// Whether all its files are there.
    pub(crate) whole: bool,
    /// Its files.
    pub(crate) files: Vec<Listed>,
}

/// A file of a copy: name, CRC-32C and length.
pub(crate) type Listed = (String, u32, u64);

/// What replaying a log came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Batches that were written again.
    pub batches: u64,
    /// Everything that was durable at this instant, by the store's clock, is there; none if the log says nothing.
    pub until: Option<Timestamp>,
    /// Whether the log goes on behind a hole: what follows it was for a copy that never became whole.
    pub broken_off: bool,
}

/// Whether a directory is a second place.
pub(crate) fn is_followed(dir: &Path) -> bool {
    dir.join(MARKER.0).is_file() && dir.join(LOG).is_dir()
}

/// The latest whole copy.
pub(crate) fn find_base(dir: &Path) -> Result<Base, BackupError> {
    let latest = bases(dir)?.into_iter().rfind(|base| base.whole);
    latest.ok_or_else(|| BackupError::Absent(dir.into()))
}

/// The copies, by their numbers.
pub(super) fn bases(dir: &Path) -> Result<Vec<Base>, BackupError> {
    let mut found = vec![];
    for entry in fs::read_dir(dir).map_err(BackupError::at(dir))? {
        let path = entry.map_err(BackupError::at(dir))?.path();
        let Some(sequence) = sequence_of(&path) else { continue };
        let list = fs::read_to_string(path.join(COMPLETE)).ok().and_then(|text| parse(&text));
        let whole = list.is_some();
        let (format, files) = list.unwrap_or_default();
        found.push(Base { dir: path, sequence, format, whole, files });
    }
    found.sort_by_key(|base| base.sequence);
    Ok(found)
}

/// The format, and the files.
fn parse(text: &str) -> Option<(u32, Vec<Listed>)> {
    let mut lines = text.lines();
    let (format, count) = lines.next()?.split_once(' ')?;
    let file = |line: &str| {
        let mut words = line.split(' ');
        let (name, crc, length) = (words.next()?, words.next()?, words.next()?);
        is_plain(name).then_some((name.to_owned(), crc.parse().ok()?, length.parse().ok()?))
    };
    let files = lines.map(file).collect::<Option<Vec<_>>>()?;
    (files.len() == count.parse::<usize>().ok()?).then_some((format.parse().ok()?, files))
}

/// The files of the log, each with the number of its first change.
pub(super) fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, BackupError> {
    let log = dir.join(LOG);
    let mut found = vec![];
    for entry in fs::read_dir(&log).map_err(BackupError::at(&log))? {
        let entry = entry.map_err(BackupError::at(&log))?;
        let first = entry.file_name().to_str().and_then(segment_of);
        found.extend(first.map(|first| (first, entry.path())));
    }
    found.sort_unstable();
    Ok(found)
}

/// Writes the log again on a copy of the engine that was opened from its latest base.
pub(crate) fn catch_up(dir: &Path, engine: &Engine) -> Result<Replayed, BackupError> {
    let mut replayed = Replayed::default();
    let hole = walk(dir, engine.sequence(), &mut |frame| {
        match frame {
            Frame::Update { first, bytes, .. } => {
                engine.replay(*first, bytes)?;
                replayed.batches += 1;
            }
            Frame::Tick { at, .. } => replayed.until = Timestamp::from_microsecond(*at).ok(),
            _ => {}
        }
        Ok(())
    })?;
    engine.sync()?;
    replayed.broken_off = hole.is_some();
    Ok(replayed)
}

/// Compares everything with its checksum; gives files and bytes.
pub(crate) fn verify(dir: &Path) -> Result<(u64, u64), BackupError> {
    let base = find_base(dir)?;
    let (mut bytes, mut damaged) = (0, vec![]);
    for (name, crc, length) in &base.files {
        let path = base.dir.join(name);
        match files::checksum(&path) {
            Ok(found) if found == (*crc, *length) => bytes += length,
            Ok(_) => damaged.push(format!("{} is altered", path.display())),
            Err(error) => damaged.push(format!("{}: {error}", path.display())),
        }
    }
    let walked = walk(dir, base.sequence, &mut |frame| {
        if let Frame::Update { bytes: batch, .. } = frame {
            bytes += batch.len() as u64;
        }
        Ok(())
    });
    match walked {
        Err(BackupError::Damaged(more)) => damaged.extend(more),
        hole => damaged.extend(hole?),
    }
    if damaged.is_empty() {
        Ok((base.files.len() as u64 + segments(dir)?.len() as u64, bytes))
    } else {
        Err(BackupError::Damaged(damaged))
    }
}

/// Visits the pieces of the log that continue a copy with this number, to its end or to a hole, which it names.
pub(super) fn walk(
    dir: &Path,
    sequence: u64,
    visit: &mut dyn FnMut(&Frame) -> Result<(), BackupError>,
) -> Result<Option<String>, BackupError> {
    let segments = segments(dir)?;
    let mut at = sequence;
    for (index, (_, path)) in segments.iter().enumerate() {
        let mut file = BufReader::new(File::open(path).map_err(BackupError::at(path))?);
        loop {
            match Frame::read(&mut file).map_err(BackupError::at(path))? {
                Ok((Frame::Update { last, .. }, _)) if last <= at => {}
                Ok((frame, _)) => {
                    if let Frame::Update { first, last, .. } = frame {
                        if first > at + 1 {
                            return Ok(Some(format!("{}: batches before it are missing", path.display())));
                        }
                        at = last;
                    }
                    visit(&frame)?;
                }
                Err(Ended::Whole) => break,
                // What was being written when the second place stopped; anywhere else it is damage.
                Err(Ended::Torn) if index + 1 == segments.len() => return Ok(None),
                Err(Ended::Torn) => {
                    return Err(BackupError::Damaged(vec![format!("{} is altered", path.display())]));
                }
            }
        }
    }
    Ok(None)
}
