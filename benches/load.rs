//! The load generator: how many messages a second the real daemon takes and gives, over TLS, with authentication and an fsync before
//! each 250, beside what the disk under it can do in the same run. Run it with `make bench` (or `cargo bench --bench load -- 2000`
//! for 2,000 messages a row). Figures of one machine at one time: quote the ratios.
//!
//! May use: the built program, loopback, a temporary directory. Must never become a test: nothing here passes or fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports
)]

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::fs::{self, File};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{DEPARTMENT, DOCTOR, PASSWORD, World, base64_lines, noise};

struct Row {
    name: &'static str,
    bytes: usize,
    sessions: usize,
    reuse: bool,
}

const ROWS: &[Row] = &[
    Row { name: "4 KiB, 1 session, one connection a message", bytes: 4096, sessions: 1, reuse: false },
    Row { name: "4 KiB, 10 sessions, one connection a message", bytes: 4096, sessions: 10, reuse: false },
    Row { name: "4 KiB, 1 session, connection kept", bytes: 4096, sessions: 1, reuse: true },
    Row { name: "4 KiB, 10 sessions, connections kept", bytes: 4096, sessions: 10, reuse: true },
    Row { name: "4 KiB, 50 sessions, connections kept", bytes: 4096, sessions: 50, reuse: true },
    Row { name: "100 KiB, 10 sessions, connections kept", bytes: 100 * 1024, sessions: 10, reuse: true },
];

fn main() {
    let messages = std::env::args().filter_map(|a| a.parse().ok()).next().unwrap_or(2000);
    let world = World::start();
    let syncs = fdatasyncs_per_second(&world);
    println!("disk: {syncs:.0} fdatasync/s of 4 KiB, one after another");
    println!(
        "{:<46} {:>10} {:>12} {:>12} {:>9}",
        "submission (incompressible bodies)", "250/s", "per fsync", "CPU-s/1000", "RSS MiB"
    );
    for (n, row) in ROWS.iter().enumerate() {
        let cpu = cpu_seconds(&world);
        let taken = submit_all(&world, row, messages, n);
        let rate = messages as f64 / taken.as_secs_f64();
        let cpu = (cpu_seconds(&world) - cpu) * 1000.0 / messages as f64;
        println!(
            "{:<46} {rate:>10.0} {:>12.2} {cpu:>12.2} {:>9}",
            row.name,
            rate / syncs,
            world.memory("VmRSS") / 1024
        );
    }
    read(&world);
}

fn submit_all(world: &World, row: &Row, messages: usize, number: usize) -> Duration {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..row.sessions {
            scope.spawn(|| {
                let mut session = None;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= messages {
                        return;
                    }
                    let smtp = session.get_or_insert_with(|| {
                        let mut smtp = world.smtp();
                        assert_eq!(smtp.login(DOCTOR, PASSWORD).0, 235);
                        smtp
                    });
                    let body = base64_lines(&noise(row.bytes * 3 / 4, (number * 1_000_000 + n) as u64));
                    let message = harness::letter(
                        DEPARTMENT,
                        &format!("charge-{number}-{n}@poste"),
                        "#med# charge",
                        &body,
                    );
                    let reply = smtp.submit(DOCTOR, &[DEPARTMENT], message.as_bytes()).unwrap();
                    assert_eq!(reply.0, 250, "{}", reply.1);
                    if !row.reuse {
                        session = None;
                    }
                }
            });
        }
    });
    started.elapsed()
}

fn read(world: &World) {
    let mut imap = world.imap_as(&format!("{DEPARTMENT}*{DOCTOR}"));
    let selected = imap.text("SELECT INBOX");
    let exists: u32 =
        selected.lines().find_map(|l| l.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse().ok()).unwrap();
    println!("\nreading a box of {exists} messages, ms (first / second)");
    for command in [
        "EXAMINE INBOX",
        "FETCH 1:* (FLAGS UID)",
        "FETCH 1:* (ENVELOPE)",
        "UID SEARCH SUBJECT \"charge\"",
        "STORE 1:* +FLAGS.SILENT (\\Seen)",
    ] {
        if command.starts_with("STORE") {
            imap.ok("SELECT INBOX");
        }
        let mut times = Vec::new();
        for _ in 0..2 {
            let started = Instant::now();
            imap.ok(command);
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        println!("{command:<46} {:>10.1} {:>10.1}", times[0], times[1]);
    }
    let started = Instant::now();
    let mut bytes = 0;
    for number in (1..=exists).rev().take(1000) {
        bytes += imap.section(number, "").len();
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{:<46} {:>8.0}/s {:>6.1} MB/s",
        "BODY[] one after another",
        1000.0 / seconds,
        bytes as f64 / 1e6 / seconds
    );
}

fn fdatasyncs_per_second(world: &World) -> f64 {
    let path = world.dir().join("yardstick");
    let mut file = File::create(&path).unwrap();
    let block = noise(4096, 1);
    let started = Instant::now();
    let mut count = 0.0;
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&block).unwrap();
        file.sync_data().unwrap();
        count += 1.0;
    }
    fs::remove_file(path).unwrap();
    count / started.elapsed().as_secs_f64()
}

/// User and system seconds that the daemon used so far (proc(5): ticks of 10 ms in fields 14 and 15).
fn cpu_seconds(world: &World) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", world.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
