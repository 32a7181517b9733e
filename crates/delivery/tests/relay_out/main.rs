//! The outbound relay over a real store, real TLS and peers in this process: what leaves, what comes back, what waits.

#![allow(clippy::unwrap_used, clippy::panic)]

mod broken;
mod concurrency;
mod damage;
mod dns;
mod fitting;
mod outcomes;
mod peers;
mod reports;
mod retries;
mod trust;
mod world;
