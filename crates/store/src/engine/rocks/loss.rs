//! What a damaged log no longer says, while an administrator accepts that: noted among the engine's files before anything else is
//! written to them, and until the loss is traced and the mark stands on what is left. So whoever is killed in between leaves a
//! store that is refused as before, and the loss is told again.
//!
//! Must never change a log; the mark is `reach`'s.

use std::{fs, io, path::Path};

use super::reach::{Mark, name, numbers, replace, sealed};
use crate::{Result, StoreError};

const NOTE: &str = "reached.accepting";
const NOTE_NEW: &str = "reached.accepting.new";

/// Changes that were known to be on the disk and are not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Loss {
    /// The log of the mark.
    log: u64,
    /// The number of the last change that was known to be on the disk.
    known: u64,
    /// The number of the last change that was found.
    found: u64,
}

impl Loss {
    /// The loss that somebody began to accept and did not finish.
    ///
    /// # Errors
    /// `Damaged` if the note is not readable: it was written whole.
    pub(super) fn noted(dir: &Path) -> Result<Option<Self>> {
        let text = match fs::read_to_string(dir.join(NOTE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.unwrap_or_default(),
        };
        match numbers(&text).as_deref() {
            Some(&[log, known, found]) => Ok(Some(Self { log, known, found })),
            _ => Err(StoreError::Damaged(NOTE.into())),
        }
    }

    /// Notes what an engine lost that was opened without its mark and found changes up to this number; what was noted before
    /// holds. None if nothing was lost.
    ///
    /// # Errors
    /// As [`Loss::noted`]; `Engine` if it cannot be written.
    pub(super) fn note(dir: &Path, found: u64) -> Result<Option<Self>> {
        if let Some(before) = Self::noted(dir)? {
            return Ok(Some(before));
        }
        let Some(mark) = Mark::read(dir).filter(|mark| mark.sequence > found) else { return Ok(None) };
        let loss = Self { log: mark.log, known: mark.sequence, found };
        let text = sealed(&[loss.log, loss.known, loss.found]);
        replace(dir, NOTE_NEW, NOTE, &text).and_then(|()| sync(dir)).map_err(|error| unwritten(&error))?;
        Ok(Some(loss))
    }

    /// The loss is traced, and the mark that was written since holds.
    ///
    /// # Errors
    /// `Engine` if the note cannot be removed: the loss counts as not accepted.
    pub(super) fn forget(dir: &Path) -> Result<()> {
        // The mark first, for good.
        let removed = sync(dir).and_then(|()| match fs::remove_file(dir.join(NOTE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| sync(dir)),
        });
        removed.map_err(|error| unwritten(&error))
    }

    /// The log that no longer says all that it said.
    pub(super) fn log(self) -> String {
        name(self.log)
    }

    /// How many changes.
    pub(super) fn changes(self) -> u64 {
        self.known.saturating_sub(self.found)
    }
}

fn sync(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

fn unwritten(error: &io::Error) -> StoreError {
    StoreError::Engine(format!("the note of what the log lost: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Engine, reach::newest},
        *,
    };
    use crate::engine::{Change, Durability, Family};

    const MEMORY: usize = 16 << 20;

    #[test]
    fn a_log_that_tables_need_cannot_be_left_out() {
        let (made, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let engine = Engine::open(made.path(), MEMORY, true).unwrap();
        let write = |number: u8| {
            let families = [Family::Accounts, Family::Index];
            let changes = families.map(|family| Change::Put(family, vec![number], vec![number; 500]));
            engine.write(&changes, Durability::Synced).unwrap();
        };
        (0..20).for_each(write);
        let (log, bytes) = newest(made.path()).unwrap().unwrap();
        let open = engine.now().unwrap();
        open.db().flush_cf(open.db().cf_handle(Family::Accounts.name()).unwrap()).unwrap();
        drop(open);
        (20..30).for_each(write);
        engine.mark().unwrap();
        for entry in fs::read_dir(made.path()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        let path = copy.path().join(name(log));
        let mut said = fs::read(&path).unwrap();
        said[usize::try_from(bytes).unwrap() / 2] ^= 1;
        fs::write(&path, &said).unwrap();
        let refused = Engine::open(copy.path(), MEMORY, false).err();
        assert_eq!(refused, Some(StoreError::Damaged(name(log))));
        for _ in 0..2 {
            let refused = Engine::open_on_what_is_left(copy.path(), MEMORY).err();
            assert!(refused.as_ref().is_some_and(Engine::needs_its_log), "{refused:?}");
            assert_eq!(fs::read(&path).unwrap(), said);
        }
        // Put back whole, it serves.
        fs::copy(made.path().join(name(log)), &path).unwrap();
        drop(Engine::open(copy.path(), MEMORY, false).unwrap());
    }

    #[test]
    fn a_loss_is_noted_once_and_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        assert_eq!(Loss::note(dir, 5), Ok(None), "nothing was known");
        Mark { sequence: 30, first: 4, log: 12, bytes: 700 }.write(dir).unwrap();
        assert_eq!(Loss::note(dir, 30), Ok(None));
        assert_eq!(Loss::noted(dir), Ok(None));
        let loss = Loss { log: 12, known: 30, found: 25 };
        for found in [25, 29, 400] {
            assert_eq!(Loss::note(dir, found), Ok(Some(loss)), "what was found first counts");
        }
        assert_eq!((loss.log(), loss.changes()), ("000012.log".into(), 5));
        fs::write(dir.join(NOTE), "12 30").unwrap();
        assert_eq!(Loss::noted(dir), Err(StoreError::Damaged(NOTE.into())));
        for _ in 0..2 {
            Loss::forget(dir).unwrap();
            assert_eq!(Loss::noted(dir), Ok(None));
        }
    }
}
