//! Speed of the outgoing queue on this machine: `cargo bench -p store --bench queue [directory]`. Prints a line a
//! measurement. The directory decides what a sync costs; the default is the system's temporary one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use common::*;
use store::{
    AccountId, Clock as _, Kind, MasterKey, OpenOptions, QueueId, Settings, Settlement, Store, SystemClock,
};

const RUN: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;
const CALLERS: usize = 64;
const QUEUED: u64 = 100_000;
const PAGE: usize = 1_000;

fn main() {
    let parent = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let dir = match parent {
        Some(parent) => tempfile::tempdir_in(parent).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(dir.path());
    let accounts: Vec<AccountId> = (0..CALLERS)
        .map(|number| {
            let profile = profile(&format!("compte{number}"));
            let trace = trace(&SystemClock, store::Action::AccountCreate);
            runtime.block_on(store.create_account(profile, mssante::State::Valide, vec![], trace)).unwrap().id
        })
        .collect();
    runtime.block_on(accept(&store, &accounts));
    runtime.block_on(fill(&store));
    page(&store);
    store.close().unwrap();
    let start = Instant::now();
    let store = open(dir.path());
    println!("open with {} queued: {:?}", store.reader().queue_size().unwrap(), start.elapsed());
    page(&store);
    runtime.block_on(settle_all(&store));
    store.close().unwrap();
    let start = Instant::now();
    let store = open(dir.path());
    println!("open after all have left: {:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(first_due(&store), None);
    println!("first due entry of the empty queue: {:?}", start.elapsed());
    store.prove().unwrap();
    store.close().unwrap();
}

fn open(dir: &Path) -> Store {
    let key = dir.join("master");
    let master = MasterKey::load(&key).or_else(|_| MasterKey::create(&key)).unwrap();
    let clock = Arc::new(SystemClock);
    let create = Some(Kind::Demonstration);
    Store::open(OpenOptions { dir: dir.join("store"), master, clock, settings: Settings::default(), create })
        .unwrap()
}

/// One recipient here, against one here and one elsewhere, by turns.
async fn accept(store: &Store, accounts: &[AccountId]) {
    for callers in [1, CALLERS] {
        let mut rates = [0.0; 2];
        for _ in 0..ROUNDS {
            for (rate, to) in rates.iter_mut().zip([&[][..], &["trois"]]) {
                *rate += accepted(store, &accounts[..callers], to).await / ROUNDS as f64;
            }
        }
        let [here, both] = rates;
        let ratio = both / here;
        println!(
            "accept 4 KiB, {callers} callers: {here:.0}/s for one here, {both:.0}/s with one elsewhere: {ratio:.2}"
        );
    }
}

async fn accepted(store: &Store, accounts: &[AccountId], to: &'static [&'static str]) -> f64 {
    let body: Arc<[u8]> = body_bytes(1, 4 << 10).into();
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for &account in accounts {
        let (store, body) = (store.clone(), Arc::clone(&body));
        tasks.spawn(async move {
            let mut count = 0;
            while start.elapsed() < RUN {
                let now = SystemClock.now();
                let mut delivery = delivery(&store, now, count, &body, &[account]).await;
                delivery.traces = vec![trace(&SystemClock, store::Action::Send)];
                delivery.outgoing = vec![outgoing(now, to)];
                store.deliver(delivery).await.unwrap();
                count += 1;
            }
            count
        });
    }
    let count: u64 = tasks.join_all().await.into_iter().sum();
    count as f64 / start.elapsed().as_secs_f64()
}

/// Fills the queue up.
async fn fill(store: &Store) {
    let more = QUEUED.saturating_sub(store.reader().queue_size().unwrap());
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..CALLERS as u64 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (task..more).step_by(CALLERS) {
                let now = SystemClock.now();
                let mut delivery = delivery(&store, now, number, b"short\r\n", &[]).await;
                delivery.outgoing = vec![outgoing(now, &["trois"])];
                store.deliver(delivery).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    println!("{more} more accepted for elsewhere: {:?}", start.elapsed());
}

fn page(store: &Store) {
    for pass in ["first", "second"] {
        let start = Instant::now();
        let due = due_but(store, SystemClock.now(), &[], PAGE);
        assert_eq!(due.len(), PAGE);
        let queued = store.reader().queue_size().unwrap();
        println!("page of {PAGE} due of {queued}, {pass} time: {:?}", start.elapsed());
    }
}

/// Everything leaves, one entry a settlement, page by page; the pages must not slow down behind what left.
async fn settle_all(store: &Store) {
    let (start, mut settled) = (Instant::now(), 0);
    let mut slowest = Duration::ZERO;
    loop {
        let asked = Instant::now();
        let due = due_but(store, SystemClock.now(), &[], PAGE);
        slowest = slowest.max(asked.elapsed());
        if due.is_empty() {
            break;
        }
        settled += due.len();
        let mut tasks = tokio::task::JoinSet::new();
        for ids in due.chunks(PAGE.div_ceil(CALLERS)) {
            let ids: Vec<QueueId> = ids.iter().map(|queued| queued.id).collect();
            let store = store.clone();
            tasks.spawn(async move {
                for id in ids {
                    let traces = vec![trace(&SystemClock, store::Action::Relay)];
                    store.settle(vec![(id, Settlement::Gone)], None, traces).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
    }
    let rate = settled as f64 / start.elapsed().as_secs_f64();
    println!("settle, {CALLERS} callers: {rate:.0}/s, slowest page {slowest:?}");
}
