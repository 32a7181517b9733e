//! What can go wrong. Nothing here carries a name, an address of a patient, or content.

use mssante::Address;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// What was named does not exist (any more).
    #[error("it does not exist, or no longer")]
    NotFound,
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(Conflict),
    /// The address was given already, to an account that may be gone (S-1.3).
    #[error("the address {} is taken or was taken before: choose another", .0.masked())]
    Taken(Address),
    /// A named limit is reached.
    #[error("{0}")]
    Limit(Limit),
    /// The store sheds load or stops; trying again later is right.
    #[error("the store cannot take this now: try again in a moment")]
    Busy,
    /// The disk is almost full: nothing new is taken until there is room again; reading and tidying go on (I-9).
    #[error("the disk of the store is almost full: make room, no new message is taken until then")]
    Full,
    /// A file of the store is damaged, this one: nothing new is taken until it is whole again; what does not need it
    /// goes on.
    #[error(
        "the store's file {0} is damaged: put it back whole, or stop and restore the store from a backup; \
         no new message is taken until then"
    )]
    Damaged(String),
    /// The account has as much as it may have.
    #[error("the account has as much as it may have: remove messages, or raise its quota")]
    Quota,
    /// The day of that message was erased: its three months are over (S-4.3).
    #[error("that message's three months are over: it is not kept again")]
    Erased,
    /// The clock is more than five minutes behind the last commit (I-4).
    #[error("the clock is behind the last commit: set the machine's time, mail is refused until then")]
    ClockBehind,
    /// Kept data does not open or contradicts itself.
    #[error("kept data is damaged ({0}): run the store's proof and restore from a backup")]
    Corrupt(&'static str),
    /// The engine or a file failed.
    #[error("the storage engine failed: {0}")]
    Engine(String),
}

impl StoreError {
    /// Whether what was read is damaged: asking again gives the same, and what does not need it goes on.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Damaged(_))
    }
}

/// What an operation contradicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The account changed since it was read.
    #[error("the account was changed meanwhile: read it again, then change it")]
    Version,
    /// A box of that name exists.
    #[error("a box of this name exists already")]
    BoxExists,
    /// INBOX cannot be created, deleted, or made a child's new name.
    #[error("INBOX always exists and cannot be deleted")]
    Inbox,
    /// The name of the box is not acceptable.
    #[error("a box name is UTF-8 without control characters, its parts not empty, separated by one slash")]
    BoxName,
    /// The box has children; they must go first.
    #[error("the box has boxes under it: delete those first")]
    HasChildren,
    /// A box cannot become its own child.
    #[error("a box cannot be moved under itself")]
    UnderItself,
    /// An opener is not an account, or the account itself.
    #[error("an opener must be another account that exists")]
    Opener,
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Length of a keyword.
    #[error("a keyword has 1 to 64 bytes")]
    KeywordBytes,
    /// Keywords of a message.
    #[error("a message has at most 32 keywords")]
    Keywords,
    /// Keywords of a box.
    #[error("a box has at most 256 different keywords")]
    BoxKeywords,
    /// Length of a box name.
    #[error("a box name has at most 1000 bytes and 20 parts")]
    BoxName,
    /// Boxes of an account.
    #[error("an account has at most 2000 boxes")]
    Boxes,
    /// Messages or UIDs of a box.
    #[error("the box has no UIDs left: move its messages to a new box")]
    Uids,
    /// Application passwords of an account, or the length of a name.
    #[error("an account has at most 64 application passwords, with names of at most 200 bytes")]
    Credentials,
    /// Openers of an account.
    #[error("at most 1000 people may open one box")]
    Openers,
    /// Variants of a message.
    #[error("a message has at most 65535 header variants")]
    Variants,
    /// Recipients of a message in the queue.
    #[error("a message has at most 1000 recipients at other operators")]
    QueuedRecipients,
    /// Recipients that wait in the queue.
    #[error("the outgoing queue is full")]
    Queue,
    /// Recipients that wait for one next hop.
    #[error("too much waits for the recipients' domain already")]
    QueueLane,
    /// Recipients of one account's messages that wait.
    #[error("too many messages of this account wait to leave")]
    QueueSender,
    /// Ways by which a message leaves.
    #[error("a message leaves by at most 16 ways")]
    Ways,
    /// Length of the name of a connector.
    #[error("the name of a connector has at most 64 octets")]
    ConnectorName,
    /// Length of what a sender gives along for reports.
    #[error("ENVID has at most 100 octets, ORCPT 500")]
    QueuedText,
    /// Messages appended at once.
    #[error("at most 128 messages are appended at once")]
    Appended,
    /// Length of a body.
    #[error("the body is longer than the store keeps")]
    BodyBytes,
}
