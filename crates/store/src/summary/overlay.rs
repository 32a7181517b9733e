//! What happened in a box since its summary: flags that changed, UIDs that went, laid over segments as they are read.
//!
//! Pure. The rows that it is made of are in `keys.rs` under `q` and `v`.

use crate::ids::{ModSeq, Uid};

/// The value of a row `q`: the flags that a message has since then.
pub(crate) fn flags_value(bits: u8, keywords: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(1 + keywords.len());
    value.push(bits);
    value.extend_from_slice(keywords);
    value
}

/// New flags of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reflagged {
    pub(crate) uid: Uid,
    pub(crate) modseq: ModSeq,
    value: Vec<u8>,
}

impl Reflagged {
    pub(crate) fn new(uid: Uid, modseq: ModSeq, value: &[u8]) -> Self {
        Self { uid, modseq, value: value.to_vec() }
    }

    pub(crate) fn bits(&self) -> u8 {
        self.value.first().copied().unwrap_or_default()
    }

    /// Numbers of its keywords.
    pub(crate) fn keywords(&self) -> &[u8] {
        self.value.get(1..).unwrap_or_default()
    }
}

/// What happened since the summary, in any order until [`Overlay::sort`].
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    reflagged: Vec<Reflagged>,
    gone: Vec<(Uid, Uid)>,
}

impl Overlay {
    pub(crate) fn reflag(&mut self, reflagged: Reflagged) {
        self.reflagged.push(reflagged);
    }

    /// UIDs from the first to the last went.
    pub(crate) fn remove(&mut self, first: Uid, last: Uid) {
        self.gone.push((first, last));
    }

    /// Makes it ready to be laid over.
    pub(crate) fn sort(&mut self) {
        self.reflagged.sort_unstable_by_key(|reflagged| (reflagged.uid, reflagged.modseq));
        self.gone.sort_unstable();
    }

    /// Rows that it is made of.
    pub(crate) fn len(&self) -> usize {
        self.reflagged.len() + self.gone.len()
    }

    /// UIDs that it speaks of, as runs in no order.
    pub(crate) fn touched(&self) -> impl Iterator<Item = (Uid, Uid)> {
        self.reflagged.iter().map(|one| (one.uid, one.uid)).chain(self.gone.iter().copied())
    }

    /// The overlay from a UID on, to be asked for ascending UIDs.
    pub(crate) fn from(&self, uid: Uid) -> Lens<'_> {
        let reflagged = self.reflagged.partition_point(|one| one.uid < uid);
        let gone = self.gone.partition_point(|(_, last)| *last < uid);
        Lens {
            reflagged: self.reflagged.get(reflagged..).unwrap_or_default(),
            gone: self.gone.get(gone..).unwrap_or_default(),
        }
    }
}

/// What is left of an overlay while a walk goes through ascending UIDs.
pub(crate) struct Lens<'o> {
    reflagged: &'o [Reflagged],
    gone: &'o [(Uid, Uid)],
}

/// What became of a message of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate<'o> {
    Same,
    Reflagged(&'o Reflagged),
    Gone,
}

impl<'o> Lens<'o> {
    /// What became of a UID above all asked for before.
    pub(crate) fn fate(&mut self, uid: Uid) -> Fate<'o> {
        while let Some(((_, last), rest)) = self.gone.split_first() {
            if *last >= uid {
                break;
            }
            self.gone = rest;
        }
        if self.gone.first().is_some_and(|(first, _)| *first <= uid) {
            return Fate::Gone;
        }
        let mut fate = Fate::Same;
        while let Some((one, rest)) = self.reflagged.split_first() {
            if one.uid > uid {
                break;
            }
            if one.uid == uid {
                fate = Fate::Reflagged(one);
            }
            self.reflagged = rest;
        }
        fate
    }

    /// Whether anything of it lies in a stretch of UIDs whose first is above all asked for before.
    pub(crate) fn touches(&self, first: Uid, last: Uid) -> bool {
        let after = self.reflagged.partition_point(|one| one.uid < first);
        let gone = self.gone.partition_point(|(_, end)| *end < first);
        self.reflagged.get(after).is_some_and(|one| one.uid <= last)
            || self.gone.get(gone).is_some_and(|(start, _)| *start <= last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    proptest! {
        #[test]
        fn the_last_word_on_each_uid_counts(
            flags in vec((1..60_u32, 0..32_u8), 0..20),
            gone in vec((1..60_u32, 0..5_u32), 0..6),
            asked in vec(1..60_u32, 0..30),
            (from, to) in (1..60_u32, 1..60_u32),
        ) {
            let mut overlay = Overlay::default();
            let mut model = BTreeMap::new();
            for (modseq, (number, bits)) in (1..).zip(flags) {
                let one = Reflagged::new(uid(number), ModSeq(modseq), &flags_value(bits, &[7]));
                model.insert(number, Some((bits, modseq)));
                overlay.reflag(one);
            }
            for (first, more) in gone {
                // As the store has it: a run of what went never holds what went before.
                if (first..=first + more).any(|one| model.get(&one) == Some(&None)) {
                    continue;
                }
                overlay.remove(uid(first), uid(first + more));
                model.extend((first..=first + more).map(|one| (one, None)));
            }
            overlay.sort();
            let mut asked = asked;
            asked.sort_unstable();
            asked.dedup();
            let mut lens = overlay.from(asked.first().map_or(Uid::MIN, |first| uid(*first)));
            let touched = (from..=to).any(|one| model.contains_key(&one));
            prop_assert_eq!(overlay.from(Uid::MIN).touches(uid(from), uid(to)) && from <= to, touched);
            for number in asked {
                match (lens.fate(uid(number)), model.get(&number)) {
                    (Fate::Same, None) | (Fate::Gone, Some(None)) => {}
                    (Fate::Reflagged(one), Some(Some((bits, modseq)))) => {
                        prop_assert_eq!((one.bits(), one.modseq), (*bits, ModSeq(*modseq)));
                        prop_assert_eq!(one.keywords(), &[7]);
                    }
                    (fate, expected) => prop_assert!(false, "{number}: {fate:?}, expected {expected:?}"),
                }
            }
        }
    }
}
