//! The numbers and names by which kept things are known. None of them tells anything about a person (M-11).
//!
//! May use: the random generator. Must never touch: the engine, keys.

use std::{fmt, num::NonZeroU32};

use serde::{Deserialize, Serialize};

use crate::day::Day;

/// One account, for the life of the store: never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountId(pub(crate) u64);

/// One box (IMAP mailbox) of an account, for the life of the store: never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BoxId(pub(crate) u64);

/// One application password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CredentialId(pub(crate) u64);

macro_rules! number {
    ($($name:ident),*) => {$(
        impl $name {
            /// The identifier written as this number (a control command, a log line); it may name nothing.
            pub fn new(number: u64) -> Self {
                Self(number)
            }

            /// Its number.
            pub fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
number!(AccountId, BoxId, CredentialId);

/// What the number of a lane of another operator begins with.
pub(crate) const PEERS: u8 = b'p';

/// One lane of the queue, for the life of the store. It says which way it leads, and nothing of whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LaneId(pub(crate) [u8; 16]);

impl LaneId {
    /// Whether it leads to another operator, and rests on the trust space.
    pub fn is_of_peers(self) -> bool {
        self.0.first() == Some(&PEERS)
    }

    /// The identifier with this number; it may name nothing.
    pub fn new(number: u64) -> Self {
        let mut id = [0; 16];
        id.iter_mut().rev().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
        Self(id)
    }
}

/// What of a body leaves one way: its entries in the queue share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Dispatch {
    pub(crate) body: BodyId,
    /// Which of the ways of its message.
    pub(crate) number: u8,
}

/// Unique identifier of a message in its box (RFC 3501 §2.3.1.1): ascending, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uid(pub(crate) NonZeroU32);

impl Uid {
    /// The first one of a box.
    pub const MIN: Uid = Uid(NonZeroU32::MIN);
    /// The last one possible.
    pub const MAX: Uid = Uid(NonZeroU32::MAX);

    /// The UID with this number; none for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Its number, at least 1.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// UIDVALIDITY of a box (RFC 3501 §2.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UidValidity(pub(crate) NonZeroU32);

impl UidValidity {
    /// The validity with this number; none for 0.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Its number, at least 1.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Mod-sequence of a box or of a message (RFC 7162 §3.1): one more for each operation that changes the box.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModSeq(pub(crate) u64);

impl ModSeq {
    /// The mod-sequence with this number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number. 1 for a box that never changed.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One sealed body: its day of reception (I-4) and an identifier that occurs once: milliseconds, so that records of bodies
/// that arrive together lie together, then 80 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BodyId {
    /// The UTC day of its first byte, as the store counts days.
    pub day: Day,
    /// Unique, also among stores restored from one backup.
    pub id: [u8; 16],
}
