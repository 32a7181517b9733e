//! The embedded engine behind the wall: RocksDB. The only folder that names it; its options are in `options`, one that is
//! open in `open`, its snapshots in `snapshot`, what it says of its own files in `tables`.
//!
//! [`Engine`] stands for the engine through failures: after a write that failed it takes no other, since nobody knows how
//! much of it is on the disk, until it was opened anew and tells so itself.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;

pub(crate) use self::{cursor::Cursor, peek::peek, snapshot::Snapshot, tables::Table};
use self::{loss::Loss, open::Open, options::Mode, reach::Mark};
use super::{Bounds, Change, Damage, Durability, Family, View, Visit};
use crate::{Result, StoreError};

pub(crate) mod backup;
mod cursor;
mod ends;
pub(crate) mod log;
mod loss;
mod open;
mod options;
mod peek;
mod reach;
mod snapshot;
mod tables;

/// How long readers may take to let go of an engine that is to be opened anew.
const PATIENCE: Duration = Duration::from_secs(2);

/// The engine of a store. Dropping it closes it.
pub(crate) struct Engine {
    dir: PathBuf,
    bounds: Bounds,
    /// None while it is opened anew.
    open: ArcSwapOption<Open>,
    /// Why it takes no write: what is on the disk is known again once it was opened anew.
    failure: ArcSwapOption<StoreError>,
    /// How often it was opened.
    epoch: AtomicU64,
    /// The next opening goes on beside damaged tables.
    careful: AtomicBool,
    /// The change up to which its mark says that the log is on the disk.
    marked: AtomicU64,
    /// It was opened on what a damaged log still says, and that is not accepted yet: the mark of before stays.
    unaccepted: AtomicBool,
    /// What was lost then.
    lost: Option<Loss>,
    /// Held by whoever writes to a careful engine.
    alone: Mutex<()>,
    damage: Arc<Damage>,
}

impl Engine {
    /// Opens the engine in `dir` within these bounds, or with so much memory; makes it if `create`.
    ///
    /// # Errors
    /// `Damaged`, naming the file: also a log that says less than was known to be on the disk. It is then left as it is.
    pub(crate) fn open(dir: &Path, bounds: impl Into<Bounds>, create: bool) -> Result<Self> {
        let (bounds, damage) = (bounds.into(), Arc::default());
        rooted(dir)?;
        let open = compared(dir, || Open::new(dir, bounds, (create, Mode::Strict), &damage))?;
        Ok(Self::of(dir, bounds, open, damage))
    }

    /// Opens an engine on what its logs still say. What is lost is noted before anything is written, and until
    /// [`Engine::accepted`] every other opening is refused.
    ///
    /// # Errors
    /// As [`Engine::open`], for another reason than the log; or the log cannot be left out, see
    /// [`Engine::needs_its_log`].
    pub(crate) fn open_on_what_is_left(dir: &Path, bounds: impl Into<Bounds>) -> Result<Self> {
        let (bounds, damage) = (bounds.into(), Arc::default());
        rooted(dir)?;
        let open = Open::new(dir, bounds, (false, Mode::Strict), &damage)?;
        let lost = Loss::note(dir, open.found())?;
        Ok(Self { unaccepted: AtomicBool::new(true), lost, ..Self::of(dir, bounds, open, damage) })
    }

    fn of(dir: &Path, bounds: Bounds, open: Open, damage: Arc<Damage>) -> Self {
        Self {
            dir: dir.to_owned(),
            bounds,
            open: ArcSwapOption::from_pointee(open),
            failure: ArcSwapOption::empty(),
            epoch: AtomicU64::new(1),
            careful: AtomicBool::new(false),
            marked: AtomicU64::new(0),
            unaccepted: AtomicBool::new(false),
            lost: None,
            alone: Mutex::default(),
            damage,
        }
    }

    /// The log that said less than it had said when [`Engine::open_on_what_is_left`] was called, and how many changes are lost.
    pub(crate) fn lost(&self) -> Option<(String, u64)> {
        self.lost.map(|loss| (loss.log(), loss.changes()))
    }

    /// What is left is all that is known to be there from now on: the mark says so. Blocking, for a sync.
    ///
    /// # Errors
    /// As [`Engine::mark`]; the loss counts as not accepted then.
    pub(crate) fn accepted(&self) -> Result<()> {
        self.unaccepted.store(false, Ordering::Release);
        self.mark()?;
        self.refused()?;
        Loss::forget(&self.dir)
    }

    /// Whether there is an engine in `dir`, whole or not.
    pub(crate) fn is_there(dir: &Path) -> bool {
        tables::has_root(dir) || tables::lost_root(dir).is_some()
    }

    /// Whether the failure of [`Engine::open`] means that another process has it open.
    pub(crate) fn is_lock_failure(error: &StoreError) -> bool {
        matches!(error, StoreError::Engine(text) if text.contains("/LOCK: "))
    }

    /// Whether the failure of an opening means that tables hold what came after the damage of a log: without what the log said
    /// between, they say half.
    pub(crate) fn needs_its_log(error: &StoreError) -> bool {
        matches!(error, StoreError::Engine(text) if text.contains(open::INCONSISTENT))
    }

    /// Whether the failure of [`Engine::open`] means that it has families that this program does not know.
    pub(crate) fn is_newer(error: &StoreError) -> bool {
        matches!(error, StoreError::Engine(text) if text.contains("Column families not opened"))
    }

    /// All of `changes` or none, in their order. After a failure every further write gives what [`Engine::refusal`] says
    /// until the engine was opened anew.
    pub(crate) fn write(&self, changes: &[Change], durability: Durability) -> Result<()> {
        self.guarded(|open| open.write(changes, durability))
    }

    /// Does what adds to the log or syncs it; after a failure nothing does so until the engine was opened anew. A careful engine
    /// does not see to that itself: there one after the other, so that nothing is told to be kept behind half a record.
    fn guarded(&self, work: impl FnOnce(&Open) -> Result<()>) -> Result<()> {
        self.refused()?;
        let open = self.now()?;
        let _alone =
            (open.mode() == Mode::Careful).then(|| self.alone.lock().unwrap_or_else(PoisonError::into_inner));
        // Whoever wrote before may have failed.
        self.refused()?;
        work(&open).inspect_err(|error| self.distrust(error))
    }

    /// A view that no later write changes. While the engine is opened anew it gives `Busy` for whatever is asked.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::new(self.now().ok().filter(|open| !open.is_leaving()), None)
    }

    /// The same for what lies in memory, and for so many keys: see [`Snapshot::missed`].
    pub(crate) fn snapshot_in_memory(&self, keys: u32) -> Snapshot {
        Snapshot::new(self.now().ok().filter(|open| !open.is_leaving()), Some(keys))
    }

    /// Takes writes again after [`Engine::reopen`].
    pub(crate) fn trust(&self) {
        self.failure.store(None);
    }

    /// Whether a write failed and the engine must be opened anew.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.load().is_some()
    }

    /// What a write is told while the engine must be opened anew: `Full` if it failed for want of room, which only
    /// somebody who makes room ends; `Busy` otherwise.
    pub(crate) fn refusal(&self) -> Option<StoreError> {
        let failure = self.failure.load();
        failure.as_deref().map(|cause| match cause {
            StoreError::Full => StoreError::Full,
            _ => StoreError::Busy,
        })
    }

    fn refused(&self) -> Result<()> {
        self.refusal().map_or(Ok(()), Err)
    }

    /// Takes no write any more until it was opened anew, for this cause: the first one counts.
    pub(crate) fn distrust(&self, cause: &StoreError) {
        self.failure.rcu(|first| first.clone().unwrap_or_else(|| Arc::new(cause.clone())));
    }

    /// Asks whether it takes writes, without writing: background work that failed may have stopped it. It is then to be
    /// opened anew.
    pub(crate) fn ask(&self) {
        if let Ok(open) = self.now()
            && let Err(error) = open.ask()
        {
            self.distrust(&error);
        }
    }

    /// How often it was opened: what was read from it or half written to it before is worth nothing after a new one.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Closes and opens it, which makes known again what is on the disk: a write that failed may be there all the same.
    /// Snapshots that live on give `Busy` from then on, so that those who read for long end. Only the committer calls it,
    /// between two batches; it takes writes once [`Engine::trust`] is called.
    ///
    /// # Errors
    /// `Busy` if somebody holds it for too long: nothing was done. Why it does not open: until it does, there is nothing
    /// to read either. `Damaged` if its log is: what is open is the last that knows what the log said, and stays.
    pub(crate) fn reopen(&self) -> Result<()> {
        let mark = Mark::read(&self.dir);
        mark.map_or(Ok(()), |mark| compare(&self.dir, mark)).inspect_err(|error| self.noted(error))?;
        if let Some(first) = self.now().ok().map(|open| open.first_log()) {
            // A careful opening reads on behind a record that is broken.
            ends::check(&self.dir, first).inspect_err(|error| self.noted(error))?;
        }
        if let Ok(old) = self.now() {
            self.let_go(old)?;
        }
        self.distrust(&StoreError::Busy);
        let open = if self.careful.load(Ordering::Acquire) {
            self.open_again(Mode::Careful)?
        } else {
            match self.open_again(Mode::Strict) {
                // Damage that nobody had met: what does not need that file goes on.
                Err(StoreError::Damaged(_)) => self.open_again(Mode::Careful)?,
                opened => opened?,
            }
        };
        mark.map_or(Ok(()), |mark| mark.check_reached(open.found()))
            .inspect_err(|error| self.noted(error))?;
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.open.store(Some(Arc::new(open)));
        Ok(())
    }

    fn open_again(&self, mode: Mode) -> Result<Open> {
        Open::new(&self.dir, self.bounds, (false, mode), &self.damage).inspect_err(|error| self.noted(error))
    }

    fn noted(&self, error: &StoreError) {
        if let StoreError::Damaged(file) = error {
            self.damage.met(file);
        }
    }

    /// Writes down how far the log reaches the disk, if it says more than when that was last done: a log that says less at
    /// the next opening is damaged. Blocking, for a sync.
    ///
    /// # Errors
    /// `Engine` or `Full` if the mark could not be written, which changes nothing; or if the sync failed: then the engine is
    /// to be opened anew.
    pub(crate) fn mark(&self) -> Result<()> {
        if self.has_failed() || self.unaccepted.load(Ordering::Acquire) {
            return Ok(());
        }
        let open = self.now()?;
        let sequence = open.db().latest_sequence_number();
        if self.marked.load(Ordering::Acquire) == sequence {
            return Ok(());
        }
        let failed = |error: std::io::Error| StoreError::Engine(format!("the mark of the log: {error}"));
        // Before the sync, which then covers it.
        let (log, bytes) = reach::newest(&self.dir).map_err(failed)?.unwrap_or_default();
        self.guarded(Open::sync)?;
        if self.has_failed() {
            // The end of the log may be half a record.
            return Ok(());
        }
        Mark { sequence, first: open.first_log(), log, bytes }.write(&self.dir).map_err(failed)?;
        self.marked.store(sequence, Ordering::Release);
        Ok(())
    }

    /// Whether its next opening is to go on beside damaged tables.
    pub(crate) fn be_careful(&self, careful: bool) {
        self.careful.store(careful, Ordering::Release);
    }

    /// Whether it goes on beside damaged tables; none while it is opened anew.
    pub(crate) fn is_careful(&self) -> Option<bool> {
        self.now().ok().map(|open| open.mode() == Mode::Careful)
    }

    /// Reads a table and checks its blocks. Blocking, for as long as the disk takes.
    ///
    /// # Errors
    /// `Damaged`, naming this table or another that lies between; `Busy` if the engine is to be opened anew.
    pub(crate) fn verify(&self, table: &Table) -> Result<()> {
        tables::verify(&*self.now()?, table)
    }

    /// Closes it once nobody else holds it. It is not taken away before: whoever holds it for long costs the others
    /// nothing.
    fn let_go(&self, mut old: Arc<Open>) -> Result<()> {
        /// Who asks, and the place where it is kept.
        const KNOWN: usize = 2;
        let deadline = Instant::now() + PATIENCE;
        if old.is_held() {
            return Err(StoreError::Busy);
        }
        old.leave(true);
        while Arc::strong_count(&old) > KNOWN {
            if Instant::now() > deadline {
                old.leave(false);
                return Err(StoreError::Busy);
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.open.store(None);
        // Whoever took it at the last moment reads a key.
        loop {
            match Arc::try_unwrap(old) {
                Ok(open) => {
                    drop(open);
                    return Ok(());
                }
                Err(held) if Instant::now() > deadline + PATIENCE => {
                    held.leave(false);
                    self.open.store(Some(held));
                    return Err(StoreError::Busy);
                }
                Err(held) => old = held,
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// What is known to be damaged.
    pub(crate) fn damage(&self) -> &Damage {
        &self.damage
    }

    /// Where its files are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The files of tables that it needs, as it knows them; none while it is opened anew.
    pub(crate) fn tables(&self) -> Option<Vec<Table>> {
        self.now().ok().and_then(|open| tables::live(open.db()).ok())
    }

    /// How many times background work failed since it was opened.
    pub(crate) fn background_errors(&self) -> u64 {
        self.now().map_or(0, |open| open.number("rocksdb.background-errors"))
    }

    /// Whether it takes no write until its background work caught up.
    pub(crate) fn is_stalled(&self) -> bool {
        self.now().is_ok_and(|open| open.number("rocksdb.is-write-stopped") > 0)
    }

    /// Bytes of cache and write buffers in use.
    pub(crate) fn memory_used(&self) -> u64 {
        self.now().map_or(0, |open| open.memory_used())
    }

    /// Bytes of live data, estimated.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.now().map_or(0, |open| open.live_bytes())
    }

    /// Waits until everything written is on the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        if self.has_failed() {
            return Err(StoreError::Engine("a write failed and the engine was not opened anew".into()));
        }
        self.guarded(Open::sync)
    }

    /// Writes what is in memory into tables: the next opening has no log to replay.
    pub(crate) fn flush(&self) -> Result<()> {
        self.now()?.flush()
    }

    /// Writes what is in memory to the disk and rewrites the files of a range, so that values which were replaced or
    /// removed there lie in none of them any more.
    pub(crate) fn scrub(&self, family: Family, from: &[u8], until: &[u8]) -> Result<()> {
        self.now()?.scrub(family, from, until)
    }

    /// Gives the files back that lie whole in a range whose keys were removed. A file may have held the mark of a removal:
    /// the range is to be removed once more afterwards.
    pub(crate) fn drop_files(&self, family: Family, from: &[u8], until: &[u8]) -> Result<()> {
        self.now()?.drop_files(family, from, until)
    }

    /// Ends background work for good, so that a process may exit while something still holds the engine. Only reads
    /// are possible afterwards.
    pub(crate) fn quiesce(&self) {
        if let Ok(open) = self.now() {
            open.db().cancel_all_background_work(true);
        }
    }

    /// The one that is open now.
    fn now(&self) -> Result<Arc<Open>> {
        self.open.load_full().ok_or(StoreError::Busy)
    }
}

/// The root of an engine is there, or nothing is.
fn rooted(dir: &Path) -> Result<()> {
    // The engine would begin anew there, and remove everything that is.
    tables::lost_root(dir).map_or(Ok(()), |lost| Err(StoreError::Damaged(lost)))
}

/// Opens an engine whose logs say what they are known to have said.
fn compared(dir: &Path, open: impl FnOnce() -> Result<Open>) -> Result<Open> {
    if let Some(loss) = Loss::noted(dir)? {
        tracing::error!("accepting what the store's log lost was begun and not finished: run it again");
        return Err(StoreError::Damaged(loss.log()));
    }
    let Some(mark) = Mark::read(dir) else { return open() };
    compare(dir, mark)?;
    let open = open()?;
    mark.check_reached(open.found())?;
    Ok(open)
}

/// Compares the logs with the mark, and changes nothing. A log that is gone may have been done with: then what is there without it
/// must reach as far.
fn compare(dir: &Path, mark: Mark) -> Result<()> {
    mark.check_logs(dir)?;
    if mark.has_log(dir) {
        return Ok(());
    }
    match peek::sequence(dir) {
        Ok(sequence) => mark.check_reached(sequence),
        Err(error) => {
            // Opening says why, and compares all the same.
            tracing::debug!(%error, "how far the log reaches is not known before it is opened");
            Ok(())
        }
    }
}

impl View for Engine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let open = self.open.load();
        open.as_ref().ok_or(StoreError::Busy)?.get(family, key)
    }

    fn scan(&self, family: Family, from: &[u8], until: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.now()?.scan(family, from, until, visit)
    }
}

/// Makes the engine of a closed store as a program knew it that had no such family, and another of this name.
#[cfg(test)]
pub(crate) fn swap_family(dir: &Path, gone: Option<Family>, new: Option<&str>) {
    use rocksdb::{DB, Options};
    let options = Options::default();
    let names = DB::list_cf(&options, dir).expect("an engine is there");
    let mut db = DB::open_cf(&options, dir, names).expect("it opens");
    if let Some(family) = gone {
        db.drop_cf(family.name()).expect("the family is there");
    }
    if let Some(name) = new {
        db.create_cf(name, &options).expect("no such family is there");
    }
}
