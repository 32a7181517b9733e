//! What concerns other operators: whom we trust (`[trust]`), how mail reaches them (`[relay]`), how long it
//! waits (`[queue]`).
//!
//! Data and its reading; files that it names are opened by `pki`. Must never hold a default: those are in `keys`.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use mssante::{Domain, dn::DistinguishedName};

use super::{Fetching, Tls, pass::Pass, raw::Value};

/// The longest duration of these sections.
pub(super) const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// The usual port of a DNS server.
const DNS_PORT: u16 = 53;

/// The usual port of mail between operators.
const SMTP_PORT: u16 = 25;

/// Which hierarchy of the national authority is believed (M-2): never both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environment {
    Production,
    Test,
}

/// The trust space as this operator sees it (M-1 to M-4).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trust {
    pub(crate) environment: Environment,
    /// Root authorities: a file or a directory.
    pub(crate) roots: PathBuf,
    /// Issuing authorities: a file or a directory.
    pub(crate) authorities: PathBuf,
    /// The directory of revocation lists.
    pub(crate) crls: PathBuf,
    /// How long a revocation list still serves beyond its nextUpdate.
    pub(crate) crl_grace: Duration,
    /// The file of the signed white list, where there is one.
    pub(crate) list: Option<PathBuf>,
    /// What is fetched.
    pub(crate) fetching: Fetching,
    /// Whole names of those who may sign it.
    pub(crate) signers: Vec<DistinguishedName>,
    /// Policies of which the signer's certificate carries one.
    pub(crate) signer_policies: Vec<String>,
    /// The directory of what was accepted last.
    pub(crate) state: PathBuf,
    /// How often the files are looked at.
    pub(crate) refresh: Duration,
    /// Age of the list that raises an alarm.
    pub(crate) alarm_after: Duration,
    /// Age of the list that stops relaying.
    pub(crate) stop_after: Duration,
}

/// How mail travels to other operators.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Relay {
    /// The certificate shown to other operators: the one of `[tls]` unless another is written.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Fixed next hops; other domains are found by their MX records.
    pub(crate) routes: Vec<Route>,
    /// Outgoing connections at once.
    pub(crate) connections: usize,
    /// Outgoing connections at once to one next hop.
    pub(crate) connections_per_domain: usize,
    /// DNS servers that are asked instead of the system's.
    pub(crate) resolvers: Vec<SocketAddr>,
}

/// Where mail for a domain goes instead of its MX hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) domain: Domain,
    /// A DNS name or an IP address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// How long mail for other operators waits, and what is said meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queue {
    /// From acceptance to the report that it could not be delivered.
    pub(crate) lifetime: Duration,
    pub(crate) first_retry: Duration,
    pub(crate) longest_retry: Duration,
    /// How far the times of tries are spread, in hundredths.
    pub(crate) spread: u8,
    /// How long a next hop that cannot be reached is left alone, at first and at most.
    pub(crate) probe: Duration,
    pub(crate) longest_probe: Duration,
    /// When the sender is told that a message is late.
    pub(crate) delay_notice: Duration,
    /// How long a message waits for a peer that is not trusted.
    pub(crate) distrust_lifetime: Duration,
}

impl Pass<'_> {
    /// `[trust]`, if the file has that section.
    pub(super) fn trust(&mut self) -> Option<Trust> {
        self.raw.sections.iter().any(|(section, _)| section == "trust").then(|| Trust {
            environment: self.choice(
                ("trust", "environment"),
                Environment::Production,
                &[("production", Environment::Production), ("test", Environment::Test)],
            ),
            roots: self.path("trust", "roots"),
            authorities: self.path("trust", "authorities"),
            crls: self.path("trust", "crls"),
            crl_grace: self.duration("trust", "crl_grace", YEAR),
            list: self.optional_path("trust", "list"),
            fetching: self.fetching(),
            signers: self.signers(),
            signer_policies: self.some_texts("signer_policies", "[\"1.2.250.1.213.1.7.1.1.2.3.1\"]"),
            state: self.path("trust", "state"),
            refresh: self.waiting("trust", "refresh"),
            alarm_after: self.waiting("trust", "alarm_after"),
            stop_after: self.waiting("trust", "stop_after"),
        })
    }

    /// `[relay]`; its certificate and key are those of `tls` unless others are written.
    pub(super) fn relay(&mut self, tls: &Tls) -> Relay {
        Relay {
            certificate: self.path_or("relay", "certificate", &tls.certificate),
            key: self.path_or("relay", "key", &tls.key),
            routes: self.routes(),
            connections: self.count("relay", "connections", 1, 1000),
            connections_per_domain: self.count("relay", "connections_per_domain", 1, 100),
            resolvers: self.resolvers(),
        }
    }

    /// `[queue]`.
    pub(super) fn queue(&mut self) -> Queue {
        Queue {
            lifetime: self.waiting("queue", "lifetime"),
            first_retry: self.waiting("queue", "first_retry"),
            longest_retry: self.waiting("queue", "longest_retry"),
            spread: u8::try_from(self.count("queue", "spread", 0, 50)).unwrap_or(0),
            probe: self.waiting("queue", "probe"),
            longest_probe: self.waiting("queue", "longest_probe"),
            delay_notice: self.waiting("queue", "delay_notice"),
            distrust_lifetime: self.waiting("queue", "distrust_lifetime"),
        }
    }

    fn signers(&mut self) -> Vec<DistinguishedName> {
        let example = "[\"CN=alb.mssante.fr,OU=…,O=…,ST=…,C=FR\"]";
        let texts = self.some_texts("signers", example);
        let parsed: Result<Vec<_>, _> = texts.iter().map(|text| DistinguishedName::parse(text)).collect();
        parsed.unwrap_or_else(|error| {
            let line = self.line("trust", "signers");
            self.push(
                "trust",
                "signers",
                line,
                error.to_string(),
                format!("whole names, for instance {example}"),
            );
            Vec::new()
        })
    }

    /// A list of `[trust]` of at least one text.
    fn some_texts(&mut self, name: &'static str, example: &str) -> Vec<String> {
        let texts = self.texts("trust", name);
        let line = self.line("trust", name);
        if texts.is_empty() && line.is_some() && !self.faults.iter().any(|fault| fault.is_of("trust", name)) {
            let write = format!("at least one, for instance {example}");
            self.push("trust", name, line, "nobody could be believed".to_owned(), write);
        }
        texts
    }

    /// A duration of at least a second: zero would never rest.
    pub(super) fn waiting(&mut self, section: &'static str, name: &'static str) -> Duration {
        let duration = self.duration(section, name, YEAR);
        if duration < Duration::from_secs(1) && !self.faults.iter().any(|fault| fault.is_of(section, name)) {
            let line = self.line(section, name);
            self.push(section, name, line, "it is too short".to_owned(), "at least \"1 s\"".to_owned());
        }
        duration
    }

    fn resolvers(&mut self) -> Vec<SocketAddr> {
        let item = self.item("relay", "resolvers");
        let write = "a list of addresses, for instance [\"192.0.2.53\", \"[2001:db8::53]:5353\"], or [] for the system's";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let parsed: Option<Vec<_>> = list.iter().map(resolver).collect();
        parsed.unwrap_or_else(|| self.wrong(&item, write))
    }

    fn routes(&mut self) -> Vec<Route> {
        let item = self.item("relay", "routes");
        let write = "a list such as [{ domain = \"clinique-sud.mssante.fr\", host = \"mail.clinique-sud.fr\", port = 25 }], \
                     or []";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let parsed: Option<Vec<_>> = list.iter().map(route).collect();
        parsed.unwrap_or_else(|| self.wrong(&item, write))
    }
}

fn resolver(value: &Value) -> Option<SocketAddr> {
    let Value::Text(text) = value else { return None };
    let bare = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
    bare.ok().or_else(|| text.parse().ok())
}

fn route(value: &Value) -> Option<Route> {
    let Value::Table(entries) = value else { return None };
    let (mut domain, mut host, mut port) = (None, None, SMTP_PORT);
    for (key, value) in entries {
        match (key.as_str(), value) {
            ("domain", Value::Text(text)) => domain = Some(Domain::parse(text).ok()?),
            ("host", Value::Text(text)) => {
                let is_host = text.parse::<IpAddr>().is_ok() || Domain::parse(text).is_ok();
                host = Some(is_host.then(|| text.clone())?);
            }
            ("port", Value::Integer(number)) => {
                port = u16::try_from(*number).ok().filter(|port| *port != 0)?;
            }
            _ => return None,
        }
    }
    Some(Route { domain: domain?, host: host?, port })
}
