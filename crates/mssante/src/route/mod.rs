//! May this message go where it is sent, and how (S-3.1 to S-3.6, S-3.9, S-5.1).
//!
//! May use: addresses, rights, tags. Must never touch: the lookups; facts come in, a decision with its reason goes out
//! (I-8). [`recipient`] is asked at each RCPT, [`decide`] once the header is complete: the path is chosen for the whole
//! message (S-3.2).

mod decision;
mod refusal;
#[cfg(test)]
mod tests;
mod texts;

pub use self::{
    decision::{Answers, Decision, Facts, Why, beyond, decide, is_patient, recipient},
    refusal::{Reason, Refusal},
};
use crate::{Domain, Rights, State};

/// Where a recipient is, as the lookups found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// An account of this operator that takes mail.
    Local {
        /// What that account may do.
        rights: Rights,
        /// Whether it was written by an address in one of this operator's MSSanté domains, not by its login address.
        mssante: bool,
    },
    /// In one of this operator's domains, and no account that takes mail.
    UnknownLocal,
    /// In a listed domain that is not this operator's: trust follows the list, never the suffix (M-9).
    TrustSpace,
    /// In no listed domain, and still an MSSanté address to whoever wrote it: under `mssante.fr`, or a patient's.
    Unlisted,
    /// Anywhere else.
    Outside,
}

/// Who sends: the account acted as (S-1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// What the account may do.
    pub rights: Rights,
    /// Where it is in its life.
    pub state: State,
}

/// What the operator sets.
#[derive(Clone, Debug)]
pub struct RouteSettings {
    /// Take patients' numbers whose key is wrong: test identities have such keys (S-5.1). Never in production.
    pub test_identities: bool,
    /// The domain of patients' addresses.
    pub patient_domain: Domain,
    /// Local parts of that domain that are robots and not patients.
    pub patient_robots: Vec<String>,
}
