//! What the daemon does for its administrators: one function a request, each change traced with the administrator's
//! name (S-8.5).
//!
//! May use the store and the rules of `mssante`. Must never know the socket.

mod accounts;
mod chores;
mod connectors;
mod masking;
mod passwords;
mod queue;
mod retention;
mod status;
mod traces;
mod trust;

use std::sync::Arc;

use mssante::{Address, Domain};
use store::{Account, Action, Clock, Outcome, Store, StoreError, Trace, TraceId};

use tracing::{info, warn};

pub(crate) use chores::Chores;
pub(crate) use status::{Certificate, House};

use super::protocol::{Answer, Refused, RefusedKind, Request};
use crate::{
    config::{Connector, Operator},
    trust::{Bell, Warden},
};

/// Everything that answering takes.
pub(crate) struct Office {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) operator: Operator,
    pub(crate) house: Arc<House>,
    pub(crate) warden: Arc<Warden>,
    /// Who fetches what the trust space rests on, where anything is fetched.
    pub(crate) courier: Option<Bell>,
    pub(crate) chores: Chores,
    /// Those that are set up (S-3.10).
    pub(crate) connectors: Vec<Connector>,
    /// What gives queued messages back to their senders.
    pub(crate) bouncer: delivery::Bouncer,
}

type Answered = Result<Answer, Refused>;

impl Office {
    /// Carries `request` out for the administrator of that name.
    pub(crate) async fn answer(&self, administrator: &str, request: Request) -> Answer {
        let name = request.name();
        if request.only_looks() {
            let mut trace = self.trace(administrator, Action::Administer);
            trace.detail.push(("request".to_owned(), name.to_owned()));
            self.note(trace).await;
        }
        let answered = match request {
            Request::AccountAdd { profile, state, openers } => {
                self.add_account(administrator, *profile, state, &openers).await
            }
            Request::AccountList { after } => self.list_accounts(after).await,
            Request::AccountShow { address } => self.show_account(address).await,
            Request::AccountRemove { address } => self.remove_account(administrator, address).await,
            Request::AccountQuota { address, bytes, messages } => {
                self.set_quota(administrator, address, bytes, messages).await
            }
            Request::PasswordCreate { address, name } => {
                self.create_password(administrator, address, name).await
            }
            Request::PasswordList { address } => self.list_passwords(address).await,
            Request::PasswordRevoke { address, id } => self.revoke_password(administrator, address, id).await,
            Request::ConnectorList {} => self.list_connectors().await,
            Request::ConnectorPassword { name } => self.set_connector_password(administrator, name).await,
            Request::ConnectorRevoke { name } => self.revoke_connector_password(administrator, name).await,
            Request::Trace { id } => self.show_trace(&id).await,
            Request::TracesOf { address, day, after } => self.traces_of(address, day, after).await,
            Request::RetentionShow {} => self.show_retention().await,
            Request::ClockAccept {} => self.accept_clock(administrator).await,
            Request::Chore { chore } => self.chore(administrator, chore).await,
            // The socket's end takes it before it comes here.
            Request::Follow { .. } => Err(refusal("following is for a connection of its own")),
            Request::Status {} => self.status().await,
            Request::TrustStatus {} => self.trust_status(),
            Request::TrustShow { domain } => self.trust_domain(&domain),
            Request::TrustRefresh {} => self.refresh_trust(administrator).await,
            Request::TrustSigner { name } => self.consider_signer(&name).await,
            Request::TrustAcceptSigner { name } => self.accept_signer(administrator, &name).await,
            Request::CrlImport { file } => self.import_crl(administrator, file).await,
            Request::QueueList { after, filter } => self.list_queue(after, filter).await,
            Request::QueueShow { id } => self.show_queued(id).await,
            Request::QueueStats {} => self.queue_stats().await,
            Request::QueueChange { change, which, after } => {
                self.change_queue(administrator, change, which, after).await
            }
        };
        info!(administrator, request = name, granted = answered.is_ok(), "control request");
        answered.unwrap_or_else(Answer::Refused)
    }

    /// Traces that someone who is no administrator asked for something.
    pub(crate) async fn note_stranger(&self, uid: u32, gid: u32) {
        let detail = vec![("uid".into(), uid.to_string()), ("gid".into(), gid.to_string())];
        self.note(Trace { outcome: Outcome::Refused, detail, ..self.blank_trace(Action::Administer) }).await;
    }

    async fn note(&self, trace: Trace) {
        if let Err(error) = self.store.trace(trace).await {
            warn!(%error, "a control request could not be traced");
        }
    }

    /// A trace of `administrator` doing `action`, done unless changed.
    fn trace(&self, administrator: &str, action: Action) -> Trace {
        let detail = vec![("administrator".to_owned(), administrator.to_owned())];
        Trace { detail, ..self.blank_trace(action) }
    }

    fn blank_trace(&self, action: Action) -> Trace {
        let at = self.clock.now();
        Trace {
            id: TraceId::new(at),
            at,
            action,
            person: None,
            acting_as: None,
            peer: None,
            outcome: Outcome::Done,
            detail: Vec::new(),
        }
    }

    async fn account(&self, address: Address) -> Result<Account, Refused> {
        let wanted = address.clone();
        let found = self.store.read(move |reader| reader.account_by_address(&wanted)).await?;
        found.ok_or_else(|| {
            refusal(format!(
                "no account has the address {}: see `vaguemestre account list`",
                address.masked()
            ))
        })
    }

    fn mssante_domains(&self) -> &[Domain] {
        &self.operator.mssante_domains
    }
}

/// What cannot be granted as it is asked.
fn refusal(message: impl Into<String>) -> Refused {
    Refused { kind: RefusedKind::Refused, message: message.into() }
}

/// The store's error as an administrator needs to read it.
impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::Busy
            | StoreError::Full
            | StoreError::Damaged(_)
            | StoreError::ClockBehind
            | StoreError::Corrupt(_)
            | StoreError::Engine(_) => RefusedKind::Unavailable,
            _ => RefusedKind::Refused,
        };
        let hint = match error {
            StoreError::Taken(_) => " (S-1.3: a number after the last name, for instance prenom.nom2)",
            StoreError::Corrupt(_) | StoreError::Engine(_) => "; the daemon's log says more",
            _ => "",
        };
        Self { kind, message: format!("{error}{hint}") }
    }
}
