//! Small private files that must never be seen half written: read whole, replaced whole. Nothing here knows what is in
//! them. A replacement is a chain of steps, each a value that only the step before makes; the process may die between
//! any two, and what is then found is the old file or the new one, whole (the tests stop after each step):
//!
//! [`Written`] → [`Kept`] → [`Swapped`] → [`Settled`] → done
//!
//! What a replaced file held is overwritten before its last name goes: it may hold keys that must not come back (I-4).
//! That is as far as a file system obeys; one that copies on write, or a worn flash cell, may still hold it.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Why a private file cannot be read.
#[derive(Debug)]
pub(crate) enum OpenFileError {
    /// Nothing is there.
    NotFound,
    /// Others than its owner can reach it: its permission bits.
    Permissions(u32),
    /// The system refused.
    Io(io::Error),
}

/// Opens `path` for reading if nobody but its owner can reach it.
pub(crate) fn open_private(path: &Path) -> Result<fs::File, OpenFileError> {
    open_guarded(path, 0o077)
}

/// Opens `path` for reading unless its mode has one of these bits.
pub(crate) fn open_guarded(path: &Path, forbidden: u32) -> Result<fs::File, OpenFileError> {
    let open = || {
        let file = fs::File::open(path)?;
        let mode = file.metadata()?.permissions().mode();
        Ok((file, mode))
    };
    let (file, mode) = open().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => OpenFileError::NotFound,
        _ => OpenFileError::Io(error),
    })?;
    if mode & forbidden != 0 {
        return Err(OpenFileError::Permissions(mode & 0o777));
    }
    Ok(file)
}

/// Writes the new file `path` (mode 0600), synced with its directory. An existing file is an error.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_synced(path, bytes)?;
    sync_directory(path)
}

/// Replaces the file `path`, which must exist, by `bytes`.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    tidy(path)?;
    Written::new(path, bytes)?.keep()?.swap()?.settle()?.scrub()
}

/// Clears what a replacement that died left behind. The caller has seen that `path` itself is whole.
pub(crate) fn tidy(path: &Path) -> io::Result<()> {
    let current = fs::metadata(path)?;
    let mut settled = false;
    for leftover in [beside(path, "new"), beside(path, "previous")] {
        let found = match fs::symlink_metadata(&leftover) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        // `path` may have its newest content in memory only: what is destroyed must not be what a power cut brings back.
        if !settled {
            sync_directory(path)?;
            settled = true;
        }
        let same = (found.dev(), found.ino()) == (current.dev(), current.ino());
        if same { fs::remove_file(&leftover)? } else { destroy(&leftover)? }
    }
    if settled { sync_directory(path) } else { Ok(()) }
}

/// The new content is whole and synced under another name.
#[must_use]
pub(crate) struct Written(PathBuf);

/// The old content has a second name, so that it can still be reached when the first is taken.
#[must_use]
pub(crate) struct Kept(PathBuf);

/// The name leads to the new content.
#[must_use]
pub(crate) struct Swapped(PathBuf);

/// It will after a power cut too.
#[must_use]
pub(crate) struct Settled(PathBuf);

impl Written {
    pub(crate) fn new(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        write_synced(&beside(path, "new"), bytes)?;
        Ok(Self(path.into()))
    }

    pub(crate) fn keep(self) -> io::Result<Kept> {
        fs::hard_link(&self.0, beside(&self.0, "previous"))?;
        Ok(Kept(self.0))
    }
}

impl Kept {
    pub(crate) fn swap(self) -> io::Result<Swapped> {
        fs::rename(beside(&self.0, "new"), &self.0)?;
        Ok(Swapped(self.0))
    }
}

impl Swapped {
    pub(crate) fn settle(self) -> io::Result<Settled> {
        sync_directory(&self.0)?;
        Ok(Settled(self.0))
    }
}

impl Settled {
    pub(crate) fn scrub(self) -> io::Result<()> {
        destroy(&beside(&self.0, "previous"))?;
        sync_directory(&self.0)
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Overwrites a file, then takes its name away.
fn destroy(path: &Path) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    let zeros = [0_u8; 4096];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
        file.write_all(zeros.get(..now).unwrap_or(&zeros))?;
        left = left.saturating_sub(now as u64);
    }
    file.sync_all()?;
    fs::remove_file(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::File::open(directory)?.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the first `steps` of a replacement, then stops as a killed process would.
    fn replace_and_die(path: &Path, bytes: &[u8], steps: usize) {
        tidy(path).unwrap();
        if steps == 0 {
            // died while writing
            fs::write(beside(path, "new"), &bytes[..bytes.len() / 2]).unwrap();
            return;
        }
        let written = Written::new(path, bytes).unwrap();
        if steps == 1 {
            return;
        }
        let kept = written.keep().unwrap();
        if steps == 2 {
            return;
        }
        let swapped = kept.swap().unwrap();
        if steps == 3 {
            return;
        }
        let settled = swapped.settle().unwrap();
        if steps == 4 {
            return;
        }
        settled.scrub().unwrap();
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn death_between_any_two_steps_leaves_one_whole_file() {
        for steps in 0..=5 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("file");
            write_new(&path, b"old content").unwrap();
            replace_and_die(&path, b"new", steps);
            let expected: &[u8] = if steps < 3 { b"old content" } else { b"new" };
            assert_eq!(fs::read(&path).unwrap(), expected, "after {steps} steps");
            tidy(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), expected, "after {steps} steps, tidied");
            assert_eq!(names(dir.path()), ["file"], "after {steps} steps");
            replace(&path, b"newest").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"newest");
            assert_eq!(names(dir.path()), ["file"]);
        }
    }

    #[test]
    fn a_replacement_follows_a_death_without_help() {
        for steps in 0..=5 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("file");
            write_new(&path, b"old").unwrap();
            replace_and_die(&path, b"lost", steps);
            replace(&path, b"new").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
            assert_eq!(names(dir.path()), ["file"]);
        }
    }

    #[test]
    fn what_was_replaced_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let old = vec![7; 10_000];
        write_new(&path, &old).unwrap();
        let witness = dir.path().join("witness");
        fs::hard_link(&path, &witness).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&witness).unwrap(), vec![0; 10_000]);
        // and after a death just before that, by whoever comes next
        write_new(&dir.path().join("other"), &old).unwrap();
        let other = dir.path().join("other");
        fs::remove_file(&witness).unwrap();
        fs::hard_link(&other, &witness).unwrap();
        replace_and_die(&other, b"new", 3);
        assert_eq!(fs::read(&witness).unwrap(), old);
        tidy(&other).unwrap();
        assert_eq!(fs::read(&witness).unwrap(), vec![0; 10_000]);
    }

    #[test]
    fn only_what_exists_is_replaced_and_only_what_does_not_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(replace(&path, b"x").is_err());
        assert!(names(dir.path()).is_empty());
        write_new(&path, b"x").unwrap();
        assert_eq!(write_new(&path, b"y").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        replace(&path, b"y").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
