//! How the daemon fares: since when, how many sessions, what the store counts, until when the certificate holds.

use std::{process, sync::Arc};

use jiff::Timestamp;
use store::{Kind, Reader, Retention};

use super::{Answered, Office};
use crate::{
    control::protocol::{Answer, CertificateView, ListenerView, StatusView},
    listeners::Door,
    postmaster,
};

/// What the status and the figures tell of the daemon itself.
pub(crate) struct House {
    pub(crate) started: Timestamp,
    pub(crate) doors: Vec<Arc<Door>>,
    /// What mail clients see.
    pub(crate) certificate: Certificate,
    /// What other operators see, where there is a trust space.
    pub(crate) relay_certificate: Option<Certificate>,
}

/// What a certificate of ours says just now: it changes when its files do.
pub(crate) type Certificate = Box<dyn Fn() -> pki::Description + Send + Sync>;

impl House {
    /// Every certificate with who sees it.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = (&'static str, pki::Description)> {
        let relay = self.relay_certificate.iter().map(|certificate| ("operators", certificate()));
        std::iter::once(("clients", (self.certificate)())).chain(relay)
    }
}

impl Office {
    pub(super) async fn status(&self) -> Answered {
        let now = self.clock.now();
        let trust = self.warden.status(now);
        let domains = self.mssante_domains().to_vec();
        let looked = move |reader: &Reader<'_>| {
            let kept = retention_alarms(&reader.retention()?);
            Ok((reader.queue_size()?, postmaster::missing(reader, &domains)?, kept))
        };
        let (queue, postmasters, kept) = self.store.read(looked).await?;
        let House { started, doors, certificate, relay_certificate } = self.house.as_ref();
        let listeners = doors.iter().map(|door| ListenerView {
            service: door.service.key().to_owned(),
            address: door.address.to_string(),
            sessions: door.sessions(),
            sessions_limit: door.limit,
        });
        Ok(Answer::Status(Box::new(StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            operator: self.operator.name.clone(),
            hostname: self.operator.hostname.clone(),
            demonstration: self.store.kind() == Kind::Demonstration,
            process: process::id(),
            started: *started,
            uptime_seconds: u64::try_from(now.duration_since(*started).as_secs()).unwrap_or(0),
            listeners: listeners.collect(),
            certificate: view(&certificate(), now),
            relay_certificate: relay_certificate.as_ref().map(|certificate| view(&certificate(), now)),
            queue,
            list_age_seconds: trust.list.map(|list| list.age_seconds),
            alarms: self
                .store
                .alarms()
                .into_iter()
                .chain(trust.alarms)
                .chain(postmasters)
                .chain(kept)
                .collect(),
            store: serde_json::to_value(self.store.statistics()).unwrap_or_default(),
        })))
    }
}

/// What somebody must do so that retention is kept (S-4.3).
fn retention_alarms(known: &Retention) -> Vec<String> {
    let held =
        "the clock leapt and nothing is erased: check the machine's time, then `vaguemestre clock accept`";
    let held = known.held.then(|| held.to_owned());
    let faults = known.proof.as_ref().filter(|proof| !proof.faults.is_empty());
    let faults = faults.map(|_| "retention is not kept: see `vaguemestre retention show`".to_owned());
    held.into_iter().chain(faults).collect()
}

fn view(certificate: &pki::Description, now: Timestamp) -> CertificateView {
    CertificateView {
        subject: certificate.subject.clone(),
        names: certificate.names.clone(),
        not_after: certificate.not_after,
        days_left: certificate.days_left(now),
    }
}
