//! The trust space as it lives: the [`Trust`] in force, read from the files that the configuration names and swapped whole
//! when they change (M-1, M-4). Readers never wait; reading files blocks and is never done where mail waits.

mod keeper;
mod signers;
mod state;
#[cfg(test)]
mod tests;
mod view;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use mssante::{Domain, dn::DistinguishedName, whitelist::ListChanges};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

pub use self::signers::{AcceptedSigner, CandidateView, SignerView};
pub use self::view::{AuthorityView, CrlView, DomainView, ListView, RowView, SourceView, TrustStatus};
use self::{
    keeper::{Keeper, Situation},
    state::State,
};
use crate::{
    authorities::{Authorities, CrlPoint, Environment},
    error::PkiError,
    list::ListFault,
    peer::{Parts, Trust},
    revocation::{CrlFile, CrlNote, Revocations},
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
    /// The file of the white list; empty where it comes from an address alone.
    pub list: PathBuf,
    /// The address that the white list is fetched from, for messages: whoever fetches it offers what came.
    pub list_url: Option<String>,
    /// Whether revocation lists are fetched too: then the directory may hold older ones, or be absent.
    pub fetches_crls: bool,
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
            list_url: None,
            fetches_crls: false,
            state: state.into(),
            signers: Vec::new(),
            signer_policies: vec![SIGNING_POLICY.to_owned()],
            alarm_after: SignedDuration::from_hours(48),
            stop_after: SignedDuration::from_hours(15 * 24),
        }
    }

    /// The same, with the signers that administrators accepted since, as the state directory keeps them.
    #[must_use]
    pub fn with_kept_signers(mut self) -> Self {
        let kept = State::new(&self.state).signers().unwrap_or_default();
        self.signers.extend(kept.into_iter().map(|signer| signer.name));
        self
    }

    /// The same on a copy of the state, which is made in `directory`: for whoever wants to see what a start would make of it all
    /// without changing anything.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn on_a_copy(self, directory: &Path) -> io::Result<Self> {
        State::new(&self.state).copy_to(&State::new(directory))?;
        Ok(Self { state: directory.into(), ..self })
    }

    fn list_file(&self) -> Option<&Path> {
        (!self.list.as_os_str().is_empty()).then_some(self.list.as_path())
    }

    /// Where the white list comes from, for messages.
    fn list_place(&self) -> String {
        let file = self.list_file().map(|file| format!("{} ([trust] list)", file.display()));
        let url = self.list_url.as_ref().map(|url| format!("{url} ([trust] list_url)"));
        file.into_iter().chain(url).collect::<Vec<_>>().join(" or ")
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

impl Refreshed {
    /// What both changed, this one first.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        self.changed |= later.changed;
        self.changes = later.changes.or(self.changes);
        self.notes.extend(later.notes);
        self.alarms = later.alarms;
        self
    }
}

impl TrustSpace {
    /// Reads everything once. A white list or revocation lists that cannot be used raise alarms: see
    /// [`TrustSpace::status`].
    ///
    /// # Errors
    /// The authorities cannot be read: nothing could be trusted.
    pub fn open(settings: TrustSettings, now: Timestamp) -> Result<Self, PkiError> {
        let mut keeper = Keeper::open(settings, now)?;
        let mut refreshed = Refreshed::default();
        keeper.refresh(now, &mut refreshed);
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
        self.change(now, |keeper, told| keeper.refresh(now, told)).1
    }

    /// Takes a white list that was fetched from `source`, if it is good (M-1). Blocks like [`TrustSpace::refresh`].
    ///
    /// # Errors
    /// Why it is not; the last good one stays in force.
    pub fn offer_list(
        &self,
        source: &str,
        bytes: Vec<u8>,
        now: Timestamp,
    ) -> (Result<(), ListFault>, Refreshed) {
        let (offered, refreshed) =
            self.change(now, |keeper, told| keeper.offer_list(source, bytes, now, told));
        (offered.unwrap_or(Ok(())), refreshed)
    }

    /// The digest of the accepted list, by which whoever fetches knows whether a host that says "unchanged" speaks of it.
    #[must_use]
    pub fn list_id(&self) -> Option<String> {
        let situation = self.0.situation.load();
        let accepted = situation.as_ref().as_ref().and_then(|situation| situation.accepted.as_ref());
        accepted.filter(|accepted| accepted.standing.is_ok()).map(|accepted| accepted.record.list.hex())
    }

    /// The host confirmed at `now` that the accepted list, which has this digest, is still the newest (M-1). Blocks.
    pub fn confirm_list(&self, id: &str, now: Timestamp) -> Refreshed {
        self.change(now, |keeper, told| keeper.confirm_list(id, now, told)).1
    }

    /// Takes the good ones of revocation lists that were fetched or handed over (M-4), and says what became of each. Blocks.
    pub fn offer_crls(&self, offered: &[CrlFile], now: Timestamp) -> (Vec<CrlNote>, Refreshed) {
        let (notes, refreshed) = self.change(now, |keeper, told| keeper.offer_crls(offered, now, told));
        (notes.unwrap_or_default(), refreshed)
    }

    /// What accepting a signer of that name would mean: which lists that were refused it would let in. Blocks.
    #[must_use]
    pub fn consider_signer(&self, name: &DistinguishedName, now: Timestamp) -> SignerView {
        let keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.as_ref().map_or_else(SignerView::default, |keeper| keeper.consider(name, now))
    }

    /// Accepts a signer beside the configured ones, from now on and durably; a list of theirs that waits comes into force.
    /// Blocks.
    ///
    /// # Errors
    /// The state directory cannot be written: nothing is accepted.
    pub fn accept_signer(
        &self,
        name: &DistinguishedName,
        administrator: &str,
        now: Timestamp,
    ) -> io::Result<Refreshed> {
        let (kept, refreshed) =
            self.change(now, |keeper, told| keeper.accept_signer(name, administrator, now, told));
        kept.unwrap_or(Ok(())).map(|()| refreshed)
    }

    /// Where the authorities publish what they revoke, as they say in the certificates that they issued: to each other, to the
    /// white list's signer, and in `own`. Only what a trusted authority signed, or an operator configured, is looked at.
    #[must_use]
    pub fn crl_points(&self, own: &[CertificateDer<'_>]) -> Vec<CrlPoint> {
        let keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.as_ref().map(|keeper| keeper.crl_points(own)).unwrap_or_default()
    }

    /// What whoever fetches wants to know again after a restart; none if nothing was kept.
    #[must_use]
    pub fn fetched(&self) -> Option<Vec<u8>> {
        let keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.as_ref().and_then(Keeper::fetched)
    }

    /// Keeps that. Blocks.
    ///
    /// # Errors
    /// The state directory cannot be written.
    pub fn keep_fetched(&self, bytes: &[u8]) -> io::Result<()> {
        let keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.as_ref().map_or(Ok(()), |keeper| keeper.keep_fetched(bytes))
    }

    /// Lets the keeper work, and puts in force what it changed.
    fn change<T>(
        &self,
        now: Timestamp,
        work: impl FnOnce(&mut Keeper, &mut Refreshed) -> T,
    ) -> (Option<T>, Refreshed) {
        let mut told = Refreshed::default();
        let mut keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(keeper) = keeper.as_mut() else { return (None, told) };
        let done = work(keeper, &mut told);
        if told.changed {
            self.0.trust.store(Arc::new(keeper.trust()));
        }
        self.0.situation.store(Arc::new(Some(keeper.situation(&told, now))));
        told.alarms = self.status(now).alarms;
        (Some(done), told)
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
