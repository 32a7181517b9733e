//! The trust space in this program: opened as the configuration says, looked after while the daemon runs, examined offline.
//!
//! What is trusted is decided in `pki`; `warden` asks it to look again and tells what changed, `fetching` brings what hosts
//! publish, `check` answers `trust check`. Must never judge a certificate or a list itself.

mod check;
mod fetching;
#[cfg(test)]
pub(crate) mod samples;
mod warden;

use std::{path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use pki::{Refreshed, ServerTls, TrustSettings, TrustSpace};
use store::{Action, Clock, Outcome, Store, Trace, TraceId};
use tracing::warn;

use crate::{
    config::{Environment, Settings, Trust},
    exit::Failure,
};

pub(crate) use self::{
    check::check,
    fetching::{Bell, Courier},
    warden::{Certificates, Warden},
};

/// The trust space of these settings; one that trusts nobody where they have none. Blocks.
///
/// # Errors
/// The authorities cannot be read.
pub(crate) fn open(settings: &Settings, now: Timestamp) -> Result<TrustSpace, Failure> {
    match &settings.trust {
        Some(trust) => TrustSpace::open(space_settings(trust), now)
            .map_err(|error| Failure::failed(format!("[trust]: {error}"))),
        None => Ok(TrustSpace::closed()),
    }
}

/// The certificate and key that other operators are shown.
///
/// # Errors
/// What is wrong with the files, and where they are.
pub(crate) fn relay_certificate(settings: &Settings) -> Result<ServerTls, Failure> {
    let relay = &settings.relay;
    ServerTls::load(&relay.certificate, &relay.key)
        .map_err(|error| Failure::failed(format!("[relay]: {error}")))
}

/// The most domains of each kind that a trace names.
const TRACED_DOMAINS: usize = 50;

/// What a refresh changed, for a trace.
pub(crate) fn detail(refreshed: &Refreshed) -> Vec<(String, String)> {
    let mut detail = vec![("changed".to_owned(), refreshed.changed.to_string())];
    if let Some(changes) = &refreshed.changes {
        let rebound: Vec<_> = changes.rebound.iter().map(|rebound| rebound.domain.clone()).collect();
        let kinds = [("added", &changes.added), ("removed", &changes.removed), ("rebound", &rebound)];
        for (kind, domains) in kinds.into_iter().filter(|(_, domains)| !domains.is_empty()) {
            let named: Vec<_> = domains.iter().take(TRACED_DOMAINS).map(ToString::to_string).collect();
            detail.push((kind.to_owned(), format!("{}: {}", domains.len(), named.join(" "))));
        }
    }
    detail
}

/// Traces what changed without an administrator: a list that came into force by itself.
pub(crate) async fn trace_change(store: &Store, clock: &dyn Clock, refreshed: Refreshed) {
    if refreshed.changes.is_none() {
        return;
    }
    let at = clock.now();
    let trace = Trace {
        id: TraceId::new(at),
        at,
        action: Action::Trust,
        person: None,
        acting_as: None,
        peer: None,
        outcome: Outcome::Done,
        detail: detail(&refreshed),
    };
    if let Err(error) = store.trace(trace).await {
        warn!(%error, "a change of the white list could not be traced");
    }
}

/// The settings of `pki` that these are.
pub(crate) fn space_settings(trust: &Trust) -> TrustSettings {
    TrustSettings {
        environment: match trust.environment {
            Environment::Production => pki::Environment::Production,
            Environment::Test => pki::Environment::Test,
        },
        authorities: Some(trust.authorities.clone()),
        crl_grace: signed(trust.crl_grace),
        signers: trust.signers.clone(),
        signer_policies: trust.signer_policies.clone(),
        alarm_after: signed(trust.alarm_after),
        stop_after: signed(trust.stop_after),
        list_url: trust.fetching.list_url.as_ref().map(ToString::to_string),
        fetches_crls: trust.fetching.crls,
        ..TrustSettings::new(
            &trust.roots,
            &trust.crls,
            trust.list.as_deref().unwrap_or(Path::new("")),
            &trust.state,
        )
    }
}

/// The configuration bounds durations to a year.
pub(crate) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
