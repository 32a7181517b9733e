//! Traces: who did what, when, from where, with which outcome (S-1.7, S-8.5, M-10). Never content, never a subject.
//!
//! May use: the random generator. Must never touch: the engine, the clock (time is an argument).

use std::{cell::RefCell, fmt, net::IpAddr, str::FromStr};

use aws_lc_rs::rand;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::AccountId;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TEXT_LEN: usize = 26;

/// What a journey is known by: 26 characters that sort by time. The `250` of a message carries it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TraceId(pub(crate) [u8; 16]);

/// The text is not a trace identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a trace identifier is 26 characters of 0-9 and A-Z without I, L, O and U, as the 250 answer gave it"
)]
pub struct TraceIdError;

impl TraceId {
    /// A fresh identifier made at this instant: 48 bits of milliseconds, 80 random bits.
    pub fn new(now: Timestamp) -> Self {
        Self(stamped(now, POOL.with_borrow_mut(Pool::draw)))
    }

    /// The instant it was made, to the millisecond.
    pub fn time(&self) -> Timestamp {
        let [a, b, c, d, e, f, ..] = self.0;
        let millis = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        i64::try_from(millis).ok().and_then(|m| Timestamp::from_millisecond(m).ok()).unwrap_or(Timestamp::MAX)
    }
}

/// Random bits of identifiers of journeys, drawn many at a time: one draw costs as much as twenty. What keys rest on is
/// never kept here before it is used ([`time_ordered_id`]): a machine that was copied while it ran would use it twice.
struct Pool {
    bits: [[u8; RANDOM]; POOLED],
    left: usize,
}

/// Random bytes of an identifier.
const RANDOM: usize = 10;
const POOLED: usize = 16;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bits: [[0; RANDOM]; POOLED], left: 0 }) };
}

impl Pool {
    fn draw(&mut self) -> [u8; RANDOM] {
        if self.left == 0 {
            fill(self.bits.as_flattened_mut());
            self.left = POOLED;
        }
        self.left -= 1;
        self.bits[self.left]
    }
}

/// 48 bits of milliseconds, then 80 fresh random bits.
pub(crate) fn time_ordered_id(now: Timestamp) -> [u8; 16] {
    let mut random = [0; RANDOM];
    fill(&mut random);
    stamped(now, random)
}

fn fill(bytes: &mut [u8]) {
    rand::fill(bytes).expect("the system's random generator never fails once seeded");
}

fn stamped(now: Timestamp, random: [u8; RANDOM]) -> [u8; 16] {
    let mut id = [0; 16];
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id[6..].copy_from_slice(&random);
    id
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        for position in (0..TEXT_LEN).rev() {
            let digit = (bits >> (5 * position)) & 31;
            write!(f, "{}", char::from(ALPHABET[digit as usize]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceId {
    type Err = TraceIdError;

    fn from_str(text: &str) -> Result<Self, TraceIdError> {
        if text.len() != TEXT_LEN || text.as_bytes()[0] > b'7' {
            return Err(TraceIdError);
        }
        let mut bits = 0u128;
        for byte in text.bytes() {
            let upper = byte.to_ascii_uppercase();
            let digit = ALPHABET.iter().position(|&c| c == upper).ok_or(TraceIdError)?;
            bits = (bits << 5) | digit as u128;
        }
        Ok(Self(bits.to_be_bytes()))
    }
}

/// What was done or asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Somebody logged in, or was refused.
    Login,
    /// A message was submitted by one of our accounts.
    Send,
    /// A message was put in a box of ours.
    Receive,
    /// A message or a recipient was refused.
    Refuse,
    /// A retry of a submission that was accepted already (I-1).
    Repeat,
    /// A recipient's first opening of a message (S-4.5).
    FirstOpening,
    /// Messages were removed from a box.
    Delete,
    /// Messages were moved between boxes.
    Move,
    /// Messages were copied between boxes.
    Copy,
    /// A client put a message in a box.
    Append,
    /// An account was created.
    AccountCreate,
    /// An account was changed.
    AccountUpdate,
    /// An account was removed.
    AccountRemove,
    /// An application password was made.
    PasswordCreate,
    /// An application password was revoked.
    PasswordRevoke,
    /// An administrator used a command of the running service.
    Administer,
    /// A person opened a box with a mail client (M-10).
    Select,
    /// A message was handed to another operator, or one came from there.
    Relay,
    /// An attempt to hand it over did not settle it; it is tried again.
    Defer,
    /// It could not be handed over and is not tried again.
    Fail,
    /// The sender was told what became of a message (M-7).
    Report,
    /// An administrator took a recipient out of the queue.
    QueueRemove,
    /// The trust space changed or was looked at: white list, revocation lists (M-4).
    Trust,
    /// A recipient at another operator was put in the outgoing queue.
    Queue,
    /// What was kept too long was erased, and it was proved (S-4.3).
    Retention,
    /// Messages of a box were written to files (M-10).
    Export,
    /// A mailbox was made.
    BoxCreate,
    /// A mailbox got another name.
    BoxRename,
    /// Somebody subscribed to a mailbox, or no longer does.
    Subscribe,
    /// Messages of a box that several people open were marked for deletion, or no longer are.
    Mark,
}

impl Action {
    /// Stable machine name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Refuse => "refuse",
            Self::Repeat => "repeat",
            Self::FirstOpening => "first-opening",
            Self::Delete => "delete",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Append => "append",
            Self::AccountCreate => "account-create",
            Self::AccountUpdate => "account-update",
            Self::AccountRemove => "account-remove",
            Self::PasswordCreate => "password-create",
            Self::PasswordRevoke => "password-revoke",
            Self::Administer => "administer",
            Self::Select => "select",
            Self::Relay => "relay",
            Self::Defer => "defer",
            Self::Fail => "fail",
            Self::Report => "report",
            Self::QueueRemove => "queue-remove",
            Self::Trust => "trust",
            Self::Queue => "queue",
            Self::Retention => "retention",
            Self::Export => "export",
            Self::BoxCreate => "mailbox-create",
            Self::BoxRename => "mailbox-rename",
            Self::Subscribe => "subscribe",
            Self::Mark => "mark",
        }
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused; the detail says why.
    Refused,
}

impl Outcome {
    /// Stable machine name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }
}

/// Who changes boxes and their messages, and where from: each commit of the change holds a trace that says so, or is not (I-1,
/// M-10). By default the service itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Actor {
    /// The person.
    pub person: Option<AccountId>,
    /// Where from.
    pub peer: Option<IpAddr>,
}

/// One step of a journey. Sealed at rest under the trace key of the UTC day of `at`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The journey it belongs to.
    pub id: TraceId,
    /// When it happened; microseconds are kept.
    #[serde(with = "crate::instant")]
    pub at: Timestamp,
    /// What was done or asked for.
    pub action: Action,
    /// The person who acted.
    pub person: Option<AccountId>,
    /// The box in whose name, if it is not the person's own (S-1.7).
    pub acting_as: Option<AccountId>,
    /// Where from.
    pub peer: Option<IpAddr>,
    /// How it ended.
    pub outcome: Outcome,
    /// More facts, name and value: addresses, sizes, reasons; never content.
    pub detail: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn identifiers_of_one_instant_differ_on_one_thread_and_on_two() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let draw = move || (0..100).map(|_| TraceId::new(now)).collect::<Vec<_>>();
        let other = thread::spawn(draw);
        let all: HashSet<TraceId> = draw().into_iter().chain(other.join().unwrap()).collect();
        assert_eq!(all.len(), 200);
        assert!(all.iter().all(|id| id.time() == now));
    }
}
