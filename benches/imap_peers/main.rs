//! Our IMAP beside Debian's Dovecot in one run: the same client, the same messages, the same certificate, on this machine. Run it
//! with `make bench-imap`, or smaller: `cargo bench -p vaguemestre --bench imap_peers -- messages=20000 sessions=500 runs=3`.
//! Figures of one machine at one time: quote the ratios. Beside them stand the goals that we set ourselves for a box of 100,000.
//!
//! Ours runs as in production: sealed store, an fsync before each OK; Dovecot as Debian ships it: Maildir, its default fsync, no
//! full-text index. Both in clear on loopback and in TLS. Each row is asked of both in turns, and both must answer the same.
//!
//! May use: both programs as processes, loopback, temporary directories. Must never become a test: nothing here passes or fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports
)]

#[path = "../../tests/harness/mod.rs"]
mod harness;

mod client;
mod filling;
mod idle;
mod letters;
mod memory;
mod peers;
mod report;
mod rows;

use peers::{Dovecot, Ours, Peer};
use report::Report;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What may be written behind `--`, as `name=number`.
pub struct Options {
    /// Messages in the box.
    pub messages: usize,
    /// Sessions that idle while their memory is measured.
    pub sessions: usize,
    /// How often each row is asked; the first time counts apart.
    pub runs: usize,
    /// Messages that are appended to learn how many a second.
    pub appends: usize,
}

impl Options {
    fn read() -> Options {
        let given = |name: &str, default: usize| {
            let prefix = format!("{name}=");
            let written = std::env::args().find_map(|a| a.strip_prefix(&prefix).map(str::to_owned));
            written
                .map_or(default, |number| number.parse().unwrap_or_else(|e| panic!("{name}={number}: {e}")))
        };
        Options {
            messages: given("messages", 100_000).max(2),
            sessions: given("sessions", 5_000),
            runs: given("runs", 5).max(1),
            appends: given("appends", 5_000),
        }
    }

    /// Messages that are copied and expunged.
    pub fn some(&self) -> usize {
        (self.messages / 2).min(10_000)
    }
}

/// How a client reaches a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Clear,
    Tls,
}

fn main() {
    let options = Options::read();
    raise_open_files();
    let ours = Ours::start();
    let dovecot = Dovecot::start(&ours);
    let mut peers: [Box<dyn Peer>; 2] = [Box::new(ours), Box::new(dovecot)];
    filling::fill(&mut peers, &options);
    let mut report = Report::default();
    for way in [Way::Clear, Way::Tls] {
        eprintln!("measuring {way:?}");
        rows::measure(&mut peers, way, &options, &mut report);
        idle::latency(&peers, way, &mut report);
        idle::memory(&mut peers, way, &options, &mut report);
    }
    report.print(&options);
}

/// Thousands of idle sessions are as many descriptors here too; both peers inherit the limit.
fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
