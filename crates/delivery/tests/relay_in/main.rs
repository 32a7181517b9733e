//! The relay listener's policy over a real store and a real trust space: what other operators may do, and what not.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)]

#[path = "../house/mod.rs"]
mod house;

mod content;
mod keeping;
mod patients;
mod peers;
mod recipients;
mod reports;
mod senders;
mod swaps;
mod world;
