//! The view against a model of the store and a model of a client that believes what it is told.

use std::num::NonZeroU32;

use proptest::{collection::vec, prelude::*};
use store::{SystemFlag, UidRuns};

use super::*;
use crate::command::Bound;

fn number(n: u32) -> Bound {
    Bound::Number(NonZeroU32::new(n).expect("tests use numbers from 1"))
}

fn messages(numbering: Numbering, ranges: &[(Bound, Bound)]) -> Messages {
    Messages { numbering, set: SequenceSet::new(ranges.to_vec()) }
}

fn view(uids: &[u32]) -> View {
    View::new(BoxId::new(1), false, &uids.iter().copied().filter_map(Uid::new).collect(), ModSeq::new(10))
}

fn runs(uids: &[u32]) -> UidRuns {
    uids.iter().copied().filter_map(Uid::new).collect()
}

fn plain(uids: &UidRuns) -> Vec<u32> {
    uids.iter().map(Uid::get).collect()
}

#[test]
fn an_empty_mailbox_has_nobody_at_the_star() {
    let all = [(number(1), Bound::Largest)];
    assert_eq!(view(&[]).resolve(&messages(Numbering::Sequence, &all)), Ok(runs(&[])));
    assert_eq!(view(&[]).resolve(&messages(Numbering::Uid, &all)), Ok(runs(&[])));
    let one = [(number(1), number(1))];
    assert_eq!(view(&[]).resolve(&messages(Numbering::Sequence, &one)), Err(NoSuchNumber(1)));
}

#[test]
fn the_star_is_the_last_and_ranges_go_both_ways() {
    let view = view(&[3, 5, 8]);
    let backwards = [(Bound::Largest, number(2))];
    assert_eq!(view.resolve(&messages(Numbering::Sequence, &backwards)), Ok(runs(&[5, 8])));
    // RFC 3501 §6.4.8: a UID range beyond the end names the last message when it is written with a star.
    let beyond = [(number(100), Bound::Largest)];
    assert_eq!(view.resolve(&messages(Numbering::Uid, &beyond)), Ok(runs(&[8])));
    assert_eq!(view.resolve(&messages(Numbering::Sequence, &beyond)), Err(NoSuchNumber(100)));
    let absent = [(number(4), number(4)), (number(6), number(9))];
    assert_eq!(view.resolve(&messages(Numbering::Uid, &absent)), Ok(runs(&[8])));
}

#[test]
fn expunges_wait_for_the_right_moment_and_come_from_the_end() {
    let mut view = view(&[1, 2, 3, 4]);
    let vanished = [1, 3].into_iter().filter_map(Uid::new).collect();
    view.take_in(changes(vec![], vanished, 12));
    assert_eq!(view.updates(Renumber::Forbidden, Removal::ByNumber), vec![]);
    assert!(view.any_gone(&runs(&[2, 3])) && !view.any_gone(&runs(&[2, 4])));
    assert_eq!(view.sequence(4), Some(4));
    assert_eq!(
        view.updates(Renumber::Allowed, Removal::ByNumber),
        vec![Update::Expunge(3), Update::Expunge(1)]
    );
    assert_eq!(view.sequence(4), Some(2));
}

#[test]
fn what_was_saved_forgets_what_went() {
    let mut view = view(&[1, 2, 3, 4]);
    let saved = |numbering| Messages { numbering, set: SequenceSet::saved() };
    assert_eq!(view.resolve(&saved(Numbering::Uid)), Ok(runs(&[])));
    view.save(runs(&[2, 4, 9]));
    view.removed(&[uid(4)]);
    // A number that was not told to be gone is still the message's.
    assert_eq!(view.resolve(&saved(Numbering::Sequence)), Ok(runs(&[2, 4])));
    view.updates(Renumber::Allowed, Removal::ByNumber);
    assert_eq!(view.resolve(&saved(Numbering::Sequence)), Ok(runs(&[2])));
    assert_eq!(view.saved(), runs(&[2]));
}

#[test]
fn a_set_of_a_search_costs_what_was_written_not_what_it_names() {
    let view = view(&(1..=20_000).step_by(2).collect::<Vec<_>>());
    let ranges = |numbering, from, to| view.ranges(numbering, &SequenceSet::new(vec![(from, to)]));
    for numbering in [Numbering::Sequence, Numbering::Uid] {
        assert_eq!(ranges(numbering, number(1), Bound::Largest).runs().len(), 1);
    }
    assert_eq!(ranges(Numbering::Sequence, number(2), number(3)).runs(), [(uid(3), uid(5))]);
    assert_eq!(
        ranges(Numbering::Sequence, number(9_999), number(u32::MAX)).runs(),
        [(uid(19_997), uid(19_999))]
    );
    assert!(ranges(Numbering::Sequence, number(10_001), number(10_002)).is_empty());
}

#[test]
fn what_is_told_as_earlier_is_nothing_that_the_client_counts() {
    let mut view = view(&[3, 5, 8]);
    view.removed(&[uid(5)]);
    let set = SequenceSet::new(vec![(number(1), number(6)), (number(9), number(9))]);
    assert_eq!(view.strangers(&set), runs(&[1, 2, 4, 6, 9]));
}

#[test]
fn a_client_that_counts_right_knows_of_every_expunge_so_far() {
    let view = view(&[3, 6, 9, 12]);
    let set = |numbers: &[u32]| SequenceSet::new(numbers.iter().map(|n| (number(*n), number(*n))).collect());
    assert_eq!(view.agrees_up_to(&set(&[1, 3, 4]), &set(&[3, 9, 13])), 9);
    assert_eq!(view.agrees_up_to(&set(&[2]), &set(&[7])), 0);
    let endless = SequenceSet::new(vec![(number(1), number(u32::MAX))]);
    assert_eq!(view.agrees_up_to(&endless, &endless), 0, "and ends");
}

#[test]
fn a_message_that_came_and_went_unseen_is_never_told() {
    let mut view = view(&[1]);
    view.take_in(changes(vec![entry(2, 0, 11)], vec![uid(2)], 12));
    assert_eq!(view.updates(Renumber::Allowed, Removal::ByNumber), vec![]);
}

#[test]
fn own_changes_are_not_announced_but_later_ones_of_others_are() {
    let mut view = view(&[1, 2]);
    view.knows(1, ModSeq::new(11));
    view.knows(2, ModSeq::new(12));
    view.take_in(changes(vec![entry(1, 1, 11), entry(2, 2, 13)], vec![], 13));
    let told = view.updates(Renumber::Forbidden, Removal::ByNumber);
    assert_eq!(told, vec![Update::Flags { sequence: 2, uid: 2, flags: flags(2), modseq: ModSeq::new(13) }]);
}

fn uid(uid: u32) -> Uid {
    Uid::new(uid).expect("tests use UIDs from 1")
}

/// Two flags are enough to tell states apart.
fn flags(bits: u8) -> Flags {
    let mut flags = Flags::default();
    if bits & 1 != 0 {
        flags.set(SystemFlag::Seen, true);
    }
    if bits & 2 != 0 {
        flags.set(SystemFlag::Flagged, true);
    }
    flags
}

fn entry(number: u32, bits: u8, modseq: u64) -> Entry {
    Entry { uid: uid(number), flags: flags(bits), modseq: ModSeq::new(modseq), internal_date: 0, size: 0 }
}

fn changes(changed: Vec<Entry>, vanished: Vec<Uid>, highest: u64) -> Changes {
    let vanished = UidRuns::of(vanished.into_iter().map(|uid| (uid, uid)).collect());
    Changes { changed, vanished, uid_next: uid(1000), highest: ModSeq::new(highest) }
}

/// What happens around one client.
#[derive(Debug, Clone)]
enum Happening {
    Arrival,
    ForeignExpunge(usize),
    ForeignFlags(usize, u8),
    OwnSilentStore(usize, u8),
    OwnExpunge(usize),
    Look(Renumber),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        Just(Happening::Arrival),
        any::<usize>().prop_map(Happening::ForeignExpunge),
        (any::<usize>(), 0u8..4).prop_map(|(at, bits)| Happening::ForeignFlags(at, bits)),
        (any::<usize>(), 0u8..4).prop_map(|(at, bits)| Happening::OwnSilentStore(at, bits)),
        any::<usize>().prop_map(Happening::OwnExpunge),
        Just(Happening::Look(Renumber::Allowed)),
        Just(Happening::Look(Renumber::Forbidden)),
    ]
}

/// The store: what is there, and since when.
#[derive(Default)]
struct Server {
    messages: Vec<(u32, u8, u64)>,
    vanished: Vec<(u32, u64)>,
    next: u32,
    modseq: u64,
}

impl Server {
    fn changes_since(&self, since: ModSeq) -> Changes {
        let changed = self.messages.iter().filter(|(_, _, modseq)| *modseq > since.get());
        let vanished = self.vanished.iter().filter(|(_, modseq)| *modseq > since.get());
        changes(
            changed.map(|(number, bits, modseq)| entry(*number, *bits, *modseq)).collect(),
            vanished.map(|(number, _)| uid(*number)).collect(),
            self.modseq,
        )
    }

    fn arrive(&mut self) {
        self.modseq += 1;
        self.next += 1;
        self.messages.push((self.next, 0, self.modseq));
    }

    fn pick(&self, at: usize) -> Option<usize> {
        at.checked_rem(self.messages.len())
    }

    fn expunge(&mut self, at: usize) -> u32 {
        self.modseq += 1;
        let (number, _, _) = self.messages.remove(at);
        self.vanished.push((number, self.modseq));
        number
    }

    fn set(&mut self, at: usize, bits: u8) -> (u32, ModSeq) {
        self.modseq += 1;
        self.messages[at].1 = bits;
        self.messages[at].2 = self.modseq;
        (self.messages[at].0, ModSeq::new(self.modseq))
    }

    fn bits(&self, number: u32) -> Option<u8> {
        self.messages.iter().find(|(other, _, _)| *other == number).map(|(_, bits, _)| *bits)
    }
}

/// A client: the flags it believes each numbered message to have; `None` until it asked.
#[derive(Default)]
struct Client(Vec<(u32, u8)>);

impl Client {
    fn told(&mut self, updates: Vec<Update>, view: &View, server: &Server) {
        for update in updates {
            match update {
                Update::Expunge(number) => {
                    self.0.remove(number as usize - 1);
                }
                Update::Vanished(uids) => {
                    // RFC 7162 §3.2.10.2: each was counted by the client.
                    let before = self.0.len();
                    self.0.retain(|(number, _)| !uids.contains(uid(*number)));
                    assert_eq!(before - self.0.len(), uids.len() as usize);
                }
                Update::Exists(count) => {
                    assert!(count as usize >= self.0.len(), "EXISTS never shrinks the mailbox");
                    let uids = plain(&view.uids());
                    for number in &uids[self.0.len()..count as usize] {
                        self.0.push((*number, server.bits(*number).unwrap_or(0)));
                    }
                }
                Update::Flags { sequence, uid, flags: told, .. } => {
                    let (number, bits) = &mut self.0[sequence as usize - 1];
                    assert_eq!(*number, uid, "sequence number and UID name the same message");
                    *bits = (0..4).find(|bits| flags(*bits) == told).expect("two flags only");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever others do and whenever the client is told, its numbers never slip, and once EXPUNGE was allowed it
    /// knows what the store knows.
    #[test]
    fn a_client_that_believes_us_knows_what_the_store_knows(
        start in 0u32..6,
        happenings in vec(happening(), 0..60),
        by_uid: bool,
    ) {
        let removal = if by_uid { Removal::ByUid } else { Removal::ByNumber };
        let mut server = Server::default();
        (0..start).for_each(|_| server.arrive());
        let mut view = View::new(BoxId::new(1), false, &(1..=start).filter_map(Uid::new).collect(), ModSeq::new(server.modseq));
        let mut client = Client((1..=start).map(|number| (number, 0)).collect());
        for happening in happenings.into_iter().chain([Happening::Look(Renumber::Allowed)]) {
            match happening {
                Happening::Arrival => server.arrive(),
                Happening::ForeignExpunge(at) => {
                    if let Some(at) = server.pick(at) { server.expunge(at); }
                }
                Happening::ForeignFlags(at, bits) => {
                    if let Some(at) = server.pick(at) { server.set(at, bits); }
                }
                Happening::OwnSilentStore(at, bits) => {
                    let Some(at) = server.pick(at) else { continue };
                    let (number, modseq) = server.set(at, bits);
                    view.knows(number, modseq);
                    if let Some(known) = client.0.iter_mut().find(|(other, _)| *other == number) {
                        known.1 = bits;
                    }
                }
                Happening::OwnExpunge(at) => {
                    let Some(at) = server.pick(at) else { continue };
                    let number = server.expunge(at);
                    view.removed(&[uid(number)]);
                    let updates = view.updates(Renumber::Allowed, removal);
                    client.told(updates, &view, &server);
                }
                Happening::Look(renumber) => {
                    view.take_in(server.changes_since(view.synced()));
                    let updates = view.updates(renumber, removal);
                    let expunges =
                        updates.iter().any(|update| matches!(update, Update::Expunge(_) | Update::Vanished(_)));
                    prop_assert!(!expunges || renumber == Renumber::Allowed);
                    client.told(updates, &view, &server);
                }
            }
            prop_assert_eq!(client.0.iter().map(|(number, _)| *number).collect::<Vec<_>>(), plain(&view.uids()));
        }
        let truth: Vec<(u32, u8)> = server.messages.iter().map(|(number, bits, _)| (*number, *bits)).collect();
        prop_assert_eq!(client.0, truth);
    }
}
