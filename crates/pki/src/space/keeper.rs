//! Whoever reads the files: takes in what is good, keeps the last good of what is not, and says which (M-1, M-4). It may use
//! the files of the settings and the state directory; it is used by one thread at a time and gives out values only.

mod offered;
mod told;

use std::{collections::BTreeMap, fmt, io, path::Path, sync::Arc};

use jiff::Timestamp;
use mssante::{dn::DistinguishedName, whitelist::WhiteList};

use self::{
    offered::Candidate,
    told::{in_words, is_problem, is_shrunk, source},
};
use super::{
    AcceptedSigner, Refreshed, TrustSettings,
    state::{ListId, Record, State},
};
use crate::{
    authorities::{Authorities, Authority},
    error::PkiError,
    list::{Accepting, ListFault, Rows, SignedList, Signer, SignerFault, not_from_the_future},
    path::Judge,
    peer::{ListInForce, Parts, Trust},
    revocation::{CrlEvent, CrlFile, CrlNote, MAX_CLOCK_SKEW, Revocations},
};

pub(super) struct Keeper {
    settings: Arc<TrustSettings>,
    state: State,
    authorities: Arc<Authorities>,
    revocations: Arc<Revocations>,
    accepted: Option<Arc<Accepted>>,
    /// Accepted beside the configured ones.
    signers: Vec<AcceptedSigner>,
    /// A list that was offered, and is refused for what may still come.
    candidate: Option<Candidate>,
    /// The file's list, if it is older than one that was fetched: it is not judged again and again.
    outdated: Option<ListId>,
    problems: Problems,
}

/// The list that was last accepted.
#[derive(Clone)]
pub(super) struct Accepted {
    pub(super) record: Record,
    pub(super) list: Arc<WhiteList>,
    pub(super) faults: Vec<String>,
    pub(super) left_out: usize,
    pub(super) signer: Signer,
    /// Whether its signer holds as of when it was accepted, with what is known today.
    pub(super) standing: Result<(), SignerFault>,
}

/// What is wrong, in sentences, until it is mended.
#[derive(Debug, Clone, Default)]
pub(super) struct Problems {
    pub(super) authorities: Option<String>,
    pub(super) crls: Vec<String>,
    /// The same of those that were fetched or handed over, by where they came from.
    pub(super) offered_crls: BTreeMap<String, String>,
    /// Revocation lists in force that lost half of the last ones' bytes.
    pub(super) shrunk: Vec<CrlNote>,
    pub(super) list: Option<String>,
    /// The same of the one that was fetched.
    pub(super) offered: Option<String>,
    /// The accepted signers cannot be read.
    pub(super) signers: Option<String>,
    /// The list that was kept cannot be used.
    pub(super) kept: Option<String>,
    /// The file of the list is dated in the future.
    pub(super) dated: Option<String>,
    /// What is in force cannot be kept.
    pub(super) unkept_crls: Option<String>,
    pub(super) unkept_list: Option<String>,
}

/// What is known beside the trust itself, after a refresh.
pub(super) struct Situation {
    pub(super) settings: Arc<TrustSettings>,
    pub(super) accepted: Option<Arc<Accepted>>,
    pub(super) signers: Vec<AcceptedSigner>,
    pub(super) problems: Problems,
    pub(super) notes: Vec<String>,
    pub(super) refreshed: Timestamp,
}

impl Situation {
    pub(super) fn settings(&self) -> &TrustSettings {
        &self.settings
    }
}

impl Keeper {
    /// Takes up what was in force when the service stopped.
    pub(super) fn open(settings: TrustSettings, now: Timestamp) -> Result<Self, PkiError> {
        let authorities = Authorities::load(&settings.roots, settings.authorities.as_deref())?;
        let state = State::new(&settings.state);
        let (revocations, _) = Revocations::none().update(&state.crls(), &authorities, now);
        let mut keeper = Self {
            settings: Arc::new(settings),
            state,
            authorities: Arc::new(authorities),
            revocations: Arc::new(revocations),
            accepted: None,
            signers: Vec::new(),
            candidate: None,
            outdated: None,
            problems: Problems::default(),
        };
        match keeper.state.signers() {
            Ok(signers) => keeper.signers = signers,
            Err(error) => {
                keeper.problems.signers = Some(format!(
                    "the signers that were accepted cannot be read: {error}: accept them again"
                ));
            }
        }
        keeper.take_up();
        Ok(keeper)
    }

    fn take_up(&mut self) {
        let told = |error: &dyn fmt::Display| {
            Some(format!("the white list kept in the state directory is not in force: {error}"))
        };
        match self.state.list() {
            Ok(Some((record, bytes))) => match self.read(&bytes, Moment::Past(record.accepted)) {
                Ok(accepted) => self.accepted = Some(Arc::new(Accepted { record, ..accepted })),
                Err(fault) => self.problems.kept = told(&fault),
            },
            Ok(None) => {}
            Err(error) => self.problems.kept = told(&error),
        }
    }

    /// Reads every file again.
    pub(super) fn refresh(&mut self, now: Timestamp, told: &mut Refreshed) {
        self.authorities(told);
        self.crls(now, told);
        self.age(now, told);
        if let Some(file) = self.settings.list_file().map(Path::to_owned) {
            self.list(&file, now, told);
        }
        if told.changed {
            self.reconsider(now, told);
        }
        self.stand(told);
    }

    /// The trust that follows from what was read.
    pub(super) fn trust(&self) -> Trust {
        let standing = self.accepted.as_ref().filter(|accepted| accepted.standing.is_ok());
        Trust::new(Parts {
            environment: self.settings.environment,
            authorities: Arc::clone(&self.authorities),
            revocations: Arc::clone(&self.revocations),
            crl_grace: self.settings.crl_grace,
            list: standing.map(|accepted| ListInForce {
                list: Arc::clone(&accepted.list),
                checked: accepted.record.checked,
            }),
            stop_after: self.settings.stop_after,
        })
    }

    pub(super) fn situation(&self, refreshed: &Refreshed, now: Timestamp) -> Situation {
        Situation {
            settings: Arc::clone(&self.settings),
            accepted: self.accepted.clone(),
            signers: self.signers.clone(),
            problems: self.problems.clone(),
            notes: refreshed.notes.clone(),
            refreshed: now,
        }
    }

    fn authorities(&mut self, told: &mut Refreshed) {
        match Authorities::load(&self.settings.roots, self.settings.authorities.as_deref()) {
            Ok(read) => {
                self.problems.authorities = None;
                if !self.authorities.all().map(Authority::der).eq(read.all().map(Authority::der)) {
                    told.changed = true;
                    told.notes
                        .push(format!("the authorities have changed: {} are trusted", read.all().count()));
                    self.authorities = Arc::new(read);
                }
            }
            Err(error) => {
                self.problems.authorities =
                    Some(format!("{error}; the authorities read before stay trusted"));
            }
        }
    }

    fn crls(&mut self, now: Timestamp, told: &mut Refreshed) {
        let (files, mut notes) = CrlFile::read_all(&self.settings.crls);
        notes.extend(self.take_crls(&files, now, told));
        if self.settings.fetches_crls {
            // then the directory is not where the newest are expected
            let absent = !self.settings.crls.exists();
            notes.retain(|note| !matches!(note.event, CrlEvent::GoesBack { .. }) && !absent);
        }
        self.problems.crls = notes.iter().filter(|note| is_problem(note)).map(ToString::to_string).collect();
    }

    /// Puts the good ones in force and keeps them; what became of each.
    fn take_crls(&mut self, files: &[CrlFile], now: Timestamp, told: &mut Refreshed) -> Vec<CrlNote> {
        let (next, notes) = self.revocations.update(files, &self.authorities, now);
        let news =
            |event: &CrlEvent| matches!(event, CrlEvent::Accepted { .. } | CrlEvent::AuthorityGone { .. });
        told.changed |= notes.iter().any(|note| news(&note.event));
        // that is seen once, at the change, and worth a look until the next list comes
        let replaced =
            |known: &CrlNote| notes.iter().any(|note| news(&note.event) && note.issuer() == known.issuer());
        self.problems.shrunk.retain(|known| !replaced(known));
        self.problems.shrunk.extend(notes.iter().filter(|note| is_shrunk(note)).cloned());
        let worth_telling =
            |note: &&CrlNote| !note.is_alarm() && !matches!(note.event, CrlEvent::Unchanged { .. });
        told.notes.extend(notes.iter().filter(worth_telling).map(ToString::to_string));
        // what could not be written is written again
        let none = Revocations::none();
        let before = if self.problems.unkept_crls.is_some() { &none } else { &self.revocations };
        self.problems.unkept_crls = self.unkept("revocation lists", self.state.keep_crls(before, &next));
        self.revocations = Arc::new(next);
        notes
    }

    /// What was confirmed under a clock that ran ahead ages from now on: it would not for as long as that clock was wrong by.
    fn age(&mut self, now: Timestamp, told: &mut Refreshed) {
        let Some(known) = self.accepted.as_ref().filter(|known| is_future(known.record.checked, now)) else {
            return;
        };
        let record = Record { checked: now, ..known.record };
        self.accepted = Some(Arc::new(Accepted { record, ..(**known).clone() }));
        self.problems.unkept_list = self.unkept("white list", self.state.keep_record(&record));
        told.changed = true;
    }

    fn list(&mut self, file: &Path, now: Timestamp, told: &mut Refreshed) {
        let path = file.display().to_string();
        self.problems.dated = None;
        let fetched = self.settings.list_url.is_some();
        let (bytes, modified) = match source(file) {
            Ok(Some(source)) => source,
            Err(error) if fetched && error.kind() == io::ErrorKind::NotFound => {
                self.problems.list = None;
                return;
            }
            Ok(None) => return self.problems.list = Some(format!("{path}: {}", ListFault::TooLarge)),
            Err(error) => {
                return self.problems.list = Some(format!(
                    "the white list {path} cannot be read: {error}: put the agency's newest there, where the service may \
                     read it, or correct [trust] list"
                ));
            }
        };
        let seen = self.seen(modified, now);
        let list = ListId::of(&bytes);
        if self.outdated == Some(list) {
            self.problems.list = None;
            return;
        }
        // the same bytes need no second judgement while those accepted before still stand
        let known =
            self.accepted.as_ref().filter(|known| known.record.list == list && known.standing.is_ok());
        if let Some(known) = known.cloned() {
            self.problems.list = None;
            return self.confirm(&known, seen, &bytes, told);
        }
        let read = self.read(&bytes, Moment::Now(now)).and_then(|read| self.following(read, now));
        match read {
            Ok(read) => {
                let record = Record { list, accepted: now, checked: seen.unwrap_or(now) };
                self.accept(Accepted { record, ..read }, &bytes, told);
            }
            Err(ListFault::Older { .. }) if fetched => {
                self.outdated = Some(list);
                self.problems.list = None;
            }
            Err(fault) => self.problems.list = Some(format!("{path}: {fault}{}", self.stays())),
        }
    }

    /// What a refused list leaves as it was, for the end of a sentence.
    fn stays(&self) -> &'static str {
        let in_force = self.accepted.as_ref().is_some_and(|accepted| accepted.standing.is_ok());
        if in_force { "; the last good list stays in force" } else { "" }
    }

    /// When the file says that somebody wrote or touched it, never later than now; none where it says that this is still to
    /// come: such a file would look new at every look, and its list would never age (M-1).
    fn seen(&mut self, modified: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let future = is_future(modified, now);
        self.problems.dated = future.then(|| {
            format!(
                "the file {} is dated {modified}, which has not come, so that it confirms nothing: set the clock right, \
                 then touch the file",
                self.settings.list.display()
            )
        });
        (!future).then(|| modified.min(now))
    }

    /// Reads and judges a list as of that moment. Only then its rows.
    fn read(&self, bytes: &[u8], moment: Moment) -> Result<Accepted, ListFault> {
        let signed = SignedList::read(bytes)?;
        let signer = Signer::of(&signed)?;
        let standing = self.judge(&signer, moment);
        if let Err(fault) = &standing {
            // a list that was accepted waits for what its signer needs, revocation lists or authorities, and is not in force
            // meanwhile
            if matches!(moment, Moment::Now(_)) {
                return Err(fault.clone().into());
            }
        }
        let Rows { list, faults, left_out } = Rows::read(&signed)?;
        let (Moment::Now(at) | Moment::Past(at)) = moment;
        let record = Record { list: ListId::of(bytes), accepted: at, checked: at };
        Ok(Accepted { record, list: Arc::new(list), faults, left_out, signer, standing })
    }

    fn following(&self, read: Accepted, now: Timestamp) -> Result<Accepted, ListFault> {
        self.follows(read.list.generated(), now).map(|()| read)
    }

    /// Whether a list of that date may take the place of the accepted one.
    fn follows(&self, generated: Timestamp, now: Timestamp) -> Result<(), ListFault> {
        not_from_the_future(generated, now)?;
        // one whose signer turned out to be untrusted at the time was never good, and keeps nothing out
        let good = |accepted: &&Arc<Accepted>| match &accepted.standing {
            Ok(()) => true,
            Err(fault) => fault.is_temporary(),
        };
        match self.accepted.as_ref().filter(good).map(|accepted| accepted.list.generated()) {
            Some(in_force) if generated < in_force => Err(ListFault::Older { generated, in_force }),
            _ => Ok(()),
        }
    }

    /// The file holds the accepted list still: whoever touches it says so.
    fn confirm(&mut self, known: &Accepted, seen: Option<Timestamp>, bytes: &[u8], told: &mut Refreshed) {
        let before = known.record.checked;
        let record = Record { checked: seen.map_or(before, |seen| seen.max(before)), ..known.record };
        if self.problems.unkept_list.is_some() {
            self.problems.unkept_list = self.unkept("white list", self.state.keep_list(&record, bytes));
        } else if record != known.record {
            self.problems.unkept_list = self.unkept("white list", self.state.keep_record(&record));
        }
        if record != known.record {
            self.accepted = Some(Arc::new(Accepted { record, ..known.clone() }));
            told.changed = true;
        }
    }

    fn accept(&mut self, next: Accepted, bytes: &[u8], told: &mut Refreshed) {
        let counts = next.list.counts();
        let changes = self.accepted.as_ref().map(|before| next.list.changes(&before.list));
        told.notes.push(format!(
            "the white list of {} is in force, signed by \"{}\": {} rows, {} domains, {} rows left out{}",
            next.list.generated(),
            next.signer.name,
            counts.rows,
            counts.domains,
            next.left_out,
            changes.as_ref().map(in_words).unwrap_or_default()
        ));
        self.problems.unkept_list = self.unkept("white list", self.state.keep_list(&next.record, bytes));
        self.problems.list = None;
        self.problems.kept = None;
        told.changes = changes;
        told.changed = true;
        self.accepted = Some(Arc::new(next));
    }

    /// Judges the signer of the accepted list again, as of when it was accepted, with what is known now.
    fn stand(&mut self, told: &mut Refreshed) {
        let Some(accepted) = &self.accepted else { return };
        let judged = self.judge(&accepted.signer, Moment::Past(accepted.record.accepted));
        if judged == accepted.standing {
            return;
        }
        told.changed = true;
        told.notes.push(match &judged {
            Ok(()) => "the accepted white list is in force again".to_owned(),
            Err(fault) => format!("the accepted white list is no longer in force: {fault}"),
        });
        self.accepted = Some(Arc::new(Accepted { standing: judged, ..(**accepted).clone() }));
    }

    fn judge(&self, signer: &Signer, moment: Moment) -> Result<(), SignerFault> {
        let (at, as_of) = match moment {
            Moment::Now(at) => (at, false),
            Moment::Past(at) => (at, true),
        };
        let judge = Judge {
            environment: self.settings.environment,
            authorities: &self.authorities,
            revocations: &self.revocations,
            crl_grace: self.settings.crl_grace,
            as_of,
        };
        let signers = self.signers();
        let accepting = Accepting { signers: &signers, policies: &self.settings.signer_policies };
        signer.judge(&judge, accepting, at)
    }

    /// The configured signers, and those that were accepted since.
    fn signers(&self) -> Vec<DistinguishedName> {
        let accepted = self.signers.iter().map(|signer| &signer.name);
        self.settings.signers.iter().chain(accepted).cloned().collect()
    }

    fn unkept(&self, what: &str, kept: io::Result<()>) -> Option<String> {
        let directory = self.settings.state.display();
        kept.err().map(|error| {
            format!(
                "the {what} in force cannot be kept in {directory}: {error}: a restart would begin without"
            )
        })
    }
}

fn is_future(at: Timestamp, now: Timestamp) -> bool {
    at > now.saturating_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX)
}

/// When a list is judged.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Now(Timestamp),
    /// When it was accepted: what was revoked after that counts for nothing (M-1).
    Past(Timestamp),
}
