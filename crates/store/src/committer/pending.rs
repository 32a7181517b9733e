//! Changes that are not written yet, readable as if they were.

use std::collections::BTreeMap;

use crate::engine::{Change, Family};

/// Changes of one operation or one batch.
#[derive(Default)]
pub(crate) struct Pending {
    /// What later operations may read: the new value, or none for a removed key.
    keyed: [BTreeMap<Vec<u8>, Option<Vec<u8>>>; Family::ALL.len()],
    /// Large values that no operation reads before they are written.
    blind: Vec<Change>,
    /// Ranges that go; nothing is ever put in them again.
    ranges: Vec<(Family, Vec<u8>, Vec<u8>)>,
    bytes: usize,
}

impl Pending {
    pub(crate) fn put(&mut self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.keyed[family as usize].insert(key, Some(value));
    }

    pub(crate) fn put_blind(&mut self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.blind.push(Change::Put(family, key, value));
    }

    pub(crate) fn delete(&mut self, family: Family, key: Vec<u8>) {
        self.bytes += key.len();
        self.keyed[family as usize].insert(key, None);
    }

    pub(crate) fn delete_range(&mut self, family: Family, (from, until): (Vec<u8>, Vec<u8>)) {
        self.bytes += from.len() + until.len();
        self.ranges.push((family, from, until));
    }

    /// Adds ranges found by housekeeping.
    pub(crate) fn cut(&mut self, ranges: Vec<(Vec<u8>, Vec<u8>)>) {
        for range in ranges {
            self.delete_range(Family::Accounts, range);
        }
    }

    /// Adds the changes of an operation that succeeded.
    pub(crate) fn absorb(&mut self, other: Self) {
        for (mine, theirs) in self.keyed.iter_mut().zip(other.keyed) {
            if mine.is_empty() {
                *mine = theirs;
            } else {
                mine.extend(theirs);
            }
        }
        self.blind.extend(other.blind);
        self.ranges.extend(other.ranges);
        self.bytes += other.bytes;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many rows it changes, a range counted once.
    pub(crate) fn len(&self) -> usize {
        self.keyed.iter().map(BTreeMap::len).sum::<usize>() + self.blind.len() + self.ranges.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.blind.is_empty() && self.ranges.is_empty() && self.keyed.iter().all(BTreeMap::is_empty)
    }

    /// What is known of a key here: nothing, removed, or its value.
    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Option<Option<&Vec<u8>>> {
        self.keyed[family as usize].get(key).map(Option::as_ref)
    }

    /// Lays the changes of a range over those laid before.
    pub(crate) fn lay_over<'p>(
        &'p self,
        family: Family,
        from: &[u8],
        until: &[u8],
        overlay: &mut Overlay<'p>,
    ) {
        let range = self.keyed[family as usize]
            .range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(until)));
        overlay.extend(range.map(|(key, value)| (key.as_slice(), value.as_deref())));
    }

    /// The changes in the order they must be written: a removed key wins over a large value, a range over both.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        let mut changes = self.blind;
        for (family, keyed) in Family::ALL.into_iter().zip(self.keyed) {
            changes.extend(keyed.into_iter().map(|(key, value)| match value {
                Some(value) => Change::Put(family, key, value),
                None => Change::Delete(family, key),
            }));
        }
        changes.extend(
            self.ranges.into_iter().map(|(family, from, until)| Change::DeleteRange(family, from, until)),
        );
        changes
    }
}

/// Changes of a range: the new value of each key, or none for a removed one.
pub(crate) type Overlay<'p> = BTreeMap<&'p [u8], Option<&'p [u8]>>;
