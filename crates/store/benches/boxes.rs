//! How fast large boxes open and list: `cargo bench -p store --bench boxes [directory] [messages]`. Prints a line a
//! measurement.
//!
//! One store is made: a box of 100,000 messages and one of the others (1,000,000 unless told), received over 90 days.
//! Then this program runs itself again for each measurement of a fresh process; the files are in the system's cache.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use common::*;
use jiff::SignedDuration;
use store::{
    AccountId, Actor, BoxId, Clock as _, Kind, ManualClock, MasterKey, OpenOptions, Settings, Store,
    SystemClock, SystemFlag, Uid,
};

const SMALL: u64 = 100_000;
const LARGE: u64 = 1_000_000;
const DAYS: u64 = 90;
const CALLERS: u64 = 64;
/// Different headers; each message has one of them.
const HEADERS: u64 = 997;
/// Times that a measurement is repeated in a process; the best counts.
const TIMES: usize = 7;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["phase", dir, phase] => measure(Path::new(dir), phase),
        [] => run(&std::env::temp_dir(), LARGE),
        [parent] => run(Path::new(parent), LARGE),
        [parent, messages, ..] => run(Path::new(parent), messages.parse().unwrap()),
    }
}

fn run(parent: &Path, messages: u64) {
    let dir = tempfile::tempdir_in(parent).unwrap();
    build(dir.path(), messages);
    for phase in ["open", "small", "large", "flags", "envelope", "headers", "serve"] {
        let status = phase_of(dir.path(), phase).status().unwrap();
        assert!(status.success(), "{phase}");
    }
    let mut busy = phase_of(dir.path(), "busy").stdout(Stdio::piped()).spawn().unwrap();
    let line = BufReader::new(busy.stdout.take().unwrap()).lines().next();
    println!("{}", line.unwrap().unwrap());
    busy.kill().unwrap();
    busy.wait().unwrap();
    println!("killed with {} MiB of log", log_bytes(dir.path()) >> 20);
    for phase in ["open", "open"] {
        assert!(phase_of(dir.path(), phase).status().unwrap().success());
    }
}

fn phase_of(dir: &Path, phase: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("phase").arg(dir).arg(phase);
    command
}

fn open(dir: &Path, clock: Arc<dyn store::Clock>) -> Store {
    let key = dir.join("master");
    let master = MasterKey::load(&key).or_else(|_| MasterKey::create(&key)).unwrap();
    let create = Some(Kind::Demonstration);
    Store::open(OpenOptions { dir: dir.join("store"), master, clock, settings: Settings::default(), create })
        .unwrap()
}

/// A header as clients write it.
fn letter(number: u64) -> Vec<u8> {
    format!(
        "Received: from mail.clinique-sud.mssante.fr (mail.clinique-sud.mssante.fr [192.0.2.7])\r\n by mssante.chu-nord.fr \
         with ESMTPS; Thu, 15 Jan 2026 10:00:00 +0000\r\nMessage-ID: <{number}.20260115@clinique-sud.mssante.fr>\r\n\
         Date: Thu, 15 Jan 2026 10:00:00 +0100\r\nFrom: =?utf-8?Q?H=C3=A9l=C3=A8ne?= Martin <helene.martin@clinique-sud.mssante.fr>\r\n\
         To: Jean Dupont <jean.dupont@chu-nord.mssante.fr>, Secretariat <cardiologie@chu-nord.mssante.fr>\r\n\
         Subject: Compte rendu de consultation {number}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    .into_bytes()
}

/// Makes the store; flags of some messages are set, so that not all look alike.
fn build(dir: &Path, messages: u64) {
    let start = Instant::now();
    let now = SystemClock.now();
    let clock = Arc::new(ManualClock::new(now - SignedDuration::from_hours(24 * (DAYS as i64 - 1))));
    let store = open(dir, Arc::clone(&clock) as Arc<dyn store::Clock>);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let account = |name: &str| {
        let trace = trace(clock.as_ref(), store::Action::AccountCreate);
        let made = store.create_account(profile(name), mssante::State::Valide, vec![], trace);
        runtime.block_on(made).unwrap().id
    };
    let (small, large) = (account("petit"), account("grand"));
    let body: Arc<[u8]> = body_bytes(1, 1500).into();
    let variants: Vec<_> = (0..HEADERS)
        .map(|number| {
            let header = letter(number);
            (header.clone(), index(&header, &body))
        })
        .collect();
    let variants = Arc::new(variants);
    for day in 0..DAYS {
        clock.set(now - SignedDuration::from_hours(24 * (DAYS - 1 - day) as i64));
        for (to, count) in [(small, SMALL / DAYS + 1), (large, messages / DAYS + 1)] {
            runtime.block_on(receive(&store, &clock, (to, count), &variants, &body));
        }
    }
    for account in [small, large] {
        let id = inbox(&store, account).id;
        let seen = store::Flags::new().with(SystemFlag::Seen);
        let change = store::FlagChange { mode: store::FlagMode::Add, flags: seen };
        let uids = (1..=3000).filter_map(Uid::new).collect();
        runtime.block_on(store.store_flags(id, uids, change, Actor::default())).unwrap();
        let start = Instant::now();
        store.summarise(id).unwrap();
        println!("renew a summary: {:?}", start.elapsed());
    }
    store.close().unwrap();
    println!("{} messages made: {:?}", SMALL + messages, start.elapsed());
}

async fn receive(
    store: &Store,
    clock: &Arc<ManualClock>,
    (to, count): (AccountId, u64),
    variants: &Arc<Vec<(Vec<u8>, message::IndexRecord)>>,
    body: &Arc<[u8]>,
) {
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (store, variants, body) = (store.clone(), Arc::clone(variants), Arc::clone(body));
        let clock = Arc::clone(clock);
        tasks.spawn(async move {
            for number in (caller..count).step_by(CALLERS as usize) {
                // The order of arrival is the order of bodies.
                clock.advance(SignedDuration::from_millis(1));
                let (header, index) = variants[(number % HEADERS) as usize].clone();
                let delivery = store::Delivery {
                    id: store::TraceId::new(clock.now()),
                    body: sealed(&store, &body).await,
                    variants: vec![store::Variant { header, index }],
                    copies: vec![store::Copy { account: to, variant: 0 }],
                    outgoing: vec![],
                    traces: vec![],
                    carried: vec![],
                    once: None,
                    conversations: Vec::new(),
                };
                store.deliver(delivery).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
}

fn measure(dir: &Path, phase: &str) {
    let (start, before) = (Instant::now(), worked());
    let store = open(dir, Arc::new(SystemClock));
    let opened = (start.elapsed(), worked() - before);
    let accounts = store.reader().accounts(None, 2).unwrap();
    let [small, large] = [0, 1].map(|at| inbox(&store, accounts[at].id).id);
    match phase {
        "open" => {
            println!("store opened (elapsed, on the processor): {opened:.2?}, {} MiB", status("VmRSS") >> 10);
        }
        "small" => open_box(&store, small),
        "large" => open_box(&store, large),
        "flags" => {
            repeat("flags of 100,000", || flags(&store, small));
            repeat("flags of all", || flags(&store, large));
        }
        "envelope" => {
            repeat("envelopes of 10,000", || envelopes(&store, small, 10_000));
            repeat("envelopes of 100,000", || envelopes(&store, small, SMALL as u32));
            repeat("envelopes of 10,000 of the large box", || envelopes(&store, large, 10_000));
            repeat("envelopes of 100,000 of the large box", || envelopes(&store, large, SMALL as u32));
        }
        "headers" => repeat("headers of 100,000", || headers(&store, small)),
        "serve" => {
            flags(&store, large);
            envelopes(&store, large, u32::MAX);
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let start = Instant::now();
            runtime.block_on(busy(&store, accounts[0].id, 50_000));
            println!("50,000 messages received beside it: {:?}", start.elapsed());
            println!(
                "memory after serving: {} MiB, at most {} MiB",
                status("VmRSS") >> 10,
                status("VmHWM") >> 10
            );
        }
        "busy" => {
            // Until the log is as long as it gets.
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let mut most = 0;
            for round in 1.. {
                runtime.block_on(busy(&store, accounts[0].id, 20_000));
                let log = log_bytes(dir);
                if log < most || round == 12 {
                    println!("{} messages received, log of {} MiB", round * 20_000, log.max(most) >> 20);
                    break;
                }
                most = log;
            }
            runtime.block_on(busy(&store, accounts[0].id, u64::MAX));
        }
        _ => panic!("{phase} is no measurement"),
    }
    store.close().unwrap();
}

async fn busy(store: &Store, to: AccountId, count: u64) {
    let body: Arc<[u8]> = body_bytes(1, 3000).into();
    let header = letter(0);
    let variants = Arc::new(vec![(header.clone(), index(&header, &body)); HEADERS as usize]);
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    receive(store, &clock, (to, count), &variants, &body).await;
}

/// The first time in this process, then the best of some more.
fn repeat(what: &str, mut once: impl FnMut() -> u64) {
    let mut times: Vec<(Duration, Duration)> = vec![];
    let mut count = 0;
    for _ in 0..=TIMES {
        let (start, worked) = (Instant::now(), worked());
        count = once();
        times.push((start.elapsed(), self::worked() - worked));
    }
    let warm = times[1..].iter().min_by_key(|(_, worked)| *worked).unwrap();
    let shown =
        |(elapsed, worked): (Duration, Duration)| format!("{elapsed:.2?} (on the processor {worked:.2?})");
    println!("{what}: {} in a fresh process, {} warm; {count}", shown(times[0]), shown(*warm));
}

fn open_box(store: &Store, id: BoxId) {
    repeat("box opened", || u64::from(store.reader().open_box(id).unwrap().unwrap().uids.len()));
    println!("  memory: {} MiB", status("VmRSS") >> 10);
}

fn flags(store: &Store, id: BoxId) -> u64 {
    let mut seen = 0;
    store
        .reader()
        .listings(id, Uid::MIN, Uid::MAX, &mut |listing| {
            seen += u64::from(listing.has(SystemFlag::Seen)) + 1;
            Ok(true)
        })
        .unwrap();
    seen
}

fn envelopes(store: &Store, id: BoxId, last: u32) -> u64 {
    let mut bytes = 0;
    let reader = store.reader();
    let uids: Vec<Uid> = reader.open_box(id).unwrap().unwrap().uids.iter().take(last as usize).collect();
    reader
        .indexes(id, &uids, &mut |_, index| {
            bytes += index.envelope.len() as u64;
            Ok(true)
        })
        .unwrap();
    bytes
}

fn headers(store: &Store, id: BoxId) -> u64 {
    let mut bytes = 0;
    let reader = store.reader();
    let uids: Vec<Uid> = reader.open_box(id).unwrap().unwrap().uids.iter().collect();
    reader
        .headers(id, &uids, &mut |_, header| {
            bytes += header.len() as u64;
            Ok(true)
        })
        .unwrap();
    bytes
}

/// How long this thread was on a processor: what other work of the machine does not change.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// A number of KiB that the kernel tells of this process.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Bytes of the engine's log.
fn log_bytes(dir: &Path) -> u64 {
    let engine: PathBuf = dir.join("store/engine");
    let files = std::fs::read_dir(engine).unwrap().filter_map(Result::ok);
    let logs = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "log"));
    logs.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}
