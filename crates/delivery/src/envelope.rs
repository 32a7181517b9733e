//! A transaction from MAIL to DATA: who sends, to whom so far.

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
    pub(crate) recipients: Vec<Recipient>,
}

impl Envelope {
    /// The account acted as, as the rules see it.
    pub(crate) fn route_sender(&self) -> route::Sender {
        let account = self.principal.acting_as();
        route::Sender { rights: account.profile.rights(), state: account.state }
    }
}
