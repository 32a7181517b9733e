//! Our relay beside Debian's Postfix in one run: the same load generator and the same sink, both our own, both over TLS with both
//! certificates. Run it with `make bench-relay`, or smaller: `cargo bench -p vaguemestre --bench relay -- messages=400 runs=1`.
//! Figures of one machine at one time: quote the ratios.
//!
//! In: another operator brings messages; ours puts them into boxes, Postfix into a Maildir or, in rows of its own, only into its queue.
//! Out: people hand messages in for the sink, which lets everybody wait meanwhile (accepted/s), and then opens (drained/s). Both
//! make durable before they say 250. Processor time is that of all processes of each, user and system.
//!
//! May use: both programs as processes, loopback, temporary directories. Must never become a test: nothing here passes or fails
//! by its figures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports
)]

#[path = "../../tests/harness/mod.rs"]
mod harness;

mod calibration;
mod generator;
mod letters;
mod line;
mod peers;
mod processor;
mod report;
mod rows;
mod sink;

use std::sync::Arc;

use harness::{Flaw, Peer, World, client_config, tls::server_config};
use line::Target;
use peers::{CHARGE, DebianPostfix, Ours, SENDER, SINK};
use report::Report;
use rows::Bench;
use rustls::ClientConfig;
use rustls::client::Resumption;
use sink::Sink;

/// What may be written behind `--`, as `name=number`.
pub struct Options {
    /// Messages of 4 KiB in a row; a quarter of them of 100 KiB.
    pub messages: usize,
    /// How often each row is measured; medians are printed.
    pub runs: usize,
    /// The one row that is measured, counted from 1; 0 for all of them.
    pub only: usize,
    /// `in=0`, `out=0`, `calibrate=0` leave a part out.
    pub inward: bool,
    pub outward: bool,
    pub calibrate: bool,
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
            messages: given("messages", 4_000).max(100),
            runs: given("runs", 3).max(1),
            only: given("only", 0),
            inward: given("in", 1) > 0,
            outward: given("out", 1) > 0,
            calibrate: given("calibrate", 1) > 0,
        }
    }
}

fn main() {
    let options = Options::read();
    let world = World::prepared();
    let (charge, puits) = (world.operator(CHARGE, Flaw::None), world.operator(SINK, Flaw::None));
    let sink = Sink::start(Some(server_config(&puits)));
    if options.calibrate {
        let target = Target { port: sink.port(), tls: Some(tls(&world, Some(&charge))), login: None };
        calibration::run(options.messages, (&sink, &target));
    }
    let postfix = DebianPostfix::start(&world, &charge, (&puits, sink.port()));
    let ours = Ours::start(world, &charge, sink.port());
    let mut bench = Bench { ours, postfix, sink: &sink, options, report: Report::default() };
    bench.run();
    bench.report.end();
}

/// How the generator speaks TLS: each connection is a whole handshake.
pub fn tls(world: &World, peer: Option<&Peer>) -> Arc<ClientConfig> {
    let mut config = Arc::unwrap_or_clone(client_config(&world.ca(), peer));
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

fn kept(reuse: bool) -> &'static str {
    if reuse { "connections kept" } else { "one a message" }
}
