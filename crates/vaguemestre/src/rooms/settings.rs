//! The configuration in the words of each room.
//!
//! Pure translation. Must never hold a default: those are the rooms' and the configuration's own.

use std::{collections::HashMap, sync::Arc};

use delivery::{
    Connector, Connectors, Deliver, LocalUser, RelaySettings, Route,
    limits::{Allowance, LimitSettings},
};
use mssante::route::RouteSettings;

use crate::{
    config::{self, Hourly, Protocol, Settings, TlsMode, Unsecured, Who},
    trust::signed,
};

pub(super) fn delivery(settings: &Settings) -> delivery::Settings {
    let route = RouteSettings {
        test_identities: settings.patients.test_identities,
        patient_domain: settings.patients.domain.clone(),
        patient_robots: settings.patients.robots.clone(),
    };
    delivery::Settings {
        message_bytes: encoded(settings.limits.attachments),
        attachment_bytes: settings.limits.attachments,
        queue_lifetime: signed(settings.queue.lifetime),
        connectors: connectors(settings),
        secure_structures: settings.operator.secure_structures.clone(),
        smart_host: settings.smart_host.is_some(),
        refuse_ended: settings.patients.refuse_ended,
        zone: settings.operator.time_zone.clone(),
        limits: Arc::new(delivery::limits::Limits::new(limits(&settings.limits))),
        ..delivery::Settings::new(
            &settings.operator.hostname,
            settings.operator.mssante_domains.clone(),
            route,
        )
    }
}

/// Hospitals' own servers, in the order in which they are written.
pub(super) fn connectors(settings: &Settings) -> Connectors {
    Connectors::new(settings.connectors.iter().map(connector).collect())
}

fn connector(written: &config::Connector) -> Connector {
    let name: std::sync::Arc<str> = written.name.as_str().into();
    let user = |who: &Who| match *who {
        Who::Uid(uid) => LocalUser::Uid(uid),
        Who::Gid(gid) => LocalUser::Gid(gid),
    };
    Connector {
        structure: written.structure.clone(),
        domains: written.domains.clone(),
        pins: pki::Pins::new(std::sync::Arc::clone(&name), written.certificates.clone()),
        login: written.login,
        users: written.users.iter().map(user).collect(),
        smart_host: written.unsecured == Unsecured::SmartHost,
        all_secure: written.all_secure,
        reports: written.reports.clone(),
        deliver: match written.deliver {
            config::Deliver::Box => Deliver::Box,
            config::Deliver::Server => Deliver::Server,
            config::Deliver::Both => Deliver::Both,
        },
        name,
    }
}

/// How a connector's addresses are served.
pub(super) fn mode(written: &config::Connector) -> smtp::Mode {
    let lmtp = written.protocol == Protocol::Lmtp;
    let door = smtp::ConnectorDoor { lmtp, clear: written.tls == TlsMode::None, login: written.login };
    match written.tls {
        TlsMode::StartTls | TlsMode::None => smtp::Mode::Connector(door),
        TlsMode::Implicit => smtp::Mode::ConnectorTls(door),
    }
}

fn limits(limits: &config::Limits) -> LimitSettings {
    let allowance = |hourly: Hourly| {
        let Hourly { messages, recipients, refusals, bytes } = hourly;
        Allowance { messages, recipients, refusals, bytes }
    };
    LimitSettings {
        person: allowance(limits.person_per_hour),
        software: allowance(limits.software_per_hour),
        operator: allowance(limits.operator_per_hour),
        all: allowance(limits.all_per_hour),
        ..LimitSettings::default()
    }
}

pub(super) fn smtp(settings: &Settings) -> smtp::Settings {
    let limits = smtp::Limits {
        message_bytes: encoded(settings.limits.attachments),
        dropped_bytes: encoded(settings.limits.attachments),
        text_line: encoded(settings.limits.attachments),
        recipients: u32::try_from(settings.limits.recipients).unwrap_or(u32::MAX),
        mails: u32::try_from(settings.limits.messages_per_session).unwrap_or(u32::MAX),
        stop_grace: settings.grace,
        ..smtp::Limits::default()
    };
    smtp::Settings { hostname: settings.operator.hostname.clone(), limits }
}

pub(super) fn imap(settings: &Settings) -> imap::Settings {
    imap::Settings {
        hostname: settings.operator.hostname.clone(),
        append_bytes: encoded(settings.limits.attachments),
        offer: settings.imap.offer.clone(),
        sessions_per_account: settings.imap.sessions_per_account,
        commands_per_second: settings.imap.commands_per_second,
        pre_auth_timeout: settings.imap.login_time,
        idle_timeout: settings.imap.idle_timeout,
        keep_alive: settings.imap.keep_alive,
        ..imap::Settings::default()
    }
}

/// The largest message around that many decoded octets of attachments: base64 with its line ends takes 37 % more, the
/// rest is for text and headers (S-3.6).
pub(crate) fn encoded(attachments: u64) -> u64 {
    attachments / 2 * 3
}

/// How mail leaves for other operators.
pub(super) fn relay(settings: &Settings) -> RelaySettings {
    let route = |route: &crate::config::Route| {
        (route.domain.clone(), Route { host: route.host.clone(), port: route.port })
    };
    let routes: HashMap<_, _> = settings.relay.routes.iter().map(route).collect();
    RelaySettings {
        routes,
        connectors: connectors(settings),
        domain: settings.operator.mssante_domains.first().cloned(),
        report_lifetime: signed(settings.queue.lifetime),
        connections: settings.relay.connections,
        connections_per_domain: settings.relay.connections_per_domain,
        first_retry: signed(settings.queue.first_retry),
        last_retry: signed(settings.queue.longest_retry),
        jitter: settings.queue.spread,
        probe: signed(settings.queue.probe),
        longest_probe: signed(settings.queue.longest_probe),
        delay_notice: signed(settings.queue.delay_notice),
        distrust_lifetime: signed(settings.queue.distrust_lifetime),
        stop_grace: settings.grace,
        zone: settings.operator.time_zone.clone(),
        ..RelaySettings::new(&settings.operator.hostname)
    }
}
