//! The policy of submission over a real store: what SMTP would ask, in the order it would ask it, and what is kept after.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../house/mod.rs"]
mod house;

mod awkward;
mod content;
mod full;
mod keeping;
mod leaving;
mod paths;
mod patients;
mod people;
mod readers;
mod receipts;
mod space;
mod world;
