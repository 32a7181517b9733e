//! What every test of the store needs: a store in a directory of its own, accounts, messages, and a close that proves.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "test helpers; each file uses a part"
)]

use std::{path::PathBuf, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use message::{Limits, Scanner};
use mssante::{Address, BoxType, Profile, State};
use store::{
    Account, AccountId, Action, BodyKind, Copy, Delivered, Delivery, Incoming, Kind, Lane, ManualClock,
    MasterKey, OpenOptions, Outcome, Outgoing, OutgoingRecipient, Priority, ProofReport, QueueId, Queued,
    Settings, Store, Trace, TraceId, Uid, Variant, Way,
};

/// A directory, a clock, and the store that lives there.
pub struct World {
    pub dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub settings: Settings,
    pub runtime: tokio::runtime::Runtime,
}

pub const START: &str = "2026-01-15T10:00:00Z";

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        MasterKey::create(&dir.path().join("master")).unwrap();
        let clock = Arc::new(ManualClock::new(START.parse().unwrap()));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { dir, clock, settings: Settings { memory: 16 << 20, ..Settings::default() }, runtime }
    }

    pub fn store_dir(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub fn options(&self) -> OpenOptions {
        OpenOptions {
            dir: self.store_dir(),
            master: MasterKey::load(&self.dir.path().join("master")).unwrap(),
            clock: Arc::clone(&self.clock) as Arc<dyn store::Clock>,
            settings: self.settings.clone(),
            create: Some(Kind::Demonstration),
        }
    }

    pub fn open(&self) -> Store {
        Store::open(self.options()).unwrap()
    }

    /// The same directory once more, elsewhere: what a thief, or a backup, has of a closed store.
    pub fn copy(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, bytes) in files_under(self.dir.path()) {
            let to = dir.path().join(path.strip_prefix(self.dir.path()).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::write(&to, bytes).unwrap();
            let mode = std::fs::metadata(&path).unwrap().permissions();
            std::fs::set_permissions(&to, mode).unwrap();
        }
        let clock = Arc::new(ManualClock::new(self.clock_now()));
        Self { dir, clock, settings: self.settings.clone(), ..Self::new() }
    }

    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Closes, after a proof.
    pub fn close(&self, store: Store) -> ProofReport {
        let report = settle_and_prove(&store);
        store.close().unwrap();
        report
    }

    pub fn trace(&self, action: Action) -> Trace {
        trace(self.clock.as_ref(), action)
    }

    pub fn account(&self, store: &Store, name: &str) -> Account {
        self.run(store.create_account(
            profile(name),
            State::Valide,
            vec![],
            self.trace(Action::AccountCreate),
        ))
        .unwrap()
    }
}

/// Somebody who changes their own boxes.
pub fn actor(account: &Account) -> store::Actor {
    store::Actor { person: Some(account.id), peer: None }
}

/// Every file under a directory, with what it holds.
pub fn files_under(dir: &std::path::Path) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut stack) = (vec![], vec![dir.to_path_buf()]);
    while let Some(dir) = stack.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else {
                found.push((path.clone(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found
}

/// Bodies that were dropped go with the committer's next batch, what deleted boxes held a little later: waits for both,
/// each time with a proof.
pub fn settle_and_prove(store: &Store) -> ProofReport {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match store.prove() {
            Ok(report) if report.clearing == 0 => return report,
            Ok(report) if std::time::Instant::now() > deadline => panic!("not cleared away: {report:?}"),
            Ok(_) => std::thread::sleep(std::time::Duration::from_millis(2)),
            Err(faults) if std::time::Instant::now() > deadline => panic!("{faults:#?}"),
            Err(faults) if faults.iter().all(|fault| fault.place == "bodies") => {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            Err(faults) => panic!("{faults:#?}"),
        }
    }
}

pub fn trace(clock: &dyn store::Clock, action: Action) -> Trace {
    Trace {
        id: TraceId::new(clock.now()),
        at: clock.now(),
        action,
        person: None,
        acting_as: None,
        peer: None,
        outcome: Outcome::Done,
        detail: vec![],
    }
}

pub fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@chu-nord.fr")).unwrap()
}

pub fn profile(name: &str) -> Profile {
    Profile {
        box_type: BoxType::Per,
        login: address(name),
        mssante: Some(Address::parse(&format!("{name}@chu-nord.mssante.fr")).unwrap()),
        last_name: "Nom".into(),
        first_name: "Prénom".into(),
        region: "Bretagne".into(),
        profession: "Médecin".into(),
        national_id: None,
        structure: None,
        local_id: None,
        responsible: None,
        description: None,
        return_address: None,
    }
}

/// A header block; the number makes it one of its kind.
pub fn header(number: u64) -> Vec<u8> {
    format!("Message-ID: <{number}@test>\r\nSubject: number {number}\r\nDate: Thu, 15 Jan 2026 10:00:00 +0000\r\n\r\n")
        .into_bytes()
}

/// The bytes of a body of this length, the same each time.
pub fn body_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes().map(|b| b'a' + b % 26));
        if bytes.len() % 72 < 8 {
            bytes.extend(b"\r\n");
        }
    }
    bytes.truncate(len);
    bytes
}

pub fn index(header: &[u8], body: &[u8]) -> message::IndexRecord {
    let mut scanner = Scanner::new(Limits::default());
    scanner.feed(header).unwrap();
    scanner.feed(body).unwrap();
    message::index(header, &scanner.finish().unwrap())
}

pub fn variant(number: u64, body: &[u8]) -> Variant {
    let header = header(number);
    Variant { index: index(&header, body), header }
}

pub async fn sealed(store: &Store, body: &[u8]) -> store::SealedBody {
    let mut writer = store.body();
    for piece in body.chunks(10_000) {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap()
}

/// A delivery of one variant to these accounts.
pub async fn delivery(store: &Store, now: Timestamp, number: u64, body: &[u8], to: &[AccountId]) -> Delivery {
    Delivery {
        id: TraceId::new(now),
        body: sealed(store, body).await,
        variants: vec![variant(number, body)],
        copies: to.iter().map(|&account| Copy { account, variant: 0 }).collect(),
        outgoing: vec![],
        traces: vec![],
        carried: vec![],
        once: None,
        conversations: Vec::new(),
    }
}

pub async fn deliver(store: &Store, now: Timestamp, number: u64, body: &[u8], to: &[AccountId]) -> Vec<Uid> {
    let delivery = delivery(store, now, number, body, to).await;
    match store.deliver(delivery).await.unwrap() {
        Delivered::New(_, copies) => copies.into_iter().map(|(_, uid)| uid).collect(),
        Delivered::Again(..) => panic!("no fingerprint was given"),
    }
}

pub async fn incoming(store: &Store, number: u64, body: &[u8]) -> Incoming {
    let Variant { header, index } = variant(number, body);
    Incoming {
        body: sealed(store, body).await,
        header,
        index,
        flags: store::Flags::new(),
        internal_date: 1_700_000_000,
    }
}

/// What leaves for these people at another operator, as the first variant.
pub fn outgoing(now: Timestamp, to: &[&str]) -> Outgoing {
    let recipient = |name: &&str| OutgoingRecipient { address: remote(name), notify: None, original: None };
    Outgoing {
        way: Way::Peers,
        reverse_path: Some(address("un")),
        sender: None,
        variant: 0,
        smtputf8: false,
        body: BodyKind::SevenBit,
        require_tls: false,
        priority: Priority::Usual,
        envid: None,
        ret: None,
        expires: now + hours(48),
        recipients: to.iter().map(recipient).collect(),
    }
}

/// What waits for [`remote`]'s domain and is due, in the order in which it is sent.
pub fn due(store: &Store, at: Timestamp) -> Vec<Queued> {
    due_but(store, at, &[], 10_000)
}

/// At most so many of it, but these.
pub fn due_but(store: &Store, at: Timestamp, skip: &[QueueId], limit: usize) -> Vec<Queued> {
    let reader = store.reader();
    let lane = reader.queue_lane_id(&Lane::Peers(remote("x").domain().clone()));
    let page = reader.queue_due(lane, at, &skip.iter().copied().collect(), limit).unwrap();
    assert_eq!(page.damaged, []);
    page.found
}

/// When something is due first.
pub fn first_due(store: &Store) -> Option<Timestamp> {
    store.queue_next_due(Timestamp::MIN)
}

pub fn remote(name: &str) -> Address {
    Address::parse(&format!("{name}@clinique-sud.mssante.fr")).unwrap()
}

/// Header and whole body of what leaves for an entry.
pub fn read_queued(store: &Store, id: QueueId) -> (Vec<u8>, Vec<u8>) {
    let (header, body) = store.reader().queued_content(id).unwrap().expect("the entry exists");
    (header.to_vec(), read_all(&body))
}

pub fn read_all(body: &store::BodyReader) -> Vec<u8> {
    let mut all = vec![];
    while (all.len() as u64) < body.len() {
        let chunk = body.chunk(all.len() as u64).unwrap();
        assert!(!chunk.is_empty());
        all.extend_from_slice(&chunk);
    }
    all
}

/// The whole body of a message.
pub fn read_body(store: &Store, id: store::BoxId, uid: Uid) -> Vec<u8> {
    read_all(&store.reader().body(id, uid).unwrap().expect("the message exists"))
}

pub fn hours(number: i64) -> SignedDuration {
    SignedDuration::from_hours(number)
}

pub fn inbox(store: &Store, account: AccountId) -> store::BoxInfo {
    store.reader().box_by_name(account, "INBOX").unwrap().expect("every account has one")
}

impl World {
    pub fn clock_now(&self) -> Timestamp {
        store::Clock::now(self.clock.as_ref())
    }
}
