//! What an operator sets for both ways in. May use: plain values, and the limits that all who take mail share. Must never touch: files;
//! the program reads them.

use std::sync::Arc;

use jiff::{SignedDuration, tz::TimeZone};
use mssante::{Domain, Profile, StructureId, route::RouteSettings};

use crate::connector::Connectors;

use crate::limits::Limits;

/// Settings of the policies. Every bound has a default in [`Settings::new`].
#[derive(Clone, Debug)]
pub struct Settings {
    /// This operator's MSSanté domains, the main one first.
    pub domains: Vec<Domain>,
    /// Name of this host: in Received fields and in the Message-IDs made here.
    pub hostname: String,
    /// Largest message, encoded, in bytes; the same as the SMTP service announces (S-3.6). 90,000,000.
    pub message_bytes: u64,
    /// Most bytes of attachments in a message, decoded (S-3.6). 60,000,000.
    pub attachment_bytes: u64,
    /// Most Received fields in a message: more is a loop (M-12). 50.
    pub received_fields: usize,
    /// How long another operator's server is tried before the sender is told that it failed. 5 days (RFC 5321 §4.5.4.1).
    pub queue_lifetime: SignedDuration,
    /// Whether what a patient still writes is refused once the professional ended their conversation (S-5.2). No.
    pub refuse_ended: bool,
    /// The time in which reports tell dates. UTC.
    pub zone: TimeZone,
    /// Bounds of the scan of a message.
    pub scan: message::scan::Limits,
    /// How much everybody may do in an hour (I-9); shared by all that are made of clones of these settings.
    pub limits: Arc<Limits>,
    /// Patients' addresses (S-5.1).
    pub route: RouteSettings,
    /// Hospitals' own servers (S-3.10). None.
    pub connectors: Connectors,
    /// Structures all of whose mail is secure (S-3.1), beside those of which a connector says so. None.
    pub secure_structures: Vec<StructureId>,
    /// Whether what is not secure leaves by a smart host (S-3.3). No.
    pub smart_host: bool,
}

impl Settings {
    /// The defaults for this host and these domains.
    #[must_use]
    pub fn new(hostname: impl Into<String>, domains: Vec<Domain>, route: RouteSettings) -> Self {
        Self {
            domains,
            hostname: hostname.into(),
            message_bytes: 90_000_000,
            attachment_bytes: 60_000_000,
            received_fields: 50,
            queue_lifetime: SignedDuration::from_hours(5 * 24),
            refuse_ended: false,
            zone: TimeZone::UTC,
            scan: message::scan::Limits::default(),
            limits: Arc::default(),
            route,
            connectors: Connectors::default(),
            secure_structures: Vec::new(),
            smart_host: false,
        }
    }

    /// Whether all mail of this account's structure is secure (S-3.1).
    pub(crate) fn all_secure(&self, profile: &Profile) -> bool {
        let says = |structure: &StructureId| {
            self.secure_structures.contains(structure) || self.connectors.secures(structure)
        };
        profile.structure.as_ref().is_some_and(says)
    }
}
