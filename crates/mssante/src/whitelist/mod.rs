//! The white list, read: which operators' names may speak for which domain (M-1, M-9, B.2.4).
//!
//! May use: domains, names. Must never touch: XML, signatures, files, clocks; `pki` checks all that before it builds
//! one of these. A list never changes once built: a new one takes its place whole.

mod changes;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

pub use self::changes::{ListChanges, Rebound};
use crate::{
    Domain, DomainError,
    dn::{DistinguishedName, DnError},
};

/// Most rows of a list. The agency's had 8,655 in June 2026.
pub const MAX_ROWS: usize = 200_000;
/// Most names listed for one domain. The agency's list has five at most.
pub const MAX_NAMES_OF_DOMAIN: usize = 64;
/// Longest description or contact that is kept, in characters; the rest is cut: it is only shown.
pub const MAX_SHOWN_TEXT: usize = 1_000;

/// A row as it stands in the list: one for each (domain, name of an operator's certificate).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `Nom`.
    pub domain: String,
    /// `Description`.
    pub description: String,
    /// `DNCertificatOperateur`.
    pub dn: String,
    /// `ResponsableContact`.
    pub responsible: String,
    /// `SupportContact`.
    pub support: String,
    /// `DateMAJ`.
    pub updated: Timestamp,
}

/// A row that is left out: it gives nobody a right, and the others stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row} is left out: {why}")]
pub struct RowFault {
    /// Which row, from 1.
    pub row: usize,
    /// What is wrong with it.
    pub why: RowFaultKind,
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFaultKind {
    /// Its domain is none.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// Its name is none.
    #[error(transparent)]
    Name(#[from] DnError),
    /// Its domain has [`MAX_NAMES_OF_DOMAIN`] names already.
    #[error("the domain has {MAX_NAMES_OF_DOMAIN} names already")]
    TooManyNames,
}

/// Why rows make no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhiteListError {
    /// More than [`MAX_ROWS`].
    #[error("the white list has {0} rows, more than the {MAX_ROWS} that are read")]
    TooManyRows(usize),
    /// Not one row that can be read: taking it would stop all mail.
    #[error("the white list has no row that can be read")]
    NoRow,
}

/// How big a list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Rows that stand.
    pub rows: usize,
    /// Different domains.
    pub domains: usize,
    /// Different texts of names.
    pub dn_strings: usize,
    /// Different names (B.2.4).
    pub names: usize,
}

/// A list in force or to be.
#[derive(Clone, Debug)]
pub struct WhiteList {
    generated: Timestamp,
    rows: Vec<Row>,
    /// The rows of each domain, by their place in `rows`, with the name that each gives.
    domains: HashMap<Domain, Vec<Listed>>,
    names: HashSet<DistinguishedName>,
    dn_strings: usize,
}

#[derive(Clone, Debug)]
struct Listed {
    row: usize,
    name: DistinguishedName,
}

impl WhiteList {
    /// Builds a list from rows that come from a verified document; a row that cannot be read is left out and told.
    ///
    /// # Errors
    /// [`WhiteListError`]: nothing of it may be used.
    pub fn build(generated: Timestamp, rows: Vec<Row>) -> Result<(Self, Vec<RowFault>), WhiteListError> {
        if rows.len() > MAX_ROWS {
            return Err(WhiteListError::TooManyRows(rows.len()));
        }
        let mut list = Self {
            generated,
            rows: Vec::with_capacity(rows.len()),
            domains: HashMap::new(),
            names: HashSet::new(),
            dn_strings: 0,
        };
        let mut texts = HashMap::new();
        let mut faults = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            if let Err(why) = list.add(row, &mut texts) {
                faults.push(RowFault { row: at + 1, why });
            }
        }
        if list.rows.is_empty() {
            return Err(WhiteListError::NoRow);
        }
        list.dn_strings = list.rows.iter().map(|row| row.dn.as_str()).collect::<HashSet<_>>().len();
        Ok((list, faults))
    }

    /// Adds one row; `texts` keeps the names already read, since thousands of rows bear the same few.
    fn add(&mut self, row: Row, texts: &mut HashMap<String, DistinguishedName>) -> Result<(), RowFaultKind> {
        let domain = Domain::parse(row.domain.trim())?;
        let name = match texts.get(&row.dn) {
            Some(name) => name.clone(),
            None => {
                let name = DistinguishedName::parse(&row.dn)?;
                texts.insert(row.dn.clone(), name.clone());
                name
            }
        };
        let listed = self.domains.entry(domain).or_default();
        if listed.len() >= MAX_NAMES_OF_DOMAIN {
            return Err(RowFaultKind::TooManyNames);
        }
        listed.push(Listed { row: self.rows.len(), name: name.clone() });
        self.names.insert(name);
        self.rows.push(shortened(row));
        Ok(())
    }

    /// When the agency made it.
    #[must_use]
    pub fn generated(&self) -> Timestamp {
        self.generated
    }

    /// Whether the domain is listed: itself, not one above or below it (M-1).
    #[must_use]
    pub fn contains(&self, domain: &Domain) -> bool {
        self.domains.contains_key(domain)
    }

    /// Whether that name, whole, is one of those listed for the domain (M-2).
    #[must_use]
    pub fn speaks_for(&self, name: &DistinguishedName, domain: &Domain) -> bool {
        self.listed(domain).iter().any(|listed| listed.name == *name)
    }

    /// Whether that name is listed for any domain.
    #[must_use]
    pub fn is_operator(&self, name: &DistinguishedName) -> bool {
        self.names.contains(name)
    }

    /// Whether a name listed for the domain has the same common name and is another: a refusal of its own (B.2.6).
    #[must_use]
    pub fn shares_common_name(&self, name: &DistinguishedName, domain: &Domain) -> bool {
        self.listed(domain).iter().any(|listed| listed.name != *name && listed.name.shares_common_name(name))
    }

    /// The rows of a domain, in the list's order.
    #[must_use]
    pub fn rows(&self, domain: &Domain) -> Vec<&Row> {
        self.listed(domain).iter().filter_map(|listed| self.rows.get(listed.row)).collect()
    }

    /// The listed domains, in no order.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.domains.keys()
    }

    /// The names listed for a domain, in the list's order.
    pub fn names(&self, domain: &Domain) -> impl Iterator<Item = &DistinguishedName> {
        self.listed(domain).iter().map(|listed| &listed.name)
    }

    /// How big it is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            rows: self.rows.len(),
            domains: self.domains.len(),
            dn_strings: self.dn_strings,
            names: self.names.len(),
        }
    }

    fn listed(&self, domain: &Domain) -> &[Listed] {
        self.domains.get(domain).map_or(&[], Vec::as_slice)
    }
}

fn shortened(mut row: Row) -> Row {
    for text in [&mut row.description, &mut row.responsible, &mut row.support] {
        if let Some((end, _)) = text.char_indices().nth(MAX_SHOWN_TEXT) {
            text.truncate(end);
        }
    }
    row
}
