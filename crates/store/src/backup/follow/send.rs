//! The sending side: reads the engine's log every interval and hands on what became durable, begins with a whole copy
//! where the second place has none that the log continues.

use std::{
    fs::{self, File},
    io::{Read as _, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Position, frame::Frame};
use crate::{
    Result as StoreResult, Store, StoreError,
    backup::{BackupError, files::Scratch},
    core::Core,
    engine::log::{LogRead, Update},
    records,
};

/// Bytes of a file in one piece.
const PIECE: usize = 256 << 10;
/// Longest time without looking whether to stop.
const GLANCE: Duration = Duration::from_millis(50);
/// How long files that are done with are held so that the log can be read. Letting them go more often would only list the
/// engine's directory more often.
const HOLD: Duration = Duration::from_secs(5);
/// Looks in a row at which the log does not continue before a new copy is made.
const MISSES: u32 = 3;

/// How to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowOptions {
    /// Time between two looks at what became durable: the second place is behind by this, and by the time of the way.
    pub interval: Duration,
    /// Bytes of batches after which a new copy is sent, so that the log at the second place ends: the log before it goes.
    pub log_bytes: u64,
}

impl Default for FollowOptions {
    /// One second, 4 GiB.
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), log_bytes: 4 << 30 }
    }
}

impl Store {
    /// Sends what a second place needs to follow this store, from where it is, until `stop` says so or the second place
    /// goes. Blocking: for a thread of its own.
    ///
    /// # Errors
    /// [`BackupError`]: the second place went, the engine failed.
    pub fn follow(
        &self,
        from: Option<Position>,
        options: FollowOptions,
        to: &mut dyn Write,
        stop: &AtomicBool,
    ) -> Result<(), BackupError> {
        let (core, hold) = (Arc::clone(&self.core), Hold::take(&self.core)?);
        let mut sender = Sender { core, options, to, after: 0, sent: 0, misses: 0, copy: None, hold };
        match from.filter(|position| sender.continues(position)) {
            Some(position) => (sender.after, sender.sent) = (position.last, position.log),
            None => sender.begin_copy(true)?,
        }
        while !stop.load(Ordering::Acquire) {
            let next = Instant::now() + options.interval;
            sender.look()?;
            while Instant::now() < next && !stop.load(Ordering::Acquire) {
                if !sender.copy_some()? {
                    thread::sleep(GLANCE.min(next.saturating_duration_since(Instant::now())));
                }
            }
        }
        // What was committed up to the end goes too.
        sender.look()
    }
}

struct Sender<'w> {
    core: Arc<Core>,
    options: FollowOptions,
    to: &'w mut dyn Write,
    /// Everything up to this number was sent.
    after: u64,
    /// Bytes of batches since the last copy, over all connections.
    sent: u64,
    misses: u32,
    copy: Option<Copy>,
    hold: Hold,
}

/// What keeps the log from going before it is read.
struct Hold {
    core: Arc<Core>,
    since: Instant,
}

impl Hold {
    fn take(core: &Arc<Core>) -> StoreResult<Self> {
        core.engine.hold_files()?;
        Ok(Self { core: Arc::clone(core), since: Instant::now() })
    }

    /// Lets go of what was read, now and then, and holds what comes.
    fn renew(&mut self) -> StoreResult<()> {
        if self.since.elapsed() < HOLD {
            return Ok(());
        }
        self.core.engine.release_files()?;
        self.since = Instant::now();
        self.core.engine.hold_files()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Err(error) = self.core.engine.release_files() {
            tracing::warn!(%error, "files that are done with could not be let go; the next start does");
        }
    }
}

/// A whole copy under way.
struct Copy {
    dir: Scratch,
    /// What is left, and the file that is being sent.
    left: Vec<PathBuf>,
    open: Option<(File, u32, u64)>,
    files: u32,
}

impl Sender<'_> {
    /// Whether the last batch that the second place has is in the log, byte for byte: anything else is another history.
    fn continues(&self, position: &Position) -> bool {
        let mut same = false;
        let mut compare = |update: Update<'_>| {
            same |= (update.first, update.last) == (position.first, position.last)
                && crc32c::crc32c(update.bytes) == position.crc;
            Ok(())
        };
        let before = position.first.saturating_sub(1);
        let known = self.core.engine.read_log(before, position.first, &mut compare);
        position.format == records::FORMAT && known.is_ok() && same
    }

    /// Sends what became durable since the last look.
    fn look(&mut self) -> Result<(), BackupError> {
        let at = self.core.clock.now().as_microsecond();
        if self.core.engine.sequence() > self.after {
            let durable = self.core.engine.durable_sequence()?;
            let to = &mut *self.to;
            let (mut sent, mut went) = (0, None);
            let mut send = |update: Update<'_>| -> StoreResult<()> {
                let Update { first, last, bytes } = update;
                sent += bytes.len() as u64;
                let frame = Frame::Update { first, last, bytes: bytes.to_vec() };
                frame.write(to).map_err(|error| {
                    went = Some(error);
                    StoreError::Busy
                })
            };
            let read = self.core.engine.read_log(self.after, durable, &mut send);
            if let Some(error) = went {
                return Err(BackupError::Stream(error));
            }
            self.sent += sent;
            match read? {
                LogRead::UpTo(last) => (self.after, self.misses) = (last, 0),
                LogRead::Gap(last) => {
                    self.after = last;
                    self.misses += 1;
                }
            }
        }
        if self.misses == 0 {
            self.hold.renew()?;
            self.send(&Frame::Tick { at, sequence: self.after })?;
        }
        self.to.flush().map_err(BackupError::Stream)?;
        if self.misses >= MISSES {
            tracing::warn!("the second place is behind what the log keeps: it gets a new copy");
            self.begin_copy(true)?;
        } else if self.copy.is_none() && self.sent > self.options.log_bytes {
            self.begin_copy(false)?;
        }
        Ok(())
    }

    /// Begins a whole copy; after a gap the log begins anew with it.
    fn begin_copy(&mut self, anew: bool) -> Result<(), BackupError> {
        self.copy = None;
        let dir = Scratch::new(&self.core.dir);
        let sequence = self.core.engine.checkpoint(&dir.0)?;
        let mut left = vec![];
        for entry in fs::read_dir(&dir.0).map_err(BackupError::at(&dir.0))? {
            left.push(entry.map_err(BackupError::at(&dir.0))?.path());
        }
        if anew {
            self.after = sequence;
        }
        (self.sent, self.misses) = (0, 0);
        self.copy = Some(Copy { dir, left, open: None, files: 0 });
        self.send(&Frame::Base { sequence, after: self.after, format: records::FORMAT })
    }

    /// Sends the next piece of the copy; false if there is none under way.
    fn copy_some(&mut self) -> Result<bool, BackupError> {
        let Some(copy) = &mut self.copy else { return Ok(false) };
        let frame = copy.next()?;
        if matches!(frame, Frame::BaseEnd { .. }) {
            self.copy = None;
        }
        self.send(&frame)?;
        if self.copy.is_none() {
            self.to.flush().map_err(BackupError::Stream)?;
        }
        Ok(true)
    }

    fn send(&mut self, frame: &Frame) -> Result<(), BackupError> {
        frame.write(self.to).map_err(BackupError::Stream)
    }
}

impl Copy {
    fn next(&mut self) -> Result<Frame, BackupError> {
        if let Some((file, crc, length)) = &mut self.open {
            let mut bytes = Vec::with_capacity(PIECE);
            file.take(PIECE as u64).read_to_end(&mut bytes).map_err(BackupError::at(&self.dir.0))?;
            if bytes.is_empty() {
                let (crc, length) = (*crc, *length);
                self.open = None;
                return Ok(Frame::FileEnd { crc, length });
            }
            *crc = crc32c::crc32c_append(*crc, &bytes);
            *length += bytes.len() as u64;
            return Ok(Frame::Piece(bytes));
        }
        let Some(path) = self.left.pop() else { return Ok(Frame::BaseEnd { files: self.files }) };
        self.open = Some((File::open(&path).map_err(BackupError::at(&path))?, 0, 0));
        self.files += 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Frame::File { name })
    }
}
