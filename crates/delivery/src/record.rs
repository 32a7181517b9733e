//! What is kept of what happened: sealed traces and one log line for each recipient and outcome (M-10, M-11, S-1.7).
//!
//! May use: ids, reasons, addresses (masked in logs). Must never touch: subjects, content, passwords.

use std::{fmt, net::IpAddr};

use identity::Principal;
use jiff::Timestamp;
use mssante::{Address, Rights, route::Why};
use smtp::Connection;
use store::{AccountId, Action, Outcome, Trace, TraceId};

use crate::{recipients::Recipient, replies::Denial, sender::seen_by};

/// Who does something, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    person: AccountId,
    /// The box acted as, when it is not the person's own.
    acting_as: Option<AccountId>,
    peer: IpAddr,
    session: String,
}

impl Actor {
    pub(crate) fn new(principal: &Principal, connection: &Connection) -> Self {
        Self {
            person: principal.person().id,
            acting_as: principal.is_acting_for_other().then(|| principal.acting_as().id),
            peer: connection.peer.ip(),
            session: connection.session.clone(),
        }
    }

    fn trace(&self, id: TraceId, at: Timestamp, action: Action, detail: Vec<(String, String)>) -> Trace {
        Trace {
            id,
            at,
            action,
            person: Some(self.person),
            acting_as: self.acting_as,
            peer: Some(self.peer),
            outcome: Outcome::Done,
            detail,
        }
    }

    /// The trace of a refusal; the recipient is whole in it, since traces are sealed (M-11).
    pub(crate) fn refusal(&self, id: TraceId, at: Timestamp, denial: &Denial) -> Trace {
        let mut detail = vec![pair("reason", denial.reason), pair("code", &denial.code)];
        detail.extend(denial.recipient.as_ref().map(|to| pair("to", to.as_ref())));
        Trace { outcome: Outcome::Refused, ..self.trace(id, at, Action::Refuse, detail) }
    }

    /// The trace of a retry, under the name of the first message, which is the one that the client is told (I-1).
    pub(crate) fn repeat(&self, first: TraceId, at: Timestamp, retry: TraceId) -> Trace {
        self.trace(first, at, Action::Repeat, vec![pair("retry", &retry)])
    }

    fn acting_as(&self) -> AccountId {
        self.acting_as.unwrap_or(self.person)
    }

    /// One line for each recipient that the refusal concerns: those of the message, or else the one being added.
    pub(crate) fn log_refusal(&self, id: TraceId, denial: &Denial, recipients: &[Recipient]) {
        let Denial { code, status, reason, recipient, .. } = denial;
        let (session, person, acting_as) = (&self.session, self.person, self.acting_as());
        let refused = |to: &dyn fmt::Display| {
            tracing::info!(%session, %id, %person, %acting_as, %to, outcome = "refused", code, status, reason, "recipient refused");
        };
        for recipient in recipients {
            refused(&recipient.address.masked());
        }
        if recipients.is_empty() {
            match recipient {
                Some(to) => refused(&to.masked()),
                None => refused(&"nobody yet"),
            }
        }
    }
}

/// A message that is about to be kept, as its traces and log lines tell it.
pub(crate) struct Sent<'a> {
    pub(crate) id: TraceId,
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a Actor,
    pub(crate) account: &'a store::Account,
    pub(crate) why: Why,
    /// Whether the client gave the null reverse-path, as read receipts have it.
    pub(crate) null_path: bool,
    pub(crate) bytes: u64,
    pub(crate) copies: &'a [(AccountId, Rights, &'a Address)],
}

impl Sent<'_> {
    /// One trace of the sending, one of each reception.
    pub(crate) fn traces(&self) -> Vec<Trace> {
        let profile = &self.account.profile;
        let mut detail = vec![
            pair("from", seen_by(profile, Rights::Full)),
            pair("why", self.why.as_str()),
            pair("recipients", &self.copies.len()),
            pair("bytes", &self.bytes),
        ];
        detail.extend(self.null_path.then(|| pair("reverse-path", "<>")));
        let send = self.actor.trace(self.id, self.at, Action::Send, detail);
        let receive = self.copies.iter().map(|(account, rights, to)| Trace {
            person: None,
            acting_as: Some(*account),
            detail: vec![pair("to", to), pair("from", seen_by(profile, *rights))],
            action: Action::Receive,
            ..send.clone()
        });
        std::iter::once(send.clone()).chain(receive).collect()
    }

    /// One line for each recipient; `outcome` is `delivered` or `repeated`, `id` the name that the client is told.
    pub(crate) fn log(&self, outcome: &str, id: TraceId) {
        let Actor { session, person, .. } = self.actor;
        let acting_as = self.actor.acting_as();
        let (why, bytes) = (self.why.as_str(), self.bytes);
        for (account, _, to) in self.copies {
            tracing::info!(%session, %id, %person, %acting_as, to = %to.masked(), %account, outcome, why, bytes, "recipient served");
        }
    }
}

fn pair<T: ToString + ?Sized>(name: &str, value: &T) -> (String, String) {
    (name.to_owned(), value.to_string())
}
