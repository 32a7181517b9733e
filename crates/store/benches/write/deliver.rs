//! Deliveries as `delivery` asks for them, from so many callers at once: rate, times, bytes written, processor time.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use store::{
    AccountId, Clock as _, Copy, Delivery, Kind, MasterKey, OpenOptions, Settings, Store, SystemClock,
    TraceId, Variant,
};

use super::{
    common::{profile, sealed, trace, variant},
    physical::Limits,
};

const RUN: Duration = Duration::from_secs(6);
const ACCOUNTS: usize = 64;

/// KiB and callers.
pub(crate) const ALL: [(usize, usize); 4] = [(4, 1), (4, 64), (100, 1), (100, 64)];

pub(crate) fn measure(dir: &Path, loads: &[(usize, usize)], limits: Option<&Limits>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(dir);
    let accounts: Vec<AccountId> = (0..ACCOUNTS)
        .map(|number| {
            let step = trace(&SystemClock, store::Action::AccountCreate);
            let profile = profile(&format!("compte{number}"));
            runtime.block_on(store.create_account(profile, mssante::State::Valide, vec![], step)).unwrap().id
        })
        .collect();
    for &(size, callers) in loads {
        let noise = super::noise(size << 10);
        let rate = runtime.block_on(deliveries(&store, &accounts, callers, ("noise", &noise)));
        if size > 64 {
            let base64 = super::base64(&noise[..(size << 10) * 3 / 4]);
            runtime.block_on(deliveries(&store, &accounts, callers, ("base64", &base64)));
        }
        if let (Some(limits), 64, 4) = (limits, callers, size) {
            println!(
                "    that is {:.0} % of a file that grows, {:.0} % of the engine alone",
                rate / limits.file * 100.0,
                rate / limits.engine * 100.0
            );
        }
    }
    println!("  memory: {} MiB now, {} MiB at most", status("VmRSS") / 1024, status("VmHWM") / 1024);
    store.close().unwrap();
}

pub(crate) fn open(dir: &Path) -> Store {
    let key = dir.join("master");
    let master = MasterKey::load(&key).or_else(|_| MasterKey::create(&key)).unwrap();
    let clock = Arc::new(SystemClock);
    let create = Some(Kind::Demonstration);
    Store::open(OpenOptions { dir: dir.join("store"), master, clock, settings: Settings::default(), create })
        .unwrap()
}

async fn deliveries(
    store: &Store,
    accounts: &[AccountId],
    callers: usize,
    (kind, body): (&str, &[u8]),
) -> f64 {
    let (body, size): (Arc<[u8]>, usize) = (body.into(), body.len());
    let before = (store.statistics().commits, written(), processor());
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let (store, body, to) = (store.clone(), Arc::clone(&body), accounts[caller % accounts.len()]);
        tasks.spawn(async move { one_caller(&store, &body, to, start).await });
    }
    let mut latencies: Vec<Duration> = tasks.join_all().await.concat();
    let seconds = start.elapsed().as_secs_f64();
    let (commits, bytes, cpu) =
        (store.statistics().commits - before.0, written() - before.1, processor() - before.2);
    latencies.sort_unstable();
    let count = latencies.len() as f64;
    let at = |share: f64| latencies[((count - 1.0) * share) as usize].as_secs_f64() * 1e3;
    println!(
        "  deliver {} KiB of {kind}, {callers} callers: {:.0}/s ({:.0} MB/s), p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, \
         {:.1} a commit, {:.2} bytes written a byte, {:.1} us of processor each",
        size >> 10,
        count / seconds,
        count * size as f64 / seconds / 1e6,
        at(0.5),
        at(0.99),
        at(0.999),
        count / commits as f64,
        bytes as f64 / (count * size as f64),
        cpu / count * 1e6,
    );
    count / seconds
}

async fn one_caller(store: &Store, body: &[u8], to: AccountId, start: Instant) -> Vec<Duration> {
    let record = variant(1, body);
    let mut latencies = vec![];
    while start.elapsed() < RUN {
        let began = Instant::now();
        let delivery = Delivery {
            id: TraceId::new(SystemClock.now()),
            body: sealed(store, body).await,
            variants: vec![Variant { header: record.header.clone(), index: record.index.clone() }],
            copies: vec![Copy { account: to, variant: 0 }],
            outgoing: vec![],
            traces: vec![trace(&SystemClock, store::Action::Receive)],
            carried: vec![],
            once: None,
            conversations: Vec::new(),
        };
        store.deliver(delivery).await.unwrap();
        latencies.push(began.elapsed());
    }
    latencies
}

/// A number of KiB that the kernel tells of this process.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Bytes this process had written to disks.
fn written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = text.lines().find(|line| line.starts_with("write_bytes")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Seconds of processor this process took.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}
