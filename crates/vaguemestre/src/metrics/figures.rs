//! The figures themselves, gathered anew at each scrape from those who know them.
//!
//! May read the store, the trust space and the doors. Must never keep a figure of its own: two truths would part.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use delivery::{
    RelayStatistics, Scanner,
    limits::{Class, Limits, What},
};
use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};
use store::{Clock, Store, StoreError};

use super::{Tally, queue};
use crate::{config::Service, control::office::House, listeners::Turned, trust::Warden};

/// Everything that is counted.
pub(crate) struct Figures {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) house: Arc<House>,
    pub(crate) warden: Arc<Warden>,
    pub(crate) outbound: Arc<RelayStatistics>,
    /// The antivirus, if there is one.
    pub(crate) scanner: Option<Arc<Scanner>>,
    pub(crate) limits: Arc<Limits>,
    /// What ended SMTP sessions did, by service.
    pub(crate) tallies: Vec<(Service, Arc<Tally>)>,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(super) enum FiguresError {
    #[error("the queue cannot be read: {0}")]
    Queue(#[from] StoreError),
    #[error("the figures cannot be written: {0}")]
    Write(#[from] fmt::Error),
}

/// Label values are few and known beforehand: listeners, certificates, authorities.
pub(super) type Labels = Vec<(&'static str, String)>;

pub(super) type Fractions = Gauge<f64, AtomicU64>;

impl Figures {
    /// The figures of this moment as OpenMetrics text.
    pub(super) async fn text(&self) -> Result<String, FiguresError> {
        let mut registry = Registry::with_prefix("vaguemestre");
        self.daemon(&mut registry);
        self.doors(&mut registry);
        self.messages(&mut registry);
        self.limited(&mut registry);
        queue::relayed(&self.outbound, &mut registry);
        self.scanned(&mut registry);
        self.stored(&mut registry);
        queue::waiting(&self.store, self.warden.space(), self.clock.now(), &mut registry).await?;
        self.retention(&mut registry).await?;
        self.trust(&mut registry);
        let mut text = String::new();
        text::encode(&mut text, &registry)?;
        Ok(text)
    }

    /// Why the store takes no new mail now, if it takes none.
    pub(super) fn refuses_mail(&self) -> Option<StoreError> {
        self.store.takes_mail().err()
    }

    fn daemon(&self, registry: &mut Registry) {
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        registry.register("build", "The program", Info::new(version));
        let now = self.clock.now();
        gauge(
            registry,
            "uptime_seconds",
            "Time since the start",
            now.duration_since(self.house.started).as_secs(),
        );
        let days = Family::<Labels, Gauge>::default();
        for (shown, certificate) in self.house.certificates() {
            days.get_or_create(&vec![("shown", shown.to_owned())]).set(certificate.days_left(now));
        }
        let help = "Days until a certificate of this server ends, negative when it has";
        registry.register("certificate_days_left", help, days);
    }

    fn doors(&self, registry: &mut Registry) {
        let (open, most) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
        for door in &self.house.doors {
            let labels =
                || vec![("listener", door.service.key().to_owned()), ("address", door.address.to_string())];
            open.get_or_create(&labels()).set(signed(door.sessions()));
            most.get_or_create(&labels()).set(signed(door.limit));
        }
        registry.register("sessions", "Sessions now", open);
        registry.register("sessions_limit", "Sessions at once at most", most);
        let turned = Family::<Labels, Counter>::default();
        for door in &self.house.doors {
            for why in Turned::ALL {
                let labels = vec![
                    ("listener", door.service.key().to_owned()),
                    ("address", door.address.to_string()),
                    ("why", why.as_str().to_owned()),
                ];
                turned.get_or_create(&labels).inc_by(door.turned_away(why));
            }
        }
        registry.register("connections_refused", "Connections turned away before a session", turned);
    }

    fn messages(&self, registry: &mut Registry) {
        let [sessions, accepted, refused] = std::array::from_fn(|_| Family::<Labels, Counter>::default());
        for (service, tally) in &self.tallies {
            let labels = vec![("listener", service.key().to_owned())];
            sessions.get_or_create(&labels).inc_by(tally.sessions());
            accepted.get_or_create(&labels).inc_by(tally.accepted());
            refused.get_or_create(&labels).inc_by(tally.refused());
        }
        registry.register("smtp_sessions", "SMTP sessions that ended", sessions);
        registry.register("messages_accepted", "Messages answered 250, in sessions that ended", accepted);
        registry.register("messages_refused", "Messages refused, in sessions that ended", refused);
        let ends = Family::<Labels, Counter>::default();
        for (service, tally) in &self.tallies {
            for (end, count) in tally.ends() {
                let labels = vec![("listener", service.key().to_owned()), ("end", end.to_owned())];
                ends.get_or_create(&labels).inc_by(count);
            }
        }
        registry.register("smtp_sessions_ended", "SMTP sessions by how they ended", ends);
    }

    fn limited(&self, registry: &mut Registry) {
        let limited = Family::<Labels, Counter>::default();
        for class in Class::ALL {
            for what in What::ALL {
                let labels = vec![("who", class.as_str().to_owned()), ("limit", what.as_str().to_owned())];
                limited.get_or_create(&labels).inc_by(self.limits.refused(class, what));
            }
        }
        registry.register(
            "limited",
            "Messages and recipients refused for an hour's worth being done",
            limited,
        );
        let strangers = "Refusals of operators that are not known";
        counter(registry, "strangers_refused", strangers, self.limits.strangers.refused());
    }

    fn scanned(&self, registry: &mut Registry) {
        let Some(figures) = self.scanner.as_ref().map(|scanner| scanner.statistics()) else { return };
        let verdicts = Family::<Labels, Counter>::default();
        for (verdict, count) in
            [("clean", figures.clean()), ("infected", figures.infected()), ("unscanned", figures.unscanned())]
        {
            verdicts.get_or_create(&vec![("verdict", verdict.to_owned())]).inc_by(count);
        }
        registry.register("scanned", "Messages that the antivirus judged, or could not", verdicts);
    }

    fn stored(&self, registry: &mut Registry) {
        let figures = self.store.statistics();
        counter(registry, "commits", "Synced commits of the store", figures.commits);
        counter(registry, "operations", "Operations made durable by them", figures.operations);
        counter(registry, "messages_stored", "Messages put in boxes, one a copy", figures.messages);
        counter(registry, "messages_erased", "Messages erased from boxes after their time", figures.erased);
        gauge(registry, "operations_waiting", "Operations waiting for a commit", unsigned(figures.waiting));
        gauge(registry, "engine_memory_bytes", "Memory of the engine", unsigned(figures.engine_memory));
        gauge(registry, "live_bytes", "Live data, as the engine estimates it", unsigned(figures.live_bytes));
        gauge(
            registry,
            "shedding",
            "1 while the store takes nothing for a moment",
            i64::from(figures.shedding),
        );
        gauge(registry, "disk_free_bytes", "Room on the store's disk", unsigned(figures.disk_free));
        let full = "1 while the store's disk is almost full and no new mail is taken";
        gauge(registry, "disk_full", full, i64::from(figures.disk_full));
        let damaged = "Files of the store that are damaged; while there are any, no new mail is taken";
        gauge(registry, "damaged_files", damaged, unsigned(figures.damaged_files));
    }

    async fn retention(&self, registry: &mut Registry) -> Result<(), FiguresError> {
        let known = self.store.read(|reader: &store::Reader<'_>| reader.retention()).await?;
        let erased = "Start of the newest day of reception that is erased, seconds since 1970; 0 if none is";
        let start = known.erased_through.start().as_second();
        gauge(registry, "retention_erased_through_seconds", erased, start);
        let oldest = "Start of the oldest day of which messages are kept, seconds since 1970; 0 if none are";
        let start = known.oldest_kept.map_or(0, |day| day.start().as_second());
        gauge(registry, "retention_oldest_kept_seconds", oldest, start);
        let held = "1 while the clock is not believed and nothing is erased";
        gauge(registry, "retention_held", held, i64::from(known.held));
        let faults = known.proof.map_or(0, |proof| proof.faults.len());
        gauge(registry, "retention_faults", "What the latest proof of retention found wrong", signed(faults));
        Ok(())
    }

    fn trust(&self, registry: &mut Registry) {
        let now = self.clock.now();
        let status = self.warden.status(now);
        if !status.configured {
            return;
        }
        gauge(
            registry,
            "trust_alarms",
            "What somebody must look at: see trust status",
            signed(status.alarms.len()),
        );
        let stopped = i64::from(status.stopped.is_some());
        gauge(registry, "trust_stopped", "1 while nothing is exchanged with other operators", stopped);
        if let Some(list) = &status.list {
            let age = "Time since the white list was confirmed";
            gauge(registry, "trust_list_age_seconds", age, list.age_seconds);
            gauge(registry, "trust_list_rows", "Rows of the white list", signed(list.counts.rows));
        }
        let failing = status.sources.iter().filter(|source| source.error.is_some()).count();
        let help = "Hosts of lists whose last answer was of no use: see trust status";
        gauge(registry, "trust_sources_failing", help, signed(failing));
        let left = Family::<Labels, Gauge>::default();
        for crl in &status.crls {
            if let Some(next) = crl.next_update {
                let part = crl.part.iter().map(|part| ("part", part.clone()));
                let labels = std::iter::once(("issuer", crl.issuer.clone())).chain(part).collect();
                left.get_or_create(&labels).set(next.duration_since(now).as_secs());
            }
        }
        let help = "Time until an authority's next revocation list, negative when it is late";
        registry.register("trust_crl_seconds_left", help, left);
    }
}

pub(super) fn gauge(registry: &mut Registry, name: &str, help: &str, value: i64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

pub(super) fn fraction(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Fractions::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

pub(super) fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter = Counter::<u64>::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
