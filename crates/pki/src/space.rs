//! The trust space as it lives: the [`Trust`] in force, read from the files that the configuration names and swapped whole
//! when they change (M-1, M-4). Readers never wait; reading files blocks and is never done where mail waits.

mod keeper;
mod state;
#[cfg(test)]
mod tests;
mod view;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use mssante::{Domain, dn::DistinguishedName, whitelist::ListChanges};
use serde::{Deserialize, Serialize};

use self::keeper::{Keeper, Situation};
pub use self::view::{AuthorityView, CrlView, DomainView, ListView, RowView, TrustStatus};
use crate::{
    authorities::{Authorities, Environment},
    error::PkiError,
    peer::{Parts, Trust},
    revocation::Revocations,
};

/// The policy of certificates that sign white lists in production (B.2.3).
pub const SIGNING_POLICY: &str = "1.2.250.1.213.1.7.1.1.2.3.1";

/// Where the trust space is read from, and how old it may grow.
#[derive(Debug, Clone)]
pub struct TrustSettings {
    /// Production or test: never both.
    pub environment: Environment,
    /// The roots: a PEM bundle, a DER file or a directory.
    pub roots: PathBuf,
    /// The issuing authorities, likewise.
    pub authorities: Option<PathBuf>,
    /// The directory of revocation lists.
    pub crls: PathBuf,
    /// How long a revocation list still serves after its nextUpdate.
    pub crl_grace: SignedDuration,
    /// The file of the white list.
    pub list: PathBuf,
    /// The directory that we write: the last list and revocation lists that were accepted.
    pub state: PathBuf,
    /// Who may sign the white list: whole names.
    pub signers: Vec<DistinguishedName>,
    /// The policies of which a signer's certificate must have one (B.2.3).
    pub signer_policies: Vec<String>,
    /// An alarm is raised when nobody has confirmed the list for so long.
    pub alarm_after: SignedDuration,
    /// Relaying stops when nobody has confirmed the list for so long.
    pub stop_after: SignedDuration,
}

impl TrustSettings {
    /// Production, with the default ages and policy, and no accepted signer.
    #[must_use]
    pub fn new(roots: &Path, crls: &Path, list: &Path, state: &Path) -> Self {
        Self {
            environment: Environment::Production,
            roots: roots.into(),
            authorities: None,
            crls: crls.into(),
            crl_grace: SignedDuration::from_hours(4),
            list: list.into(),
            state: state.into(),
            signers: Vec::new(),
            signer_policies: vec![SIGNING_POLICY.to_owned()],
            alarm_after: SignedDuration::from_hours(48),
            stop_after: SignedDuration::from_hours(15 * 24),
        }
    }
}

/// The living trust space; clones are the same one.
#[derive(Clone)]
pub struct TrustSpace(Arc<Living>);

struct Living {
    trust: ArcSwap<Trust>,
    /// What is known beside the trust itself; none where none is configured.
    situation: ArcSwap<Option<Situation>>,
    /// Held while files are read.
    keeper: Mutex<Option<Keeper>>,
}

/// What a refresh changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refreshed {
    /// Whether another trust is in force now.
    pub changed: bool,
    /// What a new white list changes, when one came into force in the place of another.
    pub changes: Option<ListChanges>,
    /// What happened, each in a sentence.
    pub notes: Vec<String>,
    /// What somebody must look at.
    pub alarms: Vec<String>,
}

impl TrustSpace {
    /// Reads everything once. A white list or revocation lists that cannot be used raise alarms: see
    /// [`TrustSpace::status`].
    ///
    /// # Errors
    /// The authorities cannot be read: nothing could be trusted.
    pub fn open(settings: TrustSettings, now: Timestamp) -> Result<Self, PkiError> {
        let mut keeper = Keeper::open(settings, now)?;
        let refreshed = keeper.refresh(now);
        let trust = Arc::new(keeper.trust());
        let situation = keeper.situation(&refreshed, now);
        Ok(Self(Arc::new(Living {
            trust: ArcSwap::new(trust),
            situation: ArcSwap::from_pointee(Some(situation)),
            keeper: Mutex::new(Some(keeper)),
        })))
    }

    /// No trust space is configured: nothing is trusted.
    #[must_use]
    pub fn closed() -> Self {
        let trust = Trust::new(Parts {
            environment: Environment::Production,
            authorities: Arc::new(Authorities::none()),
            revocations: Arc::new(Revocations::none()),
            crl_grace: SignedDuration::ZERO,
            list: None,
            stop_after: SignedDuration::ZERO,
        });
        Self(Arc::new(Living {
            trust: ArcSwap::from_pointee(trust),
            situation: ArcSwap::from_pointee(None),
            keeper: Mutex::new(None),
        }))
    }

    /// The trust in force.
    #[must_use]
    pub fn current(&self) -> Arc<Trust> {
        self.0.trust.load_full()
    }

    /// Reads the files again and puts in force what is good; for the rest, the last good ones stay. Blocks: never call it
    /// on a thread that serves mail.
    pub fn refresh(&self, now: Timestamp) -> Refreshed {
        let mut keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(keeper) = keeper.as_mut() else { return Refreshed::default() };
        let mut refreshed = keeper.refresh(now);
        if refreshed.changed {
            self.0.trust.store(Arc::new(keeper.trust()));
        }
        self.0.situation.store(Arc::new(Some(keeper.situation(&refreshed, now))));
        refreshed.alarms = self.status(now).alarms;
        refreshed
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> TrustStatus {
        let situation = self.0.situation.load();
        match situation.as_ref() {
            Some(situation) => TrustStatus::of(situation, &self.current(), now),
            None => TrustStatus::default(),
        }
    }

    /// What the white list in force says of a domain.
    #[must_use]
    pub fn show(&self, domain: &Domain) -> DomainView {
        DomainView::of(domain, self.current().list())
    }

    /// The settings that it was opened with; none where none is configured.
    #[must_use]
    pub fn settings(&self) -> Option<TrustSettings> {
        self.0.situation.load().as_ref().as_ref().map(|situation| situation.settings().clone())
    }
}

impl fmt::Debug for TrustSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configured = self.0.situation.load().is_some();
        f.debug_struct("TrustSpace").field("configured", &configured).finish_non_exhaustive()
    }
}
