//! The section `[limits]`, and who may say for whom he connects: bounds that protect the service (I-9) and the product's own limits.
//!
//! May use the readers of `values`. Must never hold a default: those are in `keys`.

use super::{Limits, Network, pass::Pass, raw::Value, units};

/// What one party may do in an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hourly {
    pub(crate) messages: u64,
    pub(crate) recipients: u64,
    /// Recipients that are refused.
    pub(crate) refusals: u64,
    /// Bytes of content.
    pub(crate) bytes: u64,
}

/// What is written where it is wrong.
const HOURLY: &str = "a table such as { messages = 20000, recipients = 100000, refusals = 5000, bytes = \"50 GB\" }, each above 0";

impl Pass<'_> {
    pub(super) fn limits(&mut self) -> Limits {
        Limits {
            submission_sessions: self.count("limits", "submission_sessions", 1, 100_000),
            imap_sessions: self.count("limits", "imap_sessions", 1, 1_000_000),
            relay_sessions: self.count("limits", "relay_sessions", 1, 100_000),
            sessions_per_peer: self.count("limits", "sessions_per_peer", 1, 100_000),
            imap_sessions_per_peer: self.count("limits", "imap_sessions_per_peer", 1, 1_000_000),
            connections_per_minute: self.count("limits", "connections_per_minute", 10, 10_000_000) as u64,
            messages_per_session: self.count("limits", "messages_per_session", 1, 1_000_000),
            recipients: self.count("limits", "recipients", 100, 10_000),
            attachments: self.size("limits", "attachments", 1_000_000, 1_000_000_000),
            mailbox_bytes: self.size("limits", "mailbox_bytes", 1_000_000, 1_000_000_000_000_000),
            mailbox_messages: self.count("limits", "mailbox_messages", 1, 100_000_000) as u64,
            person_per_hour: self.hourly("person_per_hour"),
            software_per_hour: self.hourly("software_per_hour"),
            operator_per_hour: self.hourly("operator_per_hour"),
            all_per_hour: self.hourly("all_per_hour"),
        }
    }

    fn hourly(&mut self, name: &'static str) -> Hourly {
        let item = self.item("limits", name);
        let read = match &item.value {
            Value::Table(entries) => hourly(entries),
            _ => None,
        };
        read.unwrap_or_else(|| self.wrong(&item, HOURLY))
    }

    /// The load balancers that say for whom they connect.
    pub(super) fn proxies(&mut self) -> Vec<Network> {
        let item = self.item("listeners", "proxy_from");
        let write = "a list of networks, for instance [\"10.0.0.0/24\", \"2001:db8::7\"], or [] for none";
        let Value::List(list) = &item.value else { return self.wrong(&item, write) };
        let parsed: Option<Vec<Network>> = list
            .iter()
            .map(|network| match network {
                Value::Text(text) => Network::parse(text),
                _ => None,
            })
            .collect();
        parsed.unwrap_or_else(|| self.wrong(&item, write))
    }
}

/// All four, each once.
fn hourly(entries: &[(String, Value)]) -> Option<Hourly> {
    let number = |name: &str| match entries.iter().find(|(key, _)| key == name) {
        Some((_, Value::Integer(number))) => u64::try_from(*number).ok().filter(|&number| number > 0),
        _ => None,
    };
    let bytes = match entries.iter().find(|(key, _)| key == "bytes") {
        Some((_, Value::Text(text))) => units::size(text).filter(|&bytes| bytes > 0),
        _ => None,
    };
    let read = Hourly {
        messages: number("messages")?,
        recipients: number("recipients")?,
        refusals: number("refusals")?,
        bytes: bytes?,
    };
    (entries.len() == 4).then_some(read)
}
