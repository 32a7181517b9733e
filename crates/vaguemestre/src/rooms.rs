//! The rooms behind the listeners: the submission policy on SMTP, the IMAP server, the figures, each with its settings and
//! its bell for the end.
//!
//! Translates configuration into the rooms' own settings and a stream into a session. No rules of its own.

use std::{future::Future, pin::Pin, sync::Arc};

use delivery::SubmissionPolicy;
use identity::Authenticator;
use mssante::route::RouteSettings;
use pki::{ServerTls, TrustSpace};
use store::{Clock, Store};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::TlsAcceptor;
use tracing::info;

use crate::{
    config::{Service, Settings, TlsVersion},
    control::office::House,
    metrics::{Figures, Metrics, Tally},
};

/// A session to be run.
pub(crate) type Session = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What makes a session of each stream that a listener accepts.
pub(crate) type Host = Box<dyn Fn(TcpStream) -> Session + Send + Sync>;

/// Everything that a new session takes.
pub(crate) struct Rooms {
    policy: Arc<SubmissionPolicy>,
    smtp: Arc<smtp::Settings>,
    imap: Arc<imap::Server>,
    smtp_bell: watch::Sender<smtp::Stop>,
    imap_bell: watch::Sender<imap::Stop>,
    submissions: Arc<Tally>,
    metrics: Metrics,
}

impl Rooms {
    /// Furnishes the rooms around `store` as `settings` say; `house` is what the figures tell of.
    pub(crate) fn new(
        settings: &Settings,
        store: &Store,
        clock: &Arc<dyn Clock>,
        house: &Arc<House>,
    ) -> Self {
        let authenticator =
            Arc::new(Authenticator::new(store.clone(), identity::Settings::default(), Arc::clone(clock)));
        let policy = SubmissionPolicy::new(
            store.clone(),
            Arc::clone(&authenticator),
            TrustSpace::closed(),
            delivery_settings(settings),
            Arc::clone(clock),
        );
        let imap = imap::Server {
            store: store.clone(),
            authenticator,
            clock: Arc::clone(clock),
            settings: imap_settings(settings),
        };
        let submissions = Arc::new(Tally::default());
        let figures = Figures {
            store: store.clone(),
            clock: Arc::clone(clock),
            house: Arc::clone(house),
            tallies: vec![(Service::Submission, Arc::clone(&submissions))],
        };
        Self {
            policy: Arc::new(policy),
            smtp: Arc::new(smtp_settings(settings)),
            imap: Arc::new(imap),
            smtp_bell: watch::Sender::new(smtp::Stop::Run),
            imap_bell: watch::Sender::new(imap::Stop::Run),
            submissions,
            metrics: Metrics::new(figures),
        }
    }

    /// What hosts the sessions of one listener of `service`; each listener has a TLS configuration of its own, whose
    /// sessions no other one resumes.
    pub(crate) fn host(&self, service: Service, tls: &ServerTls, highest: TlsVersion) -> Host {
        let access = || TlsAcceptor::from(tls.access_config(version(highest)));
        match service {
            Service::Submission => self.submission(smtp::Mode::StartTls, access()),
            Service::SubmissionTls => self.submission(smtp::Mode::Implicit, access()),
            Service::Imap => self.imap(imap::Mode::StartTls, access()),
            Service::ImapTls => self.imap(imap::Mode::Implicit, access()),
            Service::Metrics | Service::Relay => {
                let metrics = self.metrics.clone();
                Box::new(move |stream| Box::pin(metrics.clone().serve(stream)))
            }
        }
    }

    fn submission(&self, mode: smtp::Mode, tls: TlsAcceptor) -> Host {
        let (policy, settings) = (Arc::clone(&self.policy), Arc::clone(&self.smtp));
        let (bell, tally) = (self.smtp_bell.clone(), Arc::clone(&self.submissions));
        Box::new(move |stream| {
            let session = smtp::serve(
                stream,
                mode,
                tls.clone(),
                Arc::clone(&policy),
                Arc::clone(&settings),
                bell.subscribe(),
            );
            let tally = Arc::clone(&tally);
            // The driver logs the end of the session itself, with what was accepted and refused.
            Box::pin(async move { tally.add(&session.await) })
        })
    }

    fn imap(&self, mode: imap::Mode, tls: TlsAcceptor) -> Host {
        let (server, bell) = (Arc::clone(&self.imap), self.imap_bell.clone());
        Box::new(move |stream| {
            let peer = stream.peer_addr().ok();
            let session = imap::serve(stream, mode, tls.clone(), Arc::clone(&server), bell.subscribe());
            Box::pin(async move {
                let end = session.await;
                info!(?peer, ?end, "an IMAP session ended");
            })
        })
    }

    /// Tells every session to finish what it has begun and to say good-bye.
    pub(crate) fn ring_out(&self) {
        self.smtp_bell.send_replace(smtp::Stop::Stop);
        self.imap_bell.send_replace(imap::Stop::Stop);
    }
}

/// What a peer over a bound reads before its connection is closed; nothing inside TLS, where it would only be noise.
pub(crate) fn refusal(service: Service, hostname: &str) -> String {
    match service {
        Service::Submission | Service::Relay => {
            format!("421 4.3.2 {hostname} too many sessions, try again in a minute\r\n")
        }
        Service::Imap => "* BYE [UNAVAILABLE] too many sessions, try again in a minute\r\n".to_owned(),
        Service::SubmissionTls | Service::ImapTls | Service::Metrics => String::new(),
    }
}

fn version(highest: TlsVersion) -> pki::TlsVersion {
    match highest {
        TlsVersion::V1_2 => pki::TlsVersion::V1_2,
        TlsVersion::V1_3 => pki::TlsVersion::V1_3,
    }
}

fn delivery_settings(settings: &Settings) -> delivery::Settings {
    let route = RouteSettings {
        test_identities: settings.patients.test_identities,
        patient_domain: settings.patients.domain.clone(),
        patient_robots: settings.patients.robots.clone(),
    };
    delivery::Settings {
        message_bytes: encoded(settings.limits.attachments),
        attachment_bytes: settings.limits.attachments,
        ..delivery::Settings::new(
            &settings.operator.hostname,
            settings.operator.mssante_domains.clone(),
            route,
        )
    }
}

fn smtp_settings(settings: &Settings) -> smtp::Settings {
    let limits = smtp::Limits {
        message_bytes: encoded(settings.limits.attachments),
        dropped_bytes: encoded(settings.limits.attachments),
        text_line: encoded(settings.limits.attachments),
        recipients: u32::try_from(settings.limits.recipients).unwrap_or(u32::MAX),
        stop_grace: settings.grace,
        ..smtp::Limits::default()
    };
    smtp::Settings { hostname: settings.operator.hostname.clone(), limits }
}

fn imap_settings(settings: &Settings) -> imap::Settings {
    imap::Settings {
        hostname: settings.operator.hostname.clone(),
        append_bytes: encoded(settings.limits.attachments),
        ..imap::Settings::default()
    }
}

/// The largest message around that many decoded octets of attachments: base64 with its line ends takes 37 % more, the
/// rest is for text and headers (S-3.6).
pub(crate) fn encoded(attachments: u64) -> u64 {
    attachments / 2 * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_megabytes_of_attachments_announce_ninety() {
        assert_eq!(encoded(60_000_000), 90_000_000);
    }

    #[test]
    fn only_clear_text_listeners_explain_a_refusal() {
        assert!(refusal(Service::Submission, "mail.x.fr").starts_with("421 4.3.2 mail.x.fr "));
        assert!(refusal(Service::Imap, "mail.x.fr").starts_with("* BYE "));
        assert!(refusal(Service::ImapTls, "mail.x.fr").is_empty());
    }
}
