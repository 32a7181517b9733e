//! How the store fares: whether its disk has room, whether its files are whole, whether the engine must be opened anew
//! (I-9). A sentry looks; whoever takes new mail asks here, without a lock and without the disk.
//!
//! Must never touch: what keys and values mean.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

pub(crate) use self::{quiet::Quiet, sentry::Sentry};

mod files;
mod mending;
mod quiet;
mod sentry;
mod space;
#[cfg(test)]
mod tests;

/// What the sentry tells the others, and they it.
pub(crate) struct Health {
    full: AtomicBool,
    free: AtomicU64,
    /// Which opening of the engine may be replaced by another; 0: none.
    mend: AtomicU64,
}

impl Health {
    /// As the directory's file system is now.
    pub(crate) fn of(dir: &Path, reserve: u64) -> Self {
        let free = space::free(dir).unwrap_or(u64::MAX);
        Self {
            full: AtomicBool::new(space::is_full(false, free, reserve)),
            free: AtomicU64::new(free),
            mend: AtomicU64::new(0),
        }
    }

    /// Whether the disk is almost full.
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// The disk refused to take more: it counts as full until the sentry sees room.
    pub(crate) fn refused_for_space(&self) {
        self.full.store(true, Ordering::Release);
    }

    /// Room that the disk had when it was last looked at, bytes.
    pub(crate) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// Whether the sentry found that the engine, last opened as the `epoch`th, may be opened anew; true once. What it
    /// found of an earlier one says nothing of this one.
    pub(crate) fn take_mend(&self, epoch: u64) -> bool {
        self.mend.load(Ordering::Acquire) != 0 && self.mend.swap(0, Ordering::AcqRel) == epoch
    }
}
