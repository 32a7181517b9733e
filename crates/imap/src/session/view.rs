//! The view of an open mailbox: what this client was told, and what it must still be told.
//! May use the numbers map and the store's plain types. Must never read the store or write to the wire.
//!
//! RFC 3501 §7.4.1, RFC 7162 §3.2.10: a message that is gone keeps its sequence number until an EXPUNGE response was sent, and none is
//! sent while a command that speaks in sequence numbers is answered. So what vanished waits in `gone`, and comes out
//! of [`View::updates`] when the session says that renumbering is allowed. \Recent is never set (it needs a write at
//! every SELECT and rev2 dropped it): RECENT is 0 always.

use std::collections::{BTreeMap, BTreeSet};

use store::{BoxId, Changes, Entry, Flags, ModSeq, Uid, UidRuns};

use self::numbers::Numbers;
use crate::command::{Messages, Numbering, SequenceSet};

mod numbers;

/// Something a client must be told (RFC 3501 §7.3, §7.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Update {
    /// `* n EXPUNGE`.
    Expunge(u32),
    /// `* VANISHED …` (RFC 7162 §3.2.10.2): UIDs that the client counts, all at once.
    Vanished(UidRuns),
    /// `* n EXISTS`.
    Exists(u32),
    /// `* n FETCH (UID … FLAGS … MODSEQ …)`.
    Flags {
        /// Sequence number.
        sequence: u32,
        /// UID.
        uid: u32,
        /// All its flags.
        flags: Flags,
        /// Its mod-sequence.
        modseq: ModSeq,
    },
}

/// What is told of messages that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    /// An EXPUNGE response for each.
    ByNumber,
    /// One VANISHED response, for clients that enabled QRESYNC.
    ByUid,
}

/// Whether EXPUNGE responses may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renumber {
    /// Between commands, or during one that speaks in UIDs.
    Allowed,
    /// During FETCH, STORE and SEARCH by sequence number, and during a UID SEARCH that asks for sequence numbers.
    Forbidden,
}

/// A message named by its sequence number that does not exist (RFC 3501 §9 `seq-number`: answered BAD).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoSuchNumber(pub(crate) u32);

/// An open mailbox as one client knows it.
#[derive(Debug)]
pub(crate) struct View {
    mailbox: BoxId,
    read_only: bool,
    numbers: Numbers,
    /// The largest UID ever seen: larger ones are new.
    seen: u32,
    /// Everything up to here was taken in.
    synced: ModSeq,
    /// Gone from the store, not yet from the client's numbers.
    gone: BTreeSet<u32>,
    /// Flags this session changed and already knows: not announced as if somebody else had.
    own: BTreeMap<u32, ModSeq>,
    /// Flags to announce as soon as the response may be sent.
    pending: BTreeMap<u32, (Flags, ModSeq)>,
    /// What the last SEARCH saved, `$` (RFC 5182); what went since is left out when it is used.
    saved: UidRuns,
    /// The count last told by EXISTS or counted down by EXPUNGE.
    told: u32,
}

impl View {
    /// Opens a view on these UIDs (SELECT answers EXISTS with their number).
    pub(crate) fn new(mailbox: BoxId, read_only: bool, uids: &UidRuns, synced: ModSeq) -> Self {
        let numbers = Numbers::of(uids);
        let (seen, told) = (numbers.largest_uid(), numbers.len());
        Self {
            mailbox,
            read_only,
            numbers,
            seen,
            synced,
            gone: BTreeSet::new(),
            own: BTreeMap::new(),
            pending: BTreeMap::new(),
            saved: UidRuns::new(),
            told,
        }
    }

    /// The mailbox in the store.
    pub(crate) fn mailbox(&self) -> BoxId {
        self.mailbox
    }

    /// Whether it was opened by EXAMINE.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Up to where changes were taken in: the argument of the next `Reader::changes`.
    pub(crate) fn synced(&self) -> ModSeq {
        self.synced
    }

    /// The number of messages the client counts.
    pub(crate) fn len(&self) -> u32 {
        self.numbers.len()
    }

    /// The sequence number of a UID.
    pub(crate) fn sequence(&self, uid: u32) -> Option<u32> {
        self.numbers.sequence(uid)
    }

    /// Whether any of these messages vanished and the client does not know yet.
    pub(crate) fn any_gone(&self, uids: &UidRuns) -> bool {
        self.gone.iter().filter_map(|uid| Uid::new(*uid)).any(|uid| uids.contains(uid))
    }

    /// All UIDs of the view.
    pub(crate) fn uids(&self) -> UidRuns {
        self.numbers.uids()
    }

    /// The sequence numbers of those of these UIDs that the client counts, first and last of each run, ascending.
    pub(crate) fn sequences(&self, uids: &UidRuns) -> Vec<(u32, u32)> {
        self.numbers.sequences(uids)
    }

    /// Keeps the result of a SEARCH for `$`.
    pub(crate) fn save(&mut self, found: UidRuns) {
        self.saved = found;
    }

    /// The UIDs a command is about, each once. UIDs that do not exist are left out in silence (RFC 3501 §6.4.8); a
    /// sequence number that does not exist is an error, but `*` in an empty mailbox is nobody.
    pub(crate) fn resolve(&self, messages: &Messages) -> Result<UidRuns, NoSuchNumber> {
        if messages.set.is_saved() {
            return Ok(self.saved());
        }
        match messages.numbering {
            Numbering::Uid => Ok(self.resolve_uids(&messages.set)),
            Numbering::Sequence => {
                let ranges = messages.set.resolve(self.len());
                match ranges.last() {
                    Some(last) if *last.end() > self.len() => Err(NoSuchNumber(*last.end())),
                    _ => Ok(self.numbers.uids_of_sequences(&ranges)),
                }
            }
        }
    }

    /// The UIDs of a UID set that exist.
    pub(crate) fn resolve_uids(&self, set: &SequenceSet) -> UidRuns {
        if set.is_saved() {
            return self.saved();
        }
        self.numbers.uids_within(&set.resolve(self.numbers.largest_uid()))
    }

    /// Ranges of UIDs that hold exactly those messages of the view that a set of a search key names: as many as were written,
    /// however many messages lie between, because numbers and UIDs ascend together. Not for `$`.
    pub(crate) fn ranges(&self, numbering: Numbering, set: &SequenceSet) -> UidRuns {
        let of_number = |number: u32| match numbering {
            Numbering::Uid => Uid::new(number),
            Numbering::Sequence => self.numbers.uid(number.clamp(1, self.len().max(1))).and_then(Uid::new),
        };
        let largest = match numbering {
            Numbering::Uid => self.numbers.largest_uid(),
            Numbering::Sequence => self.len(),
        };
        let there = |first: u32| numbering == Numbering::Uid || first <= self.len();
        let ranges = set.resolve(largest).into_iter().filter(|range| there(*range.start()));
        let ends = ranges.filter_map(|range| Some((of_number(*range.start())?, of_number(*range.end())?)));
        UidRuns::of(ends.collect())
    }

    /// The UIDs of a set as it was written, whether they exist or not, without those that the client still counts: what
    /// VANISHED (EARLIER) may name (RFC 7162 §3.2.10.1).
    pub(crate) fn strangers(&self, set: &SequenceSet) -> UidRuns {
        let ranges = set.resolve(self.numbers.largest_uid());
        let named =
            ranges.into_iter().filter_map(|range| Some((Uid::new(*range.start())?, Uid::new(*range.end())?)));
        UidRuns::of(named.collect()).common(&self.uids().missing_through(Uid::MAX))
    }

    /// The UID up to which a client that knows these UIDs under these sequence numbers knows of every expunge, 0 if none
    /// (RFC 7162 §3.2.5.2).
    pub(crate) fn agrees_up_to(&self, sequences: &SequenceSet, uids: &SequenceSet) -> u32 {
        let pairs = sequences.resolve(0).into_iter().flatten().zip(uids.resolve(0).into_iter().flatten());
        let within = pairs.take_while(|(sequence, _)| *sequence <= self.len());
        within
            .filter(|(sequence, uid)| self.numbers.uid(*sequence) == Some(*uid))
            .map(|(_, uid)| uid)
            .max()
            .unwrap_or(0)
    }

    /// What `$` stands for now (RFC 5182).
    pub(crate) fn saved(&self) -> UidRuns {
        self.numbers.uids().common(&self.saved)
    }

    /// Takes in what happened in the store since [`View::synced`]; nothing is announced yet.
    pub(crate) fn take_in(&mut self, changes: Changes) {
        let mut changed = changes.changed;
        changed.sort_unstable_by_key(|entry| entry.uid);
        for Entry { uid, flags, modseq, .. } in changed {
            let uid = uid.get();
            if uid > self.seen {
                self.seen = uid;
                self.numbers.push(uid);
            } else if self.own.get(&uid).is_none_or(|own| modseq > *own) {
                self.pending.insert(uid, (flags, modseq));
            }
        }
        // What vanished may be told as far more than this client ever saw (RFC 7162 §3.2.5.2).
        let vanished: Vec<_> =
            changes.vanished.runs().iter().map(|(first, last)| first.get()..=last.get()).collect();
        self.gone.extend(self.numbers.uids_within(&vanished).iter().map(Uid::get));
        self.synced = changes.highest;
        self.own.retain(|_, modseq| *modseq > changes.highest);
    }

    /// A mailbox that no longer exists has lost all its messages (RFC 2180 §3.3).
    pub(crate) fn lose_all(&mut self) {
        self.gone.extend(self.numbers.uids().iter().map(Uid::get));
    }

    /// Whether somebody else made this state of a message and the client was not told yet.
    pub(crate) fn is_news(&self, uid: u32, modseq: ModSeq) -> bool {
        self.pending.contains_key(&uid)
            || (modseq > self.synced && self.own.get(&uid).is_none_or(|own| modseq > *own))
    }

    /// Flags that this client knows from a response to its own command.
    pub(crate) fn knows(&mut self, uid: u32, modseq: ModSeq) {
        if modseq > self.synced {
            self.own.insert(uid, modseq);
        }
        self.pending.remove(&uid);
    }

    /// What to announce now, in the order to send it: what is gone (EXPUNGE from the highest number down), EXISTS if
    /// messages arrived, then flags.
    pub(crate) fn updates(&mut self, renumber: Renumber, removal: Removal) -> Vec<Update> {
        let mut updates = Vec::new();
        if renumber == Renumber::Allowed && !self.gone.is_empty() {
            let gone: Vec<u32> = std::mem::take(&mut self.gone).into_iter().collect();
            self.pending.retain(|uid, _| gone.binary_search(uid).is_err());
            self.renumber(&gone, removal, &mut updates);
        }
        if self.told != self.numbers.len() {
            self.told = self.numbers.len();
            updates.push(Update::Exists(self.told));
        }
        let pending = std::mem::take(&mut self.pending);
        updates.extend(pending.into_iter().filter_map(|(uid, (flags, modseq))| {
            Some(Update::Flags { sequence: self.numbers.sequence(uid)?, uid, flags, modseq })
        }));
        updates
    }

    /// Messages that this client removed (MOVE, EXPUNGE): told with the next updates.
    pub(crate) fn removed(&mut self, uids: &[Uid]) {
        self.gone
            .extend(uids.iter().map(|uid| uid.get()).filter(|uid| self.numbers.sequence(*uid).is_some()));
    }

    fn renumber(&mut self, gone: &[u32], removal: Removal, updates: &mut Vec<Update>) {
        // Numbers that were never told have no EXPUNGE: they leave before their EXISTS.
        let told = self.told;
        let last_told = self.numbers.uid(told).unwrap_or(0);
        let numbers = self.numbers.remove(gone);
        let leaving = numbers.partition_point(|number| *number <= told);
        self.told -= u32::try_from(leaving).unwrap_or(0);
        match removal {
            Removal::ByNumber => {
                updates.extend(numbers.into_iter().take(leaving).rev().map(Update::Expunge));
            }
            Removal::ByUid => {
                let known = gone.iter().filter(|uid| **uid <= last_told).copied();
                let vanished: UidRuns = known.filter_map(Uid::new).collect();
                if !vanished.is_empty() {
                    updates.push(Update::Vanished(vanished));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
