//! The outgoing queue under load, on this machine: `cargo bench -p delivery --bench queue [-- start | dead]`.
//!
//! `dead`: how long a message to a live operator takes from its commit to the operator's hands, alone, and beside 10,000 recipients of
//! an operator that is away (goal: at most 100 ms more). `start`: how long a fresh process takes to open a store with 1,000,000
//! recipients in the queue and to set its relay to work, and what memory that takes at most (goals: 5 s, 300 MB); `start=N` queues N.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a measurement")]

#[path = "../tests/relay_out/peers.rs"]
#[allow(dead_code, reason = "each user takes a part")]
mod peers;
#[path = "../tests/relay_out/world.rs"]
#[allow(dead_code, reason = "each user takes a part")]
mod world;

use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use delivery::{Relay, RelaySettings};
use pki::TrustSpace;
use smtp::Stop;
use store::{
    BodyKind, Delivery, Kind, MasterKey, OpenOptions, Outgoing, OutgoingRecipient, Priority, Settings, Store,
    SystemClock, TraceId, Variant, Way,
};
use tokio::sync::watch;

use self::{
    peers::Peer,
    world::{EST, LETTER, Letter, NoNames, SUD, World},
};

const DEAD: usize = 10_000;
const LIVE: usize = 100;
const QUEUED: usize = 1_000_000;
const DOMAINS: usize = 1_000;
/// How long a relay works in a fresh process before its memory is looked at.
const WORK: Duration = Duration::from_secs(8);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let [what, dir] = args.as_slice()
        && what == "open"
    {
        return runtime.block_on(open(Path::new(dir)));
    }
    let asked = |what: &str| args.is_empty() || args.iter().any(|arg| arg.split('=').next() == Some(what));
    if asked("dead") {
        runtime.block_on(dead());
    }
    if asked("start") {
        let queued = args.iter().find_map(|arg| arg.strip_prefix("start=")?.parse().ok());
        start(&runtime, queued.unwrap_or(QUEUED));
    }
}

/// A live operator, alone and beside one that is away.
async fn dead() {
    let mut world = World::start().await;
    let est = Peer::start(&world.tls("est")).await;
    let away = Peer::play(|stream| async move { drop(stream) }).await;
    world.route(EST, est.port);
    world.route(SUD, away.port);
    world.settings.rescan = Duration::from_secs(30);
    let relay = world.relay();
    let alone = times(&world, &est).await;
    let began = Instant::now();
    for block in 0..DEAD / 1_000 {
        let to: Vec<String> = (0..1_000).map(|number| format!("r{block}-{number}@{SUD}")).collect();
        world.send(Letter { to, content: LETTER.to_owned(), ..Letter::default() }).await;
    }
    println!("{DEAD} queued for an operator that is away: {:?}", began.elapsed());
    let beside = times(&world, &est).await;
    let tried = world.queue().iter().filter(|entry| entry.attempts > 0).count();
    let told = |name: &str, times: &[Duration]| {
        let (middle, most) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{name}: {LIVE} messages to the live one, median {middle:?}, longest {most:?}");
        middle
    };
    let (one, other) = (told("alone", &alone), told("beside them", &beside));
    println!(
        "{:.2} times as long, {:?} more; {tried} of them were tried meanwhile",
        other.as_secs_f64() / one.as_secs_f64(),
        other.saturating_sub(one)
    );
    world.end(relay).await;
}

/// From the commit to the peer's hands, sorted.
async fn times(world: &World, peer: &Peer) -> Vec<Duration> {
    let mut times = Vec::with_capacity(LIVE);
    for number in 0..LIVE {
        let taken = peer.inbox.taken().len();
        let began = Instant::now();
        world.send(Letter::to(&[&format!("r{number}@{EST}")])).await;
        while peer.inbox.taken().len() == taken {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times
}

/// A store with a long queue, opened by fresh processes.
fn start(runtime: &tokio::runtime::Runtime, queued: usize) {
    let dir = tempfile::tempdir().unwrap();
    MasterKey::create(&dir.path().join("master.key")).unwrap();
    let store = opened(dir.path());
    let began = Instant::now();
    runtime.block_on(fill(&store, queued));
    println!("{queued} queued for {DOMAINS} domains: {:?}", began.elapsed());
    store.close().unwrap();
    for pass in ["first", "second"] {
        let program = std::env::current_exe().unwrap();
        let told = Command::new(program).arg("open").arg(dir.path()).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        print!("{pass} fresh process: {}", String::from_utf8_lossy(&told.stdout));
    }
}

async fn fill(store: &Store, queued: usize) {
    const EACH: usize = 1_000;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16 {
        let store = store.clone();
        tasks.spawn(async move {
            for message in (task..queued.div_ceil(EACH)).step_by(16) {
                store
                    .deliver(letter(&store, message, EACH.min(queued - message * EACH)).await)
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
}

/// A message of a thousand recipients in one of the domains.
async fn letter(store: &Store, number: usize, recipients: usize) -> Delivery {
    let now = store::Clock::now(&SystemClock);
    let (header, text) = LETTER.split_at(LETTER.find("\r\n\r\n").unwrap() + 4);
    let mut scanner = message::Scanner::new(message::scan::Limits::default());
    scanner.feed(LETTER.as_bytes()).unwrap();
    let scanned = scanner.finish().unwrap();
    let mut body = store.body();
    body.write(text.as_bytes()).await.unwrap();
    let domain = number % DOMAINS;
    let recipient = |to: usize| OutgoingRecipient {
        address: mssante::Address::parse(&format!("prenom.nom-{to}@cabinet-{domain}.mssante.fr")).unwrap(),
        notify: None,
        original: None,
    };
    let outgoing = Outgoing {
        way: Way::Peers,
        reverse_path: Some(mssante::Address::parse(world::DOCTOR).unwrap()),
        sender: None,
        variant: 0,
        smtputf8: false,
        body: BodyKind::SevenBit,
        require_tls: false,
        priority: Priority::Usual,
        envid: None,
        ret: None,
        expires: now + jiff::SignedDuration::from_hours(120),
        recipients: (0..recipients).map(recipient).collect(),
    };
    let index = message::index(header.as_bytes(), &scanned);
    Delivery {
        id: TraceId::new(now),
        body: body.finish().await.unwrap(),
        variants: vec![Variant { header: header.as_bytes().to_vec(), index }],
        copies: Vec::new(),
        outgoing: vec![outgoing],
        conversations: Vec::new(),
        traces: Vec::new(),
        carried: Vec::new(),
        once: None,
    }
}

fn opened(dir: &Path) -> Store {
    let master = MasterKey::load(&dir.join("master.key")).unwrap();
    let settings = Settings { queued: 10_000_000, ..Settings::default() };
    let create = Some(Kind::Production);
    let dir = dir.join("store");
    Store::open(OpenOptions { dir, master, clock: Arc::new(SystemClock), settings, create }).unwrap()
}

/// In a fresh process: opens the store and lets a relay work. Nobody is listed, so that it settles as fast as it can.
async fn open(dir: &Path) {
    let began = Instant::now();
    let store = opened(dir);
    let opened = began.elapsed();
    let world = World::start().await;
    let (stop, stopped) = watch::channel(Stop::Run);
    let settings = RelaySettings::new("mail.chu-nord.test");
    let trust: TrustSpace = world.trust.clone();
    let tls = world.tls("nord").relay_client();
    let began = Instant::now();
    let relay = Relay::new(store.clone(), trust, tls, Arc::new(NoNames), settings, Arc::new(SystemClock));
    let statistics = relay.statistics();
    let task = tokio::spawn(relay.run(stopped));
    while statistics.deferred() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let first = began.elapsed();
    tokio::time::sleep(WORK).await;
    stop.send(Stop::Stop).unwrap();
    task.await.unwrap();
    let memory = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().to_owned();
    println!(
        "opened in {opened:?}, first outcome {first:?} later, {} outcomes in {WORK:?}, {} still queued, peak of memory {peak}",
        statistics.deferred(),
        store.reader().queue_size().unwrap()
    );
    drop(world);
    store.close().unwrap();
}
