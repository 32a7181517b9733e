//! What travels over the control socket: one JSON value a line, a request and then its answer.
//!
//! Both ends are this program, so the types are the protocol. Must never hold a password but in the one answer that
//! shows it, which has no `Debug`.

pub(crate) mod chores;
pub(crate) mod connectors;
pub(crate) mod queue;
pub(crate) mod retention;

use std::path::PathBuf;

use jiff::{Timestamp, civil::Date};
use mssante::{Address, Domain, Profile, Rights, State};
use pki::{DomainView, Refreshed, SignerView, TrustStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::follow::Following;
use crate::chores::{Chore, Chored};
use connectors::{ConnectorView, NewConnectorPassword};
use queue::{Change, Changed, Filter, QueuedView, StatsView, Which};
use retention::RetentionView;

/// The longest line that the daemon reads, in octets, its end included.
pub(crate) const REQUEST_OCTETS: u64 = 64 * 1024;

/// The longest line that a client reads, in octets: a page of accounts with their openers.
pub(crate) const ANSWER_OCTETS: u64 = 16 * 1024 * 1024;

/// Accounts in one answer to [`Request::AccountList`].
pub(crate) const PAGE: usize = 200;

/// What an administrator asks of the daemon.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    AccountAdd {
        profile: Box<Profile>,
        state: State,
        openers: Vec<Address>,
    },
    /// One page, beginning behind the account `after`.
    AccountList {
        after: Option<u64>,
    },
    AccountShow {
        address: Address,
    },
    AccountRemove {
        address: Address,
    },
    /// What is left out stays as it is.
    AccountQuota {
        address: Address,
        bytes: Option<LimitChange>,
        messages: Option<LimitChange>,
    },
    PasswordCreate {
        address: Address,
        name: String,
    },
    PasswordList {
        address: Address,
    },
    PasswordRevoke {
        address: Address,
        id: u64,
    },
    ConnectorList {},
    ConnectorPassword {
        name: String,
    },
    ConnectorRevoke {
        name: String,
    },
    Trace {
        id: String,
    },
    /// One page of what a person did, or was done in a box, on a day in UTC (today if none), beginning behind the number `after`.
    TracesOf {
        address: Address,
        day: Option<Date>,
        after: Option<u64>,
    },
    /// One page of the queue, beginning behind the entry `after`; what is left out is still looked at.
    QueueList {
        after: Option<u64>,
        filter: Filter,
    },
    QueueShow {
        id: u64,
    },
    QueueStats {},
    /// Entries of one page that begins behind `after`; all at once if they are named by number.
    QueueChange {
        change: Change,
        which: Which,
        after: Option<u64>,
    },
    RetentionShow {},
    /// Believes the machine's clock again (I-4).
    ClockAccept {},
    /// Long work on the whole store; [`Answer::Working`] comes until it is done.
    Chore {
        chore: Chore,
    },
    /// After [`Answer::Following`] commits flow, for as long as the client stays.
    Follow {
        following: Following,
    },
    Status {},
    TrustStatus {},
    TrustShow {
        domain: Domain,
    },
    /// Looks at the files of the trust space now, and fetches what is fetched.
    TrustRefresh {},
    /// What accepting a signer of white lists would mean.
    TrustSigner {
        name: String,
    },
    /// Accepts that signer, whose whole name was confirmed.
    TrustAcceptSigner {
        name: String,
    },
    /// Takes a revocation list from a file that the daemon can read.
    CrlImport {
        file: PathBuf,
    },
}

impl Request {
    /// Its name in logs and traces.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::AccountAdd { .. } => "account-add",
            Self::AccountList { .. } => "account-list",
            Self::AccountShow { .. } => "account-show",
            Self::AccountRemove { .. } => "account-remove",
            Self::AccountQuota { .. } => "account-quota",
            Self::PasswordCreate { .. } => "password-create",
            Self::PasswordList { .. } => "password-list",
            Self::PasswordRevoke { .. } => "password-revoke",
            Self::ConnectorList {} => "connector-list",
            Self::ConnectorPassword { .. } => "connector-password",
            Self::ConnectorRevoke { .. } => "connector-revoke",
            Self::Trace { .. } => "trace",
            Self::TracesOf { .. } => "traces-of",
            Self::QueueList { .. } => "queue-list",
            Self::QueueShow { .. } => "queue-show",
            Self::QueueStats {} => "queue-stats",
            Self::QueueChange { change: Change::Retry, .. } => "queue-retry",
            Self::QueueChange { change: Change::Hold, .. } => "queue-hold",
            Self::QueueChange { change: Change::Release, .. } => "queue-release",
            Self::QueueChange { change: Change::Bounce, .. } => "queue-bounce",
            Self::QueueChange { change: Change::Remove, .. } => "queue-remove",
            Self::RetentionShow {} => "retention-show",
            Self::ClockAccept {} => "clock-accept",
            Self::Chore { chore } => chore.name(),
            Self::Follow { .. } => "backup-follow",
            Self::Status {} => "status",
            Self::TrustStatus {} => "trust-status",
            Self::TrustShow { .. } => "trust-show",
            Self::TrustRefresh {} => "trust-refresh",
            Self::TrustSigner { .. } => "trust-signer",
            Self::TrustAcceptSigner { .. } => "trust-accept-signer",
            Self::CrlImport { .. } => "crl-import",
        }
    }

    /// Whether it may take longer than anybody should wait without a word.
    pub(crate) fn takes_long(&self) -> bool {
        matches!(self, Self::Chore { .. } | Self::TrustRefresh {})
    }

    /// Whether it only looks: changes leave their own trace in the store's commit, looking leaves one beside it.
    pub(crate) fn only_looks(&self) -> bool {
        match self {
            Self::AccountList { .. }
            | Self::AccountShow { .. }
            | Self::PasswordList { .. }
            | Self::ConnectorList {}
            | Self::Trace { .. }
            | Self::TracesOf { .. }
            | Self::RetentionShow {}
            | Self::TrustShow { .. }
            | Self::TrustSigner { .. }
            | Self::QueueList { .. }
            | Self::QueueShow { .. }
            | Self::QueueStats {} => true,
            Self::AccountAdd { .. }
            | Self::AccountRemove { .. }
            | Self::AccountQuota { .. }
            | Self::PasswordCreate { .. }
            | Self::PasswordRevoke { .. }
            | Self::ConnectorPassword { .. }
            | Self::ConnectorRevoke { .. }
            | Self::ClockAccept {}
            | Self::Chore { .. }
            | Self::Follow { .. }
            | Self::Status {}
            | Self::TrustStatus {}
            | Self::TrustRefresh {}
            | Self::TrustAcceptSigner { .. }
            | Self::CrlImport { .. }
            | Self::QueueChange { .. } => false,
        }
    }
}

/// What becomes of one limit of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LimitChange {
    /// The configuration's holds.
    Usual,
    /// This one does.
    Own(u64),
}

impl LimitChange {
    /// The limit of the account's own, if it has one now.
    pub(crate) fn own(self) -> Option<u64> {
        match self {
            Self::Usual => None,
            Self::Own(most) => Some(most),
        }
    }
}

/// What the daemon answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    Account(Box<AccountView>),
    /// A page; `next` is the `after` of the following one, absent at the end.
    Accounts {
        accounts: Vec<AccountView>,
        next: Option<u64>,
    },
    Removed {
        address: Address,
        trace: String,
    },
    Password(NewPassword),
    Passwords {
        address: Address,
        passwords: Vec<PasswordView>,
    },
    Revoked {
        address: Address,
        id: u64,
        trace: String,
    },
    Connectors(Vec<ConnectorView>),
    ConnectorPassword(NewConnectorPassword),
    ConnectorRevoked {
        name: String,
        trace: String,
    },
    Traces(Vec<TraceView>),
    /// A page; `next` is the `after` of the following one, absent at the end.
    TracesOf {
        traces: Vec<TraceView>,
        next: Option<u64>,
    },
    /// A page; `next` is the `after` of the following one, absent at the end. It may be empty before the end.
    Queue {
        entries: Vec<QueuedView>,
        next: Option<u64>,
    },
    Queued(Box<QueuedView>),
    QueueStats(Box<StatsView>),
    /// What came of a page; `next` as for [`Answer::Queue`].
    QueueChanged {
        change: Change,
        changed: Changed,
        next: Option<u64>,
    },
    Retention(Box<RetentionView>),
    ClockAccepted {
        now: Timestamp,
        trace: String,
    },
    Status(Box<StatusView>),
    TrustStatus(Box<TrustStatus>),
    TrustDomain(Box<DomainView>),
    Refreshed(Box<Refreshed>),
    Signer(Box<SignerView>),
    SignerAccepted {
        refreshed: Box<Refreshed>,
        trace: String,
    },
    CrlImported(Box<ImportedView>),
    Chored(Box<Chored>),
    /// What follows is no answer but commits, in pieces.
    Following {},
    /// It is being done: another answer follows.
    Working {},
    Refused(Refused),
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) kind: RefusedKind,
    /// What happened and what to do.
    pub(crate) message: String,
}

/// What a script can do with a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RefusedKind {
    /// The peer of the socket is not an administrator.
    NotAdministrator,
    /// The request cannot be granted as it is.
    Refused,
    /// It could be granted, but the daemon is not able to now.
    Unavailable,
}

/// An account as administrators see it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AccountView {
    pub(crate) id: u64,
    pub(crate) state: State,
    pub(crate) rights: Rights,
    pub(crate) created: Timestamp,
    /// Login addresses of its login accounts (S-1.7).
    pub(crate) openers: Vec<Address>,
    pub(crate) profile: Profile,
    /// What it has in its boxes, and what it may have.
    pub(crate) mailbox: MailboxView,
    /// The trace of its creation or of its change, in the answer to that only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<String>,
}

/// What an account has in its boxes, and what it may have (M-12).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MailboxView {
    pub(crate) messages: u64,
    pub(crate) messages_limit: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_limit: u64,
    /// Whether one of the limits is the account's own.
    pub(crate) own_quota: bool,
    /// Whether new mail is refused.
    pub(crate) full: bool,
}

/// A new application password: the only time that its secret is shown.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewPassword {
    pub(crate) address: Address,
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) trace: String,
    /// Whether the notice of S-7.3 is in the box.
    pub(crate) notified: bool,
}

/// An application password without its secret.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PasswordView {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
}

/// One line of a trace.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TraceView {
    pub(crate) at: Timestamp,
    pub(crate) action: String,
    pub(crate) outcome: String,
    /// Login address of the physical person (S-1.7), or the number of an account that is gone.
    pub(crate) person: Option<String>,
    pub(crate) acting_as: Option<String>,
    pub(crate) peer: Option<String>,
    pub(crate) detail: Vec<(String, String)>,
}

/// How the daemon fares.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StatusView {
    pub(crate) version: String,
    pub(crate) operator: String,
    pub(crate) hostname: String,
    /// A demonstration store: never for real mail.
    pub(crate) demonstration: bool,
    pub(crate) process: u32,
    pub(crate) started: Timestamp,
    pub(crate) uptime_seconds: u64,
    pub(crate) listeners: Vec<ListenerView>,
    pub(crate) certificate: CertificateView,
    /// What other operators see, where there is a trust space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) relay_certificate: Option<CertificateView>,
    /// Recipients of other operators that wait for delivery.
    #[serde(default)]
    pub(crate) queue: u64,
    /// Age of the white list in force, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) list_age_seconds: Option<i64>,
    /// What somebody must look at: the store's disk and files, the trust space, a domain without postmaster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) alarms: Vec<String>,
    /// What the store counts, by name.
    pub(crate) store: Value,
}

/// One address that the daemon listens on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ListenerView {
    pub(crate) service: String,
    pub(crate) address: String,
    pub(crate) sessions: usize,
    pub(crate) sessions_limit: usize,
}

/// A revocation list that was handed over.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ImportedView {
    /// What became of it, in sentences.
    pub(crate) notes: Vec<String>,
    /// The lists of its authority before, in sentences.
    pub(crate) replaced: Vec<String>,
    /// What the alarms are now.
    pub(crate) alarms: Vec<String>,
    pub(crate) trace: String,
}

/// A certificate of this server.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CertificateView {
    pub(crate) subject: String,
    pub(crate) names: Vec<String>,
    pub(crate) not_after: Timestamp,
    /// Days left, negative when it has expired.
    pub(crate) days_left: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_and_survives_the_way() {
        let address = Address::parse("medecin.un@chu-nord.fr").unwrap();
        let request = Request::PasswordCreate { address, name: "Téléphone\nde garde".into() };
        let line = serde_json::to_string(&request).unwrap();
        assert!(!line.contains('\n'));
        let Request::PasswordCreate { name, .. } = serde_json::from_str(&line).unwrap() else { panic!() };
        assert_eq!(name, "Téléphone\nde garde");
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<Request>(r#"{"request":"status"}"#).is_ok());
        assert!(serde_json::from_str::<Request>(r#"{"request":"status","x":1}"#).is_err());
        assert!(serde_json::from_str::<Request>(r#"{"request":"account-list","before":1}"#).is_err());
    }
}
