//! The trust space in this program: opened as the configuration says, looked after while the daemon runs, examined offline.
//!
//! What is trusted is decided in `pki`; `warden` asks it to look again and tells what changed, `check` answers
//! `trust check`. Must never read a certificate or a list itself.

mod check;
#[cfg(test)]
pub(crate) mod samples;
mod warden;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pki::{ServerTls, TrustSettings, TrustSpace};

use crate::{
    config::{Environment, Settings, Trust},
    exit::Failure,
};

pub(crate) use self::{check::check, warden::Warden};

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
        ..TrustSettings::new(&trust.roots, &trust.crls, &trust.list, &trust.state)
    }
}

/// The configuration bounds durations to a year.
pub(crate) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
