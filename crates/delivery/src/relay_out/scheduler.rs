//! When the queue is looked at, and which lanes get a worker: whenever something was added, is due, or a worker left. While there is no
//! white list to believe, nothing is sent to other operators and everything waits (M-1), but for what has waited too long (`late`).
//!
//! May use: the store's queue, lanes. Must never touch: peers; workers do.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use pki::Distrust;
use smtp::Stop;
use store::StoreError;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Instant, sleep, timeout},
};

use super::{
    Shared,
    attempt::{Attempt, What},
    late::Late,
    worker,
};

/// How often lanes at work are read again in which nothing was found: their entries may have become due by time alone.
const AT_WORK: Duration = Duration::from_secs(1);

/// What looks at the queue.
pub(super) struct Scheduler {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
    /// When lanes are read again in which nothing was found.
    again: Instant,
    /// Why nothing is sent, once it was said.
    alarm: Option<&'static str>,
    late: Late,
}

impl Scheduler {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, workers: JoinSet::new(), again: Instant::now(), alarm: None, late: Late::default() }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<Stop>) {
        let mut changes = self.shared.store.watch_queue();
        loop {
            changes.mark_unchanged();
            let wait = match self.look().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "the queue cannot be read: trying again");
                    self.shared.settings.rescan
                }
            };
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop == Stop::Stop) => break,
                _ = changes.changed() => {}
                () = self.shared.lanes.wake.notified() => {}
                Some(ended) = self.workers.join_next() => fell(ended),
                () = sleep(wait) => {}
            }
            sleep(self.shared.settings.pause).await;
            while let Some(ended) = self.workers.try_join_next() {
                fell(ended);
            }
        }
        self.stop().await;
    }

    /// One look: sets workers to what is due. Gives how long nothing else is to be done.
    async fn look(&mut self) -> Result<Duration, StoreError> {
        let now = self.shared.clock.now();
        let again = Instant::now() >= self.again;
        let mut ready = self.shared.store.queue_ready(now);
        let mut most = self.shared.settings.rescan;
        match self.shared.trust.current().relaying(now) {
            Ok(()) => {
                if self.alarm.take().is_some() {
                    tracing::info!("a white list is in force: relaying goes on");
                    self.late = Late::default();
                }
            }
            Err(distrust) => {
                // other ways do not rest on the list
                ready.retain(|lane| !lane.id.is_of_peers());
                most = self.hold(&distrust, now).await?;
            }
        }
        let Shared { store, lanes, settings, .. } = self.shared.as_ref();
        lanes.look(&ready, again, now);
        for lane in lanes.hire(&ready, now) {
            self.workers.spawn(worker::work(Arc::clone(&self.shared), lane));
        }
        let pause =
            if lanes.workers() > 0 { AT_WORK.min(settings.rescan) } else { settings.rescan }.min(most);
        let next_again = Instant::now() + pause;
        self.again = if again { next_again } else { self.again.min(next_again) };
        let next = [store.queue_next_due(now), lanes.next_probe(now)].into_iter().flatten().min();
        let due = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
        Ok(due.map_or(pause, |due| due.min(pause)))
    }

    /// Nothing is sent to other operators. What is over its time, or late enough for its sender to hear of it, is settled all the same.
    async fn hold(&mut self, distrust: &Distrust, now: Timestamp) -> Result<Duration, StoreError> {
        let size = |reader: &store::Reader<'_>| reader.queue_size();
        let waiting = self.shared.store.read(size).await?;
        if self.alarm.replace(distrust.reason()) != Some(distrust.reason()) && waiting > 0 {
            tracing::error!(reason = distrust.reason(), %distrust, waiting, "nothing is relayed: everything waits");
        }
        let attempt = Attempt::nowhere(What::from(distrust));
        self.late.step(&self.shared, &attempt, now).await
    }

    /// Lets messages on their way arrive, within bounds.
    async fn stop(mut self) {
        self.shared.lanes.close();
        let ending = async { while self.workers.join_next().await.is_some() {} };
        if timeout(self.shared.settings.stop_grace, ending).await.is_err() {
            let entries = self.shared.lanes.in_memory();
            tracing::warn!(entries, "messages on their way are broken off: they stay queued");
        }
        self.workers.shutdown().await;
    }
}

fn fell(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a worker of the relay fell: its message stays queued");
    }
}
