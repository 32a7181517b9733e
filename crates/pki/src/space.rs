//! The trust space as it lives: the [`Trust`] in force, read from the files that the configuration names and swapped whole
//! when they change (M-1, M-4). Reading blocks and is never done where mail waits.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use mssante::dn::DistinguishedName;
use serde::Serialize;

use crate::{
    authorities::{Authorities, Environment},
    error::PkiError,
    peer::{Parts, Trust},
    revocation::{CrlFile, Revocations},
};

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
    /// Production, with the default ages.
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
            signer_policies: Vec::new(),
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
    settings: Option<TrustSettings>,
}

/// What a refresh changed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Refreshed {
    /// Whether another trust is in force now.
    pub changed: bool,
    /// What happened, each in a sentence.
    pub notes: Vec<String>,
    /// What somebody must look at.
    pub alarms: Vec<String>,
}

/// How the trust space stands, for `trust status`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TrustStatus {
    /// What somebody must look at.
    pub alarms: Vec<String>,
}

impl TrustSpace {
    /// Reads everything once.
    ///
    /// # Errors
    /// The authorities cannot be read: nothing could be trusted.
    pub fn open(settings: TrustSettings, now: Timestamp) -> Result<Self, PkiError> {
        let authorities = Arc::new(Authorities::load(&settings.roots, settings.authorities.as_deref())?);
        let (files, _) = CrlFile::read_all(&settings.crls);
        let (revocations, _) = Revocations::none().update(&files, &authorities, now);
        let trust = Trust::new(Parts {
            environment: settings.environment,
            authorities,
            revocations: Arc::new(revocations),
            crl_grace: settings.crl_grace,
            list: None,
            stop_after: settings.stop_after,
        });
        Ok(Self(Arc::new(Living { trust: ArcSwap::from_pointee(trust), settings: Some(settings) })))
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
        Self(Arc::new(Living { trust: ArcSwap::from_pointee(trust), settings: None }))
    }

    /// The trust in force.
    #[must_use]
    pub fn current(&self) -> Arc<Trust> {
        self.0.trust.load_full()
    }

    /// Reads the files again; the last good ones stay in force. Blocks.
    pub fn refresh(&self, _now: Timestamp) -> Refreshed {
        Refreshed {
            alarms: vec!["a refresh of the trust space is not built yet".to_owned()],
            ..Refreshed::default()
        }
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> TrustStatus {
        let alarms = self.current().relaying(now).err().map(|error| error.to_string()).into_iter().collect();
        TrustStatus { alarms }
    }
}

impl fmt::Debug for TrustSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustSpace").field("configured", &self.0.settings.is_some()).finish_non_exhaustive()
    }
}
