//! What a new list changes: told in the log and to whoever watches, at each swap.
//!
//! May use: lists. Must never touch: anything else.

use std::collections::BTreeSet;

use super::WhiteList;
use crate::{Domain, dn::DistinguishedName};

/// The domains that a list changes against an older one, each in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ListChanges {
    /// Listed now and not before.
    pub added: Vec<Domain>,
    /// Listed before and no longer: refused from now on.
    pub removed: Vec<Domain>,
    /// Listed in both, with other names.
    pub rebound: Vec<Domain>,
}

impl ListChanges {
    /// Whether nothing changed for anyone.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.rebound.is_empty()
    }
}

impl WhiteList {
    /// What this list changes against `older`.
    #[must_use]
    pub fn changes(&self, older: &Self) -> ListChanges {
        let mut changes = ListChanges::default();
        for domain in self.domains() {
            if !older.contains(domain) {
                changes.added.push(domain.clone());
            } else if names(self, domain) != names(older, domain) {
                changes.rebound.push(domain.clone());
            }
        }
        changes.removed.extend(older.domains().filter(|domain| !self.contains(domain)).cloned());
        for domains in [&mut changes.added, &mut changes.removed, &mut changes.rebound] {
            domains.sort_unstable();
        }
        changes
    }
}

fn names<'a>(list: &'a WhiteList, domain: &Domain) -> BTreeSet<&'a DistinguishedName> {
    list.names(domain).collect()
}
