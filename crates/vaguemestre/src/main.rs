//! The program: command line, configuration, listeners, supervision, signals, control socket, demonstration.
//!
//! Puts the rooms together and has no rules of its own: what may be sent, said or kept is decided in `mssante`,
//! `delivery`, `identity`, `imap` and `store`. Start reading at `run`, then `serve` and `demo`.

mod checking;
mod chores;
mod cli;
mod config;
mod connectors;
mod control;
mod demo;
mod exit;
mod export;
mod keeper;
mod listeners;
mod logs;
mod metrics;
mod notice;
mod opening;
mod postmaster;
mod print;
mod rooms;
mod run;
mod serve;
mod sockets;
mod trust;
mod works;

use std::process::ExitCode;

use clap::Parser;
use tokio_rustls::rustls::crypto::aws_lc_rs;

/// What one thread seals, another writes and frees: the system's allocator makes them wait for each other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // The one provider of this process; only a second installation could fail, and there is none.
    if aws_lc_rs::default_provider().install_default().is_err() {
        return exit::Failure::failed("another TLS provider is installed already").report(cli.json);
    }
    run::run(cli)
}
