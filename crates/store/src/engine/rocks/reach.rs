//! How far the log of commits is known to reach. RocksDB replays a log up to the first record that is not whole: after a crash
//! that is its torn end. (A careful opening reads on behind it: see `ends`.) The same happens where a log that was on the disk is
//! cut or altered, and then what follows would be lost without a word. So a mark is kept among the engine's files: what a
//! finished sync of the log covered. A log that says less than its mark is damaged; what lies behind the mark may be torn.
//! (What RocksDB tracks itself with `track_and_verify_wals_in_manifest` are logs that it no longer writes to.)
//!
//! The mark is a witness, never a promise: one that is lost or old only proves less. Knows how RocksDB lays out a log (blocks
//! of 32 KiB, each record with a CRC-32C), and must never change one.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use crate::{Result, StoreError};

const MARK: &str = "reached";
const MARK_NEW: &str = "reached.new";
/// First word of a mark.
const VERSION: &str = "1";

pub(super) const BLOCK: usize = 32 << 10;
/// CRC, length, kind.
const HEADER: usize = 7;
/// The same, with the number of the log.
const HEADER_NUMBERED: usize = HEADER + 4;
/// Kinds of records whose header names the log.
const NUMBERED: [u8; 6] = [5, 6, 7, 8, 11, 131];

/// What a finished sync covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The number of a change that is on the disk, with every change before it.
    pub(super) sequence: u64,
    /// The first log since the engine was opened: earlier ones are no longer needed.
    pub(super) first: u64,
    /// The log that was written to.
    pub(super) log: u64,
    /// Its bytes that are on the disk.
    pub(super) bytes: u64,
}

impl Mark {
    /// Reads the mark of an engine; none if there is none, or none that makes sense.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(dir.join(MARK)).ok()?;
        let found = Self::parse(&text);
        if found.is_none() {
            tracing::warn!(
                "the mark of how far the store's log reaches is not readable: the log is not compared with it"
            );
        }
        found
    }

    fn parse(text: &str) -> Option<Self> {
        let &[sequence, first, log, bytes] = numbers(text)?.as_slice() else { return None };
        Some(Self { sequence, first, log, bytes })
    }

    /// Replaces the mark. A name that is not on the disk yet leaves the mark of before, which holds still.
    pub(super) fn write(self, dir: &Path) -> io::Result<()> {
        let Self { sequence, first, log, bytes } = self;
        replace(dir, MARK_NEW, MARK, &sealed(&[sequence, first, log, bytes]))
    }

    /// Compares the logs that are there with the mark, before the engine is opened on them.
    ///
    /// # Errors
    /// `Damaged`, naming the log that is not what it was; `Engine` if one cannot be read.
    pub(super) fn check_logs(self, dir: &Path) -> Result<()> {
        for (number, path) in logs(dir).map_err(|error| unread(&error))? {
            let until = match number {
                // What is before the mark was synced with it.
                _ if number >= self.first && number < self.log => None,
                _ if number == self.log => Some(self.bytes),
                _ => continue,
            };
            let damage = match damage(&path, until) {
                // No longer needed since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                damage => damage.map_err(|error| unread(&error))?,
            };
            if let Some(at) = damage {
                let log = name(number);
                tracing::error!(
                    log,
                    at,
                    "the store's log is cut or altered at this byte, which was on the disk"
                );
                return Err(StoreError::Damaged(log));
            }
        }
        Ok(())
    }

    /// Whether the log that it names is there.
    pub(super) fn has_log(&self, dir: &Path) -> bool {
        dir.join(name(self.log)).exists()
    }

    /// Compares what the engine found on the disk with the mark.
    ///
    /// # Errors
    /// `Damaged`, naming the log that held the mark: it is gone with what it said, or its end is.
    pub(super) fn check_reached(self, reached: u64) -> Result<()> {
        if reached >= self.sequence {
            return Ok(());
        }
        tracing::error!(
            reached,
            known = self.sequence,
            "the store's log ends before changes that were on the disk"
        );
        Err(StoreError::Damaged(name(self.log)))
    }
}

/// Numbers as a line that proves itself.
pub(super) fn sealed(numbers: &[u64]) -> String {
    let mut said = VERSION.to_owned();
    for number in numbers {
        said.push(' ');
        said.push_str(&number.to_string());
    }
    format!("{said} {:08x}\n", crc32c::crc32c(said.as_bytes()))
}

/// The numbers of such a line; none if it is not what was written.
pub(super) fn numbers(text: &str) -> Option<Vec<u64>> {
    let (said, crc) = text.strip_suffix('\n')?.rsplit_once(' ')?;
    if u32::from_str_radix(crc, 16).ok()? != crc32c::crc32c(said.as_bytes()) {
        return None;
    }
    let mut words = said.split(' ');
    if words.next()? != VERSION {
        return None;
    }
    words.map(|word| word.parse().ok()).collect()
}

/// Writes a small file whole, or leaves the one that was there.
pub(super) fn replace(dir: &Path, new: &str, name: &str, text: &str) -> io::Result<()> {
    let new = dir.join(new);
    let mut file = fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    fs::rename(new, dir.join(name))
}

/// The newest log and its length; none if there is no log.
pub(super) fn newest(dir: &Path) -> io::Result<Option<(u64, u64)>> {
    let newest = logs(dir)?.into_iter().max();
    newest.map(|(number, path)| Ok((number, fs::metadata(path)?.len()))).transpose()
}

/// The file of a log.
pub(super) fn name(number: u64) -> String {
    format!("{number:06}.log")
}

pub(super) fn unread(error: &io::Error) -> StoreError {
    StoreError::Engine(format!("the log cannot be read: {error}"))
}

pub(super) fn logs(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = vec![];
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_suffix(".log")).and_then(|number| number.parse().ok());
        found.extend(number.map(|number| (number, path)));
    }
    Ok(found)
}

/// Where the first record lies that is not what was written, up to this many bytes: one that ends behind them says nothing.
/// Or to the end, which is then the end of a record.
fn damage(path: &Path, until: Option<u64>) -> io::Result<Option<u64>> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let (says_nothing, until) = (until.is_some(), until.unwrap_or(length));
    if length < until {
        return Ok(Some(length));
    }
    let mut block = vec![];
    let mut start = 0;
    while start < until {
        block.clear();
        let wanted = (until - start).min(BLOCK as u64);
        (&mut file).take(wanted).read_to_end(&mut block)?;
        if block.len() as u64 != wanted {
            return Ok(Some(start + block.len() as u64));
        }
        let (at, what) = walk(&block);
        let is_damage = match what {
            Stop::Altered => true,
            Stop::Cut => block.len() == BLOCK || !says_nothing,
            Stop::End => false,
        };
        if is_damage {
            return Ok(Some(start + at as u64));
        }
        start += wanted;
    }
    Ok(None)
}

/// Why a walk over the records of a block ended.
pub(super) enum Stop {
    /// Here is a record that is not what was written.
    Altered,
    /// Here is one that the block does not hold whole.
    Cut,
    /// No other record begins here.
    End,
}

/// Walks over the records of a block, which do not cross its end: what is left behind the last one of a whole block is too short
/// for another.
pub(super) fn walk(block: &[u8]) -> (usize, Stop) {
    let mut at = 0;
    loop {
        let rest = &block[at..];
        let Some(&[a, b, c, d, low, high, kind]) = rest.first_chunk::<HEADER>() else {
            let end = rest.is_empty() || block.len() == BLOCK;
            return (at, if end { Stop::End } else { Stop::Cut });
        };
        let header = if NUMBERED.contains(&kind) { HEADER_NUMBERED } else { HEADER };
        let size = header + usize::from(u16::from_le_bytes([low, high]));
        let Some(said) = rest.get(HEADER - 1..size) else { return (at, Stop::Cut) };
        if u32::from_le_bytes([a, b, c, d]) != masked(crc32c::crc32c(said)) {
            return (at, Stop::Altered);
        }
        at += size;
    }
}

/// A checksum as RocksDB keeps it, so that what holds checksums has another one.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::engine::rocks) fn record(payload: &[u8]) -> Vec<u8> {
        let mut said = vec![1_u8];
        said.extend(payload);
        let mut record = masked(crc32c::crc32c(&said)).to_le_bytes().to_vec();
        record.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
        record.extend(said);
        record
    }

    /// Two blocks, the first with room left for no other record.
    fn log() -> Vec<u8> {
        let mut log = record(&[1; 1000]);
        log.extend(record(&vec![2; BLOCK - 1007 - HEADER - 3]));
        log.extend([0; 3]);
        log.extend(record(b"three"));
        log.extend(record(&[4; 50]));
        log
    }

    fn damage_of(log: &[u8], until: Option<u64>) -> Option<u64> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), log).unwrap();
        damage(file.path(), until).unwrap()
    }

    #[test]
    fn a_whole_log_is_whole_up_to_any_byte() {
        let log = log();
        for until in [0, 1, 500, 1007, 1008, BLOCK, BLOCK + 5, log.len()] {
            assert_eq!(damage_of(&log, Some(until as u64)), None, "{until}");
        }
        assert_eq!(damage_of(&log, None), None);
        assert_eq!(damage_of(&[], None), None);
        assert_eq!(
            damage_of(&log[..log.len() - 1], None),
            Some(log.len() as u64 - 57),
            "its end is a record's"
        );
        assert_eq!(damage_of(&log[..log.len() - 55], None), Some(log.len() as u64 - 57));
    }

    #[test]
    fn what_is_altered_or_cut_before_the_mark_is_damage_and_behind_it_is_not() {
        let whole = log();
        let end = whole.len() as u64;
        for (at, record) in
            [(0, 0), (3, 0), (6, 0), (900, 0), (1007, 1007), (20_000, 1007), (BLOCK + 8, BLOCK)]
        {
            let mut altered = whole.clone();
            altered[at] ^= 0x10;
            assert_eq!(damage_of(&altered, Some(end)), Some(record as u64), "{at}");
            assert_eq!(damage_of(&altered, Some(record as u64)), None, "{at}");
        }
        for cut in [0, 10, 1007, BLOCK, whole.len() - 1] {
            assert_eq!(damage_of(&whole[..cut], Some(end)), Some(cut as u64));
        }
        let mut zeros = whole;
        zeros[..BLOCK].fill(0);
        assert_eq!(damage_of(&zeros, None), Some(0), "nothing is written there any more");
    }

    #[test]
    fn a_mark_is_read_as_it_was_written_and_an_altered_one_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Mark::read(dir.path()), None);
        let mark = Mark { sequence: 1 << 40, first: 4, log: 12, bytes: 70_000 };
        for mark in [Mark { log: 13, ..mark }, mark] {
            mark.write(dir.path()).unwrap();
            assert_eq!(Mark::read(dir.path()), Some(mark));
        }
        let text = fs::read_to_string(dir.path().join(MARK)).unwrap();
        for altered in
            [text.replace(" 4 ", " 5 "), text.replacen('1', "2", 1), text[..9].to_owned(), String::new()]
        {
            fs::write(dir.path().join(MARK), altered).unwrap();
            assert_eq!(Mark::read(dir.path()), None);
        }
    }

    #[test]
    fn only_what_the_mark_covers_is_compared() {
        let dir = tempfile::tempdir().unwrap();
        let put = |number: u64, bytes: &[u8]| fs::write(dir.path().join(name(number)), bytes).unwrap();
        let (whole, mark) = (log(), Mark { sequence: 100, first: 8, log: 12, bytes: 1007 });
        let torn = &whole[..whole.len() - 3];
        put(7, torn);
        put(8, &whole);
        put(12, torn);
        put(13, torn);
        assert_eq!(mark.check_logs(dir.path()), Ok(()), "earlier openings, and what was written later");
        put(8, torn);
        assert_eq!(mark.check_logs(dir.path()), Err(StoreError::Damaged("000008.log".into())));
        fs::remove_file(dir.path().join("000008.log")).unwrap();
        put(12, &whole[..900]);
        assert_eq!(mark.check_logs(dir.path()), Err(StoreError::Damaged("000012.log".into())));
        assert_eq!(mark.check_reached(100), Ok(()));
        assert_eq!(mark.check_reached(99), Err(StoreError::Damaged("000012.log".into())));
        assert_eq!(newest(dir.path()).unwrap(), Some((13, torn.len() as u64)));
    }
}
