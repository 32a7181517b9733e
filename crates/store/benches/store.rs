//! One long body, one large box, opening and proof, on this machine: `cargo bench -p store --bench store [directory]`. Prints
//! a line a measurement; deliveries are in `write`.
//!
//! The directory decides what a sync costs; the default is the system's temporary one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{sync::Arc, time::Instant};

use common::*;
use store::{
    AccountId, Actor, FlagChange, FlagMode, Flags, Kind, MasterKey, OpenOptions, Settings, Store,
    SystemClock, SystemFlag,
};

const BOX: u64 = 100_000;

fn main() {
    let parent = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let dir = match parent {
        Some(parent) => tempfile::tempdir_in(parent).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(dir.path());
    let account = |name: &str| {
        let trace = trace(&SystemClock, store::Action::AccountCreate);
        runtime
            .block_on(store.create_account(profile(name), mssante::State::Valide, vec![], trace))
            .unwrap()
            .id
    };
    runtime.block_on(large_body(&store, account("grand")));
    runtime.block_on(large_box(&store, account("plein")));
    println!("memory: {} MiB now, {} MiB at most", status("VmRSS") / 1024, status("VmHWM") / 1024);
    store.close().unwrap();
    let start = Instant::now();
    let store = open(dir.path());
    println!("open: {:?}", start.elapsed());
    let start = Instant::now();
    let report = store.prove().unwrap();
    println!("proof: {:?} for {report:?}", start.elapsed());
    store.close().unwrap();
}

fn open(dir: &std::path::Path) -> Store {
    let key = dir.join("master");
    let master = MasterKey::load(&key).or_else(|_| MasterKey::create(&key)).unwrap();
    let clock = Arc::new(SystemClock);
    let create = Some(Kind::Demonstration);
    Store::open(OpenOptions { dir: dir.join("store"), master, clock, settings: Settings::default(), create })
        .unwrap()
}

/// A number of KiB that the kernel tells of this process.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn large_box(store: &Store, account: AccountId) {
    let now = store::Clock::now(&SystemClock);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (task..BOX).step_by(64) {
                deliver(&store, now, number, b"short\r\n", &[account]).await;
            }
        });
    }
    tasks.join_all().await;
    let inbox = inbox(store, account).id;
    for pass in ["first", "second"] {
        let start = Instant::now();
        let entries = store.reader().messages(inbox).unwrap();
        println!("list {} messages, {pass} time: {:?}", entries.len(), start.elapsed());
    }
    let uids: Vec<_> = store.reader().messages(inbox).unwrap().into_iter().map(|entry| entry.uid).collect();
    for pass in ["first", "second"] {
        let (start, reader) = (Instant::now(), store.reader());
        for uid in &uids {
            reader.index(inbox, *uid).unwrap().unwrap();
        }
        println!("index records of {} messages, {pass} time: {:?}", uids.len(), start.elapsed());
    }
    let start = Instant::now();
    let change = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Seen) };
    store.store_flags(inbox, uids, change, Actor::default()).await.unwrap();
    println!("mark {BOX} messages seen: {:?}", start.elapsed());
}

async fn large_body(store: &Store, account: AccountId) {
    let piece = body_bytes(7, 8 << 10);
    let pieces = (82 << 20) / piece.len();
    let before = status("VmHWM");
    let start = Instant::now();
    let mut writer = store.body();
    for _ in 0..pieces {
        writer.write(&piece).await.unwrap();
    }
    let body = writer.finish().await.unwrap();
    let now = store::Clock::now(&SystemClock);
    let copies = vec![store::Copy { account, variant: 0 }];
    let id = store::TraceId::new(now);
    let variants = vec![variant(1, b"")];
    let delivery = store::Delivery {
        id,
        body,
        variants,
        copies,
        outgoing: vec![],
        traces: vec![],
        carried: vec![],
        once: None,
        conversations: Vec::new(),
    };
    store.deliver(delivery).await.unwrap();
    println!("82 MiB in: {:?}, memory grew {} MiB", start.elapsed(), (status("VmHWM") - before) / 1024);
    let (start, mut offset) = (Instant::now(), 0);
    let reader = store.reader().body(inbox(store, account).id, store::Uid::MIN).unwrap().unwrap();
    while offset < reader.len() {
        offset += reader.chunk(offset).unwrap().len() as u64;
    }
    println!("82 MiB out: {:?}, memory grew {} MiB", start.elapsed(), (status("VmHWM") - before) / 1024);
}
