//! A process that is killed while it takes messages in: what it acknowledged is there, once; the rest is whole or absent
//! (I-1). The process killed is this test's own program, running the ignored test below.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::Arc,
};

use crate::common::*;
use store::{CHUNK, Kind, MasterKey, OpenOptions, Settings, Store, SystemClock};

const ROUNDS: usize = 10;
const ACCOUNTS: [&str; 2] = ["un", "deux"];
const WRITERS: u64 = 6;

fn open(dir: &std::path::Path) -> Store {
    let options = OpenOptions {
        dir: dir.join("store"),
        master: MasterKey::load(&dir.join("master")).unwrap(),
        clock: Arc::new(SystemClock),
        settings: Settings { memory: 16 << 20, ..Settings::default() },
        create: Some(Kind::Demonstration),
    };
    Store::open(options).unwrap()
}

/// Sizes that take every path: no byte, the commit itself, chunks as they arrive.
fn size(number: u64) -> usize {
    match number % 5 {
        0 => 0,
        1 | 2 => 700,
        3 => CHUNK + 10,
        _ => 4 * CHUNK,
    }
}

#[test]
#[ignore = "the process that is killed: run by the test below"]
fn child() {
    let dir = std::path::PathBuf::from(std::env::var_os("KILLED_STORE").unwrap());
    let first: u64 = std::env::var("KILLED_FIRST").unwrap().parse().unwrap();
    let store = open(&dir);
    let to: Vec<_> = store.reader().accounts(None, 10).unwrap().into_iter().map(|a| a.id).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (store, to) = (store.clone(), to.clone());
            tasks.spawn(async move {
                for round in 0.. {
                    let number = first + writer + round * WRITERS;
                    let now = store::Clock::now(&SystemClock);
                    deliver(&store, now, number, &body_bytes(number, size(number)), &to).await;
                    println!("stored {number}");
                }
            });
        }
        tasks.join_all().await;
    });
}

#[test]
fn what_was_acknowledged_survives_kills_once() {
    let dir = tempfile::tempdir().unwrap();
    MasterKey::create(&dir.path().join("master")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = open(dir.path());
    for name in ACCOUNTS {
        let trace = trace(&SystemClock, store::Action::AccountCreate);
        runtime.block_on(store.create_account(profile(name), mssante::State::Valide, vec![], trace)).unwrap();
    }
    settle_and_prove(&store);
    store.close().unwrap();
    let mut acknowledged = vec![];
    for round in 0..ROUNDS {
        let first = 1 + 1_000_000 * round as u64;
        acknowledged.extend(run_and_kill(dir.path(), first, 3 + 37 * round % 101));
        let store = open(dir.path());
        let report = settle_and_prove(&store);
        check(&store, &acknowledged);
        assert!(report.bodies >= acknowledged.len() as u64);
        store.close().unwrap();
    }
}

/// Runs the child until it acknowledged about so many messages, then kills it; gives what it acknowledged.
fn run_and_kill(dir: &std::path::Path, first: u64, enough: usize) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture"])
        .env("KILLED_STORE", dir)
        .env("KILLED_FIRST", first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let number = |line: String| line.split_once("stored ").and_then(|(_, number)| number.parse().ok());
    let mut acknowledged: Vec<u64> = lines.by_ref().filter_map(number).take(enough).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts as well.
    acknowledged.extend(lines.filter_map(number));
    assert!(acknowledged.len() >= enough, "the child ended by itself");
    acknowledged
}

/// Every acknowledged message is in each INBOX once, whole; every other one that is there is whole as well.
fn check(store: &Store, acknowledged: &[u64]) {
    for name in ACCOUNTS {
        let account = store.reader().account_by_address(&address(name)).unwrap().unwrap();
        let inbox = inbox(store, account.id).id;
        let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
        for entry in store.reader().messages(inbox).unwrap() {
            let header = store.reader().header(inbox, entry.uid).unwrap().unwrap();
            let text = String::from_utf8(header.to_vec()).unwrap();
            let number: u64 = text.split(['<', '@']).nth(1).unwrap().parse().unwrap();
            *seen.entry(number).or_default() += 1;
            assert_eq!(read_body(store, inbox, entry.uid), body_bytes(number, size(number)));
        }
        assert!(seen.values().all(|times| *times == 1), "something is there twice");
        for number in acknowledged {
            assert!(seen.contains_key(number), "{number} was acknowledged and is gone");
        }
    }
}
