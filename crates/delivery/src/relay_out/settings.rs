//! What an operator sets for the outbound relay. May use: plain values. Must never touch: files; the program reads them.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use jiff::{SignedDuration, tz::TimeZone};
use mssante::Domain;
use pki::{Pins, SmartHostTrust};
use smtp::client;
use tokio_rustls::rustls::ClientConfig;

use crate::connector::Connectors;

/// Where a domain's mail goes instead of its MX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Name or address of the host; a name is looked up by the system, its hosts file included.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// Where a server is that was agreed on beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerPlace {
    /// A host; a name is looked up by the system, its hosts file included.
    Name {
        /// Name or address of the host.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A Unix socket of this machine.
    Socket(PathBuf),
}

/// A server that was agreed on beforehand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub place: ServerPlace,
    /// What it speaks.
    pub protocol: client::Protocol,
    /// When TLS begins there; never on this machine alone.
    pub security: client::Security,
}

/// A hospital's own server (S-3.10).
#[derive(Debug, Clone)]
pub struct ConnectorServer {
    /// Where and how.
    pub at: Server,
    /// What it presents.
    pub pins: Pins,
}

/// The ordinary smart host (S-3.3).
#[derive(Debug, Clone)]
pub struct SmartHost {
    /// Where and how.
    pub at: Server,
    /// By what it is known.
    pub trust: SmartHostTrust,
    /// What it is shown: [`pki::ServerTls::smart_host_client`].
    pub tls: Arc<ClientConfig>,
    /// Who we are there.
    pub login: Option<client::Login>,
}

/// Settings of the outbound relay. Every bound has a default in [`RelaySettings::new`].
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// Name of this host, in EHLO and in reports.
    pub hostname: String,
    /// Static routes; every other domain goes by its MX.
    pub routes: HashMap<Domain, Route>,
    /// Hospitals' own servers, by the name of the connector (S-3.10). None.
    pub servers: HashMap<String, ConnectorServer>,
    /// Where ordinary mail leaves (S-3.3). Nowhere.
    pub smart_host: Option<SmartHost>,
    /// Who reads at a hospital's own server: reports for them go there. Nobody.
    pub connectors: Connectors,
    /// The domain of which reports to senders elsewhere are. None: the domain that they wrote to.
    pub domain: Option<Domain>,
    /// How long a report is tried. 5 days.
    pub report_lifetime: SignedDuration,
    /// Port of hosts found by MX. 25.
    pub port: u16,
    /// Connections at once, to all domains. 50.
    pub connections: usize,
    /// Connections at once to one next hop, once it has proved that it takes them. 20.
    pub connections_per_domain: usize,
    /// Connections at once to one next hop that nothing is known of. 5.
    pub first_connections: usize,
    /// Messages over one connection before another is opened. 100.
    pub messages_per_connection: usize,
    /// How long a connection waits for another message. 2 s.
    pub idle: Duration,
    /// Most recipients of one message in one transaction (RFC 5321 §4.5.3.1.8 lets peers stop at 100). 100.
    pub recipients: usize,
    /// Hosts of a domain that are tried in one attempt. 8.
    pub hosts: usize,
    /// Addresses that are tried in one attempt, of all hosts. 16.
    pub addresses: usize,
    /// How long nobody connects to an address again that let us wait in vain, for whatever domain: one operator speaks for
    /// thousands, and would hold every connection. 30 s.
    pub shun: Duration,
    /// How long a name may take to be looked up. 20 s.
    pub lookup: Duration,
    /// Entries of a lane read at once; about as many are in memory for each next hop that is worked on. 100.
    pub page: usize,
    /// Pause between two looks at the queue, at least. 10 ms.
    pub pause: Duration,
    /// Time between two looks at the queue, at most; a lane whose entries do not open is read again so often. 30 s.
    pub rescan: Duration,
    /// How long a next hop that cannot be reached is left alone before one connection tries again; twice as long each time, up to
    /// `longest_probe`. An administrator's wish is heard at once. 30 s.
    pub probe: SignedDuration,
    /// 5 min.
    pub longest_probe: SignedDuration,
    /// While nothing may be sent: how often the queue is gone through for what has waited too long. 5 min.
    pub late_look: SignedDuration,
    /// Time to the second attempt; each later one waits twice as long. 1 min.
    pub first_retry: SignedDuration,
    /// Longest time between two attempts. 1 h.
    pub last_retry: SignedDuration,
    /// How far those times are spread, in hundredths, so that what failed together does not come back together. 20.
    pub jitter: u8,
    /// How long a next hop that fails its check is tried again before the message fails (M-3). 4 h.
    pub distrust_lifetime: SignedDuration,
    /// When the sender is told, once, that a message waits. 4 h.
    pub delay_notice: SignedDuration,
    /// Longest body that a report of failure gives back where the sender asked for the whole message (RFC 3461 §4.3), in bytes. 1 MiB.
    pub returned_body: u64,
    /// The time in which reports tell dates. UTC.
    pub zone: TimeZone,
    /// How often a commit that fails is tried again before the outcome is given up, unless a peer took the message: that is never
    /// given up. 5.
    pub settle_attempts: u32,
    /// Pause before each of those. 1 s.
    pub settle_pause: Duration,
    /// Time left to messages on their way when the server stops. 15 s.
    pub stop_grace: Duration,
    /// Limits of the protocol.
    pub client: client::Settings,
}

impl RelaySettings {
    /// The defaults for this host.
    #[must_use]
    pub fn new(hostname: impl Into<String>) -> Self {
        let hostname = hostname.into();
        Self {
            client: client::Settings::new(hostname.clone()),
            hostname,
            routes: HashMap::new(),
            servers: HashMap::new(),
            smart_host: None,
            connectors: Connectors::default(),
            domain: None,
            report_lifetime: SignedDuration::from_hours(5 * 24),
            port: 25,
            connections: 50,
            connections_per_domain: 20,
            first_connections: 5,
            messages_per_connection: 100,
            idle: Duration::from_secs(2),
            recipients: 100,
            hosts: 8,
            addresses: 16,
            shun: Duration::from_secs(30),
            lookup: Duration::from_secs(20),
            page: 100,
            pause: Duration::from_millis(10),
            rescan: Duration::from_secs(30),
            probe: SignedDuration::from_secs(30),
            longest_probe: SignedDuration::from_mins(5),
            late_look: SignedDuration::from_mins(5),
            first_retry: SignedDuration::from_mins(1),
            last_retry: SignedDuration::from_hours(1),
            jitter: 20,
            distrust_lifetime: SignedDuration::from_hours(4),
            delay_notice: SignedDuration::from_hours(4),
            returned_body: 1 << 20,
            zone: TimeZone::UTC,
            settle_attempts: 5,
            settle_pause: Duration::from_secs(1),
            stop_grace: Duration::from_secs(15),
        }
    }
}
