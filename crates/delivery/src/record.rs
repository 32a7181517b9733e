//! What is kept of what happened: sealed traces and one log line for each recipient and outcome (M-10, M-11, S-1.7).
//!
//! May use: ids, reasons, addresses (masked in logs). Must never touch: subjects, content, passwords.

use std::{fmt, net::IpAddr};

use identity::Principal;
use jiff::Timestamp;
use mssante::{Address, Rights, dn::DistinguishedName};
use smtp::{Connection, Reply};
use store::{AccountId, Action, Outcome, Store, Trace, TraceId};
use tokio::time::Instant;
use tracing::field::{DisplayValue, display};

use crate::{
    judge::Path,
    limits::{Limited, Strangers},
    recipients::Recipient,
    replies::Denial,
    scan::Verdict,
    sender::seen_by,
};

/// An account that gets a copy, what its owner may do, and the address that was written.
pub(crate) type Copied<'a> = (AccountId, Rights, &'a Address);

/// Who does something, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    who: Who,
    peer: IpAddr,
    session: String,
}

#[derive(Clone, Debug)]
enum Who {
    Account {
        person: AccountId,
        /// The box acted as, when it is not the person's own.
        acting_as: Option<AccountId>,
    },
    /// Another operator, by the whole name in its certificate; none while it is not trusted.
    Operator(Option<String>),
    /// A hospital's own server, which asserts who wrote (S-3.10).
    Connector {
        name: String,
        /// For whom it speaks, once that is known.
        account: Option<AccountId>,
    },
}

impl Actor {
    pub(crate) fn new(principal: &Principal, connection: &Connection) -> Self {
        let acting_as = principal.is_acting_for_other().then(|| principal.acting_as().id);
        Self::from_connection(Who::Account { person: principal.person().id, acting_as }, connection)
    }

    /// Another operator, known by the name in its certificate or not.
    pub(crate) fn operator(name: Option<&DistinguishedName>, connection: &Connection) -> Self {
        Self::from_connection(Who::Operator(name.map(ToString::to_string)), connection)
    }

    /// A hospital's own server, speaking for `account` if that is known.
    pub(crate) fn connector(name: &str, account: Option<AccountId>, connection: &Connection) -> Self {
        Self::from_connection(Who::Connector { name: name.to_owned(), account }, connection)
    }

    fn from_connection(who: Who, connection: &Connection) -> Self {
        Self { who, peer: connection.peer.ip(), session: connection.session.clone() }
    }

    fn person(&self) -> Option<AccountId> {
        match self.who {
            Who::Account { person, .. } => Some(person),
            Who::Operator(_) | Who::Connector { .. } => None,
        }
    }

    fn acting_as(&self) -> Option<AccountId> {
        match self.who {
            Who::Account { acting_as, .. } => acting_as,
            Who::Connector { account, .. } => account,
            Who::Operator(_) => None,
        }
    }

    fn operator_name(&self) -> Option<&str> {
        match &self.who {
            Who::Account { .. } | Who::Connector { .. } => None,
            Who::Operator(name) => name.as_deref(),
        }
    }

    fn connector_name(&self) -> Option<&str> {
        match &self.who {
            Who::Connector { name, .. } => Some(name),
            Who::Account { .. } | Who::Operator(_) => None,
        }
    }

    pub(crate) fn trace(
        &self,
        id: TraceId,
        at: Timestamp,
        action: Action,
        mut detail: Vec<(String, String)>,
    ) -> Trace {
        detail.extend(self.operator_name().map(|name| pair("operator", name)));
        detail.extend(self.connector_name().map(|name| pair("asserted-by", &format!("connector {name}"))));
        Trace {
            id,
            at,
            action,
            person: self.person(),
            acting_as: self.acting_as(),
            peer: Some(self.peer),
            outcome: Outcome::Done,
            detail,
        }
    }

    /// The trace of a refusal; the recipient is whole in it, since traces are sealed (M-11).
    pub(crate) fn refusal(&self, id: TraceId, at: Timestamp, denial: &Denial) -> Trace {
        let mut detail = vec![pair("reason", denial.reason), pair("code", &denial.code)];
        detail.extend(denial.recipient.as_ref().map(|to| pair("to", to.as_ref())));
        detail.extend(denial.facts.iter().map(|(name, value)| pair(name, value)));
        Trace { outcome: Outcome::Refused, ..self.trace(id, at, Action::Refuse, detail) }
    }

    /// The trace of a retry, under the name of the first message, which is the one that the client is told (I-1).
    pub(crate) fn repeat(&self, first: TraceId, at: Timestamp, retry: TraceId) -> Trace {
        self.trace(first, at, Action::Repeat, vec![pair("retry", &retry)])
    }

    /// The box acted as, the person's own included.
    fn logged_box(&self) -> Option<DisplayValue<AccountId>> {
        self.acting_as().or(self.person()).map(display)
    }

    /// One line for each account that gets a copy; `outcome` is `delivered` or `repeated`, `id` the name that the client is told.
    pub(crate) fn log_served(
        &self,
        id: TraceId,
        outcome: &str,
        why: &str,
        bytes: u64,
        copies: &[Copied<'_>],
    ) {
        let (session, operator, connector) = (&self.session, self.operator_name(), self.connector_name());
        let (person, acting_as) = (self.person().map(display), self.logged_box());
        for (account, _, to) in copies {
            tracing::info!(
                %session, %id, person, acting_as, operator, connector, to = %to.masked(), %account, outcome, why, bytes,
                "recipient served"
            );
        }
    }

    /// One line for each recipient that a queue entry is for; `outcome` is `queued` or `repeated`.
    pub(crate) fn log_queued(
        &self,
        id: TraceId,
        outcome: &str,
        why: &str,
        bytes: u64,
        leaving: &[&Recipient],
    ) {
        let (session, operator, connector) = (&self.session, self.operator_name(), self.connector_name());
        let (person, acting_as) = (self.person().map(display), self.logged_box());
        for Recipient { address: to, .. } in leaving {
            tracing::info!(
                %session, %id, person, acting_as, operator, connector, to = %to.masked(), outcome, why, bytes, "recipient queued"
            );
        }
    }

    /// One line for each recipient that the refusal concerns: those of the message, or else the one being added.
    pub(crate) fn log_refusal(&self, id: TraceId, denial: &Denial, recipients: &[Recipient]) {
        let Denial { code, status, reason, recipient, .. } = denial;
        let (session, operator, connector) = (&self.session, self.operator_name(), self.connector_name());
        let (person, acting_as) = (self.person().map(display), self.logged_box());
        let refused = |to: &dyn fmt::Display| {
            tracing::info!(
                %session, %id, person, acting_as, operator, connector, %to, outcome = "refused", code, status, reason,
                "recipient refused"
            );
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

/// Traces and logs a refusal, and gives what the client is told. `recipients` are those that it concerns.
pub(crate) async fn refuse(
    store: &Store,
    at: Timestamp,
    id: TraceId,
    actor: &Actor,
    denial: Denial,
    recipients: &[Recipient],
) -> Reply {
    actor.log_refusal(id, &denial, recipients);
    // The refusal stands whether it could be traced or not; a store that cannot even take a trace says so itself.
    if let Err(error) = store.trace(actor.refusal(id, at, &denial)).await {
        tracing::warn!(%id, %error, "a refusal could not be traced");
    }
    denial.traced_reply(id)
}

/// The same for somebody who has done an hour's worth: logged each time, traced now and then.
pub(crate) async fn limited(
    store: &Store,
    at: Timestamp,
    id: TraceId,
    actor: &Actor,
    limited: Limited,
) -> Reply {
    let denial = limited.denial();
    if limited.traced {
        return refuse(store, at, id, actor, denial, &[]).await;
    }
    actor.log_refusal(id, &denial, &[]);
    denial.reply()
}

/// The same for somebody who is not known: anybody may be refused as often as they connect, so not each of them leaves a trace, but all
/// are told, and the next trace tells how many had none.
pub(crate) async fn stranger(
    store: &Store,
    at: Timestamp,
    actor: &Actor,
    mut denial: Denial,
    strangers: &Strangers,
) -> Reply {
    let id = TraceId::new(at);
    let Some(untraced) = strangers.refuse(actor.peer, Instant::now()) else {
        actor.log_refusal(id, &denial, &[]);
        return denial.reply();
    };
    if untraced > 0 {
        denial.facts.push(("untraced", untraced.to_string()));
    }
    refuse(store, at, id, actor, denial, &[]).await
}

/// A message that is about to be kept, as its traces and log lines tell it.
pub(crate) struct Sent<'a> {
    pub(crate) id: TraceId,
    pub(crate) at: Timestamp,
    pub(crate) actor: &'a Actor,
    pub(crate) account: &'a store::Account,
    pub(crate) path: Path,
    /// Whether the client gave the null reverse-path, as read receipts have it.
    pub(crate) null_path: bool,
    pub(crate) bytes: u64,
    pub(crate) copies: &'a [Copied<'a>],
    /// Those for whom it is queued.
    pub(crate) leaving: &'a [&'a Recipient],
    /// What the antivirus says, if there is one.
    pub(crate) antivirus: Option<Verdict>,
}

impl Sent<'_> {
    /// One trace of the sending, one of each reception and of each entry in the queue.
    pub(crate) fn traces(&self) -> Vec<Trace> {
        let profile = &self.account.profile;
        let mut detail = vec![
            pair("from", seen_by(profile, Rights::Full)),
            pair("why", self.path.as_str()),
            pair("recipients", &(self.copies.len() + self.leaving.len())),
            pair("bytes", &self.bytes),
        ];
        detail.extend(self.antivirus.map(|verdict| pair("antivirus", verdict.told())));
        detail.extend(self.null_path.then(|| pair("reverse-path", "<>")));
        let mut send = self.actor.trace(self.id, self.at, Action::Send, detail);
        // a connector's message with a null reverse-path, whose account is known by now
        if send.person.is_none() {
            send.acting_as = Some(self.account.id);
        }
        let receive = self.copies.iter().map(|(account, rights, to)| Trace {
            person: None,
            acting_as: Some(*account),
            detail: vec![pair("to", to), pair("from", seen_by(profile, *rights))],
            action: Action::Receive,
            ..send.clone()
        });
        let queue = self.leaving.iter().map(|to| Trace {
            detail: self.queued(to),
            action: Action::Queue,
            ..send.clone()
        });
        std::iter::once(send.clone()).chain(receive).chain(queue).collect()
    }

    fn queued(&self, to: &Recipient) -> Vec<(String, String)> {
        let by = self.way(to).map(|way| pair("by", &way));
        std::iter::once(pair("to", &to.address)).chain(by).collect()
    }

    /// By whom it leaves, if not for its own operator.
    fn way(&self, to: &Recipient) -> Option<String> {
        match (self.path, &to.home.server) {
            (Path::SmartHost, _) => Some("smart-host".to_owned()),
            (Path::Secure(_), Some(server)) => Some(format!("connector {}", server.connector)),
            (Path::Secure(_), None) => None,
        }
    }

    /// One line for each recipient; `first` is the message that this one repeats, if it is a retry.
    pub(crate) fn log(&self, first: Option<TraceId>) {
        let (id, why) = (first.unwrap_or(self.id), self.path.as_str());
        let outcome = |new| if first.is_some() { "repeated" } else { new };
        self.actor.log_served(id, outcome("delivered"), why, self.bytes, self.copies);
        self.actor.log_queued(id, outcome("queued"), why, self.bytes, self.leaving);
    }
}

pub(crate) fn pair<T: ToString + ?Sized>(name: &str, value: &T) -> (String, String) {
    (name.to_owned(), value.to_string())
}
