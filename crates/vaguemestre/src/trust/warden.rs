//! Who looks after the trust space while the daemon runs: looks at its files again, tells each change and each alarm once,
//! and knows whether we are listed ourselves (M-12).
//!
//! May use `pki`. Must never look at files where mail waits: looking blocks.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use mssante::{Domain, dn::DistinguishedName};
use pki::{Refreshed, TrustSpace, TrustStatus};
use store::Clock;
use tokio::{task, time};
use tracing::{error, info, warn};

/// The warden of one trust space.
pub(crate) struct Warden {
    space: TrustSpace,
    clock: Arc<dyn Clock>,
    /// The name that other operators see.
    own: DistinguishedName,
    /// The domains that it must be listed for.
    domains: Vec<Domain>,
    /// Alarms that were told and still hold.
    told: Mutex<BTreeSet<String>>,
}

impl Warden {
    /// Of `space`, for the operator whose certificate has the name `own` and whose domains these are.
    pub(crate) fn new(
        space: TrustSpace,
        clock: Arc<dyn Clock>,
        own: DistinguishedName,
        domains: Vec<Domain>,
    ) -> Self {
        Self { space, clock, own, domains, told: Mutex::default() }
    }

    /// The space that is looked after.
    pub(crate) fn space(&self) -> &TrustSpace {
        &self.space
    }

    /// How it stands at `now`, our own rows included.
    pub(crate) fn status(&self, now: Timestamp) -> TrustStatus {
        let mut status = self.space.status(now);
        if status.configured {
            status.alarms.extend(self.unlisted());
        }
        status
    }

    /// Looks at the files again, and tells what changed. Blocks.
    pub(crate) fn refresh(&self) -> Refreshed {
        let now = self.clock.now();
        let mut refreshed = self.space.refresh(now);
        for note in &refreshed.notes {
            info!("trust space: {note}");
        }
        refreshed.alarms = self.status(now).alarms;
        self.tell(&refreshed.alarms);
        refreshed
    }

    /// Tells the alarms that hold since the last time, and those that are over.
    pub(crate) fn tell(&self, alarms: &[String]) {
        let now: BTreeSet<_> = alarms.iter().cloned().collect();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for alarm in now.difference(&told) {
            warn!("trust space: {alarm}");
        }
        for over in told.difference(&now) {
            info!("trust space: no longer so: {over}");
        }
        *told = now;
    }

    /// Looks again each `interval`, for as long as it is polled.
    pub(crate) async fn watch(self: Arc<Self>, interval: Duration) {
        let mut ticks = time::interval(interval);
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        // The first tick is at once, and everything was read at the start.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let warden = Arc::clone(&self);
            if let Err(error) = task::spawn_blocking(move || warden.refresh()).await {
                error!(%error, "the trust space could not be looked at; what was in force stays");
            }
        }
    }

    /// Our domains for which the list in force does not name us: other operators refuse what comes from them.
    fn unlisted(&self) -> Vec<String> {
        let trust = self.space.current();
        let Some(list) = trust.list() else { return Vec::new() };
        let mut unlisted =
            self.domains.iter().filter(|domain| !list.speaks_for(&self.own, domain)).peekable();
        if unlisted.peek().is_none() {
            return Vec::new();
        }
        let text = |domain: &Domain| {
            format!(
                "our certificate ({}) is not listed for our domain {domain}: other operators refuse its mail; have the \
                 agency list it, or correct [operator] mssante_domains (M-12)",
                self.own
            )
        };
        unlisted.map(text).collect()
    }
}
