//! What came of one attempt for one recipient, as a value (I-8): from the peer's reply, the client's error, or the check that failed.
//!
//! May use: replies, errors, refusals of `pki`. Must never touch: the schedule; what it means is decided in `verdict`.

use std::{io, net::IpAddr, time::Duration};

use pki::Distrust;
use smtp::{
    Reply,
    client::{Error, RecipientOutcome, Stage},
};
use store::LAST_BYTES;

use crate::distrust;

/// One attempt, and where it led.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// The host that was spoken to, if one was.
    pub(super) host: Option<String>,
    /// Its address.
    pub(super) address: Option<IpAddr>,
    /// What came of it.
    pub(super) what: What,
    /// How long it took.
    pub(super) spent: Spent,
}

/// Where the time of an attempt went.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// On finding the next hop and on the connection, up to the end of the handshake; nothing over one that stood.
    pub(super) connection: Duration,
    /// On the message, up to the last answer.
    pub(super) transfer: Duration,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// The next hop has the message; `confirms` if it sends confirmations itself (RFC 3461 §5.2.1).
    Relayed { reply: Reply, confirms: bool },
    /// The next hop refused the recipient, for now or for good; or we did, for what it offers.
    Refused { reply: Reply, stage: Stage },
    /// Something that passes: a network, a busy peer, our own lists.
    Trouble(Fault),
    /// The next hop failed its check (M-2): tried again, for a while only.
    Distrusted(Fault),
    /// No attempt can ever succeed.
    Hopeless(Fault),
}

/// Why nothing was sent.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// Stable machine name.
    pub(super) reason: &'static str,
    /// Enhanced status code (RFC 3463); its class is the report's.
    pub(super) status: &'static str,
    /// In English, for people.
    pub(super) text: String,
    /// In French, where the reason's name alone does not say it.
    pub(super) french: Option<String>,
}

impl Fault {
    pub(super) fn new(reason: &'static str, status: &'static str, text: impl Into<String>) -> Self {
        Self { reason, status, text: text.into(), french: None }
    }
}

impl Attempt {
    /// One that reached no host.
    pub(super) fn nowhere(what: What) -> Self {
        Self { host: None, address: None, what, spent: Spent::default() }
    }

    /// The same, after that time.
    pub(super) fn after(self, connection: Duration, transfer: Duration) -> Self {
        Self { spent: Spent { connection, transfer }, ..self }
    }

    /// What is kept as the last outcome, shown by `queue show`, and traced at each attempt: no more than [`LAST_BYTES`] of it, whatever
    /// a peer says.
    pub(super) fn told(&self) -> String {
        let what = match &self.what {
            What::Relayed { reply, .. } => format!("accepted: {reply}"),
            What::Refused { reply, stage } => format!("refused at {stage}: {reply}"),
            What::Trouble(fault) | What::Distrusted(fault) | What::Hopeless(fault) => {
                format!("{}: {}", fault.reason, fault.text)
            }
        };
        let mut told = match &self.host {
            Some(host) => format!("{host}: {what}"),
            None => what,
        };
        told.truncate(told.floor_char_boundary(LAST_BYTES));
        told
    }

    /// Stable machine name of the outcome, for logs and traces: no text of a peer, which may hold an address (M-11).
    pub(super) fn reason(&self) -> &'static str {
        match &self.what {
            What::Relayed { .. } => "accepted",
            What::Refused { stage: Stage::Offer, .. } => "not-offered",
            What::Refused { .. } => "refused",
            What::Trouble(fault) | What::Distrusted(fault) | What::Hopeless(fault) => fault.reason,
        }
    }

    /// Enhanced status code, or the reply's code where the peer gives none.
    pub(super) fn status(&self) -> String {
        match &self.what {
            What::Relayed { reply, .. } | What::Refused { reply, .. } if reply.status().is_empty() => {
                format!("{}.0.0", reply.code() / 100)
            }
            What::Relayed { reply, .. } | What::Refused { reply, .. } => reply.status().to_owned(),
            What::Trouble(fault) | What::Distrusted(fault) | What::Hopeless(fault) => fault.status.to_owned(),
        }
    }
}

impl What {
    /// The outcome that the peer gave; `confirms` if it offers DSN.
    pub(super) fn of_peer(outcome: RecipientOutcome, confirms: bool) -> Self {
        match outcome {
            RecipientOutcome::Delivered(reply) => What::Relayed { reply, confirms },
            RecipientOutcome::Refused { reply, stage } => What::Refused { reply, stage },
        }
    }
}

impl From<&Error> for What {
    fn from(error: &Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NoTls => What::Distrusted(Fault::new("no-tls", "5.7.10", text)),
            Error::TlsRefused(reply) if reply.code() >= 500 => {
                What::Distrusted(Fault::new("no-tls", "5.7.10", text))
            }
            Error::Injected => What::Distrusted(Fault::new("tls-injection", "5.7.5", text)),
            Error::Handshake(why) if why.kind() == io::ErrorKind::InvalidData => {
                What::Distrusted(Fault::new("tls-handshake", "5.7.5", text))
            }
            Error::HostName(_) => What::Trouble(Fault::new("bad-host-name", "4.4.4", text)),
            Error::Connect(_) | Error::Timeout { stage: Stage::Connect } => {
                What::Trouble(Fault::new("no-connection", "4.4.1", text))
            }
            Error::Timeout { .. } => What::Trouble(Fault::new("timeout", "4.4.2", text)),
            Error::Refused { .. } | Error::TlsRefused(_) => {
                What::Trouble(Fault::new("refused", "4.4.0", text))
            }
            Error::Content(_) => What::Trouble(Fault::new("unreadable", "4.3.0", text)),
            Error::Protocol { .. } => What::Trouble(Fault::new("protocol", "4.5.0", text)),
            Error::Handshake(_) | Error::Closed { .. } | Error::Lost { .. } | Error::Used => {
                What::Trouble(Fault::new("connection-lost", "4.4.2", text))
            }
        }
    }
}

impl From<&Distrust> for What {
    fn from(distrust: &Distrust) -> Self {
        let (_, status) = distrust::codes(distrust);
        let french = Some(distrust::french(distrust));
        let fault = Fault { french, ..Fault::new(distrust.reason(), status, distrust.to_string()) };
        if distrust.is_temporary() { What::Trouble(fault) } else { What::Distrusted(fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_peer_itself_must_mend_is_distrust() {
        let alert = || io::Error::new(io::ErrorKind::InvalidData, "bad signature");
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let refusal = |code| Reply::new(code, "", ["no"]);
        for error in
            [Error::NoTls, Error::Injected, Error::Handshake(alert()), Error::TlsRefused(refusal(554))]
        {
            assert!(matches!(What::from(&error), What::Distrusted(_)), "{error}");
        }
        let stage = Stage::Greeting;
        for error in [
            Error::Handshake(reset()),
            Error::TlsRefused(refusal(454)),
            Error::Connect(reset()),
            Error::Timeout { stage },
            Error::Refused { stage, reply: refusal(554) },
            Error::Lost { stage: Stage::Hello, error: alert() },
        ] {
            assert!(matches!(What::from(&error), What::Trouble(_)), "{error}");
        }
        assert!(matches!(What::from(&Distrust::NoList), What::Trouble(_)));
        assert!(matches!(What::from(&Distrust::TestCertificate), What::Distrusted(_)));
    }

    #[test]
    fn every_status_is_of_the_class_of_its_outcome() {
        let attempt = |what| Attempt::nowhere(what).status();
        assert!(attempt(What::from(&Error::NoTls)).starts_with('5'));
        assert!(attempt(What::from(&Distrust::NoCertificate)).starts_with('5'));
        assert!(attempt(What::from(&Error::Used)).starts_with('4'));
        let reply = Reply::new(550, "", ["no"]);
        assert_eq!(attempt(What::Refused { reply, stage: Stage::Mail }), "5.0.0");
    }

    #[test]
    fn what_a_peer_says_is_kept_up_to_a_limit() {
        let reply = Reply::new(450, "4.2.0", vec!["x".repeat(2_000); 128]);
        let told = Attempt::nowhere(What::Refused { reply, stage: Stage::Recipient }).told();
        assert!(
            told.starts_with("refused at rcpt: 450 4.2.0 x") && told.len() == LAST_BYTES,
            "{}",
            told.len()
        );
    }
}
