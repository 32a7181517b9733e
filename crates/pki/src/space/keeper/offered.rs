//! What does not come from the configured files: a white list and revocation lists that were fetched or handed over, and signers
//! that an administrator accepts. The same judgement as for files; whoever offers does the fetching.

use std::{io, path::Path};

use jiff::Timestamp;
use mssante::dn::DistinguishedName;
use rustls_pki_types::CertificateDer;

use super::{Accepted, AcceptedSigner, Keeper, ListId, Moment, Record, Refreshed, is_problem, source};
use crate::{
    list::{Accepting, ListFault, Rows, SignedList, Signer, SignerFault},
    path::Judge,
    revocation::{CrlEvent, CrlFault, CrlFile, CrlNote},
    space::{CandidateView, CrlPoint, SignerView},
};

/// The most places whose last revocation list is a problem that are remembered.
const MAX_OFFERED: usize = 256;

/// A list that was refused for what may still come: its signer's acceptance, or revocation lists.
#[derive(Clone)]
pub(in crate::space) struct Candidate {
    source: String,
    bytes: Vec<u8>,
}

impl Keeper {
    /// Takes a list that was fetched just now, if it is good.
    pub(in crate::space) fn offer_list(
        &mut self,
        source: &str,
        bytes: Vec<u8>,
        now: Timestamp,
        told: &mut Refreshed,
    ) -> Result<(), ListFault> {
        self.candidate = None;
        let list = ListId::of(&bytes);
        let known =
            self.accepted.as_ref().filter(|known| known.record.list == list && known.standing.is_ok());
        if let Some(known) = known.cloned() {
            self.problems.offered = None;
            self.confirm(&known, Some(now), &bytes, told);
            return Ok(());
        }
        let read = self.read(&bytes, Moment::Now(now)).and_then(|read| self.following(read, now));
        match read {
            Ok(read) => {
                let record = Record { list, accepted: now, checked: now };
                self.problems.offered = None;
                self.accept(Accepted { record, ..read }, &bytes, told);
                Ok(())
            }
            Err(fault) => {
                self.problems.offered = Some(format!("{source}: {fault}{}", self.stays()));
                if may_still_come(&fault) {
                    self.candidate = Some(Candidate { source: source.to_owned(), bytes });
                }
                Err(fault)
            }
        }
    }

    /// Judges the list that waits again: what it waited for may have come.
    pub(super) fn reconsider(&mut self, now: Timestamp, told: &mut Refreshed) {
        if let Some(Candidate { source, bytes }) = self.candidate.take() {
            // why it still is refused is kept as the problem that it is
            let _ = self.offer_list(&source, bytes, now, told);
        }
    }

    /// The host says that the list of this digest is still the newest.
    pub(in crate::space) fn confirm_list(&mut self, id: &str, now: Timestamp, told: &mut Refreshed) {
        let known =
            self.accepted.as_ref().filter(|known| known.record.list.hex() == id && known.standing.is_ok());
        let Some(known) = known.cloned() else { return };
        self.problems.offered = None;
        let record = Record { checked: now.max(known.record.checked), ..known.record };
        self.problems.unkept_list = self.unkept("white list", self.state.keep_record(&record));
        self.accepted = Some(std::sync::Arc::new(Accepted { record, ..(*known).clone() }));
        told.changed = true;
    }

    /// Takes the good ones of these revocation lists.
    pub(in crate::space) fn offer_crls(
        &mut self,
        offered: &[CrlFile],
        now: Timestamp,
        told: &mut Refreshed,
    ) -> Vec<CrlNote> {
        let notes = self.take_crls(offered, now, told);
        for file in offered {
            self.problems.offered_crls.remove(&file.name);
        }
        for note in notes.iter().filter(|note| is_problem(note) && !is_no_crl(note)) {
            if self.problems.offered_crls.len() < MAX_OFFERED {
                self.problems.offered_crls.insert(note.source.clone(), note.to_string());
            }
        }
        if told.changed {
            self.reconsider(now, told);
            self.stand(told);
            // a list in the file may have waited for these
            let waits = self.accepted.as_ref().is_none_or(|accepted| accepted.standing.is_err());
            if let Some(file) = self.settings.list_file().map(Path::to_owned).filter(|_| waits) {
                self.list(&file, now, told);
            }
        }
        notes
    }

    /// What accepting a signer of that name would mean.
    pub(in crate::space) fn consider(&self, name: &DistinguishedName, now: Timestamp) -> SignerView {
        let file = self.settings.list_file().and_then(|file| {
            let bytes = source(file).ok().flatten()?.0;
            Some(Candidate { source: file.display().to_string(), bytes })
        });
        let candidates = file.iter().chain(&self.candidate);
        SignerView {
            name: name.to_string(),
            accepted: self.signers().contains(name),
            candidates: candidates.filter_map(|candidate| self.candidate(candidate, name, now)).collect(),
        }
    }

    fn candidate(
        &self,
        candidate: &Candidate,
        name: &DistinguishedName,
        now: Timestamp,
    ) -> Option<CandidateView> {
        let Candidate { source, bytes } = candidate;
        let signed = SignedList::read(bytes).ok()?;
        let signer = Signer::of(&signed).ok().filter(|signer| signer.name == *name)?;
        let in_force = self.accepted.as_ref().filter(|accepted| accepted.standing.is_ok());
        if in_force.is_some_and(|accepted| accepted.record.list == ListId::of(bytes)) {
            return None;
        }
        let judge = Judge {
            environment: self.settings.environment,
            authorities: &self.authorities,
            revocations: &self.revocations,
            crl_grace: self.settings.crl_grace,
            as_of: false,
        };
        let accepting =
            Accepting { signers: std::slice::from_ref(name), policies: &self.settings.signer_policies };
        let judged = signer.judge(&judge, accepting, now).map_err(ListFault::from);
        let mut view = CandidateView {
            source: source.clone(),
            generated: None,
            counts: None,
            changes: None,
            signer_issuer: signer.issuer.clone(),
            signer_until: signer.not_after,
            refused: judged.as_ref().err().map(ToString::to_string),
        };
        // only then the rows
        if judged.is_err() {
            return Some(view);
        }
        match Rows::read(&signed) {
            Ok(rows) => {
                view.generated = Some(rows.list.generated());
                view.counts = Some(rows.list.counts());
                view.changes = self.accepted.as_ref().map(|before| rows.list.changes(&before.list));
                let follows = self.follows(rows.list.generated(), now);
                view.refused = follows.err().map(|fault| fault.to_string());
            }
            Err(fault) => view.refused = Some(fault.to_string()),
        }
        Some(view)
    }

    /// Accepts a signer, durably before anything follows from it.
    pub(in crate::space) fn accept_signer(
        &mut self,
        name: &DistinguishedName,
        administrator: &str,
        now: Timestamp,
        told: &mut Refreshed,
    ) -> io::Result<()> {
        if !self.signers().contains(name) {
            let mut signers = self.signers.clone();
            let administrator = administrator.to_owned();
            signers.push(AcceptedSigner { name: name.clone(), accepted: now, administrator });
            self.state.keep_signers(&signers)?;
            self.signers = signers;
            self.problems.signers = None;
            told.notes.push(format!("white lists signed by \"{name}\" are accepted from now on"));
        }
        self.reconsider(now, told);
        self.refresh(now, told);
        Ok(())
    }

    /// Where the trusted authorities publish what they revoke.
    pub(in crate::space) fn crl_points(&self, own: &[CertificateDer<'_>]) -> Vec<CrlPoint> {
        let signer = self.accepted.as_ref().map(|accepted| accepted.signer.certificate());
        let certificates: Vec<_> = own.iter().chain(signer).cloned().collect();
        self.authorities.crl_points(&certificates)
    }

    pub(in crate::space) fn fetched(&self) -> Option<Vec<u8>> {
        // it only saves requests: what cannot be read is fetched again
        self.state.fetched().ok().flatten()
    }

    pub(in crate::space) fn keep_fetched(&self, bytes: &[u8]) -> io::Result<()> {
        self.state.keep_fetched(bytes)
    }
}

/// Whether a list that is refused for this may be good later, as it is.
fn may_still_come(fault: &ListFault) -> bool {
    match fault {
        ListFault::Signer(SignerFault::NotAccepted { .. } | SignerFault::UnknownAuthority { .. }) => true,
        ListFault::Signer(fault) => fault.is_temporary(),
        _ => false,
    }
}

/// Whether it is no revocation list at all, such as the page of a busy host (B.3.5): that is the host's affair, told with the
/// source, and no attack.
fn is_no_crl(note: &CrlNote) -> bool {
    matches!(note.event, CrlEvent::Refused(CrlFault::NotACrl(_)))
}
