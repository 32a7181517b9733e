//! The load under which the store is killed: a few people, each with two boxes, whose operations follow from their number
//! alone. Whoever knows how many of them were acknowledged knows what must be in the boxes.

use std::time::Duration;

use crate::common::{address, body_bytes, trace, variant};
use store::{
    AccountId, Action, Actor, BoxId, CHUNK, Copy, Delivery, FlagChange, FlagMode, Flags, Incoming, Result,
    Store, StoreError, SystemFlag, TraceId, Uid, Variant,
};

/// Boxes of each person.
pub(super) const BOXES: [&str; 2] = ["INBOX", "Sent"];
/// Messages after which a box is emptied more than it is filled.
const FILLED: usize = 14;

/// A message as its box shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) uid: u32,
    pub(super) number: u64,
    pub(super) flagged: bool,
    pub(super) deleted: bool,
}

/// What a person's boxes hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Boxes {
    pub(super) messages: [Vec<Message>; 2],
    pub(super) uid_next: [u32; 2],
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    Deliver { number: u64 },
    Append { number: u64 },
    Flag { mailbox: usize, uid: u32 },
    Delete { mailbox: usize, uid: u32 },
    Copy { from: usize, uid: u32 },
    Move { from: usize, uid: u32 },
    Expunge { mailbox: usize },
}

/// A person: what the boxes must hold after so many operations.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) index: u64,
    pub(super) done: u64,
    pub(super) boxes: Boxes,
}

impl Person {
    pub(super) fn new(index: u64) -> Self {
        let boxes = Boxes { messages: [vec![], vec![]], uid_next: [1, 1] };
        Self { index, done: 0, boxes }
    }

    pub(super) fn after(index: u64, done: u64) -> Self {
        let mut person = Self::new(index);
        (0..done).for_each(|_| person.step());
        person
    }

    pub(super) fn name(&self) -> String {
        format!("p{}", self.index)
    }

    /// The next operation: a function of the person, of how many were done, and of what is there.
    pub(super) fn next(&self) -> Op {
        let mut random = Random(self.index << 48 ^ self.done.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
        let number = self.index * 1_000_000_000 + self.done;
        let mailbox = random.below(2);
        let (choice, which) = (random.below(100), random.below(1_000));
        let messages = &self.boxes.messages[mailbox];
        if messages.is_empty() {
            return if mailbox == 0 { Op::Deliver { number } } else { Op::Append { number } };
        }
        let uid = messages[which % messages.len()].uid;
        match choice {
            0..25 if messages.len() < FILLED => Op::Deliver { number },
            25..35 if messages.len() < FILLED => Op::Append { number },
            35..50 => Op::Flag { mailbox, uid },
            50..65 if messages.len() < FILLED => Op::Copy { from: mailbox, uid },
            65..75 => Op::Move { from: mailbox, uid },
            75..85 => Op::Expunge { mailbox },
            _ => Op::Delete { mailbox, uid },
        }
    }

    /// What the next operation makes of the boxes.
    pub(super) fn step(&mut self) {
        match self.next() {
            Op::Deliver { number } => self.add(0, number, false, false),
            Op::Append { number } => self.add(1, number, false, false),
            Op::Flag { mailbox, uid } => self.change(mailbox, uid, |message| message.flagged = true),
            Op::Delete { mailbox, uid } => self.change(mailbox, uid, |message| message.deleted = true),
            Op::Copy { from, uid } => {
                let message = self.find(from, uid);
                self.add(1 - from, message.number, message.flagged, message.deleted);
            }
            Op::Move { from, uid } => {
                let message = self.find(from, uid);
                self.boxes.messages[from].retain(|message| message.uid != uid);
                self.add(1 - from, message.number, message.flagged, message.deleted);
            }
            Op::Expunge { mailbox } => self.boxes.messages[mailbox].retain(|message| !message.deleted),
        }
        self.done += 1;
    }

    fn find(&self, mailbox: usize, uid: u32) -> Message {
        self.boxes.messages[mailbox].iter().find(|message| message.uid == uid).unwrap().clone()
    }

    fn add(&mut self, mailbox: usize, number: u64, flagged: bool, deleted: bool) {
        let uid = self.boxes.uid_next[mailbox];
        self.boxes.uid_next[mailbox] += 1;
        self.boxes.messages[mailbox].push(Message { uid, number, flagged, deleted });
    }

    fn change(&mut self, mailbox: usize, uid: u32, change: impl Fn(&mut Message)) {
        self.boxes.messages[mailbox].iter_mut().filter(|message| message.uid == uid).for_each(change);
    }
}

/// Sizes that take every path: no byte, the commit itself, chunks as they arrive.
pub(super) fn size(number: u64) -> usize {
    match number % 6 {
        0 => 0,
        1..=3 => 700,
        4 => CHUNK + 10,
        _ => 3 * CHUNK,
    }
}

/// A person's place in the store.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) account: AccountId,
    pub(super) boxes: [BoxId; 2],
}

impl Place {
    pub(super) fn find(store: &Store, person: &Person) -> Self {
        let reader = store.reader();
        let account = reader.account_by_address(&address(&person.name())).unwrap().unwrap().id;
        Self { account, boxes: BOXES.map(|name| reader.box_by_name(account, name).unwrap().unwrap().id) }
    }
}

/// Does the next operation in the store.
pub(super) async fn act(store: &Store, clock: &dyn store::Clock, place: &Place, op: Op) -> Result<()> {
    let uid = |uid: u32| vec![Uid::new(uid).unwrap()];
    let flag = |flag| FlagChange { mode: FlagMode::Add, flags: Flags::new().with(flag) };
    match op {
        Op::Deliver { number } => {
            let bytes = body_bytes(number, size(number));
            let delivery = Delivery {
                id: TraceId::new(clock.now()),
                body: sealed(store, &bytes).await?,
                variants: vec![variant(number, &bytes)],
                copies: vec![Copy { account: place.account, variant: 0 }],
                outgoing: vec![],
                traces: vec![trace(clock, Action::Receive)],
                carried: vec![],
                once: None,
                conversations: Vec::new(),
            };
            store.deliver(delivery).await.map(drop)
        }
        Op::Append { number } => {
            let bytes = body_bytes(number, size(number));
            let Variant { header, index } = variant(number, &bytes);
            let body = sealed(store, &bytes).await?;
            let message = Incoming { body, header, index, flags: Flags::new(), internal_date: 1_700_000_000 };
            store.append(place.boxes[1], message, None).await.map(drop)
        }
        Op::Flag { mailbox, uid: of } => store
            .store_flags(place.boxes[mailbox], uid(of), flag(SystemFlag::Flagged), Actor::default())
            .await
            .map(drop)
            .map_err(|stopped| stopped.error),
        Op::Delete { mailbox, uid: of } => store
            .store_flags(place.boxes[mailbox], uid(of), flag(SystemFlag::Deleted), Actor::default())
            .await
            .map(drop)
            .map_err(|stopped| stopped.error),
        Op::Copy { from, uid: of } => {
            store.copy(place.boxes[from], uid(of), place.boxes[1 - from], Actor::default()).await.map(drop)
        }
        Op::Move { from, uid: of } => store
            .move_(place.boxes[from], uid(of), place.boxes[1 - from], Actor::default())
            .await
            .map(drop)
            .map_err(|stopped| stopped.error),
        Op::Expunge { mailbox } => store
            .expunge(place.boxes[mailbox], None, Actor::default())
            .await
            .map(drop)
            .map_err(|stopped| stopped.error),
    }
}

async fn sealed(store: &Store, body: &[u8]) -> Result<store::SealedBody> {
    let mut writer = store.body();
    for piece in body.chunks(10_000) {
        writer.write(piece).await?;
    }
    writer.finish().await
}

/// What the boxes of a person hold, every body read and compared with what it was made of.
pub(super) fn found(store: &Store, place: &Place) -> Result<Boxes> {
    let reader = store.reader();
    let mut boxes = Boxes { messages: [vec![], vec![]], uid_next: [0, 0] };
    for (at, mailbox) in place.boxes.into_iter().enumerate() {
        boxes.uid_next[at] = reader.box_info(mailbox)?.ok_or(StoreError::NotFound)?.uid_next.get();
        for entry in reader.messages(mailbox)? {
            let header = reader.header(mailbox, entry.uid)?.ok_or(StoreError::NotFound)?;
            let text = std::str::from_utf8(&header).unwrap();
            let number: u64 = text.split(['<', '@']).nth(1).unwrap().parse().unwrap();
            let body = reader.body(mailbox, entry.uid)?.ok_or(StoreError::NotFound)?;
            let mut bytes = vec![];
            while (bytes.len() as u64) < body.len() {
                bytes.extend_from_slice(&body.chunk(bytes.len() as u64)?);
            }
            assert!(bytes == body_bytes(number, size(number)), "message {number} is not what it was");
            boxes.messages[at].push(Message {
                uid: entry.uid.get(),
                number,
                flagged: entry.flags.has(SystemFlag::Flagged),
                deleted: entry.flags.has(SystemFlag::Deleted),
            });
        }
    }
    Ok(boxes)
}

/// The small generator of the tests.
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }
}

/// How long a refused operation waits before it is tried again.
pub(super) const AGAIN: Duration = Duration::from_millis(20);
