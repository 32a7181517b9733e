//! Traces of what a person does with a box (M-10): who, on which box, when, from where, what; never content.
//! May write traces to the store. Must never hold a name, an address, a subject or a byte of a message.

use std::fmt::Display;

use store::{AccountId, Action, Actor, Outcome, Trace, TraceId};

use super::Session;

impl Session {
    /// A trace of this person doing something in a box of this account, now.
    pub(super) fn new_trace(
        &self,
        account: AccountId,
        action: Action,
        detail: Vec<(String, String)>,
    ) -> Trace {
        let person = self.principal.person().id;
        let at = self.server.clock.now();
        Trace {
            id: TraceId::new(at),
            at,
            action,
            person: Some(person),
            acting_as: (account != person).then_some(account),
            peer: Some(self.peer),
            outcome: Outcome::Done,
            detail,
        }
    }

    /// Who changes something now: the store keeps the traces of it in the commits of the change (I-1, M-10).
    pub(super) fn actor(&self) -> Actor {
        Actor { person: Some(self.principal.person().id), peer: Some(self.peer) }
    }
}

/// One line of detail.
pub(super) fn detail(name: &str, value: impl Display) -> (String, String) {
    (name.to_owned(), value.to_string())
}
