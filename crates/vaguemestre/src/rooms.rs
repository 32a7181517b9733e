//! The rooms behind the listeners: the submission policy on SMTP, the IMAP server, each with its settings and its bell
//! for the end.
//!
//! Translates configuration into the rooms' own settings and a stream into a session. No rules of its own.

use std::{future::Future, pin::Pin, sync::Arc};

use delivery::SubmissionPolicy;
use identity::Authenticator;
use mssante::route::RouteSettings;
use store::{Clock, Store};
use tokio::{net::TcpStream, sync::watch};
use tokio_rustls::TlsAcceptor;
use tracing::info;

use crate::config::{Service, Settings};

/// A session to be run.
pub(crate) type Session = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Everything that a new session takes.
pub(crate) struct Rooms {
    policy: Arc<SubmissionPolicy>,
    smtp: Arc<smtp::Settings>,
    imap: Arc<imap::Server>,
    smtp_bell: watch::Sender<smtp::Stop>,
    imap_bell: watch::Sender<imap::Stop>,
}

impl Rooms {
    /// Furnishes the rooms around `store` as `settings` say.
    pub(crate) fn new(settings: &Settings, store: &Store, clock: &Arc<dyn Clock>) -> Self {
        let authenticator =
            Arc::new(Authenticator::new(store.clone(), identity::Settings::default(), Arc::clone(clock)));
        let policy = SubmissionPolicy::new(
            store.clone(),
            Arc::clone(&authenticator),
            delivery_settings(settings),
            Arc::clone(clock),
        );
        let imap = imap::Server {
            store: store.clone(),
            authenticator,
            clock: Arc::clone(clock),
            settings: imap_settings(settings),
        };
        Self {
            policy: Arc::new(policy),
            smtp: Arc::new(smtp_settings(settings)),
            imap: Arc::new(imap),
            smtp_bell: watch::Sender::new(smtp::Stop::Run),
            imap_bell: watch::Sender::new(imap::Stop::Run),
        }
    }

    /// The session of one stream of `service`.
    pub(crate) fn session(&self, service: Service, stream: TcpStream, tls: TlsAcceptor) -> Session {
        match service {
            Service::Submission => self.submission(stream, smtp::Mode::StartTls, tls),
            Service::SubmissionTls => self.submission(stream, smtp::Mode::Implicit, tls),
            Service::Imap => self.imap(stream, imap::Mode::StartTls, tls),
            Service::ImapTls => self.imap(stream, imap::Mode::Implicit, tls),
        }
    }

    fn submission(&self, stream: TcpStream, mode: smtp::Mode, tls: TlsAcceptor) -> Session {
        let (policy, settings, bell) =
            (Arc::clone(&self.policy), Arc::clone(&self.smtp), self.smtp_bell.subscribe());
        Box::pin(async move {
            // The driver logs the end of the session itself, with what was accepted and refused.
            smtp::serve(stream, mode, tls, policy, settings, bell).await;
        })
    }

    fn imap(&self, stream: TcpStream, mode: imap::Mode, tls: TlsAcceptor) -> Session {
        let (server, bell) = (Arc::clone(&self.imap), self.imap_bell.subscribe());
        Box::pin(async move {
            let peer = stream.peer_addr().ok();
            let end = imap::serve(stream, mode, tls, server, bell).await;
            info!(?peer, ?end, "an IMAP session ended");
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
        Service::Submission => format!("421 4.3.2 {hostname} too many sessions, try again in a minute\r\n"),
        Service::Imap => "* BYE [UNAVAILABLE] too many sessions, try again in a minute\r\n".to_owned(),
        Service::SubmissionTls | Service::ImapTls => String::new(),
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
