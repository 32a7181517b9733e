//! What may happen to a store, drawn at random.

use proptest::{collection::vec, option, prelude::*};
use store::CHUNK;

/// One thing that happens. Accounts, boxes and entries are named by their places in lists; a name may lead nowhere.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A message comes for these accounts, its body shared by all.
    Deliver { to: Vec<usize>, size: usize },
    /// A message leaves, for the first account as well if `here`.
    Send { size: usize, here: bool, to: usize },
    /// Entries of the queue are settled.
    Settle { picks: Vec<(usize, u8)>, report: bool },
    /// A client puts a message in a box.
    Append { to: Place, size: usize, flag: u8 },
    /// Flags are changed.
    Flag { at: Place, uids: Vec<u32>, mode: u8, flag: u8 },
    /// Marked messages are expunged: these, or all.
    Expunge { at: Place, uids: Option<Vec<u32>> },
    /// Messages are copied or moved, maybe into another's box.
    Transfer { from: Place, to: Place, uids: Vec<u32>, keep: bool },
    /// A COPY is begun, and its caller goes away after so many looks at it.
    Forsake { from: Place, to: Place, after: usize },
    /// A box is made.
    Create { at: Place, special: u8 },
    /// A box is deleted.
    Delete { at: Place },
    /// A box is renamed.
    Rename { at: Place, to: usize },
    /// A box is subscribed to, or no longer.
    Subscribe { at: Place, on: bool },
    /// An account goes with all it has, and another comes.
    Replace { account: usize },
    /// A body is written and never committed.
    Abandon { size: usize },
    /// So many days pass, each with a commit; at the end retention does its round. Its caller goes away after so many
    /// looks at it, or stays.
    Live { days: u8, cut: Option<usize> },
    /// The summary of a box is renewed now.
    Summarise { at: Place },
    /// The late followers look.
    Look,
    /// The store is closed and opened again.
    Reopen,
}

/// An account and one of [`NAMES`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) account: usize,
    pub(super) name: usize,
}

/// How many accounts there are at any time.
pub(super) const ACCOUNTS: usize = 3;
/// The names that boxes get.
pub(super) const NAMES: [&str; 8] = ["INBOX", "A", "A/B", "A/B/C", "D", "Sent", "D/B", "Trash"];

pub(super) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..most)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => mail(),
        9 => messages(),
        6 => boxes(),
        1 => size().prop_map(|size| Step::Abandon { size }),
        2 => Just(Step::Look),
        2 => (days(), option::weighted(0.3, 0..8_usize)).prop_map(|(days, cut)| Step::Live { days, cut }),
        1 => place().prop_map(|at| Step::Summarise { at }),
        1 => Just(Step::Reopen),
    ]
}

fn mail() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (vec(0..ACCOUNTS, 1..4), size()).prop_map(|(to, size)| Step::Deliver { to, size }),
        2 => (size(), any::<bool>(), 1..4_usize).prop_map(|(size, here, to)| Step::Send { size, here, to }),
        2 => (vec((0..12_usize, 0..6_u8), 1..4), any::<bool>())
            .prop_map(|(picks, report)| Step::Settle { picks, report }),
        3 => (place(), size(), 0..6_u8).prop_map(|(to, size, flag)| Step::Append { to, size, flag }),
    ]
}

fn messages() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (place(), uids(), 0..3_u8, 0..6_u8)
            .prop_map(|(at, uids, mode, flag)| Step::Flag { at, uids, mode, flag }),
        3 => (place(), option::of(uids())).prop_map(|(at, uids)| Step::Expunge { at, uids }),
        4 => (place(), place(), uids(), any::<bool>())
            .prop_map(|(from, to, uids, keep)| Step::Transfer { from, to, uids, keep }),
        1 => (place(), place(), 0..6_usize)
            .prop_map(|(from, to, after)| Step::Forsake { from, to, after }),
    ]
}

fn boxes() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (place(), 0..4_u8).prop_map(|(at, special)| Step::Create { at, special }),
        3 => place().prop_map(|at| Step::Delete { at }),
        3 => (place(), 0..NAMES.len()).prop_map(|(at, to)| Step::Rename { at, to }),
        2 => (place(), any::<bool>()).prop_map(|(at, on)| Step::Subscribe { at, on }),
        1 => (0..ACCOUNTS).prop_map(|account| Step::Replace { account }),
    ]
}

/// The first account and its INBOX most often.
fn place() -> impl Strategy<Value = Place> {
    let account = prop_oneof![3 => Just(0), 1 => 0..ACCOUNTS];
    let name = prop_oneof![2 => Just(0), 5 => 0..NAMES.len()];
    (account, name).prop_map(|(account, name)| Place { account, name })
}

fn uids() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![4 => vec(1..14_u32, 0..6), 1 => Just((1..40).collect())]
}

/// A few days, so that boxes hold many, or what makes the oldest go.
fn days() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0..4_u8, 1 => 25..35_u8, 1 => 85..95_u8]
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..300_usize, 1 => CHUNK - 2..CHUNK + 3, 1 => Just(2 * CHUNK + 9)]
}
