//! The thread that renews summaries: it learns from the committer and from readers which boxes changed much.
//!
//! One box at a time; each of its operations waits for the one before, so that the committer never has more than one of
//! them. It ends when the store closes or the committer has ended.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::mpsc;

use super::checkpoint::{self, Step};
use crate::{
    Result, StoreError,
    committer::{Job, Operation},
    core::Core,
    ids::BoxId,
    reader::Reader,
};

/// Boxes whose changes are counted at the same time; beyond it counting begins anew, and readers ask instead.
const COUNTED: usize = 65_536;

/// Which boxes are to be summarised anew.
pub(crate) struct Summaries {
    todo: Mutex<Todo>,
    wake: Condvar,
    /// One renewal at a time.
    renewing: Mutex<()>,
    /// Changes after which a summary is renewed.
    after: u32,
}

#[derive(Default)]
struct Todo {
    changes: HashMap<BoxId, u32>,
    due: BTreeSet<BoxId>,
    stop: bool,
}

impl Summaries {
    pub(crate) fn new(after: u32) -> Self {
        Self { todo: Mutex::default(), wake: Condvar::new(), renewing: Mutex::new(()), after: after.max(1) }
    }

    /// Changes after which a summary is renewed.
    pub(crate) fn after(&self) -> u32 {
        self.after
    }

    /// A commit changed so many messages of the box.
    pub(crate) fn changed(&self, id: BoxId, changes: u32) {
        let mut todo = self.todo();
        if todo.changes.len() >= COUNTED {
            todo.changes.clear();
        }
        let count = todo.changes.entry(id).or_default();
        *count = count.saturating_add(changes);
        if *count >= self.after {
            todo.changes.remove(&id);
            self.due(&mut todo, id);
        }
    }

    /// The summary of the box is to be renewed: too much happened since.
    pub(crate) fn ask(&self, id: BoxId) {
        self.due(&mut self.todo(), id);
    }

    /// Ends the thread after what it is doing.
    pub(crate) fn stop(&self) {
        self.todo().stop = true;
        self.wake.notify_all();
    }

    fn due(&self, todo: &mut Todo, id: BoxId) {
        if todo.due.len() < COUNTED && todo.due.insert(id) {
            self.wake.notify_one();
        }
    }

    /// Waits for the next box; none when the store closes.
    fn next(&self) -> Option<BoxId> {
        let waiting = self.wake.wait_while(self.todo(), |todo| !todo.stop && todo.due.is_empty());
        let mut todo = waiting.unwrap_or_else(PoisonError::into_inner);
        if todo.stop { None } else { todo.due.pop_first() }
    }

    fn is_stopped(&self) -> bool {
        self.todo().stop
    }

    fn todo(&self) -> MutexGuard<'_, Todo> {
        self.todo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread.
pub(crate) fn start(
    core: Arc<Core>,
    queue: mpsc::WeakSender<Job>,
) -> std::io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name("summaries".into()).spawn(move || {
        while let Some(id) = core.summaries.next() {
            match renew(&core, &queue, id, core.summaries.after() / 2) {
                Ok(()) => {}
                // Whoever reads the box next asks again.
                Err(StoreError::Busy) => tracing::debug!(mailbox = %id, "its summary waits"),
                Err(error) => tracing::warn!(mailbox = %id, %error, "its summary could not be renewed"),
            }
        }
    })
}

/// Renews the summary of one box now, if at least so much happened since the last time. Blocking.
pub(crate) fn renew(core: &Arc<Core>, queue: &mpsc::WeakSender<Job>, id: BoxId, least: u32) -> Result<()> {
    let _one = core.summaries.renewing.lock().unwrap_or_else(PoisonError::into_inner);
    let reader = Reader::new(core);
    checkpoint::renew(reader.view(), id, reader.erased()?, least, &mut |step: Step| {
        if core.summaries.is_stopped() {
            return Err(StoreError::Busy);
        }
        let (operation, answer) = Operation::new(step);
        let queue = queue.upgrade().ok_or(StoreError::Busy)?;
        queue.blocking_send(Job::Work(Box::new(operation))).map_err(|_| StoreError::Busy)?;
        drop(queue);
        answer.blocking_recv().map_err(|_| StoreError::Busy)?.map(|(still, _)| still)
    })
}
