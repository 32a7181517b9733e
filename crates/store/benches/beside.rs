//! What a delivery notices of somebody's work on 100,000 messages: `cargo bench -p store --bench beside [directory]`.
//! Prints the time of deliveries by one caller, alone and beside a COPY, an EXPUNGE, the deletion of a box; the last column
//! is how many times the median alone.

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
    AccountId, Actor, BoxId, Clock as _, FlagChange, FlagMode, Flags, Kind, MasterKey, OpenOptions, Settings,
    Store, SystemClock, SystemFlag, Uid,
};

const MESSAGES: usize = 100_000;
const ALONE: Duration = Duration::from_secs(3);

fn main() {
    let parent = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let dir = match parent {
        Some(parent) => tempfile::tempdir_in(parent).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(dir.path());
    let accounts = ["un", "deux"].map(|name| {
        let trace = trace(&SystemClock, store::Action::AccountCreate);
        runtime
            .block_on(store.create_account(profile(name), mssante::State::Valide, vec![], trace))
            .unwrap()
            .id
    });
    runtime.block_on(measure(&store, accounts));
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

async fn measure(store: &Store, [busy, other]: [AccountId; 2]) {
    let source = store.create_box(busy, "plein", None, Actor::default()).await.unwrap().id;
    let target = store.create_box(busy, "copie", None, Actor::default()).await.unwrap().id;
    fill(store, source).await;
    let alone = deliveries(store, other, tokio::time::sleep(ALONE)).await;
    let usual = show("alone", &alone, None);
    let uids = all(store, source);
    let copying = async {
        assert_eq!(store.copy(source, uids, target, Actor::default()).await.unwrap().pairs.len(), MESSAGES);
    };
    show("beside a COPY", &deliveries(store, other, copying).await, Some(usual));
    let uids = all(store, target);
    let marking = async {
        let flags = Flags::new().with(SystemFlag::Deleted);
        store
            .store_flags(target, uids, FlagChange { mode: FlagMode::Add, flags }, Actor::default())
            .await
            .unwrap();
    };
    show("beside a STORE", &deliveries(store, other, marking).await, Some(usual));
    let expunging =
        async { assert_eq!(store.expunge(target, None, Actor::default()).await.unwrap().len(), MESSAGES) };
    show("beside an EXPUNGE", &deliveries(store, other, expunging).await, Some(usual));
    let start = Instant::now();
    store.delete_box(source, Actor::default()).await.unwrap();
    println!("deleting the box of {MESSAGES}: {:?}", start.elapsed());
    show("while it is cleared", &deliveries(store, other, store.cleared()).await, Some(usual));
}

/// Messages with bodies of their own, put in by many at once.
async fn fill(store: &Store, to: BoxId) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..64 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (task..MESSAGES).step_by(64) {
                let body = body_bytes(number as u64, 200);
                store.append(to, incoming(&store, number as u64, &body).await, None).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
}

fn all(store: &Store, id: BoxId) -> Vec<Uid> {
    store.reader().messages(id).unwrap().into_iter().map(|entry| entry.uid).collect()
}

/// One caller delivers for as long as the work takes; how long each delivery took, ascending.
async fn deliveries(store: &Store, to: AccountId, work: impl Future<Output = ()>) -> Vec<Duration> {
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (caller, stopped) = (store.clone(), Arc::clone(&stop));
    let delivering = tokio::spawn(async move {
        let mut took = vec![];
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let number = took.len() as u64;
            let new = delivery(&caller, SystemClock.now(), number, &body_bytes(number, 4096), &[to]).await;
            let start = Instant::now();
            caller.deliver(new).await.unwrap();
            took.push(start.elapsed());
        }
        took
    });
    work.await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut took = delivering.await.unwrap();
    took.sort_unstable();
    took
}

/// Prints and gives the median.
fn show(what: &str, took: &[Duration], usual: Option<Duration>) -> Duration {
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let (median, late, latest) = (at(0.5), at(0.99), at(1.0));
    let times = usual.map_or(1.0, |usual| median.as_secs_f64() / usual.as_secs_f64());
    println!(
        "{what:20} {:6} deliveries  p50 {median:9.1?}  p99 {late:9.1?}  max {latest:9.1?}  x{times:.1}",
        took.len()
    );
    median
}
