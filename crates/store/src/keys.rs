//! Every key of the store, in one place. Numbers are big-endian, so order of bytes is order of numbers. No key holds an
//! address, a name or a Message-ID: those are keyed hashes of 32 bytes (M-11).
//!
//! | family | key | value |
//! |---|---|---|
//! | accounts | `m` `format` / `store-key` / `counters` / `retention` | what the store is; the store key, wrapped; last numbers given; the latest proof of retention |
//! | accounts | `m` `store-key-next` | the store key, wrapped by the master key that is about to follow |
//! | accounts | `a` account | the account, sealed under the store key |
//! | accounts | `d` hash(address) | whose it is, or was (S-1.3) |
//! | accounts | `i` account | its INBOX |
//! | accounts | `c` account credential | an application password, sealed |
//! | accounts | `C` hash(connector) | the password of a hospital's own server, sealed |
//! | accounts | `b` box | name and uses of a box, sealed |
//! | accounts | `s` box | its counters |
//! | accounts | `u` account | messages and bytes in all its boxes |
//! | accounts | `n` account hash(name) | the box of that name |
//! | accounts | `l` account box | nothing: which boxes an account has |
//! | accounts | `S` account hash(name) | a name that is subscribed to and that no box has any more, sealed |
//! | accounts | `m` `openings` | nothing: the rows `O` are there |
//! | accounts | `O` person account | nothing: the person may open the account (S-1.7) |
//! | accounts | `A` account | nothing: it was removed, and still has boxes |
//! | accounts | `D` box | a deleted box whose references (`e`) are still to be released: up to which UID they are |
//! | accounts | `p` number first-uid | box, last uid: a run of messages made by a COPY that is not finished |
//! | accounts | `o` day hash(fingerprint) | the journey accepted under that fingerprint (I-1), 7 days |
//! | accounts | `k` month hash(account, Message-ID) | day of reception, nothing before format 3: carried (S-3.9), 15 months |
//! | accounts | `f` month hash(account, patient's address) | nothing: the professional ended that conversation (S-5.2), 15 months |
//! | accounts | `z` box day | the day is erased and out of the box's counters; rows of it may be left |
//! | accounts | `e` kind day | when the keys of that day were destroyed, and since when they might be |
//! | accounts | `x` body | turn, nothing before format 3: chunks being written; swept when the store opens |
//! | index | `f` box uid | what listings show: flags, mod-sequence, date, size |
//! | index | `e` box uid | what never changes: body, variant, journey |
//! | index | `q` box modseq uid | flags, then numbers of keywords: a message's last change of flags since the summary |
//! | index | `v` box modseq first-uid | last uid: a run of UIDs that vanished then |
//! | index | `y` box day | what the box has of the messages of that day |
//! | index | `g` box part window | the box's summary: the messages of 4,096 UIDs, part 0 what opening needs, 1 the rest |
//! | index | `w` box number | a keyword of the box, sealed |
//! | index | `r` body | length, references, turn |
//! | index | `h` body variant | header variant, sealed under the body's day |
//! | index | `j` body variant | index record, sealed under the body's day |
//! | bodies | day turn identifier chunk | a chunk, sealed under the body's own key; no turn before format 3 |
//! | traces | `t` day number | a trace, sealed under its trace day |
//! | traces | `i` journey day number | nothing: the traces of a journey |
//! | queue | `c` | entries, and the last number given |
//! | queue | `e` entry | its body, lane and time; recipient and attempts, sealed under the body's day |
//! | queue | `l` lane priority due entry | nothing: what each next hop is to be tried with, in which order |
//! | queue | `k` lane entry | nothing: what waits for each next hop |
//! | queue | `n` lane | how many entries, whether held; which next hop, sealed |
//! | queue | `o` account | how many entries are of its messages |
//! | queue | `d` due entry | nothing: the time of each entry, before format 4 |
//! | queue | `m` body number? | entries left; what they share, sealed under the body's day; a message that leaves more ways
//! |   |   | than one has one for each, the first without a number |
//!
//! A body is its day, then its identifier: what a day received lies together and dies with one range delete (I-4). Its
//! chunks lie in the order in which bodies were committed, so that the engine moves its files down without rewriting them.

use crate::{
    body::{Place, Turn},
    day::Day,
    engine::Family,
    ids::{AccountId, BodyId, BoxId, CredentialId, ModSeq, Uid},
    keyring::KeyKind,
    trace::TraceId,
};

/// Bytes of a lookup hash.
pub(crate) type Hash = [u8; 32];

macro_rules! key {
    ($($part:expr),+ $(,)?) => {{
        let mut key = Vec::with_capacity(48);
        $(key.extend_from_slice(&$part);)+
        key
    }};
}

pub(crate) const FORMAT: &[u8] = b"mformat";
pub(crate) const STORE_KEY: &[u8] = b"mstore-key";
pub(crate) const STORE_KEY_NEXT: &[u8] = b"mstore-key-next";
pub(crate) const COUNTERS: &[u8] = b"mcounters";
pub(crate) const RETENTION: &[u8] = b"mretention";
pub(crate) const OPENINGS: &[u8] = b"mopenings";
pub(crate) const QUEUE_COUNTERS: &[u8] = b"c";

/// Every key that starts with these bytes: from the first, included, to the second, excluded.
pub(crate) fn under(prefix: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut until = prefix.to_vec();
    while let Some(last) = until.pop() {
        if last < u8::MAX {
            until.push(last + 1);
            break;
        }
    }
    (prefix.to_vec(), until)
}

pub(crate) fn account(id: AccountId) -> Vec<u8> {
    key!(*b"a", id.0.to_be_bytes())
}

pub(crate) fn address(hash: &Hash) -> Vec<u8> {
    key!(*b"d", *hash)
}

pub(crate) fn inbox(id: AccountId) -> Vec<u8> {
    key!(*b"i", id.0.to_be_bytes())
}

pub(crate) fn credentials(account: AccountId) -> Vec<u8> {
    key!(*b"c", account.0.to_be_bytes())
}

pub(crate) fn credential(account: AccountId, id: CredentialId) -> Vec<u8> {
    key!(*b"c", account.0.to_be_bytes(), id.0.to_be_bytes())
}

/// The password of a connector, by the hash of its name.
pub(crate) fn connector(hash: &Hash) -> Vec<u8> {
    key!(*b"C", *hash)
}

pub(crate) fn box_record(id: BoxId) -> Vec<u8> {
    key!(*b"b", id.0.to_be_bytes())
}

pub(crate) fn box_state(id: BoxId) -> Vec<u8> {
    key!(*b"s", id.0.to_be_bytes())
}

pub(crate) fn usage(account: AccountId) -> Vec<u8> {
    key!(*b"u", account.0.to_be_bytes())
}

pub(crate) fn box_name(account: AccountId, hash: &Hash) -> Vec<u8> {
    key!(*b"n", account.0.to_be_bytes(), *hash)
}

pub(crate) fn boxes(account: AccountId) -> Vec<u8> {
    key!(*b"l", account.0.to_be_bytes())
}

pub(crate) fn box_of(account: AccountId, id: BoxId) -> Vec<u8> {
    key!(*b"l", account.0.to_be_bytes(), id.0.to_be_bytes())
}

/// Names without a box that an account is subscribed to.
pub(crate) fn subscriptions(account: AccountId) -> Vec<u8> {
    key!(*b"S", account.0.to_be_bytes())
}

pub(crate) fn subscription(account: AccountId, hash: &Hash) -> Vec<u8> {
    key!(*b"S", account.0.to_be_bytes(), *hash)
}

/// The accounts that a person opens.
pub(crate) fn openings(person: AccountId) -> Vec<u8> {
    key!(*b"O", person.0.to_be_bytes())
}

pub(crate) fn opening(person: AccountId, opened: AccountId) -> Vec<u8> {
    key!(*b"O", person.0.to_be_bytes(), opened.0.to_be_bytes())
}

/// Removed accounts that still have boxes.
pub(crate) fn removed_accounts() -> Vec<u8> {
    b"A".to_vec()
}

pub(crate) fn removed_account(id: AccountId) -> Vec<u8> {
    key!(*b"A", id.0.to_be_bytes())
}

/// Deleted boxes that still hold bodies.
pub(crate) fn deleted_boxes() -> Vec<u8> {
    b"D".to_vec()
}

pub(crate) fn deleted_box(id: BoxId) -> Vec<u8> {
    key!(*b"D", id.0.to_be_bytes())
}

/// Every unfinished COPY.
pub(crate) fn all_copying() -> Vec<u8> {
    b"p".to_vec()
}

/// What one COPY made so far.
pub(crate) fn copying(number: u64) -> Vec<u8> {
    key!(*b"p", number.to_be_bytes())
}

pub(crate) fn copying_run(number: u64, first: Uid) -> Vec<u8> {
    key!(*b"p", number.to_be_bytes(), first.get().to_be_bytes())
}

pub(crate) fn once_day(day: Day) -> Vec<u8> {
    key!(*b"o", day.number().to_be_bytes())
}

pub(crate) fn once(day: Day, hash: &Hash) -> Vec<u8> {
    key!(*b"o", day.number().to_be_bytes(), *hash)
}

pub(crate) fn carried_month(month: u32) -> Vec<u8> {
    key!(*b"k", month.to_be_bytes())
}

pub(crate) fn ended(month: u32, hash: &[u8]) -> Vec<u8> {
    [&b"f"[..], &month.to_be_bytes(), hash].concat()
}

pub(crate) fn carried(month: u32, hash: &Hash) -> Vec<u8> {
    key!(*b"k", month.to_be_bytes(), *hash)
}

pub(crate) fn orphan(body: BodyId) -> Vec<u8> {
    key!(*b"x", body_bytes(body))
}

/// The first key of a day under a prefix whose keys go on with a day.
pub(crate) fn day_from(prefix: u8, day: Day) -> Vec<u8> {
    key!([prefix], day.number().to_be_bytes())
}

/// The day of a key whose one-byte prefix it follows.
pub(crate) fn day_of(key: &[u8]) -> Option<Day> {
    part(key, 1).map(|bytes| Day::from_number(u32::from_be_bytes(bytes)))
}

/// The messages of a box as listings show them.
pub(crate) fn listings(id: BoxId) -> Vec<u8> {
    key!(*b"f", id.0.to_be_bytes())
}

pub(crate) fn listing(id: BoxId, uid: Uid) -> Vec<u8> {
    key!(*b"f", id.0.to_be_bytes(), uid.get().to_be_bytes())
}

pub(crate) fn references(id: BoxId) -> Vec<u8> {
    key!(*b"e", id.0.to_be_bytes())
}

pub(crate) fn reference(id: BoxId, uid: Uid) -> Vec<u8> {
    key!(*b"e", id.0.to_be_bytes(), uid.get().to_be_bytes())
}

pub(crate) fn changes(id: BoxId) -> Vec<u8> {
    key!(*b"q", id.0.to_be_bytes())
}

pub(crate) fn change(id: BoxId, modseq: ModSeq, uid: Uid) -> Vec<u8> {
    key!(*b"q", id.0.to_be_bytes(), modseq.0.to_be_bytes(), uid.get().to_be_bytes())
}

pub(crate) fn vanished_all(id: BoxId) -> Vec<u8> {
    key!(*b"v", id.0.to_be_bytes())
}

pub(crate) fn vanished(id: BoxId, modseq: ModSeq, first: Uid) -> Vec<u8> {
    key!(*b"v", id.0.to_be_bytes(), modseq.0.to_be_bytes(), first.get().to_be_bytes())
}

/// The days of whose messages a box has some.
pub(crate) fn tallies(id: BoxId) -> Vec<u8> {
    key!(*b"y", id.0.to_be_bytes())
}

pub(crate) fn tally(id: BoxId, day: Day) -> Vec<u8> {
    key!(*b"y", id.0.to_be_bytes(), day.number().to_be_bytes())
}

/// The parts of a segment of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Which UIDs, flags, days, keywords.
    Head,
    /// Mod-sequences, dates, sizes.
    Columns,
}

/// The summary of a box.
pub(crate) fn summary(id: BoxId) -> Vec<u8> {
    key!(*b"g", id.0.to_be_bytes())
}

pub(crate) fn segments(id: BoxId, part: Part) -> Vec<u8> {
    key!(*b"g", id.0.to_be_bytes(), [part as u8])
}

pub(crate) fn segment(id: BoxId, part: Part, window: u32) -> Vec<u8> {
    key!(*b"g", id.0.to_be_bytes(), [part as u8], window.to_be_bytes())
}

/// The window of a key `g`.
pub(crate) fn window_at(key: &[u8]) -> Option<u32> {
    part(key, 10).map(u32::from_be_bytes)
}

/// The days of a box that are out of its counters and of which rows may be left.
pub(crate) fn gone_days(id: BoxId) -> Vec<u8> {
    key!(*b"z", id.0.to_be_bytes())
}

pub(crate) fn gone_day(id: BoxId, day: Day) -> Vec<u8> {
    key!(*b"z", id.0.to_be_bytes(), day.number().to_be_bytes())
}

pub(crate) fn erasures(kind: KeyKind) -> Vec<u8> {
    key!(*b"e", [kind.number()])
}

pub(crate) fn erasure(kind: KeyKind, day: Day) -> Vec<u8> {
    key!(*b"e", [kind.number()], day.number().to_be_bytes())
}

/// What follows from the first body on to the last one of a day, under a prefix: rows, or chunks without one.
pub(crate) fn through_day(prefix: &[u8], day: Day) -> (Vec<u8>, Vec<u8>) {
    let next = day.number().saturating_add(1).to_be_bytes();
    (prefix.to_vec(), key!(prefix, next))
}

pub(crate) fn keywords(id: BoxId) -> Vec<u8> {
    key!(*b"w", id.0.to_be_bytes())
}

pub(crate) fn keyword(id: BoxId, number: u8) -> Vec<u8> {
    key!(*b"w", id.0.to_be_bytes(), [number])
}

pub(crate) fn body(body: BodyId) -> Vec<u8> {
    key!(*b"r", body_bytes(body))
}

pub(crate) fn header(body: BodyId, variant: u16) -> Vec<u8> {
    key!(*b"h", body_bytes(body), variant.to_be_bytes())
}

pub(crate) fn index(body: BodyId, variant: u16) -> Vec<u8> {
    key!(*b"j", body_bytes(body), variant.to_be_bytes())
}

pub(crate) fn chunks(place: Place) -> Vec<u8> {
    let Place { id, turn } = place;
    match turn {
        Some(turn) => key!(id.day.number().to_be_bytes(), turn.get().to_be_bytes(), id.id),
        None => body_bytes(id).to_vec(),
    }
}

pub(crate) fn chunk(place: Place, index: u32) -> Vec<u8> {
    let mut key = chunks(place);
    key.extend_from_slice(&index.to_be_bytes());
    key
}

/// Whether nearly every delivery reads or writes the row: INBOX and usage of an account, counters of a box and of its days,
/// of the queue, a lane and a sender. No key is that of another family.
pub(crate) fn is_hot(family: Family, key: &[u8]) -> bool {
    match family {
        Family::Accounts => matches!(key.first(), Some(b'i' | b's' | b'u')),
        Family::Index => key.first() == Some(&b'y'),
        Family::Queue => matches!(key.first(), Some(b'c' | b'n' | b'o')),
        Family::Bodies | Family::Traces => false,
    }
}

/// What the marker of a body that is being written says of its turn.
pub(crate) fn turn(turn: Option<Turn>) -> Vec<u8> {
    turn.map(|turn| turn.get().to_be_bytes().to_vec()).unwrap_or_default()
}

/// What [`turn`] wrote.
pub(crate) fn turn_of(value: &[u8]) -> Option<Turn> {
    Turn::new(u64::from_be_bytes(value.try_into().ok()?))
}

pub(crate) fn traces_of(day: Day) -> Vec<u8> {
    key!(*b"t", day.number().to_be_bytes())
}

pub(crate) fn trace(day: Day, number: u64) -> Vec<u8> {
    key!(*b"t", day.number().to_be_bytes(), number.to_be_bytes())
}

pub(crate) fn journey(id: &TraceId) -> Vec<u8> {
    key!(*b"i", id.0)
}

/// Steps of the journeys that began by the end of a day.
pub(crate) fn journeys_begun_by(day: Day) -> (Vec<u8>, Vec<u8>) {
    let end = Day::from_number(day.number().saturating_add(1)).start().as_millisecond();
    let end = u64::try_from(end).unwrap_or(u64::MAX).to_be_bytes();
    (b"i".to_vec(), key!(*b"i", end[2..]))
}

/// The day of the trace that a key `i` leads to.
pub(crate) fn step_day(key: &[u8]) -> Option<Day> {
    part(key, 17).map(|bytes| Day::from_number(u32::from_be_bytes(bytes)))
}

pub(crate) fn journey_step(id: &TraceId, day: Day, number: u64) -> Vec<u8> {
    key!(*b"i", id.0, day.number().to_be_bytes(), number.to_be_bytes())
}

const SIGN: u64 = 1 << 63;

/// A signed number so that order of bytes is order of numbers.
fn ordered(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ SIGN).to_be_bytes()
}

/// The `N` bytes of a key at an offset; none if it is too short.
pub(crate) fn part<const N: usize>(key: &[u8], at: usize) -> Option<[u8; N]> {
    key.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The last part of a key that ends with a 64-bit number.
pub(crate) fn last_u64(key: &[u8]) -> Option<u64> {
    part(key, key.len().checked_sub(8)?).map(u64::from_be_bytes)
}

/// The last part of a key that ends with a UID.
pub(crate) fn last_uid(key: &[u8]) -> Option<Uid> {
    Uid::new(u32::from_be_bytes(part(key, key.len().checked_sub(4)?)?))
}

/// The last part of a key that ends with a day.
pub(crate) fn last_day(key: &[u8]) -> Option<Day> {
    part(key, key.len().checked_sub(4)?).map(|bytes| Day::from_number(u32::from_be_bytes(bytes)))
}

/// The mod-sequence of a key `q` or `v`.
pub(crate) fn modseq_of(key: &[u8]) -> Option<ModSeq> {
    part(key, 9).map(|bytes| ModSeq(u64::from_be_bytes(bytes)))
}

/// The body named from an offset on.
pub(crate) fn body_at(key: &[u8], at: usize) -> Option<BodyId> {
    Some(BodyId { day: Day::from_number(u32::from_be_bytes(part(key, at)?)), id: part(key, at + 4)? })
}

/// Bytes of a body in a key.
pub(crate) const BODY_LEN: usize = 20;

fn body_bytes(body: BodyId) -> [u8; BODY_LEN] {
    let mut bytes = [0; BODY_LEN];
    bytes[..4].copy_from_slice(&body.day.number().to_be_bytes());
    bytes[4..].copy_from_slice(&body.id);
    bytes
}

mod queue;
mod sorts;

pub(crate) use self::{queue::*, sorts::is_known};

#[cfg(test)]
mod tests;
