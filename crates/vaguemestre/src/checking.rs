//! `check-config`: everything that `serve` would find wrong with the files that the configuration names, and what would be
//! an alarm, before it is started.
//!
//! Reads files. Must never change one, nor listen on anything.

use std::sync::Arc;

use jiff::Timestamp;
use pki::{Authorities, ServerTls, TrustSpace};
use serde_json::{Value, json};
use store::SystemClock;
use tempfile::TempDir;

use crate::{
    config::{Connector, Settings, Trust},
    exit::Failure,
    opening, print, rooms,
    trust::{self, Warden},
};

/// Checks what `settings` name as of `now`, and prints what was found.
///
/// # Errors
/// What keeps the daemon, or every exchange with other operators, from working.
pub(crate) fn check(settings: &Settings, now: Timestamp, as_json: bool) -> Result<(), Failure> {
    let access = opening::certificate(&settings.tls)?;
    access.check_dates(now).map_err(|error| Failure::failed(format!("[tls]: {error}")))?;
    opening::master_key(&settings.store.master_key)?;
    rooms::smart_host(settings, &access)?;
    opening::signer(settings)?;
    if !settings.listeners.imap_plain.is_empty() {
        let found = store::check_upgrade(&settings.store.directory)
            .map_err(|error| Failure::failed(format!("[listeners] imap_plain: whose store? {error}")))?;
        opening::refuse_clear_text(found.kind, settings)?;
    }
    let mut warnings = soon("the certificate", &access, now);
    warnings.extend(other_name(settings, "the certificate", &access));
    let mut facts = json!({
        "hostname": settings.operator.hostname,
        "certificate": certificate(&access, now),
        "listeners": listeners(settings),
        "connectors": connectors(settings),
        "smart_host": settings.smart_host.as_ref().map(|found| found.host.to_string()),
        "store": settings.store.directory,
        "control": settings.control.socket,
    });
    if let Some(trust) = &settings.trust {
        let relay = relay_certificate(settings, now)?;
        if settings.relay.certificate != settings.tls.certificate {
            warnings.extend(soon("the relay's certificate", &relay, now));
            facts["relay_certificate"] = certificate(&relay, now);
        }
        warnings.extend(other_name(settings, "the relay's certificate", &relay));
        warnings.extend(alarms(settings, trust, &relay, now)?);
        facts["fetching"] = fetching(trust, &relay)?;
    }
    warnings.extend(opening::exposed_figures(settings));
    facts["warnings"] = json!(warnings);
    let text = if warnings.is_empty() {
        "the configuration and all files that it names are good"
    } else {
        "the configuration and the files that it names can be used, but see the warnings"
    };
    print::facts(text, &facts, as_json);
    Ok(())
}

fn listeners(settings: &Settings) -> Vec<Value> {
    let listeners = settings.listeners.all();
    listeners.map(|(service, address)| json!({ "service": service.key(), "address": address })).collect()
}

fn connectors(settings: &Settings) -> Vec<Value> {
    let listen = |connector: &Connector| connector.listen.iter().map(ToString::to_string).collect::<Vec<_>>();
    let connectors = settings.connectors.iter();
    let told = connectors.map(|connector| {
        let server = connector.server.as_ref().map(|server| server.host.to_string());
        json!({ "name": connector.name, "listen": listen(connector), "server": server })
    });
    told.collect()
}

fn certificate(tls: &ServerTls, now: Timestamp) -> Value {
    let certificate = tls.describe();
    json!({
        "subject": certificate.subject,
        "names": certificate.names,
        "not_after": certificate.not_after,
        "days_left": certificate.days_left(now),
    })
}

fn soon(what: &str, tls: &ServerTls, now: Timestamp) -> Vec<String> {
    let certificate = tls.describe();
    let text = || format!("{what} ends in {} days: order the next one", certificate.days_left(now));
    certificate.expires_soon(now).then(text).into_iter().collect()
}

/// Mail clients compare the name that they connect to, other operators what we call ourselves.
fn other_name(settings: &Settings, what: &str, tls: &ServerTls) -> Option<String> {
    let hostname = &settings.operator.hostname;
    let names = tls.describe().names;
    let text = || {
        format!(
            "{what} does not bear the name {hostname} ([operator] hostname), only {}: clients that connect to that name \
             warn their users",
            names.join(", ")
        )
    };
    (!names.iter().any(|name| bears(name, hostname))).then(text)
}

/// Whether a name of a certificate stands for this host (RFC 9525 §6.3): a wildcard for one label.
fn bears(name: &str, hostname: &str) -> bool {
    let rest = || hostname.split_once('.').map(|(_, rest)| rest);
    match name.strip_prefix("*.") {
        Some(domain) => rest().is_some_and(|rest| rest.eq_ignore_ascii_case(domain)),
        None => name.eq_ignore_ascii_case(hostname),
    }
}

/// What the daemon would fetch, and from where.
fn fetching(trust: &Trust, relay: &ServerTls) -> Result<Value, Failure> {
    let failed = |error: String| Failure::failed(format!("[trust]: {error}"));
    let fetching = &trust.fetching;
    let settings = trust::space_settings(trust);
    if let Some(anchors) = &fetching.list_anchors {
        Authorities::load(anchors, None).map_err(|error| failed(format!("list_anchors: {error}")))?;
    }
    let authorities = Authorities::load(&settings.roots, settings.authorities.as_deref())
        .map_err(|error| failed(error.to_string()))?;
    let named = fetching.crls.then(|| authorities.crl_points(&relay.chain()));
    let named = named.into_iter().flatten().map(|point| point.url);
    let crls: Vec<_> = named.chain(fetching.crl_urls.iter().map(ToString::to_string)).collect();
    Ok(json!({
        "list": fetching.list_url.as_ref().map(ToString::to_string),
        "crls": if fetching.crls { crls } else { Vec::new() },
        "proxy": fetching.proxy.as_ref().map(ToString::to_string),
        "signers": settings.with_kept_signers().signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}

/// The certificate that other operators are shown: they refuse one that is no client's, or past its dates.
fn relay_certificate(settings: &Settings, now: Timestamp) -> Result<ServerTls, Failure> {
    let relay = trust::relay_certificate(settings)?;
    relay
        .check_relay()
        .and_then(|()| relay.check_dates(now))
        .map_err(|error| Failure::failed(format!("[relay]: {error}")))?;
    Ok(relay)
}

/// What the daemon would raise at its start, with these files and with what it kept: on a copy, its state is left alone.
fn alarms(
    settings: &Settings,
    trust: &Trust,
    relay: &ServerTls,
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let failed = |error: String| Failure::failed(format!("[trust]: {error}"));
    let state = TempDir::new().map_err(|error| failed(format!("no temporary directory: {error}")))?;
    let space = trust::space_settings(trust).on_a_copy(state.path());
    let space = space.map_err(|error| failed(format!("no temporary directory: {error}")))?;
    let space = TrustSpace::open(space, now).map_err(|error| failed(error.to_string()))?;
    let domains = settings.operator.mssante_domains.clone();
    let own = relay.clone();
    Ok(Warden::new(space, Arc::new(SystemClock), move || own.name(), domains).status(now).alarms)
}

#[cfg(test)]
mod tests;
