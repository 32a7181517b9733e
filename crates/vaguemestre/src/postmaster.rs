//! The box to which other operators write about a domain of ours: `postmaster@` of each (M-12, RFC 5321 section 4.5.1).
//!
//! Reads the store. Must never make a box: who opens it is the operator's to say.

use mssante::{Address, Domain};
use store::{Reader, StoreError};

/// An alarm for each of `domains` that has no such box.
pub(crate) fn missing(reader: &Reader<'_>, domains: &[Domain]) -> Result<Vec<String>, StoreError> {
    let mut alarms = Vec::new();
    for domain in domains {
        let Ok(address) = Address::parse(&format!("postmaster@{domain}")) else { continue };
        if reader.account_by_address(&address)?.is_none() {
            alarms.push(format!(
                "our domain {domain} has no box {address}, to which other operators write when something is wrong: make it, \
                 of type ORG, with `vaguemestre account add` (M-12)"
            ));
        }
    }
    Ok(alarms)
}
