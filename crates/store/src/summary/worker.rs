//! The thread that renews summaries: it learns from the committer and from readers which boxes changed much.
//!
//! One box at a time; each of its operations waits for the one before, so that the committer never has more than one of
//! them. It ends when the store closes or the committer has ended.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
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

/// How long a box must be left alone before its summary is renewed: renewed while its messages change one after the other, it
/// would be built again and again.
const REST: Duration = Duration::from_millis(100);

/// How long it waits for that at most: whoever reads the box meanwhile lays over it what changed since.
const AT_LATEST: Duration = Duration::from_secs(1);

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
    due: HashMap<BoxId, Due>,
    /// When to look at each of those that are due.
    order: BTreeSet<(Instant, BoxId)>,
    stop: bool,
}

/// A box whose summary is to be renewed.
struct Due {
    /// When that has to be done.
    by: Instant,
    /// When it was changed for the last time.
    changed: Instant,
}

impl Due {
    /// When it has rested, if nothing more happens.
    fn ready(&self) -> Instant {
        (self.changed + REST).min(self.by)
    }
}

impl Todo {
    /// Takes the first box that is ready; else says when to look again, if any waits.
    fn take(&mut self, now: Instant) -> Next {
        while let Some((at, id)) = self.order.first().copied() {
            if at > now {
                return Next::At(at);
            }
            self.order.pop_first();
            match self.due.get(&id).map(Due::ready) {
                Some(ready) if ready > now => {
                    self.order.insert((ready, id));
                }
                Some(_) => {
                    self.due.remove(&id);
                    return Next::Box(id);
                }
                None => {}
            }
        }
        Next::Nothing
    }
}

/// What the thread does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Box(BoxId),
    At(Instant),
    Nothing,
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
        let (mut todo, now) = (self.todo(), Instant::now());
        if let Some(due) = todo.due.get_mut(&id) {
            due.changed = now;
            return;
        }
        if todo.changes.len() >= COUNTED {
            todo.changes.clear();
        }
        let count = todo.changes.entry(id).or_default();
        *count = count.saturating_add(changes);
        if *count >= self.after {
            todo.changes.remove(&id);
            self.due(&mut todo, id, now);
        }
    }

    /// The summary of the box is to be renewed: too much happened since.
    pub(crate) fn ask(&self, id: BoxId) {
        self.due(&mut self.todo(), id, Instant::now());
    }

    /// Ends the thread after what it is doing.
    pub(crate) fn stop(&self) {
        self.todo().stop = true;
        self.wake.notify_all();
    }

    fn due(&self, todo: &mut Todo, id: BoxId, now: Instant) {
        if todo.due.len() < COUNTED && !todo.due.contains_key(&id) {
            let due = Due { by: now + AT_LATEST, changed: now };
            todo.order.insert((due.ready(), id));
            todo.due.insert(id, due);
            self.wake.notify_one();
        }
    }

    /// Waits for the next box; none when the store closes.
    fn next(&self) -> Option<BoxId> {
        let mut todo = self.todo();
        while !todo.stop {
            let now = Instant::now();
            todo = match todo.take(now) {
                Next::Box(id) => return Some(id),
                Next::At(at) => {
                    let waited = self.wake.wait_timeout(todo, at - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                Next::Nothing => self.wake.wait(todo).unwrap_or_else(PoisonError::into_inner),
            };
        }
        None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_renewed_once_it_rests_or_at_the_latest() {
        let summaries = Summaries::new(10);
        let (busy, calm) = (BoxId(1), BoxId(2));
        summaries.changed(busy, 9);
        assert_eq!(summaries.todo().take(Instant::now() + AT_LATEST), Next::Nothing, "too little happened");
        summaries.changed(busy, 1);
        summaries.ask(calm);
        let mut todo = summaries.todo();
        let start = todo.due[&calm].changed;
        assert_eq!(todo.take(start), Next::At(todo.due[&busy].ready()), "both may change again at once");
        // As if it went on changing all the time.
        todo.due.get_mut(&busy).unwrap().changed = start + AT_LATEST;
        assert_eq!(todo.take(start + REST), Next::Box(calm));
        let by = todo.due[&busy].by;
        assert_eq!(todo.take(start + REST), Next::At(by));
        assert_eq!(todo.take(by), Next::Box(busy));
        assert_eq!(todo.take(by), Next::Nothing);
    }
}
