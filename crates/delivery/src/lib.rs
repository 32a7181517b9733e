//! Delivery: decide, accept, deliver. Two ways in: submission by people and software, and what other operators relay. Two ways
//! out: the boxes of this operator, and the queue for other operators, for hospitals' own servers and for the smart host.
//!
//! What it is for: [`SubmissionPolicy`] answers what the SMTP session of a mail client asks, [`RelayPolicy`] (`relay_in`) what that
//! of another operator asks, [`ConnectorPolicy`] (`connector`) what that of a hospital's own server asks; what they share stands beside them. On submission MAIL is judged in `sender`, RCPT in
//! `recipients`, the header in `header_checks` and `judge` (facts here, decision in `mssante`), and `deliver` turns what
//! was accepted into one commit with a header variant for each class of readers (`variants`) and entries in the queue for
//! recipients at other operators (`outgoing`). [`Relay`] (`relay_out`) takes them to the other operators.
//!
//! May use: `mssante`, `message`, `store`, `identity`, `smtp`, `pki`. Must never touch: sockets, IMAP, rules of its own that
//! belong to `mssante` or `pki`.

mod addressed;
mod arriving;
mod connector;
mod conversation;
mod deliver;
mod distrust;
mod dkim;
mod envelope;
mod header_checks;
mod incoming;
mod judge;
pub mod limits;
mod lookup;
mod outgoing;
mod policy;
mod recipients;
mod record;
#[cfg(test)]
mod refusals;
mod relay_in;
mod relay_out;
mod repeat;
mod replies;
mod results;
#[cfg(test)]
mod samples;
mod scan;
mod sender;
mod settings;
mod success;
mod variants;

pub use crate::{
    connector::{Connector, ConnectorClient, ConnectorPolicy, Connectors, Deliver, LocalUser, Visitor},
    dkim::{DkimError, DkimSigner},
    envelope::Envelope,
    incoming::Incoming,
    policy::SubmissionPolicy,
    relay_in::{RelayEnvelope, RelayIncoming, RelayPeer, RelayPolicy},
    relay_out::{
        Bouncer, ConnectorServer, Dns, Lookup, NameError, Names, Outcomes, Relay, RelaySettings,
        RelayStatistics, Route, Server, ServerPlace, SmartHost, operator_of,
    },
    scan::{AT_ONCE as SCANS_AT_ONCE, OnFailure, ScanAddress, ScanSettings, ScanStatistics, Scanner},
    settings::Settings,
};
