//! When the queue is looked at, and what is taken from it: what is due, in bounded pages, whenever something was added, is due, or room
//! was made. While there is no white list to believe, nothing is sent and everything waits (M-1), but for what has waited too long.
//!
//! May use: the store's queue, lanes. Must never touch: peers; workers do.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use pki::Distrust;
use smtp::Stop;
use store::{QueueId, Queued, StoreError};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    Shared,
    attempt::{Attempt, What},
    lanes::Mark,
    settle, worker,
};

/// Entries that were committed out of order of their times lie at most so far behind the last one seen.
const OVERLAP: SignedDuration = SignedDuration::from_secs(5);

/// Pages that one look reads of what is new, or was left for want of room.
const PAGES: usize = 25;

/// Pages that one look reads beyond what fills the lanes, so that nobody is forgotten behind a domain with much mail.
const FAR_PAGES: usize = 5;

/// What looks at the queue.
pub(super) struct Scheduler {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
    /// Up to where due entries were offered to the lanes.
    mark: Option<Mark>,
    /// The first that was left for want of room.
    left: Option<Mark>,
    /// Up to where entries behind that one were offered again.
    far: Option<Mark>,
    /// The last look did not come to the end.
    more: bool,
    /// When the whole queue is looked at again.
    rescan: Instant,
    /// Why nothing is sent, once it was said.
    alarm: Option<&'static str>,
}

impl Scheduler {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (workers, rescan) = (JoinSet::new(), Instant::now());
        Self { shared, workers, mark: None, left: None, far: None, more: false, rescan, alarm: None }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<Stop>) {
        let mut changes = self.shared.store.watch_queue();
        loop {
            changes.mark_unchanged();
            if let Err(error) = self.look().await {
                tracing::error!(%error, "the queue cannot be read: trying again");
            }
            let wait = self.next_look().await;
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

    /// One look: takes what is due and sets workers to it.
    async fn look(&mut self) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        let trust = self.shared.trust.current();
        if let Err(distrust) = trust.relaying(now) {
            return self.hold(&distrust, now).await;
        }
        if self.alarm.take().is_some() {
            tracing::info!("a white list is in force: relaying goes on");
            self.mark = None;
        }
        if Instant::now() >= self.rescan {
            self.mark = None;
            self.rescan = Instant::now() + self.shared.settings.rescan;
        }
        self.take(now).await?;
        for lane in self.shared.lanes.hire() {
            self.workers.spawn(worker::work(Arc::clone(&self.shared), lane));
        }
        Ok(())
    }

    /// Offers to the lanes what is due: what is new, and, once there is room again, what was left.
    async fn take(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let (mark, ended) = self.walk(now, self.mark, PAGES, false).await?;
        self.more = !ended;
        let recent = now.saturating_sub(OVERLAP).unwrap_or(Timestamp::MIN);
        self.mark = if ended { mark.map(|mark| mark.min((recent, QueueId::new(0)))) } else { mark };
        if !self.shared.lanes.room() {
            return Ok(());
        }
        let Some((due, id)) = self.left.take() else { return Ok(()) };
        let before = QueueId::new(id.get().saturating_sub(1));
        let (near, ended) = self.walk(now, Some((due, before)), PAGES, true).await?;
        if ended {
            self.far = None;
            return Ok(());
        }
        self.left = self.left.or(near);
        let (far, ended) = self.walk(now, self.far.max(near), FAR_PAGES, false).await?;
        self.far = far.filter(|_| !ended);
        Ok(())
    }

    /// Offers up to `pages` pages behind `mark`, only as long as something is taken if so asked. Gives where it came to, and whether
    /// that is the end.
    async fn walk(
        &mut self,
        now: Timestamp,
        mut mark: Option<Mark>,
        pages: usize,
        while_taken: bool,
    ) -> Result<(Option<Mark>, bool), StoreError> {
        for _ in 0..pages {
            let page = self.page(now, mark).await?;
            let Some(last) = page.last().map(|entry| (entry.due, entry.id)) else { return Ok((mark, true)) };
            let count = page.len();
            let added = self.shared.lanes.add(page);
            self.left = self.left.into_iter().chain(added.left).min();
            mark = Some(last);
            if added.full || count < self.shared.settings.page {
                return Ok((mark, true));
            }
            if while_taken && added.taken == 0 && added.left.is_some() {
                break;
            }
        }
        Ok((mark, false))
    }

    async fn page(&self, now: Timestamp, after: Option<Mark>) -> Result<Vec<Queued>, StoreError> {
        let most = self.shared.settings.page;
        self.shared.store.read(move |reader| reader.queue_due(now, after, most)).await
    }

    /// Nothing is sent. What is over its time, or late enough for its sender to hear of it, is settled all the same.
    async fn hold(&mut self, distrust: &Distrust, now: Timestamp) -> Result<(), StoreError> {
        let size = |reader: &store::Reader<'_>| reader.queue_size();
        let waiting = self.shared.store.read(size).await?;
        if self.alarm.replace(distrust.reason()) != Some(distrust.reason()) && waiting > 0 {
            tracing::error!(reason = distrust.reason(), %distrust, waiting, "nothing is relayed: everything waits");
        }
        let attempt = Attempt::nowhere(What::from(distrust));
        let mut after = None;
        loop {
            let page = self.page(now, after).await?;
            after = page.last().map(|entry| (entry.due, entry.id));
            let count = page.len();
            for entry in page.into_iter().filter(|entry| self.is_late(entry, now)) {
                settle::settle(&self.shared, vec![(entry, attempt.clone())]).await;
            }
            if count < self.shared.settings.page {
                return Ok(());
            }
        }
    }

    fn is_late(&self, entry: &Queued, now: Timestamp) -> bool {
        let notice = entry.queued.saturating_add(self.shared.settings.delay_notice);
        now >= entry.expires || (!entry.delay_told && notice.is_ok_and(|notice| now >= notice))
    }

    /// How long nothing is due.
    async fn next_look(&self) -> Duration {
        let rescan = self.shared.settings.rescan;
        let now = self.shared.clock.now();
        let horizon = now.saturating_add(rescan).unwrap_or(Timestamp::MAX);
        let after = Some((now, QueueId::new(u64::MAX)));
        let next = self.shared.store.read(move |reader| reader.queue_due(horizon, after, 1)).await;
        let due = next.ok().and_then(|found| found.first().map(|entry| entry.due));
        let wait = due.and_then(|due| Duration::try_from(due.duration_since(now)).ok()).unwrap_or(rescan);
        if self.more { Duration::ZERO } else { wait.min(rescan) }
    }

    /// Lets messages on their way arrive, within bounds.
    async fn stop(mut self) {
        self.shared.lanes.close();
        let ending = async { while self.workers.join_next().await.is_some() {} };
        if timeout(self.shared.settings.stop_grace, ending).await.is_err() {
            tracing::warn!(
                entries = self.shared.lanes.claimed(),
                "messages on their way are broken off: they stay queued"
            );
        }
        self.workers.shutdown().await;
    }
}

fn fell(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a worker of the relay fell: its message stays queued");
    }
}
