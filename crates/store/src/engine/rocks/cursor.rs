//! A place in a range of a snapshot's keys: for those who walk several ranges side by side, or backwards.

use std::cmp::Ordering;

use rocksdb::DBRawIterator;

use super::snapshot::Source;
use crate::Result;

/// Keys that are stepped over before seeking instead.
const STEPS: usize = 24;

/// A place in a range of keys. Keys and values are borrowed from the engine until it moves.
pub(crate) struct Cursor<'snapshot> {
    source: Source<'snapshot>,
    inner: DBRawIterator<'snapshot>,
}

impl<'snapshot> Cursor<'snapshot> {
    /// On the first key.
    pub(super) fn new(source: Source<'snapshot>, mut inner: DBRawIterator<'snapshot>) -> Result<Self> {
        inner.seek_to_first();
        Self { source, inner }.checked()
    }

    /// The key it stands on and its value; none beyond either end.
    pub(crate) fn item(&self) -> Option<(&[u8], &[u8])> {
        self.inner.item()
    }

    /// Goes to the first key that is not below this one.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<()> {
        self.inner.seek(key);
        self.status()
    }

    /// Goes to the last key.
    pub(crate) fn seek_to_last(&mut self) -> Result<()> {
        self.inner.seek_to_last();
        self.status()
    }

    /// Goes to the next key.
    pub(crate) fn next(&mut self) -> Result<()> {
        self.inner.next();
        self.status()
    }

    /// Goes to the key before.
    pub(crate) fn prev(&mut self) -> Result<()> {
        self.inner.prev();
        self.status()
    }

    /// The value of a key: few steps on, or where seeking finds it.
    pub(crate) fn value_at(&mut self, key: &[u8]) -> Result<Option<&[u8]>> {
        for step in 0..=STEPS {
            match self.inner.key().map(|at| at.cmp(key)) {
                Some(Ordering::Less) => self.next()?,
                Some(Ordering::Equal) => return Ok(self.inner.value()),
                // What lies between was stepped over: the key is not there.
                Some(Ordering::Greater) if step > 0 => return Ok(None),
                Some(Ordering::Greater) | None => break,
            }
        }
        self.seek(key)?;
        Ok(if self.inner.key() == Some(key) { self.inner.value() } else { None })
    }

    fn checked(self) -> Result<Self> {
        self.status()?;
        Ok(self)
    }

    /// An end is no failure.
    fn status(&self) -> Result<()> {
        if self.inner.valid() {
            self.source.step()
        } else {
            self.inner.status().map_err(|error| self.source.failed(&error))
        }
    }
}
