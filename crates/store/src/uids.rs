//! Sets of UIDs as runs of consecutive ones: a box of a million messages, or a million that vanished, is a handful of
//! pairs. Pure. May use: plain values only.

use crate::ids::Uid;

/// Ascending UIDs, each once, kept as runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidRuns {
    /// First and last of each run, ascending; two runs never touch.
    runs: Vec<(Uid, Uid)>,
    len: u32,
}

impl UidRuns {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs in any order, first and last of each; they may overlap. A run whose last lies before its first is empty.
    #[must_use]
    pub fn of(mut runs: Vec<(Uid, Uid)>) -> Self {
        runs.sort_unstable();
        let mut set = Self::new();
        for (first, last) in runs {
            match set.runs.last() {
                Some((_, known)) if *known >= last => {}
                Some((_, known)) if *known >= first => set.push_run(next(*known), last),
                _ => set.push_run(first, last),
            }
        }
        set
    }

    /// Adds a UID above all others; one that is not is left out.
    pub fn push(&mut self, uid: Uid) {
        self.push_run(uid, uid);
    }

    /// Adds a run above all others; one that does not begin above them, or ends before it begins, is left out.
    pub fn push_run(&mut self, first: Uid, last: Uid) {
        if last < first || self.runs.last().is_some_and(|(_, known)| *known >= first) {
            return;
        }
        self.len += last.get() - first.get() + 1;
        match self.runs.last_mut() {
            Some((_, known)) if next(*known) == first => *known = last,
            _ => self.runs.push((first, last)),
        }
    }

    /// First and last of each run, ascending.
    #[must_use]
    pub fn runs(&self) -> &[(Uid, Uid)] {
        &self.runs
    }

    /// Every UID, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        self.runs.iter().flat_map(|(first, last)| (first.get()..=last.get()).filter_map(Uid::new))
    }

    /// How many UIDs.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether the UID is one of them.
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        let after = self.runs.partition_point(|(first, _)| *first <= uid);
        after.checked_sub(1).and_then(|at| self.runs.get(at)).is_some_and(|(_, last)| uid <= *last)
    }

    /// The UIDs that are in both sets.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let (mut mine, mut others) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        let mut common = Self::new();
        while let (Some((first, last)), Some((other_first, other_last))) = (mine.peek(), others.peek()) {
            common.push_run(*first.max(other_first), *last.min(other_last));
            if last <= other_last {
                mine.next();
            } else {
                others.next();
            }
        }
        common
    }

    /// The lowest UID.
    #[must_use]
    pub fn first(&self) -> Option<Uid> {
        self.runs.first().map(|(first, _)| *first)
    }

    /// The highest UID.
    #[must_use]
    pub fn last(&self) -> Option<Uid> {
        self.runs.last().map(|(_, last)| *last)
    }

    /// The UIDs from the first possible one to `last` that are not in this set.
    #[must_use]
    pub fn missing_through(&self, last: Uid) -> Self {
        let mut missing = Self::new();
        let mut from = Some(Uid::MIN);
        for &(first, end) in &self.runs {
            if let (Some(start), Some(before)) = (from, Uid::new(first.get() - 1)) {
                missing.push_run(start, before.min(last));
            }
            from = end.get().checked_add(1).and_then(Uid::new);
        }
        if let Some(start) = from {
            missing.push_run(start, last);
        }
        missing
    }
}

/// Ascending UIDs; one that is not above those before it is left out.
impl FromIterator<Uid> for UidRuns {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        let mut set = Self::new();
        uids.into_iter().for_each(|uid| set.push(uid));
        set
    }
}

/// The UID after this one; the last possible one stays.
fn next(uid: Uid) -> Uid {
    Uid::new(uid.get().saturating_add(1)).unwrap_or(Uid::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    #[test]
    fn consecutive_uids_are_one_run() {
        let mut set: UidRuns = (1..=1_000_000).filter_map(Uid::new).collect();
        assert_eq!((set.runs().len(), set.len()), (1, 1_000_000));
        set.push(uid(7));
        set.push_run(uid(1_000_000), uid(1_000_005));
        assert_eq!(set.len(), 1_000_000, "what is not above the others is left out");
        set.push_run(uid(1_000_001), Uid::MAX);
        assert_eq!(set.runs(), [(Uid::MIN, Uid::MAX)]);
        assert!(set.contains(Uid::MAX) && set.missing_through(Uid::MAX).is_empty());
        assert_eq!(UidRuns::of(vec![(Uid::MAX, Uid::MAX), (Uid::MIN, Uid::MAX)]).len(), u32::MAX);
    }

    /// Runs, each a first UID and how many more, as a plain set and as ours.
    fn sets(runs: &[(u32, u32)]) -> (BTreeSet<u32>, UidRuns) {
        let plain = runs.iter().flat_map(|&(first, more)| first..=first + more).collect();
        (plain, UidRuns::of(runs.iter().map(|&(first, more)| (uid(first), uid(first + more))).collect()))
    }

    proptest! {
        /// A set of runs is the set of their UIDs.
        #[test]
        fn runs_behave_like_a_set(
            runs in vec((1..40_u32, 0..6_u32), 0..12),
            others in vec((1..40_u32, 0..6_u32), 0..12),
            last in 1..50_u32,
        ) {
            let (plain, set) = sets(&runs);
            let (plain_others, others) = sets(&others);
            let common: Vec<u32> = plain.intersection(&plain_others).copied().collect();
            prop_assert_eq!(set.common(&others).iter().map(Uid::get).collect::<Vec<_>>(), common);
            prop_assert_eq!(set.first().map(Uid::get), plain.first().copied());
            prop_assert_eq!(set.last().map(Uid::get), plain.last().copied());
            prop_assert_eq!(set.iter().map(Uid::get).collect::<Vec<_>>(), plain.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.len() as usize, plain.len());
            prop_assert_eq!(set.is_empty(), plain.is_empty());
            prop_assert!(set.runs().windows(2).all(|two| two[0].1.get() + 1 < two[1].0.get()));
            prop_assert!((1..60).all(|number| set.contains(uid(number)) == plain.contains(&number)));
            let missing: Vec<u32> = (1..=last).filter(|number| !plain.contains(number)).collect();
            prop_assert_eq!(set.missing_through(uid(last)).iter().map(Uid::get).collect::<Vec<_>>(), missing);
        }
    }
}
