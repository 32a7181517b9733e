//! Black-box stories: the real daemon in a process of its own, spoken to by real clients (swaks, curl, mbsync, mutt, openssl) and by
//! a plain TLS client of the harness where a story needs to cut a line in the middle. One file a story.
//!
//! May use: the built program, loopback, a temporary directory. Must never touch the crates' insides: what is tested is what ships.

#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, missing_docs, unreachable_pub)]

#[path = "../crates/store/tests/faults/mod.rs"]
mod faults;
mod harness;

mod accounts;
mod antivirus;
mod audit;
mod backup;
mod chunks;
mod connector;
mod connector_out;
mod crash;
mod curl;
mod damaged_store;
mod demonstration;
mod failing_disk;
mod keys;
mod large;
mod limits;
mod list_swap;
mod masking;
mod mirror;
mod offline;
mod other_users;
mod peers;
mod people;
mod postfix;
mod refusals;
mod relay_chaos;
mod relay_crash;
mod relay_in;
mod relay_out;
mod relay_storm;
mod shutdown;
mod submission;
mod tls;
mod tour;
mod trust;
mod trust_fetched;
mod two_operators;
mod two_sessions;
