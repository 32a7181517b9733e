//! A transaction from MAIL to DATA: who sends, to whom so far, and which reports are wanted.
//!
//! May use: values of the rooms around. Must never touch: a decision.

use identity::Principal;
use mssante::{Address, route};
use store::TraceId;

use crate::{recipients::Recipient, record::Actor};

/// A transaction that MAIL opened.
pub struct Envelope {
    /// Names the transaction in traces and logs, and the message once it is kept.
    pub(crate) id: TraceId,
    pub(crate) principal: Principal,
    pub(crate) actor: Actor,
    /// The envelope sender: one of the account's own addresses, or none for the null reverse-path.
    pub(crate) sender: Option<Address>,
    pub(crate) smtputf8: bool,
    /// How much of the message a report should carry (RFC 3461 §4.3).
    pub(crate) ret: Option<store::Ret>,
    /// The sender's own name for the transaction (RFC 3461 §4.4).
    pub(crate) envid: Option<String>,
    pub(crate) recipients: Vec<Recipient>,
}

impl Envelope {
    /// The account acted as, as the rules see it.
    pub(crate) fn route_sender(&self) -> route::Sender {
        let account = self.principal.acting_as();
        route::Sender { rights: account.profile.rights(), state: account.state }
    }
}

/// RET as the store keeps it.
pub(crate) fn ret(ret: smtp::Ret) -> store::Ret {
    match ret {
        smtp::Ret::Full => store::Ret::Full,
        smtp::Ret::Headers => store::Ret::Headers,
    }
}

/// NOTIFY as the store keeps it.
pub(crate) fn notify(notify: smtp::Notify) -> store::Notify {
    let smtp::Notify { success, failure, delay } = notify;
    store::Notify { success, failure, delay }
}
