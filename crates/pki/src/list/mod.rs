//! The signed white list (M-1, B.2): its XML, its one signature profile, its signer, and its rows.
//!
//! The order is the rule: [`SignedList::read`] proves that digest and signature hold, [`Signer`] that who signed may, and
//! only then are the rows read. It may use bytes in memory and the judgement of chains; it opens no file.
//!
//! The profile (XML Signature 1.1): one enveloped signature, the last child of the root; RSA with SHA-256 over an exclusive
//! canonical SignedInfo; one Reference to the whole document (`URI=""`) with the transforms enveloped-signature and
//! exclusive canonicalization, SHA-256; one X509Certificate. Anything else is refused.

mod canonical;
mod document;
mod examine;
mod fault;
mod rows;
mod signature;
mod signer;
mod xml;

pub use self::{
    canonical::canonical,
    document::{MAX_LIST_BYTES, SignedList},
    examine::{ListExamination, Outcome, Step, examine_list},
    fault::{ListFault, SignerFault},
    signature::{MAX_SIGNATURE_BYTES, MAX_SIGNATURE_ELEMENTS},
    xml::{MAX_ATTRIBUTES, MAX_DEPTH, XmlFault},
};
pub(crate) use self::{
    rows::Rows,
    signer::{Accepting, Signer},
};

use jiff::Timestamp;

use crate::revocation::MAX_CLOCK_SKEW;

/// The namespace of the list's elements (B.2.2).
const LIST: &str = "https://listeblanche.mssante.fr/schema";
/// The namespace of XML Signature.
const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// The list's root.
const ROOT: &str = "ListeBlancheMSSante";

/// A list from the future would keep every later one out.
pub(crate) fn not_from_the_future(generated: Timestamp, now: Timestamp) -> Result<(), ListFault> {
    if generated > now.saturating_add(MAX_CLOCK_SKEW).unwrap_or(Timestamp::MAX) {
        return Err(ListFault::FromTheFuture(generated));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
