//! The configuration: from the file to settings that are ready to use, in two stages: `raw` reads what is written,
//! `pass` makes it valid in one pass and reports every fault at once.
//!
//! May use `mssante` for addresses and domains. Must never open a socket or the store: a `Settings` is only data.

mod connectors;
mod contradictions;
mod fetching;
mod imap;
mod keys;
mod limits;
mod networks;
mod pass;
mod raw;
mod retention;
mod scan;
mod trust;
pub(crate) mod units;
mod values;

use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use delivery::ScanSettings;
use jiff::tz::TimeZone;
use mssante::{Domain, StructureId};
use store::KeepPlan;

pub(crate) use self::{
    connectors::{Connector, Deliver, Host, Place, Protocol, SmartHost, SmartHostTrust, TlsMode, Unsecured},
    fetching::Fetching,
    imap::Imap,
    limits::Hourly,
    networks::Network,
    scan::Dkim,
};
pub(crate) use trust::{Environment, Queue, Relay, Route, Trust};

/// What the daemon runs by. Relative paths of the file are already joined to the directory that the file is in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) operator: Operator,
    pub(crate) patients: Patients,
    pub(crate) tls: Tls,
    /// Absent: no other operator is trusted, and nothing is exchanged with any.
    pub(crate) trust: Option<Trust>,
    pub(crate) relay: Relay,
    pub(crate) queue: Queue,
    pub(crate) store: StorePlace,
    pub(crate) retention: KeepPlan,
    /// Absent: what leaves is not signed.
    pub(crate) dkim: Option<Dkim>,
    /// Absent: no antivirus looks at what arrives.
    pub(crate) scan: Option<ScanSettings>,
    pub(crate) listeners: Listeners,
    pub(crate) imap: Imap,
    /// Hospitals' own servers (S-3.10).
    pub(crate) connectors: Vec<Connector>,
    /// Where ordinary mail goes; absent: nowhere (S-3.3).
    pub(crate) smart_host: Option<SmartHost>,
    pub(crate) control: Control,
    pub(crate) limits: Limits,
    pub(crate) log: Log,
    /// How long a shutdown waits for sessions to finish what they have begun.
    pub(crate) grace: Duration,
}

/// Who runs this service and which domains are its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operator {
    pub(crate) name: String,
    /// The name that the server gives itself in greetings and Received fields, and that its certificate carries.
    pub(crate) hostname: String,
    pub(crate) mssante_domains: Vec<Domain>,
    pub(crate) login_domains: Vec<Domain>,
    /// Structures all of whose mail is secure (S-3.1).
    pub(crate) secure_structures: Vec<StructureId>,
    /// The time in which reports tell people dates.
    pub(crate) time_zone: TimeZone,
}

/// The addresses of patients (S-5.1).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Patients {
    pub(crate) domain: Domain,
    /// Local parts of that domain that are no patient's number.
    pub(crate) robots: Vec<String>,
    /// Whether numbers that exist only for tests are accepted.
    pub(crate) test_identities: bool,
    /// Whether what patients write after the end of a conversation is refused (S-5.2).
    pub(crate) refuse_ended: bool,
}

/// The certificate of the listeners.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) highest_version: TlsVersion,
}

/// The highest TLS version that the listeners offer; 1.2 is always offered (M-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsVersion {
    V1_2,
    V1_3,
}

/// Where everything that is kept is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StorePlace {
    pub(crate) directory: PathBuf,
    pub(crate) master_key: MasterKeyPlace,
    /// Bytes of memory for the engine's caches and write buffers together.
    pub(crate) memory: usize,
    /// Files of the engine that are open at the same time.
    pub(crate) open_files: u32,
    /// Recipients that may wait in the outgoing queue.
    pub(crate) queued: u64,
    /// The same of one next hop.
    pub(crate) queued_next_hop: u64,
    /// The same of one account's messages.
    pub(crate) queued_account: u64,
    /// Bytes of the disk kept free of new mail.
    pub(crate) disk_reserve: u64,
}

/// Where the master key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MasterKeyPlace {
    /// A file that its owner alone may read.
    File(PathBuf),
    /// A credential of that name, which systemd gives the service.
    Credential(String),
}

impl MasterKeyPlace {
    /// What a credential's name stands behind, where a file could be meant.
    const CREDENTIAL: &str = "credential:";

    /// What was written: `credential:NAME`, else a file; none if no credential has such a name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(Self::CREDENTIAL) {
            Some(name) => store::is_credential_name(name).then(|| Self::Credential(name.to_owned())),
            None => (!text.is_empty()).then(|| Self::File(text.into())),
        }
    }
}

impl fmt::Display for MasterKeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Credential(name) => write!(f, "{}{name}", Self::CREDENTIAL),
        }
    }
}

/// The addresses that the daemon listens on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listeners {
    pub(crate) submission: Vec<SocketAddr>,
    pub(crate) submission_tls: Vec<SocketAddr>,
    pub(crate) imap: Vec<SocketAddr>,
    pub(crate) imap_tls: Vec<SocketAddr>,
    pub(crate) imap_plain: Vec<SocketAddr>,
    pub(crate) relay: Vec<SocketAddr>,
    pub(crate) metrics: Vec<SocketAddr>,
    /// Load balancers that say for whom they connect (PROXY protocol, version 2).
    pub(crate) proxy_from: Vec<Network>,
}

impl Listeners {
    /// All of them, each with its service.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Service, SocketAddr)> {
        let lists = [
            (Service::Submission, &self.submission),
            (Service::SubmissionTls, &self.submission_tls),
            (Service::Imap, &self.imap),
            (Service::ImapTls, &self.imap_tls),
            (Service::ImapPlain, &self.imap_plain),
            (Service::Relay, &self.relay),
            (Service::Metrics, &self.metrics),
        ];
        lists.into_iter().flat_map(|(service, list)| list.iter().map(move |address| (service, *address)))
    }
}

/// What an address serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// STARTTLS before anything else.
    Submission,
    /// TLS from the first byte.
    SubmissionTls,
    /// STARTTLS before anything else.
    Imap,
    /// TLS from the first byte.
    ImapTls,
    /// No TLS at all, to measure what TLS costs: loopback and a demonstration store only.
    ImapPlain,
    /// Mail from other operators: STARTTLS with certificates on both sides (M-2).
    Relay,
    /// Figures for collectors, plain HTTP.
    Metrics,
    /// A hospital's own server (S-3.10).
    Connector,
}

impl Service {
    /// Whether mail is read there.
    pub(crate) fn is_imap(self) -> bool {
        matches!(self, Self::Imap | Self::ImapTls | Self::ImapPlain)
    }

    /// The configuration key of its addresses, which is also its name in logs and in the status.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Submission => "submission",
            Self::SubmissionTls => "submission_tls",
            Self::Imap => "imap",
            Self::ImapTls => "imap_tls",
            Self::ImapPlain => "imap_plain",
            Self::Relay => "relay",
            Self::Metrics => "metrics",
            Self::Connector => "connector",
        }
    }
}

/// The control socket and who may use it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Control {
    pub(crate) socket: PathBuf,
    /// Empty: the user that the daemon runs as, and root.
    pub(crate) administrators: Vec<Administrator>,
}

/// A named person behind a local user or group: the name is what traces carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Administrator {
    pub(crate) name: String,
    pub(crate) who: Who,
}

/// How the kernel names the peer of a control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Uid(u32),
    Gid(u32),
}

/// Bounds that protect the service (I-9) and the product's own limits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limits {
    /// Sessions at once on each submission address.
    pub(crate) submission_sessions: usize,
    /// Sessions at once on each IMAP address.
    pub(crate) imap_sessions: usize,
    /// Sessions at once on each relay address.
    pub(crate) relay_sessions: usize,
    /// Sessions at once of one peer (an IPv4 address, an IPv6 /64) on all listeners but those of IMAP together.
    pub(crate) sessions_per_peer: usize,
    /// The same on all listeners of IMAP together.
    pub(crate) imap_sessions_per_peer: usize,
    /// New connections of one peer in a minute, on each of these two kinds of listeners.
    pub(crate) connections_per_minute: u64,
    /// Messages of one SMTP session.
    pub(crate) messages_per_session: usize,
    /// Recipients of one message.
    pub(crate) recipients: usize,
    /// Bytes of all attachments of a message, decoded (S-3.6).
    pub(crate) attachments: u64,
    /// Bytes that an account may have in its boxes, where it has no quota of its own (M-12).
    pub(crate) mailbox_bytes: u64,
    /// The same in messages.
    pub(crate) mailbox_messages: u64,
    /// What one box of people may do in an hour.
    pub(crate) person_per_hour: Hourly,
    /// The same of a box of an organisation or of software.
    pub(crate) software_per_hour: Hourly,
    /// The same of another operator.
    pub(crate) operator_per_hour: Hourly,
    /// The same of all of them together.
    pub(crate) all_per_hour: Hourly,
}

/// What the daemon says of its work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Log {
    pub(crate) level: tracing::Level,
    pub(crate) format: LogFormat,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// One thing wrong with the file: where, what, and what to write instead.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    file: PathBuf,
    line: Option<usize>,
    /// Section and key; the key is empty where the section itself is wrong.
    key: Option<(String, String)>,
    what: String,
    /// Completes "Write …".
    write: String,
}

impl Fault {
    /// The same, at this line where it had none.
    fn near(self, line: usize) -> Self {
        Self { line: self.line.or(Some(line)), ..self }
    }

    fn is_of(&self, section: &str, name: &str) -> bool {
        self.key.as_ref().is_some_and(|(of, key)| of == section && key == name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        match &self.key {
            Some((section, key)) if section.is_empty() => write!(f, " {key}:")?,
            Some((section, key)) if key.is_empty() => write!(f, " [{section}]:")?,
            Some((section, key)) => write!(f, " [{section}] {key}:")?,
            None => {}
        }
        write!(f, " {}. Write {}.", self.what, self.write)
    }
}

/// Everything wrong with the file, in the order of its lines.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub(crate) struct ConfigError(Vec<Fault>);

/// Reads, validates and completes the file at `path`.
///
/// # Errors
/// Every fault of the file at once.
pub(crate) fn load(path: &Path) -> Result<Settings, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| {
        ConfigError(vec![Fault {
            file: path.to_owned(),
            line: None,
            key: None,
            what: format!("cannot be read: {error}"),
            write: "the path of a readable file after --config; config/vaguemestre.toml is a sample".into(),
        }])
    })?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Settings, ConfigError> {
    let raw = raw::Raw::parse(path, text).map_err(|fault| ConfigError(vec![*fault]))?;
    pass::settings(path, raw).map_err(ConfigError)
}

#[cfg(test)]
mod tests;
