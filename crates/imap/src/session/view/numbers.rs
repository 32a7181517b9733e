//! The map between sequence numbers and UIDs of one open mailbox, as runs of consecutive UIDs.
//! May use plain values only. Must never touch the store or the wire.
//!
//! UIDs are handed out one after the other, so a mailbox of 100,000 messages is a handful of runs until somebody
//! deletes in the middle: an idle session costs a few bytes, not four bytes a message (I-3).

use std::ops::RangeInclusive;

use store::{Uid, UidRuns};

/// A run of consecutive UIDs: `uid`, `uid + 1`, … up to where the next run's `position` says that it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    uid: u32,
    /// Position of `uid`, from 0.
    position: u32,
}

/// Ascending UIDs, numbered from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    runs: Vec<Run>,
    len: u32,
}

impl Numbers {
    /// The numbers of these UIDs.
    pub(crate) fn of(uids: &UidRuns) -> Self {
        let mut numbers = Self::default();
        for (first, last) in uids.runs() {
            numbers.push_run(first.get(), last.get() - first.get() + 1);
        }
        numbers
    }

    /// How many messages: the number of EXISTS.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The largest UID, 0 for an empty mailbox.
    pub(crate) fn largest_uid(&self) -> u32 {
        self.len.checked_sub(1).and_then(|last| self.at(last)).unwrap_or(0)
    }

    /// The UID behind a sequence number (from 1).
    pub(crate) fn uid(&self, sequence: u32) -> Option<u32> {
        sequence.checked_sub(1).and_then(|position| self.at(position))
    }

    /// The sequence number of a UID.
    pub(crate) fn sequence(&self, uid: u32) -> Option<u32> {
        let index = self.runs.partition_point(|run| run.uid <= uid).checked_sub(1)?;
        let run = self.runs.get(index)?;
        let offset = uid - run.uid;
        (offset < self.run_len(index)).then(|| run.position + offset + 1)
    }

    /// Appends a UID larger than all others; a smaller one is ignored.
    pub(crate) fn push(&mut self, uid: u32) {
        let largest = self.largest_uid();
        if uid <= largest {
            return;
        }
        if largest == 0 || uid - 1 != largest {
            self.runs.push(Run { uid, position: self.len });
        }
        self.len += 1;
    }

    /// Removes these UIDs (ascending) and gives the sequence numbers that those present had before, ascending.
    pub(crate) fn remove(&mut self, gone: &[u32]) -> Vec<u32> {
        let numbers: Vec<u32> = gone.iter().filter_map(|&uid| self.sequence(uid)).collect();
        if numbers.is_empty() {
            return numbers;
        }
        let mut left = Self::default();
        let mut next = numbers.iter().copied().peekable();
        for index in 0..self.runs.len() {
            let Some(run) = self.runs.get(index).copied() else { break };
            let mut from = run.position;
            let end = run.position + self.run_len(index);
            while let Some(number) = next.next_if(|&number| number <= end) {
                left.push_run(run.uid + (from - run.position), number - 1 - from);
                from = number;
            }
            left.push_run(run.uid + (from - run.position), end - from);
        }
        *self = left;
        numbers
    }

    /// The UIDs whose sequence numbers are in one of these ascending ranges.
    pub(crate) fn uids_of_sequences(&self, ranges: &[RangeInclusive<u32>]) -> UidRuns {
        let mut uids = UidRuns::new();
        for range in ranges {
            // Positions count from 0.
            let (from, to) = (range.start().saturating_sub(1), (*range.end()).min(self.len));
            let first = self.runs.partition_point(|run| run.position <= from).saturating_sub(1);
            for (index, run) in self.runs.iter().enumerate().skip(first) {
                let end = run.position + self.run_len(index);
                let (low, high) = (from.max(run.position), to.min(end));
                if run.position >= to {
                    break;
                }
                if low < high {
                    push(&mut uids, run.uid + (low - run.position), run.uid + (high - 1 - run.position));
                }
            }
        }
        uids
    }

    /// The UIDs that are in one of these ascending ranges.
    pub(crate) fn uids_within(&self, ranges: &[RangeInclusive<u32>]) -> UidRuns {
        let mut uids = UidRuns::new();
        for range in ranges {
            let first = self.runs.partition_point(|run| run.uid <= *range.start()).saturating_sub(1);
            for (index, run) in self.runs.iter().enumerate().skip(first) {
                if run.uid > *range.end() {
                    break;
                }
                let last = run.uid + (self.run_len(index) - 1);
                push(&mut uids, run.uid.max(*range.start()), last.min(*range.end()));
            }
        }
        uids
    }

    /// All UIDs.
    pub(crate) fn uids(&self) -> UidRuns {
        self.uids_within(&[1..=u32::MAX])
    }

    /// The sequence numbers of those of these UIDs that are there, first and last of each run, ascending.
    pub(crate) fn sequences(&self, uids: &UidRuns) -> Vec<(u32, u32)> {
        let mut found: Vec<(u32, u32)> = Vec::new();
        for (first, last) in self.uids().common(uids).runs() {
            let (Some(from), Some(to)) = (self.sequence(first.get()), self.sequence(last.get())) else {
                continue;
            };
            match found.last_mut() {
                Some((_, end)) if *end + 1 == from => *end = to,
                _ => found.push((from, to)),
            }
        }
        found
    }

    /// The UID at a position from 0.
    fn at(&self, position: u32) -> Option<u32> {
        if position >= self.len {
            return None;
        }
        let index = self.runs.partition_point(|run| run.position <= position).checked_sub(1)?;
        self.runs.get(index).map(|run| run.uid + (position - run.position))
    }

    fn run_len(&self, index: usize) -> u32 {
        let end = self.runs.get(index + 1).map_or(self.len, |next| next.position);
        self.runs.get(index).map_or(0, |run| end - run.position)
    }

    fn push_run(&mut self, uid: u32, len: u32) {
        if len == 0 {
            return;
        }
        let follows = self.len > 0 && self.largest_uid().checked_add(1) == Some(uid);
        if !follows {
            self.runs.push(Run { uid, position: self.len });
        }
        self.len += len;
    }
}

fn push(uids: &mut UidRuns, first: u32, last: u32) {
    if let (Some(first), Some(last)) = (Uid::new(first), Uid::new(last)) {
        uids.push_run(first, last);
    }
}

impl FromIterator<u32> for Numbers {
    fn from_iter<I: IntoIterator<Item = u32>>(uids: I) -> Self {
        let mut numbers = Self::default();
        uids.into_iter().for_each(|uid| numbers.push(uid));
        numbers
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_set, prelude::*};

    use super::*;

    fn plain(uids: &UidRuns) -> Vec<u32> {
        uids.iter().map(Uid::get).collect()
    }

    #[test]
    fn consecutive_uids_are_one_run() {
        let numbers: Numbers = (1..=100_000).collect();
        assert_eq!((numbers.runs.len(), numbers.len()), (1, 100_000));
        assert_eq!(numbers.uid(100_000), Some(100_000));
        assert_eq!(numbers.uid(100_001), None);
        assert_eq!(numbers.uid(0), None);
    }

    #[test]
    fn removing_gives_the_numbers_they_had() {
        let mut numbers: Numbers = [2, 3, 4, 9, 10].into_iter().collect();
        assert_eq!(numbers.remove(&[1, 3, 9, 11]), vec![2, 4]);
        assert_eq!(plain(&numbers.uids()), [2, 4, 10]);
        assert_eq!(numbers.remove(&[2, 4, 10]), vec![1, 2, 3]);
        assert_eq!((numbers.len(), numbers.largest_uid()), (0, 0));
        numbers.push(12);
        assert_eq!(numbers.sequence(12), Some(1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// The runs behave as the plain sorted list that they stand for.
        #[test]
        fn runs_behave_like_a_list(
            all in btree_set(1u32..60, 0..50),
            gone in btree_set(1u32..60, 0..50),
            (low, high) in (0u32..70, 0u32..70),
        ) {
            let mut numbers: Numbers = all.iter().copied().collect();
            let gone: Vec<u32> = gone.into_iter().collect();
            let before: Vec<u32> = all.iter().copied().collect();
            let expected: Vec<u32> =
                (1u32..).zip(&before).filter(|(_, uid)| gone.contains(uid)).map(|(n, _)| n).collect();
            prop_assert_eq!(numbers.remove(&gone), expected);

            let left: Vec<u32> = before.into_iter().filter(|uid| !gone.contains(uid)).collect();
            prop_assert_eq!(plain(&numbers.uids()), left.clone());
            prop_assert_eq!(numbers.len() as usize, left.len());
            for (number, uid) in (1u32..).zip(&left) {
                prop_assert_eq!(numbers.uid(number), Some(*uid));
                prop_assert_eq!(numbers.sequence(*uid), Some(number));
            }
            for uid in (1..70).filter(|uid| !left.contains(uid)) {
                prop_assert_eq!(numbers.sequence(uid), None);
            }
            let within: Vec<u32> = left.iter().copied().filter(|uid| (low..=high).contains(uid)).collect();
            prop_assert_eq!(plain(&numbers.uids_within(&[low..=high])), within);
            let at: Vec<u32> =
                (1u32..).zip(&left).filter(|(n, _)| (low..=high).contains(n)).map(|(_, uid)| *uid).collect();
            prop_assert_eq!(plain(&numbers.uids_of_sequences(&[low..=high])), at);
            let some: UidRuns = (low..high).filter_map(Uid::new).collect();
            let of_some: Vec<u32> =
                (1u32..).zip(&left).filter(|(_, uid)| (low..high).contains(uid)).map(|(n, _)| n).collect();
            let told: Vec<u32> = numbers.sequences(&some).into_iter().flat_map(|(from, to)| from..=to).collect();
            prop_assert_eq!(told, of_some);
        }
    }
}
