//! Sets of message numbers (RFC 3501 §9 `sequence-set`; `$` of RFC 5182). Plain values only.

use std::{num::NonZeroU32, ops::RangeInclusive};

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// A number.
    Number(NonZeroU32),
    /// `*`: the largest in use.
    Largest,
}

/// A set as the client wrote it; the number of ranges is bounded by the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceSet(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Ranges(Vec<(Bound, Bound)>),
    Saved,
}

/// What the numbers of a command are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Positions in the mailbox, from 1.
    Sequence,
    /// Unique identifiers (the `UID` commands).
    Uid,
}

/// Which messages a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// What the numbers mean.
    pub numbering: Numbering,
    /// The numbers.
    pub set: SequenceSet,
}

impl SequenceSet {
    /// Takes ranges in the order written; either end may be the larger (RFC 3501 §9).
    pub fn new(ranges: Vec<(Bound, Bound)>) -> Self {
        Self(Form::Ranges(ranges))
    }

    /// `$`: what the last SEARCH saved (RFC 5182 §2.1).
    pub fn saved() -> Self {
        Self(Form::Saved)
    }

    /// Whether it is `$`: then it has no ranges of its own, and the session knows what it stands for.
    pub fn is_saved(&self) -> bool {
        self.0 == Form::Saved
    }

    /// Whether it names `*`.
    pub fn names_largest(&self) -> bool {
        self.ranges().iter().any(|&(a, b)| a == Bound::Largest || b == Bound::Largest)
    }

    /// The ranges as written; none of `$`.
    pub fn ranges(&self) -> &[(Bound, Bound)] {
        match &self.0 {
            Form::Ranges(ranges) => ranges,
            Form::Saved => &[],
        }
    }

    /// Ascending, disjoint, non-adjacent ranges, `*` standing for `largest` (0 for an empty mailbox: then every
    /// range that names `*` is empty). Numbers above `largest` are kept: the caller decides what they mean. None of `$`.
    pub fn resolve(&self, largest: u32) -> Vec<RangeInclusive<u32>> {
        let number = |bound: Bound| match bound {
            Bound::Number(n) => n.get(),
            Bound::Largest => largest,
        };
        let mut ranges: Vec<(u32, u32)> = self
            .ranges()
            .iter()
            .map(|&(a, b)| (number(a), number(b)))
            .filter(|&(a, b)| a != 0 && b != 0)
            .map(|(a, b)| (a.min(b), a.max(b)))
            .collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        merged.into_iter().map(|(from, to)| from..=to).collect()
    }
}
