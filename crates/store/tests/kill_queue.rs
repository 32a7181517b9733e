//! A process that is killed while it accepts messages for elsewhere and settles them: no entry is lost, none is both
//! settled and still there, and a report is there if and only if its settlement is (I-1). The process killed is this
//! test's own program, running the ignored test below.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use crate::common::*;
use store::{
    CHUNK, Kind, MasterKey, OpenOptions, QueueId, Queued, Settings, Settlement, Store, StoreError,
    SystemClock,
};

const ROUNDS: usize = 8;
const WRITERS: u64 = 6;

fn open(dir: &Path) -> Store {
    let options = OpenOptions {
        dir: dir.join("store"),
        master: MasterKey::load(&dir.join("master")).unwrap(),
        clock: Arc::new(SystemClock),
        settings: Settings { memory: 16 << 20, ..Settings::default() },
        create: Some(Kind::Demonstration),
    };
    Store::open(options).unwrap()
}

fn size(number: u64) -> usize {
    if number.is_multiple_of(4) { 3 * CHUNK } else { 300 }
}

/// What becomes of a message with this number: nothing; its first recipient is settled with a report; an attempt fails,
/// then both are settled with a report.
fn fate(number: u64) -> u64 {
    number % 3
}

#[test]
#[ignore = "the process that is killed: run by the test below"]
fn child() {
    let dir = PathBuf::from(std::env::var_os("KILLED_STORE").unwrap());
    let first: u64 = std::env::var("KILLED_FIRST").unwrap().parse().unwrap();
    let store = open(&dir);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let store = store.clone();
            tasks.spawn(async move {
                for round in 0.. {
                    one_message(&store, first + writer + round * WRITERS).await;
                }
            });
        }
        tasks.join_all().await;
    });
}

async fn one_message(store: &Store, number: u64) {
    let now = store::Clock::now(&SystemClock);
    let mut leaving = delivery(store, now, number, &body_bytes(number, size(number)), &[]).await;
    leaving.outgoing = vec![outgoing(now, &["a", "b"])];
    let journey = leaving.id;
    store.deliver(leaving).await.unwrap();
    println!("accepted {number}");
    if fate(number) == 0 {
        return;
    }
    let mut ids: Vec<QueueId> = vec![];
    store
        .reader()
        .queue_list(None, usize::MAX)
        .unwrap()
        .iter()
        .filter(|queued| queued.message == journey)
        .for_each(|queued| ids.push(queued.id));
    if fate(number) == 1 {
        ids.truncate(1);
    } else {
        let due = now + hours(1);
        let later = |id: &QueueId| {
            (*id, Settlement::Later { due, last: "451".into(), distrusted_since: None, delay_told: false })
        };
        store.settle(ids.iter().map(later).collect(), None, vec![]).await.unwrap();
        println!("deferred {number}");
    }
    let account = store.reader().account_by_address(&address("un")).unwrap().unwrap().id;
    let report = delivery(store, now, number, b"report\r\n", &[account]).await;
    let gone = |id: &QueueId| (*id, Settlement::Gone);
    store.settle(ids.iter().map(gone).collect(), Some(report), vec![]).await.unwrap();
    println!("settled {number}");
    let again = store.settle(vec![gone(&ids[0])], None, vec![]).await;
    assert_eq!(again.unwrap_err(), StoreError::NotFound);
}

/// What the child said of each message before it died.
#[derive(Default)]
struct Said {
    accepted: BTreeSet<u64>,
    deferred: BTreeSet<u64>,
    settled: BTreeSet<u64>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        for (word, numbers) in [
            ("accepted ", &mut self.accepted),
            ("deferred ", &mut self.deferred),
            ("settled ", &mut self.settled),
        ] {
            // A line may follow the harness's own words on the same line.
            if let Some((_, number)) = line.split_once(word) {
                numbers.extend(number.parse::<u64>());
            }
        }
    }
}

#[test]
fn entries_and_reports_survive_kills_exactly() {
    let dir = tempfile::tempdir().unwrap();
    MasterKey::create(&dir.path().join("master")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(dir.path());
    let trace = trace(&SystemClock, store::Action::AccountCreate);
    runtime.block_on(store.create_account(profile("un"), mssante::State::Valide, vec![], trace)).unwrap();
    store.close().unwrap();
    let mut said = Said::default();
    for round in 0..ROUNDS {
        run_and_kill(dir.path(), round, &mut said);
        let store = open(dir.path());
        settle_and_prove(&store);
        check(&store, &said);
        store.close().unwrap();
    }
    assert!(said.settled.len() > 20 && said.deferred.len() > 10, "the rounds were too short to prove much");
}

fn run_and_kill(dir: &Path, round: usize, said: &mut Said) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill_queue::child", "--ignored", "--nocapture"])
        .env("KILLED_STORE", dir)
        .env("KILLED_FIRST", (1 + 1_000_000 * round).to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let enough = 10 + 41 * round % 97;
    for line in lines.by_ref().take(enough) {
        said.hear(&line);
    }
    let alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(alive, "the child ended by itself");
    lines.for_each(|line| said.hear(&line));
}

fn check(store: &Store, said: &Said) {
    let mut waiting: BTreeMap<u64, Vec<Queued>> = BTreeMap::new();
    for queued in store.reader().queue_list(None, usize::MAX).unwrap() {
        let (header, body) = read_queued(store, queued.id);
        let number = number_of(&header);
        assert_eq!(body, body_bytes(number, size(number)));
        waiting.entry(number).or_default().push(queued);
    }
    let account = store.reader().account_by_address(&address("un")).unwrap().unwrap().id;
    let inbox = inbox(store, account).id;
    let mut reports = BTreeSet::new();
    for entry in store.reader().messages(inbox).unwrap() {
        let header = store.reader().header(inbox, entry.uid).unwrap().unwrap();
        assert!(reports.insert(number_of(&header)), "a report is there twice");
    }
    let seen: BTreeSet<u64> = waiting.keys().chain(&reports).copied().collect();
    assert!(said.accepted.is_subset(&seen), "an accepted message is neither queued nor reported");
    assert!(said.settled.is_subset(&reports), "a settled message has no report");
    for number in seen {
        let left = waiting.remove(&number).unwrap_or_default();
        let names: Vec<_> = left.iter().map(|queued| queued.recipient.local()).collect();
        let expected: &[&str] = match (fate(number), reports.contains(&number)) {
            (1, true) => &["b"],
            (0..=2, false) => &["a", "b"],
            (2, true) => &[],
            other => panic!("{number}: {other:?}"),
        };
        assert_eq!(names, expected, "{number}");
        if said.deferred.contains(&number) {
            assert!(left.iter().all(|queued| queued.attempts == 1), "{number}");
        }
    }
}

fn number_of(header: &[u8]) -> u64 {
    let text = std::str::from_utf8(header).unwrap();
    text.split(['<', '@']).nth(1).unwrap().parse().unwrap()
}
