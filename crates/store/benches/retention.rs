//! Speed of retention on this machine: `cargo bench -p store --bench retention [directory]`. Prints a line a measurement.
//!
//! Erasing a day of 1,000 and of 100,000 messages (keys destroyed, one commit), then tidying 100,000 messages out of one
//! large box and out of many, alone and beside deliveries whose latency is compared with what it was before.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use common::*;
use jiff::{SignedDuration, Timestamp};
use store::{
    AccountId, Clock as _, KeepPlan, Kept, Kind, ManualClock, MasterKey, OpenOptions, Settings, Store,
};

const START: &str = "2026-01-15T10:00:00Z";
const MANY: usize = 100_000;
const FEW: usize = 1_000;
const BASE: Duration = Duration::from_secs(4);

fn main() {
    let parent = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let dir = match parent {
        Some(parent) => tempfile::tempdir_in(parent).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = Arc::new(ManualClock::new(START.parse().unwrap()));
    let store = Store::open(OpenOptions {
        dir: dir.path().join("store"),
        master: MasterKey::create(&dir.path().join("master")).unwrap(),
        clock: Arc::clone(&clock) as Arc<dyn store::Clock>,
        settings: Settings::default(),
        create: Some(Kind::Demonstration),
    })
    .unwrap();
    runtime.block_on(run(&store, &clock));
    store.prove().unwrap();
    store.close().unwrap();
}

async fn run(store: &Store, clock: &Arc<ManualClock>) {
    let one = account(store, clock, "grand").await;
    let mut many = vec![];
    for number in 0..1_000 {
        many.push(account(store, clock, &format!("compte{number}")).await);
    }
    let next_day = || clock.advance(SignedDuration::from_hours(24));
    fill(store, clock, &[one], FEW).await;
    next_day();
    fill(store, clock, &[one], MANY).await;
    next_day();
    fill(store, clock, &many, MANY).await;
    next_day();
    fill(store, clock, &many, MANY).await;
    wait_until(store, clock, "2026-04-15T10:00:00Z").await;
    erased(store, clock, "1,000 messages of one box").await;
    erased(store, clock, "100,000 messages of one box").await;
    erased(store, clock, "100,000 messages of 1,000 boxes").await;
    beside_deliveries(store, clock, &many).await;
}

async fn account(store: &Store, clock: &Arc<ManualClock>, name: &str) -> AccountId {
    let trace = trace(clock.as_ref(), store::Action::AccountCreate);
    store.create_account(profile(name), mssante::State::Valide, vec![], trace).await.unwrap().id
}

async fn fill(store: &Store, clock: &Arc<ManualClock>, to: &[AccountId], messages: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..64 {
        let (store, now, to) = (store.clone(), clock.now(), to.to_vec());
        tasks.spawn(async move {
            for number in (task..messages).step_by(64) {
                deliver(&store, now, number as u64, b"court\r\n", &[to[number % to.len()]]).await;
            }
        });
    }
    tasks.join_all().await;
}

/// A round a day, as a service that runs: the clock must not leap.
async fn wait_until(store: &Store, clock: &Arc<ManualClock>, until: &str) {
    let until: Timestamp = until.parse().unwrap();
    while clock.now() < until {
        clock.set((clock.now() + SignedDuration::from_hours(24)).min(until));
        round(store).await;
    }
}

async fn round(store: &Store) -> Kept {
    let kept = store.keep(&KeepPlan::default()).await.unwrap();
    assert!(!kept.held && kept.proof.as_ref().is_none_or(|proof| proof.faults.is_empty()));
    kept
}

/// The next day comes, and something is erased.
async fn erased(store: &Store, clock: &Arc<ManualClock>, what: &str) {
    clock.advance(SignedDuration::from_hours(24));
    let kept = round(store).await;
    let rate = kept.tidied as f64 / kept.tidying.as_secs_f64();
    println!(
        "{what}: erased in {:?}, {} tidied in {:?}: {rate:.0}/s",
        kept.erasing, kept.tidied, kept.tidying
    );
}

/// Deliveries as fast as 8 callers make them, first alone, then while 100,000 messages are erased and tidied.
async fn beside_deliveries(store: &Store, clock: &Arc<ManualClock>, to: &[AccountId]) {
    let base = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&base);
    tokio::spawn(async move {
        tokio::time::sleep(BASE).await;
        stop.store(true, Ordering::Release);
    });
    let base = latencies(store, clock.now(), to, base).await;
    clock.advance(SignedDuration::from_hours(24));
    let done = Arc::new(AtomicBool::new(false));
    let (beside, kept) = tokio::join!(latencies(store, clock.now(), to, Arc::clone(&done)), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let kept = round(store).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        done.store(true, Ordering::Release);
        kept
    });
    let rate = kept.tidied as f64 / kept.tidying.as_secs_f64();
    let (before, during) = (at(&base, 0.999), at(&beside, 0.999));
    println!(
        "beside deliveries: erased in {:?}, {} tidied: {rate:.0}/s; deliveries p99.9 {during:?}, {:.2} times the base of \
         {before:?} ({} and {} of them)",
        kept.erasing,
        kept.tidied,
        during.as_secs_f64() / before.as_secs_f64(),
        beside.len(),
        base.len(),
    );
}

fn at(latencies: &[Duration], share: f64) -> Duration {
    latencies[((latencies.len() - 1) as f64 * share) as usize]
}

async fn latencies(store: &Store, now: Timestamp, to: &[AccountId], stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..8 {
        let (store, to, stop) = (store.clone(), to.to_vec(), Arc::clone(&stop));
        tasks.spawn(async move {
            let mut latencies = vec![];
            while !stop.load(Ordering::Acquire) {
                let began = Instant::now();
                let number = latencies.len() as u64;
                deliver(&store, now, number, b"court\r\n", &[to[(caller + latencies.len()) % to.len()]])
                    .await;
                latencies.push(began.elapsed());
            }
            latencies
        });
    }
    let mut all: Vec<Duration> = tasks.join_all().await.concat();
    all.sort_unstable();
    all
}
