//! Who looks after the trust space while the daemon runs: looks at its files again, tells each change and each alarm once,
//! knows whether we are listed ourselves (M-12), and has our own certificates read again when their files change.
//!
//! May use `pki`, and the store for traces. Must never look at files where mail waits: looking blocks.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use mssante::{Domain, dn::DistinguishedName};
use pki::{Refreshed, ServerTls, SourceView, TrustSpace, TrustStatus};
use store::Clock;
use tokio::{task, time};
use tracing::{error, info, warn};

/// Our own certificates, with who sees them.
pub(crate) type Certificates = Vec<(&'static str, ServerTls)>;

/// The warden of one trust space.
pub(crate) struct Warden {
    space: TrustSpace,
    clock: Arc<dyn Clock>,
    /// The name that other operators see, as it is just now.
    own: Box<dyn Fn() -> DistinguishedName + Send + Sync>,
    /// The domains that it must be listed for.
    domains: Vec<Domain>,
    /// What is read again when its files change.
    certificates: Certificates,
    /// What is wrong with those files.
    unreadable: Mutex<Vec<String>>,
    /// How what is fetched fares.
    sources: Mutex<Vec<SourceView>>,
    /// Alarms that were told and still hold.
    told: Mutex<BTreeSet<String>>,
}

impl Warden {
    /// Of `space`, for the operator that others see under the name `own` and whose domains these are.
    pub(crate) fn new(
        space: TrustSpace,
        clock: Arc<dyn Clock>,
        own: impl Fn() -> DistinguishedName + Send + Sync + 'static,
        domains: Vec<Domain>,
    ) -> Self {
        Self {
            space,
            clock,
            own: Box::new(own),
            domains,
            certificates: Vec::new(),
            unreadable: Mutex::default(),
            sources: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// The same, which reads these certificates again when their files change.
    pub(crate) fn keeping(mut self, certificates: Certificates) -> Self {
        self.certificates = certificates;
        self
    }

    /// The space that is looked after.
    pub(crate) fn space(&self) -> &TrustSpace {
        &self.space
    }

    /// How it stands at `now`, our own rows and what is fetched included.
    pub(crate) fn status(&self, now: Timestamp) -> TrustStatus {
        let mut status = self.space.status(now);
        if status.configured {
            status.sources = held(&self.sources).clone();
            status.alarms.extend(status.sources.iter().filter_map(|source| failing(source, now)));
            status.alarms.extend(self.unlisted());
        }
        status.alarms.extend(held(&self.unreadable).iter().cloned());
        status
    }

    /// Keeps how what is fetched fares.
    pub(crate) fn note_sources(&self, sources: Vec<SourceView>) {
        *held(&self.sources) = sources;
    }

    /// Looks at the files again, and tells what changed. Blocks.
    pub(crate) fn refresh(&self) -> Refreshed {
        let mut refreshed = self.space.refresh(self.clock.now());
        refreshed.notes.extend(self.reread());
        self.report(refreshed)
    }

    /// Tells what changed, in the log; gives it with the alarms that hold now.
    pub(crate) fn report(&self, mut refreshed: Refreshed) -> Refreshed {
        for note in &refreshed.notes {
            info!("trust space: {note}");
        }
        refreshed.alarms = self.status(self.clock.now()).alarms;
        self.tell(&refreshed.alarms);
        refreshed
    }

    /// Tells the alarms that hold since the last time, and those that are over.
    pub(crate) fn tell(&self, alarms: &[String]) {
        let now: BTreeSet<_> = alarms.iter().cloned().collect();
        let mut told = held(&self.told);
        for alarm in now.difference(&told) {
            warn!("trust space: {alarm}");
        }
        for over in told.difference(&now) {
            info!("trust space: no longer so: {over}");
        }
        *told = now;
    }

    /// Looks again each `interval`, for as long as it is polled; `changed` is called with each change.
    pub(crate) async fn watch<F: Future<Output = ()>>(
        self: Arc<Self>,
        interval: Duration,
        changed: impl Fn(Refreshed) -> F,
    ) {
        let mut ticks = time::interval(interval);
        ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        // The first tick is at once, and everything was read at the start.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let warden = Arc::clone(&self);
            match task::spawn_blocking(move || warden.refresh()).await {
                Ok(refreshed) => changed(refreshed).await,
                Err(error) => {
                    error!(%error, "the trust space could not be looked at; what was in force stays");
                }
            }
        }
    }

    /// Shows certificates that were renewed; what became of each that changed.
    fn reread(&self) -> Vec<String> {
        let now = self.clock.now();
        let (mut notes, mut unreadable) = (Vec::new(), Vec::new());
        for (whom, certificate) in &self.certificates {
            match certificate.reread(now) {
                Ok(false) => {}
                Ok(true) => {
                    let shown = certificate.describe();
                    notes.push(format!(
                        "{whom} are shown another certificate from now on: {}, until {}",
                        shown.subject, shown.not_after
                    ));
                }
                Err(error) => {
                    unreadable.push(format!("the certificate shown to {whom} is the one of before: {error}"));
                }
            }
        }
        *held(&self.unreadable) = unreadable;
        notes
    }

    /// Our domains for which the list in force does not name us: other operators refuse what comes from them.
    fn unlisted(&self) -> Vec<String> {
        let trust = self.space.current();
        let Some(list) = trust.list() else { return Vec::new() };
        let own = (self.own)();
        let unlisted = self.domains.iter().filter(|domain| !list.speaks_for(&own, domain));
        let text = |domain: &Domain| {
            format!(
                "our certificate ({own}) is not listed for our domain {domain}: other operators refuse its mail; have the \
                 agency list it, or correct [operator] mssante_domains (M-12)"
            )
        };
        unlisted.map(text).collect()
    }
}

/// How often in a row a source fails before that is an alarm, and how long ago it was had at the most.
const FAILURES: u32 = 3;
const HAD_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// A host that fails now and then is no alarm: what is in force serves on, and its age has alarms of its own.
fn failing(source: &SourceView, now: Timestamp) -> Option<String> {
    let recent = source.succeeded.is_some_and(|at| now.duration_since(at) < HAD_WITHIN);
    let error = source.error.as_ref().filter(|_| source.failures >= FAILURES && !recent)?;
    let since = source.succeeded.map_or_else(|| "the start".to_owned(), |at| at.to_string());
    Some(format!("{} cannot be fetched since {since} from {}: {error}", source.what, source.url))
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
