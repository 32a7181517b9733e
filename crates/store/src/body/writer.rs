//! Writing a body: sealed into the store as it arrives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

use tokio::sync::{Semaphore, mpsc};

use super::Abandoned;
use crate::{
    Result, StoreError,
    committer::{Job, txn::Txn},
    core::Core,
    engine::{Change, Durability, Family},
    error::Limit,
    ids::BodyId,
    keyring::KeyKind,
    keys,
    seal::{BodySealer, CHUNK, TAG},
};

/// What is left behind if no commit names the body: removed when the last holder goes, a write under way included.
struct Remains {
    core: Arc<Core>,
    queue: mpsc::WeakSender<Job>,
    id: BodyId,
    /// Chunks that may have been written; none means that no marker was either.
    chunks: AtomicU32,
    adopted: AtomicBool,
}

impl Drop for Remains {
    fn drop(&mut self) {
        let chunks = *self.chunks.get_mut();
        if chunks == 0 || *self.adopted.get_mut() {
            return;
        }
        self.core.abandon(Abandoned { id: self.id, chunks });
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
}

/// A body on its way in. Its day of reception is that of its first byte (I-4). Dropped before it is part of a commit,
/// its chunks disappear.
pub struct BodyWriter {
    core: Arc<Core>,
    queue: mpsc::WeakSender<Job>,
    writers: Arc<Semaphore>,
    started: Option<Started>,
    buffer: Vec<u8>,
    len: u64,
}

impl BodyWriter {
    pub(crate) fn new(core: Arc<Core>, queue: mpsc::WeakSender<Job>, writers: Arc<Semaphore>) -> Self {
        Self { core, queue, writers, started: None, buffer: vec![], len: 0 }
    }

    /// Adds bytes; each full chunk is sealed and written. Waits while too many chunks are being written. A call that
    /// is cancelled spoils the body: drop it.
    ///
    /// # Errors
    /// `ClockBehind` (I-4), `Limit` beyond the longest body, `Busy`, `Full`, `Damaged`, `Engine`.
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
                self.flush_chunk().await?;
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
        let mut last = std::mem::take(&mut self.buffer);
        let Some(Started { remains, mut sealer, next }) = self.started.take() else {
            return Err(StoreError::Busy);
        };
        sealer.seal(next, true, &mut last).map_err(|error| StoreError::Engine(error.to_string()))?;
        Ok(SealedBody { remains, last: (next, last), len: self.len })
    }

    async fn start(&mut self) -> Result<()> {
        if self.started.is_some() {
            return Ok(());
        }
        self.core.admit()?;
        let day = self.core.reception_day()?;
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
            chunks: AtomicU32::new(0),
            adopted: AtomicBool::new(false),
        });
        self.started = Some(Started { remains, sealer, next: 0 });
        Ok(())
    }

    /// Seals the full buffer as the next chunk and writes it.
    async fn flush_chunk(&mut self) -> Result<()> {
        let Some(started) = &mut self.started else { return Err(StoreError::Busy) };
        let mut chunk = std::mem::take(&mut self.buffer);
        let index = started.next;
        started
            .sealer
            .seal(index, false, &mut chunk)
            .map_err(|error| StoreError::Engine(error.to_string()))?;
        started.next += 1;
        let mut chunk = write_chunk(&self.core, &self.writers, &started.remains, index, chunk).await?;
        chunk.clear();
        self.buffer = chunk;
        Ok(())
    }

    /// Grows for small bodies, but to no more than one sealed chunk.
    fn reserve(&mut self, more: usize) {
        let wanted = self.buffer.len() + more;
        if self.buffer.capacity() < wanted + TAG {
            let size = (2 * wanted).clamp(4 << 10, CHUNK) + TAG;
            self.buffer.reserve_exact(size.max(wanted + TAG) - self.buffer.len());
        }
    }
}

/// Writes one chunk off the runtime's threads, the marker with the first; gives the buffer back.
async fn write_chunk(
    core: &Arc<Core>,
    writers: &Arc<Semaphore>,
    remains: &Arc<Remains>,
    index: u32,
    chunk: Vec<u8>,
) -> Result<Vec<u8>> {
    let permit = Arc::clone(writers).acquire_owned().await.map_err(|_| StoreError::Busy)?;
    let (core, remains) = (Arc::clone(core), Arc::clone(remains));
    let write = move || {
        let _permit = permit;
        remains.chunks.store(index + 1, Ordering::Release);
        let mut changes = vec![Change::Put(Family::Bodies, keys::chunk(remains.id, index), chunk)];
        if index == 0 {
            changes.push(Change::Put(Family::Accounts, keys::orphan(remains.id), vec![]));
        }
        if let Err(error) = core.engine.write(&changes, Durability::Later) {
            core.latch.shut(Instant::now());
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
    /// The last chunk and its index: it rides in the commit.
    last: (u32, Vec<u8>),
    len: u64,
}

impl SealedBody {
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

    /// Makes it part of an operation.
    pub(crate) fn adopt(self, txn: &mut Txn<'_>) {
        let id = self.remains.id;
        self.remains.adopted.store(true, Ordering::Release);
        let (index, chunk) = self.last;
        if index > 0 {
            txn.delete(Family::Accounts, keys::orphan(id));
        }
        txn.put_blind(Family::Bodies, keys::chunk(id, index), chunk);
    }
}
