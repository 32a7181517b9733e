//! A list looked at step by step, for `trust check FILE`: every check is told, the ones that do not depend on a failed one
//! too. Nothing comes into force by this.

use jiff::Timestamp;
use mssante::whitelist::Counts;
use serde::{Deserialize, Serialize};

use super::{Accepting, ListFault, Rows, Signer, SignerFault, document::Unverified};
use crate::{
    authorities::Authorities, distrust::Distrust, path::Judge, revocation::Revocations, space::TrustSettings,
};

/// What a list was found to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListExamination {
    /// Each check, in order.
    pub steps: Vec<Step>,
    /// When the agency made it; known once its signature holds.
    pub generated: Option<Timestamp>,
    /// How big it is; known once its signature holds.
    pub counts: Option<Counts>,
    /// Rows that would be left out, and why; the first hundred.
    pub faults: Vec<String>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is checked, in a few words.
    pub check: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It holds; what was found.
    Holds(String),
    /// It does not; why, and what to do.
    Fails(String),
    /// An earlier check failed, so that this one cannot be made.
    NotReached,
}

const CHECKS: [&str; 11] = [
    "well-formed, signed in the accepted profile",
    "digest",
    "signature",
    "chain to the authorities",
    "dates of the signer's certificate",
    "revocation",
    "key usage",
    "policy",
    "accepted signer",
    "rows",
    "date of the list",
];

impl ListExamination {
    /// Whether every check holds: such a list would be accepted, unless a newer one is in force.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.steps.len() == CHECKS.len()
            && self.steps.iter().all(|step| matches!(step.outcome, Outcome::Holds(_)))
    }

    fn next(&mut self, outcome: Outcome) {
        if let Some(check) = CHECKS.get(self.steps.len()) {
            self.steps.push(Step { check: (*check).to_owned(), outcome });
        }
    }

    fn told<E: std::fmt::Display>(&mut self, result: Result<impl Into<String>, E>) {
        self.next(match result {
            Ok(found) => Outcome::Holds(found.into()),
            Err(error) => Outcome::Fails(error.to_string()),
        });
    }

    fn stopped(mut self) -> Self {
        while self.steps.len() < CHECKS.len() {
            self.next(Outcome::NotReached);
        }
        self
    }
}

/// Looks at a list as of `at`, whatever is wrong with it.
#[must_use]
pub fn examine_list(
    bytes: &[u8],
    authorities: &Authorities,
    revocations: &Revocations,
    settings: &TrustSettings,
    at: Timestamp,
) -> ListExamination {
    let mut told = ListExamination::default();
    let signed = match Unverified::read(bytes) {
        Ok(unverified) => {
            told.next(Outcome::Holds(format!("{} octets", bytes.len())));
            unverified
        }
        Err(fault) => {
            told.next(Outcome::Fails(fault.to_string()));
            return told.stopped();
        }
    };
    let certificate = signed.certificate().clone();
    let digested = signed.digest_holds();
    told.told(digested.as_ref().map(|_| "SHA-256 over the exclusive canonical form"));
    let signed = digested.and_then(super::document::Digested::signature_holds);
    match &signed {
        Err(ListFault::Digest) => told.next(Outcome::NotReached),
        signed => told.told(signed.as_ref().map(|_| "RSA with SHA-256, by the certificate in the list")),
    }
    let Ok(signer) = Signer::read(&certificate) else { return told.stopped() };
    let judge = Judge {
        environment: settings.environment,
        authorities,
        revocations,
        crl_grace: settings.crl_grace,
        as_of: false,
    };
    told.chain(&signer, &judge, at);
    let accepting = Accepting { signers: &settings.signers, policies: &settings.signer_policies };
    told.told(signer.is_for_signatures().map(|()| "digitalSignature"));
    told.told(signer.has_policy(accepting).map(|()| signer.policies.join(", ")));
    told.told(signer.is_accepted(accepting).map(|()| signer.name.to_string()));
    let Ok(signed) = signed else { return told.stopped() };
    told.rows(Rows::read(&signed), at);
    told.stopped()
}

impl ListExamination {
    /// Chain, dates and revocation: one judgement, told as three checks.
    fn chain(&mut self, signer: &Signer, judge: &Judge<'_>, at: Timestamp) {
        let Signer { issuer, not_before, not_after, .. } = signer;
        let chain = Outcome::Holds(format!("issued by {issuer}"));
        let dates = Outcome::Holds(format!("{not_before} to {not_after}, as of {at}"));
        let not_revoked = Outcome::Holds("not revoked".to_owned());
        let own_dates = if at > *not_after {
            Outcome::Fails(SignerFault::from(Distrust::Expired { at: *not_after }).to_string())
        } else if at < *not_before {
            Outcome::Fails(SignerFault::from(Distrust::NotYetValid { from: *not_before }).to_string())
        } else {
            dates.clone()
        };
        let outcomes = match signer.leads(judge, at) {
            Ok(()) => [chain, dates, not_revoked],
            Err(fault) => {
                let why = Outcome::Fails(fault.to_string());
                match fault {
                    SignerFault::Chain(Distrust::Expired { .. } | Distrust::NotYetValid { .. }) => {
                        [chain, why, Outcome::NotReached]
                    }
                    SignerFault::Chain(
                        Distrust::Revoked { .. }
                        | Distrust::RevocationUnknown { .. }
                        | Distrust::RevocationStale { .. },
                    ) => [chain, dates, why],
                    _ => [why, own_dates, Outcome::NotReached],
                }
            }
        };
        outcomes.into_iter().for_each(|outcome| self.next(outcome));
    }

    fn rows(&mut self, rows: Result<Rows, ListFault>, at: Timestamp) {
        let Rows { list, faults, left_out } = match rows {
            Ok(rows) => rows,
            Err(fault) => return self.next(Outcome::Fails(fault.to_string())),
        };
        let counts = list.counts();
        self.next(Outcome::Holds(format!(
            "{} rows, {} domains, {} texts of names, {} names; {left_out} rows left out",
            counts.rows, counts.domains, counts.dn_strings, counts.names
        )));
        let generated = list.generated();
        self.told(super::not_from_the_future(generated, at).map(|()| generated.to_string()));
        self.counts = Some(counts);
        self.generated = Some(generated);
        self.faults = faults;
    }
}
