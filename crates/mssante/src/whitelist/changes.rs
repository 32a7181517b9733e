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
    pub rebound: Vec<Rebound>,
}

/// A domain that changed hands, or certificates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Rebound {
    /// The domain.
    pub domain: Domain,
    /// The names that may no longer speak for it.
    pub gone: Vec<String>,
    /// Those that may now and did not before.
    pub new: Vec<String>,
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
                continue;
            }
            let (now, before) = (names(self, domain), names(older, domain));
            if now != before {
                let shown = |one: &Names<'_>, other: &Names<'_>| {
                    one.difference(other).map(ToString::to_string).collect()
                };
                let (gone, new) = (shown(&before, &now), shown(&now, &before));
                changes.rebound.push(Rebound { domain: domain.clone(), gone, new });
            }
        }
        changes.removed.extend(older.domains().filter(|domain| !self.contains(domain)).cloned());
        for domains in [&mut changes.added, &mut changes.removed] {
            domains.sort_unstable();
        }
        changes.rebound.sort_unstable();
        changes
    }
}

type Names<'a> = BTreeSet<&'a DistinguishedName>;

fn names<'a>(list: &'a WhiteList, domain: &Domain) -> Names<'a> {
    list.names(domain).collect()
}
