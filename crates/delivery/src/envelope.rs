//! A transaction from MAIL to DATA: who sends, to whom so far, and which reports are wanted.
//!
//! May use: values of the rooms around. Must never touch: a decision.

use std::sync::Arc;

use mssante::{Address, Rights, State, route};
use store::{Account, TraceId};

use crate::{connector::Connector, limits::Party, recipients::Recipient, record::Actor};

/// A transaction that MAIL opened.
pub struct Envelope {
    /// Names the transaction in traces and logs, and the message once it is kept.
    pub(crate) id: TraceId,
    /// The account acted as; of a connector's message with a null reverse-path it is known once the header is.
    pub(crate) account: Option<Arc<Account>>,
    pub(crate) by: By,
    pub(crate) actor: Actor,
    /// Whose allowance it is counted on (I-9).
    pub(crate) party: Party,
    /// The envelope sender: one of the account's own addresses, or none for the null reverse-path.
    pub(crate) sender: Option<Address>,
    pub(crate) smtputf8: bool,
    /// Whether MAIL said that the content is no text of lines (RFC 3030 §3).
    pub(crate) binary: bool,
    /// No host may have it that does not promise TLS (RFC 8689).
    pub(crate) require_tls: bool,
    /// How much of the message a report should carry (RFC 3461 §4.3).
    pub(crate) ret: Option<store::Ret>,
    /// The sender's own name for the transaction (RFC 3461 §4.4).
    pub(crate) envid: Option<String>,
    pub(crate) recipients: Vec<Recipient>,
}

/// Who hands the message over.
#[derive(Clone)]
pub(crate) enum By {
    /// A person's mail client, or software, logged in.
    Client,
    /// A hospital's own server (S-3.10).
    Connector {
        connector: Arc<Connector>,
        /// Whether it is known by its password.
        logged_in: bool,
    },
}

impl Envelope {
    /// The account acted as, as the rules see it. While it is not known nothing is refused for its sake: that is judged with the
    /// header.
    pub(crate) fn route_sender(&self) -> route::Sender {
        match &self.account {
            Some(account) => route::Sender { rights: account.profile.rights(), state: account.state },
            None => route::Sender { rights: Rights::Full, state: State::Valide },
        }
    }

    /// How it came, for a Received field (RFC 3848, RFC 6531 §4.3).
    pub(crate) fn protocol(&self, connection: &smtp::Connection) -> String {
        let lmtp = matches!(connection.service, smtp::Service::Connector(door) if door.lmtp);
        let base = match (lmtp, self.smtputf8) {
            (false, false) => "ESMTP",
            (false, true) => "UTF8SMTP",
            (true, false) => "LMTP",
            (true, true) => "UTF8LMTP",
        };
        let secured = if connection.tls.is_some() { "S" } else { "" };
        let logged_in = !matches!(self.by, By::Connector { logged_in: false, .. });
        format!("{base}{secured}{}", if logged_in { "A" } else { "" })
    }
}

/// RET as the store keeps it.
pub(crate) fn ret(ret: smtp::Ret) -> store::Ret {
    match ret {
        smtp::Ret::Full => store::Ret::Full,
        smtp::Ret::Headers => store::Ret::Headers,
    }
}

/// What a body is made of: `binary` is what MAIL said, `eight_bit` what was seen.
pub(crate) fn kind(binary: bool, eight_bit: bool) -> store::BodyKind {
    match (binary, eight_bit) {
        (true, _) => store::BodyKind::Binary,
        (false, true) => store::BodyKind::EightBit,
        (false, false) => store::BodyKind::SevenBit,
    }
}

/// NOTIFY as the store keeps it.
pub(crate) fn notify(notify: smtp::Notify) -> store::Notify {
    let smtp::Notify { success, failure, delay } = notify;
    store::Notify { success, failure, delay }
}
