//! Writing a body: sealed as it arrives, held or written.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{Abandoned, HELD, Place, Turn, coding};
use crate::{
    Result, StoreError,
    committer::{Job, txn::Txn},
    core::Core,
    day::Day,
    engine::{Change, Durability, Family},
    error::Limit,
    ids::BodyId,
    keyring::KeyKind,
    keys,
    seal::{BodySealer, CHUNK, CODING, TAG},
};

/// What bodies on their way in share: how many may write at once, and how many chunks may be held in memory.
#[derive(Clone)]
pub(crate) struct Hold {
    pub(crate) writers: Arc<Semaphore>,
    pub(crate) chunks: Arc<Semaphore>,
}

/// What is left behind if no commit names the body: removed when the last holder goes, a write under way included.
struct Remains {
    core: Arc<Core>,
    queue: mpsc::WeakSender<Job>,
    id: BodyId,
    /// Given once, when the first chunks are written or the commit takes them.
    turn: OnceLock<Turn>,
    /// The engine's when it began: opened anew, the engine may have lost what was written before.
    epoch: u64,
    /// Chunks that may have been written; none means that no marker was either.
    chunks: AtomicU32,
    adopted: AtomicBool,
}

impl Remains {
    fn turn(&self) -> Turn {
        *self.turn.get_or_init(|| self.core.numbers.next_turn())
    }

    fn place(&self) -> Place {
        Place { id: self.id, turn: Some(self.turn()) }
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        let chunks = *self.chunks.get_mut();
        if chunks == 0 || *self.adopted.get_mut() {
            return;
        }
        self.core.abandon(Abandoned { place: self.place(), chunks });
        if let Some(queue) = self.queue.upgrade() {
            // A full queue means that a batch is near anyway.
            let _ = queue.try_send(Job::Wake);
        }
    }
}

/// A body under way, its day fixed.
struct Started {
    remains: Arc<Remains>,
    sealer: BodySealer,
    next: u32,
    held: Held,
}

/// Sealed chunks in a row that were not written.
#[derive(Default)]
struct Held {
    chunks: Vec<Vec<u8>>,
    /// One for each.
    permits: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Whether the chunk that came last may be held; the body goes on.
    fn takes_another(&mut self, hold: &Hold) -> bool {
        if self.chunks.len() >= HELD {
            return false;
        }
        let Ok(permit) = Arc::clone(&hold.chunks).try_acquire_owned() else { return false };
        match &mut self.permits {
            Some(permits) => permits.merge(permit),
            none => *none = Some(permit),
        }
        true
    }
}

/// A body on its way in. Its day of reception is that of its first byte (I-4). Dropped before it is part of a commit,
/// its chunks disappear.
pub struct BodyWriter {
    core: Arc<Core>,
    queue: mpsc::WeakSender<Job>,
    hold: Hold,
    /// Its day of reception, where that is not the day it comes.
    day: Option<Day>,
    started: Option<Started>,
    buffer: Vec<u8>,
    len: u64,
}

impl BodyWriter {
    pub(crate) fn new(core: Arc<Core>, queue: mpsc::WeakSender<Job>, hold: Hold) -> Self {
        Self { core, queue, hold, day: None, started: None, buffer: vec![], len: 0 }
    }

    /// The same body, filed under the day on which its message was first received (S-4.3).
    pub(crate) fn received(mut self, day: Day) -> Self {
        self.day = Some(day);
        self
    }

    /// Adds bytes; each full chunk is sealed, and a few at a time are written. Waits while too many others write. A call
    /// that is cancelled spoils the body: drop it.
    ///
    /// # Errors
    /// `ClockBehind` (I-4), `Erased`, `Limit` beyond the longest body, `Busy`, `Full`, `Damaged`, `Engine`.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.len = self.len.saturating_add(bytes.len() as u64);
        if self.len > self.core.settings.body_bytes {
            return Err(StoreError::Limit(Limit::BodyBytes));
        }
        self.start().await?;
        while !bytes.is_empty() {
            if self.buffer.len() == CHUNK {
                self.seal_chunk().await?;
            }
            let (now, rest) = bytes.split_at(bytes.len().min(CHUNK - self.buffer.len()));
            self.reserve(now.len());
            self.buffer.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    /// Seals the last chunk.
    ///
    /// # Errors
    /// As [`BodyWriter::write`].
    pub async fn finish(mut self) -> Result<SealedBody> {
        self.start().await?;
        let Some(Started { remains, mut sealer, next, mut held }) = self.started.take() else {
            return Err(StoreError::Busy);
        };
        let last = seal(&mut sealer, next, true, std::mem::take(&mut self.buffer))?;
        let first = next - u32::try_from(held.chunks.len()).map_err(|_| StoreError::Busy)?;
        held.chunks.push(last);
        Ok(SealedBody { remains, first, held, len: self.len, filed: self.day.is_some() })
    }

    /// The same, for a body whose commit may be long in coming: every chunk is written, none is held in memory.
    ///
    /// # Errors
    /// As [`BodyWriter::write`].
    pub async fn finish_written(self) -> Result<SealedBody> {
        let hold = self.hold.clone();
        let mut body = self.finish().await?;
        let Held { chunks, permits } = std::mem::take(&mut body.held);
        let next = body.first + u32::try_from(chunks.len()).map_err(|_| StoreError::Busy)?;
        write_chunks(&hold, &body.remains, next, chunks).await?;
        drop(permits);
        body.first = next;
        Ok(body)
    }

    async fn start(&mut self) -> Result<()> {
        if self.started.is_some() {
            return Ok(());
        }
        self.core.admit()?;
        let today = self.core.reception_day()?;
        let day = self.day.map_or(today, |day| day.min(today));
        let key = if let Some(key) = self.core.known_key(KeyKind::Message, day) {
            key
        } else {
            let core = Arc::clone(&self.core);
            tokio::task::spawn_blocking(move || core.ensure_key(KeyKind::Message, day))
                .await
                .map_err(|_| StoreError::Busy)??
        };
        let sealer =
            key.body_sealer(self.core.clock.now()).map_err(|error| StoreError::Engine(error.to_string()))?;
        let remains = Arc::new(Remains {
            core: Arc::clone(&self.core),
            queue: self.queue.clone(),
            id: BodyId { day, id: sealer.id() },
            turn: OnceLock::new(),
            epoch: self.core.engine.epoch(),
            chunks: AtomicU32::new(0),
            adopted: AtomicBool::new(false),
        });
        self.started = Some(Started { remains, sealer, next: 0, held: Held::default() });
        Ok(())
    }

    /// Seals the full buffer as the next chunk, and holds it or writes it with those held.
    async fn seal_chunk(&mut self) -> Result<()> {
        let Some(started) = &mut self.started else { return Err(StoreError::Busy) };
        let chunk = seal(&mut started.sealer, started.next, false, std::mem::take(&mut self.buffer))?;
        started.next += 1;
        started.held.chunks.push(chunk);
        if started.held.takes_another(&self.hold) {
            return Ok(());
        }
        let Held { chunks, permits } = std::mem::take(&mut started.held);
        let mut chunk = write_chunks(&self.hold, &started.remains, started.next, chunks).await?;
        drop(permits);
        chunk.clear();
        self.buffer = chunk;
        Ok(())
    }

    /// Grows for small bodies, but to no more than one sealed chunk.
    fn reserve(&mut self, more: usize) {
        const SEAL: usize = CODING + TAG;
        const LEAST: usize = 4 << 10;
        let wanted = self.buffer.len() + more;
        if self.buffer.capacity() < wanted + SEAL {
            // What comes whole is not expected to go on.
            let size = if self.buffer.is_empty() { wanted } else { 2 * wanted };
            let size = size.clamp(LEAST, CHUNK) + SEAL;
            self.buffer.reserve_exact(size.max(wanted + SEAL) - self.buffer.len());
        }
    }
}

fn seal(sealer: &mut BodySealer, index: u32, last: bool, mut chunk: Vec<u8>) -> Result<Vec<u8>> {
    coding::code(&mut chunk);
    sealer.seal(index, last, &mut chunk).map_err(|error| StoreError::Engine(error.to_string()))?;
    Ok(chunk)
}

/// Writes the chunks before `next` off the runtime's threads, the marker with the first; gives a buffer back.
async fn write_chunks(
    hold: &Hold,
    remains: &Arc<Remains>,
    next: u32,
    chunks: Vec<Vec<u8>>,
) -> Result<Vec<u8>> {
    let permit = Arc::clone(&hold.writers).acquire_owned().await.map_err(|_| StoreError::Busy)?;
    let remains = Arc::clone(remains);
    let write = move || {
        let _permit = permit;
        let marked = remains.chunks.swap(next, Ordering::AcqRel) > 0;
        let place = remains.place();
        let first = next.saturating_sub(u32::try_from(chunks.len()).unwrap_or(u32::MAX));
        let put = |(index, chunk)| Change::Put(Family::Bodies, keys::chunk(place, index), chunk);
        let mut changes: Vec<Change> = (first..).zip(chunks).map(put).collect();
        if !marked {
            changes.push(Change::Put(Family::Accounts, keys::orphan(place.id), keys::turn(place.turn)));
        }
        if let Err(error) = remains.core.engine.write(&changes, Durability::Later) {
            remains.core.latch.shut(Instant::now());
            return Err(error);
        }
        match changes.swap_remove(0) {
            Change::Put(_, _, chunk) => Ok(chunk),
            Change::Delete(..) | Change::DeleteRange(..) => Ok(vec![]),
        }
    };
    tokio::task::spawn_blocking(write).await.map_err(|_| StoreError::Busy)?
}

/// A whole body, sealed. It is kept once a commit names it; dropped before, it disappears.
pub struct SealedBody {
    remains: Arc<Remains>,
    /// The index of the first chunk that was not written: it and those after it ride in the commit.
    first: u32,
    held: Held,
    len: u64,
    /// Whether it was filed under the day on which its message was first received.
    filed: bool,
}

impl SealedBody {
    /// Why it is not kept if its day was erased while it arrived: sent again, it begins a body of today, unless it is
    /// filed under that same day.
    pub(crate) fn too_late(&self) -> StoreError {
        if self.filed { StoreError::Erased } else { StoreError::Busy }
    }

    /// Its identifier.
    pub fn id(&self) -> BodyId {
        self.remains.id
    }

    /// Bytes of the body.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its place in the order of commits. Only the committer asks: what rides in a commit follows what rode before.
    pub(crate) fn turn(&self) -> Turn {
        self.remains.turn()
    }

    /// Makes it part of an operation.
    ///
    /// # Errors
    /// `Busy` if the engine was opened anew since it began: what was written of it may be gone.
    pub(crate) fn adopt(self, txn: &mut Txn<'_>) -> Result<()> {
        if self.first > 0 && self.remains.epoch != self.remains.core.engine.epoch() {
            return Err(StoreError::Busy);
        }
        let place = self.remains.place();
        if self.first > 0 {
            txn.delete(Family::Accounts, keys::orphan(place.id));
        }
        for (index, chunk) in (self.first..).zip(self.held.chunks) {
            txn.put_blind(Family::Bodies, keys::chunk(place, index), chunk);
        }
        txn.adopted(Adopted(self.remains));
        Ok(())
    }
}

/// A body that an operation makes part of the store: if the operation fails, it disappears.
pub(crate) struct Adopted(Arc<Remains>);

impl Adopted {
    /// The operation succeeded. Its commit may fail, and be on the disk all the same: nothing is removed.
    pub(crate) fn keep(self) {
        self.0.adopted.store(true, Ordering::Release);
    }
}
