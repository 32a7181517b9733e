//! How the daemon fares: since when, how many sessions, what the store counts, until when the certificate holds.

use std::{process, sync::Arc};

use jiff::Timestamp;
use store::Kind;

use super::Office;
use crate::{
    control::protocol::{CertificateView, ListenerView, StatusView},
    listeners::Door,
};

/// What the status tells of the daemon itself.
pub(crate) struct House {
    pub(crate) started: Timestamp,
    pub(crate) doors: Vec<Arc<Door>>,
    pub(crate) certificate: pki::Description,
}

impl Office {
    pub(super) fn status(&self) -> StatusView {
        let now = self.clock.now();
        let House { started, doors, certificate } = &self.house;
        let listeners = doors.iter().map(|door| ListenerView {
            service: door.service.key().to_owned(),
            address: door.address.to_string(),
            sessions: door.sessions(),
            sessions_limit: door.limit,
        });
        StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            operator: self.operator.name.clone(),
            hostname: self.operator.hostname.clone(),
            demonstration: self.store.kind() == Kind::Demonstration,
            process: process::id(),
            started: *started,
            uptime_seconds: u64::try_from(now.duration_since(*started).as_secs()).unwrap_or(0),
            listeners: listeners.collect(),
            certificate: CertificateView {
                subject: certificate.subject.clone(),
                names: certificate.names.clone(),
                not_after: certificate.not_after,
                days_left: certificate.days_left(now),
            },
            store: serde_json::to_value(self.store.statistics()).unwrap_or_default(),
        }
    }
}
