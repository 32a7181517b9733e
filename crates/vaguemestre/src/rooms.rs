//! The rooms behind the listeners: the policies of submission and relay on SMTP, the IMAP server, the figures; and what takes
//! the queue to other operators. Each has its settings and its bell for the end.
//!
//! Translates configuration into the rooms' own settings and a stream into a session. No rules of its own.

mod names;
mod servers;
mod settings;

use std::{future::Future, pin::Pin, sync::Arc};

use delivery::{
    ConnectorPolicy, DkimSigner, Relay, RelayPolicy, RelaySettings, RelayStatistics, Scanner,
    SubmissionPolicy, Visitor,
};
use identity::Authenticator;
use pki::{ServerTls, Trust};
use smtp::{Addresses, Policy};
use store::{Clock, Store};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, UnixStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use tracing::info;

use crate::{
    config::{Service, Settings, TlsVersion},
    control::office::House,
    exit::Failure,
    metrics::{Figures, Metrics, Tally},
    trust::Warden,
};

pub(crate) use servers::smart_host;
pub(crate) use settings::encoded;

/// A session to be run.
pub(crate) type Session = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What makes a session of each stream that a listener accepts, and of who is at its ends.
pub(crate) type Host = Box<dyn Fn(TcpStream, Addresses) -> Session + Send + Sync>;

/// What tells a peer that there is no session for it.
pub(crate) type Tell = Box<dyn Fn(TcpStream) -> Session + Send + Sync>;

/// Everything that a new session takes.
pub(crate) struct Rooms {
    submission: Arc<SubmissionPolicy>,
    relay: Arc<RelayPolicy>,
    /// Of each connector, in the order of the configuration, with how its addresses are served.
    connectors: Vec<(Arc<ConnectorPolicy>, smtp::Mode)>,
    smtp: Arc<smtp::Settings>,
    imap: Arc<imap::Server>,
    smtp_bell: watch::Sender<smtp::Stop>,
    imap_bell: watch::Sender<imap::Stop>,
    submissions: Arc<Tally>,
    relayed: Arc<Tally>,
    handed_over: Arc<Tally>,
    metrics: Metrics,
}

/// What the rooms are built around.
#[derive(Clone)]
pub(crate) struct Foundations {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) warden: Arc<Warden>,
    /// What signs mail for other operators, if anything does.
    pub(crate) signer: Option<Arc<DkimSigner>>,
}

/// The certificates with their keys.
pub(crate) struct Keys {
    /// What mail clients are shown.
    pub(crate) access: ServerTls,
    /// What other operators are shown.
    pub(crate) relay: ServerTls,
}

/// What takes the queued mail to other operators, to hospitals' own servers and to the smart host.
///
/// # Errors
/// A file that the smart host is known by cannot be used.
pub(crate) fn outbound(
    settings: &Settings,
    foundations: &Foundations,
    keys: &Keys,
) -> Result<Relay, Failure> {
    let Foundations { store, clock, warden, .. } = foundations.clone();
    let tls = keys.relay.relay_client();
    let relay = RelaySettings {
        servers: servers::connectors(settings),
        smart_host: smart_host(settings, &keys.relay)?,
        ..settings::relay(settings)
    };
    let names = names::of(&settings.relay.resolvers);
    Ok(Relay::new(store, warden.space().clone(), tls, names, relay, clock))
}

impl Rooms {
    /// Furnishes the rooms as `settings` say; `house` and `outbound` are what the figures tell of.
    pub(crate) fn new(
        settings: &Settings,
        foundations: &Foundations,
        house: &Arc<House>,
        outbound: Arc<RelayStatistics>,
    ) -> Self {
        let Foundations { store, clock, warden, signer } = foundations.clone();
        let authenticator =
            Arc::new(Authenticator::new(store.clone(), identity::Settings::default(), Arc::clone(&clock)));
        let scanner = settings.scan.clone().map(|scan| Arc::new(Scanner::new(scan)));
        let delivery = settings::delivery(settings);
        let limits = Arc::clone(&delivery.limits);
        let mut submission = SubmissionPolicy::new(
            store.clone(),
            Arc::clone(&authenticator),
            warden.space().clone(),
            delivery.clone(),
            Arc::clone(&clock),
        );
        let mut relay = RelayPolicy::new(store.clone(), warden.space().clone(), delivery, Arc::clone(&clock));
        if let Some(signer) = signer {
            submission = submission.signed_by(signer);
        }
        if let Some(scanner) = &scanner {
            submission = submission.scanned_by(Arc::clone(scanner));
            relay = relay.scanned_by(Arc::clone(scanner));
        }
        let imap =
            imap::Server::new(store.clone(), authenticator, Arc::clone(&clock), settings::imap(settings));
        let submission = Arc::new(submission);
        let connectors = settings::connectors(settings);
        let connectors = connectors.all().zip(&settings.connectors).map(|(connector, written)| {
            let policy = ConnectorPolicy::new(Arc::clone(&submission), Arc::clone(connector));
            (Arc::new(policy), settings::mode(written))
        });
        let connectors = connectors.collect();
        let tallies = [Service::Submission, Service::Relay, Service::Connector]
            .map(|service| (service, Arc::default()));
        let house = Arc::clone(house);
        let tallies_of = tallies.to_vec();
        let figures = Figures { store, clock, house, warden, outbound, limits, scanner, tallies: tallies_of };
        let [(_, submissions), (_, relayed), (_, handed_over)] = tallies;
        Self {
            submission,
            connectors,
            relay: Arc::new(relay),
            smtp: Arc::new(settings::smtp(settings)),
            imap: Arc::new(imap),
            smtp_bell: watch::Sender::new(smtp::Stop::Run),
            imap_bell: watch::Sender::new(imap::Stop::Run),
            submissions,
            relayed,
            handed_over,
            metrics: Metrics::new(figures),
        }
    }

    /// What hosts the sessions of one listener of `service`; each listener has a TLS configuration of its own, whose
    /// sessions no other one resumes.
    pub(crate) fn host(&self, service: Service, keys: &Keys, highest: TlsVersion, trust: &Trust) -> Host {
        let access = || TlsAcceptor::from(keys.access.access_config(version(highest)));
        let (submission, submissions) = (&self.submission, &self.submissions);
        match service {
            Service::Submission => self.smtp(submission, submissions, smtp::Mode::StartTls, access()),
            Service::SubmissionTls => self.smtp(submission, submissions, smtp::Mode::Implicit, access()),
            Service::Relay => {
                let tls = TlsAcceptor::from(keys.relay.relay_server(trust.hints()));
                self.smtp(&self.relay, &self.relayed, smtp::Mode::Relay, tls)
            }
            Service::Imap => self.imap(imap::Mode::StartTls, access()),
            Service::ImapTls => self.imap(imap::Mode::Implicit, access()),
            Service::ImapPlain => self.imap(imap::Mode::Plain, access()),
            // they have hosts of their own
            Service::Connector => Box::new(|_, _| Box::pin(std::future::ready(()))),
            Service::Metrics => {
                let metrics = self.metrics.clone();
                Box::new(move |stream, _| Box::pin(metrics.clone().serve(stream)))
            }
        }
    }

    /// What tells a peer over a bound so inside TLS; none where plain text does, or nobody would read it.
    pub(crate) fn turn_away(&self, service: Service, keys: &Keys, highest: TlsVersion) -> Option<Tell> {
        let text = inner_refusal(service, &self.smtp.hostname)?;
        let tls = TlsAcceptor::from(keys.access.access_config(version(highest)));
        Some(Box::new(move |stream| {
            let (tls, text) = (tls.clone(), text.clone());
            Box::pin(async move {
                if let Ok(mut stream) = tls.accept(stream).await {
                    // A peer that does not even read this is not told more.
                    let _ = stream.write_all(text.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            })
        }))
    }

    /// What hosts the sessions of a connector at one of its addresses.
    pub(crate) fn connector(&self, which: usize, keys: &Keys) -> Host {
        let Some((policy, mode)) = self.connectors.get(which) else {
            return Box::new(|_, _| Box::pin(std::future::ready(())));
        };
        // its certificate is requested, and judged after the handshake
        let tls = TlsAcceptor::from(keys.relay.relay_server(Vec::new()));
        self.smtp(policy, &self.handed_over, *mode, tls)
    }

    /// What hosts the sessions of a connector at one of its sockets of this machine.
    pub(crate) fn connector_socket(
        &self,
        which: usize,
        keys: &Keys,
    ) -> Box<dyn Fn(UnixStream, Visitor) -> Session + Send + Sync> {
        let Some((policy, mode)) = self.connectors.get(which) else {
            return Box::new(|_, _| Box::pin(std::future::ready(())));
        };
        let tls = TlsAcceptor::from(keys.relay.relay_server(Vec::new()));
        let mode = match *mode {
            smtp::Mode::Connector(door) | smtp::Mode::ConnectorTls(door) => {
                smtp::Mode::Connector(smtp::ConnectorDoor { clear: true, ..door })
            }
            other => other,
        };
        let (policy, settings) = (Arc::clone(policy), Arc::clone(&self.smtp));
        let (bell, tally) = (self.smtp_bell.clone(), Arc::clone(&self.handed_over));
        Box::new(move |stream, visitor| {
            let policy = Arc::new(policy.visited_by(visitor));
            let here = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
            let addresses = smtp::Addresses { peer: here, local: here };
            let (tls, settings, stop) = (tls.clone(), Arc::clone(&settings), bell.subscribe());
            let tally = Arc::clone(&tally);
            Box::pin(async move {
                let session = smtp::serve_on(stream, addresses, mode, tls, policy, settings, stop);
                tally.add(&session.await);
            })
        })
    }

    fn smtp<P: Policy>(
        &self,
        policy: &Arc<P>,
        tally: &Arc<Tally>,
        mode: smtp::Mode,
        tls: TlsAcceptor,
    ) -> Host {
        let (policy, settings) = (Arc::clone(policy), Arc::clone(&self.smtp));
        let (bell, tally) = (self.smtp_bell.clone(), Arc::clone(tally));
        Box::new(move |stream, addresses| {
            let session = smtp::serve_on(
                stream,
                addresses,
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
        Box::new(move |stream, addresses| {
            let peer = addresses.peer;
            let (tls, server, stop) = (tls.clone(), Arc::clone(&server), bell.subscribe());
            // Made where it is awaited: a future that is captured and awaited lies twice in each idle session.
            Box::pin(async move {
                let end = imap::serve(stream, peer.ip(), mode, tls, server, stop).await;
                info!(%peer, ?end, "an IMAP session ended");
            })
        })
    }

    /// What tells SMTP, in and out, to end.
    pub(crate) fn smtp_bell(&self) -> watch::Receiver<smtp::Stop> {
        self.smtp_bell.subscribe()
    }

    /// Tells every session to finish what it has begun and to say good-bye.
    pub(crate) fn ring_out(&self) {
        self.smtp_bell.send_replace(smtp::Stop::Stop);
        self.imap_bell.send_replace(imap::Stop::Stop);
    }
}

/// What a peer over a bound reads before its connection is closed; nothing where TLS comes first.
pub(crate) fn refusal(service: Service, hostname: &str) -> String {
    match service {
        Service::Submission | Service::Relay | Service::Connector => smtp_refusal(hostname),
        Service::Imap | Service::ImapPlain => IMAP_REFUSAL.to_owned(),
        Service::SubmissionTls | Service::ImapTls | Service::Metrics => String::new(),
    }
}

/// The same for those who read it inside TLS.
fn inner_refusal(service: Service, hostname: &str) -> Option<String> {
    match service {
        Service::ImapTls => Some(IMAP_REFUSAL.to_owned()),
        Service::SubmissionTls => Some(smtp_refusal(hostname)),
        _ => None,
    }
}

fn smtp_refusal(hostname: &str) -> String {
    format!(
        "421-4.3.2 {hostname} too many sessions or new connections, try again in a minute\r\n\
         421 4.3.2 trop de sessions ou de connexions, reessayez dans une minute\r\n"
    )
}

const IMAP_REFUSAL: &str = "* BYE [UNAVAILABLE] too many sessions or new connections, try again in a minute \
     / trop de sessions ou de connexions, reessayez dans une minute\r\n";

fn version(highest: TlsVersion) -> pki::TlsVersion {
    match highest {
        TlsVersion::V1_2 => pki::TlsVersion::V1_2,
        TlsVersion::V1_3 => pki::TlsVersion::V1_3,
    }
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
        assert!(refusal(Service::Submission, "mail.x.fr").starts_with("421-4.3.2 mail.x.fr "));
        assert!(refusal(Service::Imap, "mail.x.fr").starts_with("* BYE "));
        assert!(refusal(Service::ImapTls, "mail.x.fr").is_empty());
        let inner = |service| inner_refusal(service, "mail.x.fr");
        assert!(inner(Service::ImapTls).is_some_and(|text| text.starts_with("* BYE ")));
        assert_eq!(inner(Service::SubmissionTls), Some(refusal(Service::Relay, "mail.x.fr")));
        assert_eq!((inner(Service::Imap), inner(Service::Submission)), (None, None));
    }
}
