//! A second place that follows the store, some seconds behind: a whole copy of the engine, then every batch that the
//! engine writes, as pieces with checksums ([`frame::Frame`]).
//!
//! `send` reads the engine and writes pieces; `receive` keeps them in a directory; `replay` makes an engine of them. Only
//! what is on the disk here is sent: a power cut never leaves the second place ahead. What travels is sealed (I-5).

pub(super) mod frame;
mod receive;
mod replay;
mod send;

pub use receive::{Followed, Position, Receiver};
pub use replay::Replayed;
pub(super) use replay::{Base, catch_up, find_base, is_followed, verify};
pub use send::FollowOptions;

/// Names the directory as one of these, with the version of its layout.
const MARKER: (&str, &str) = ("follow", "vaguemestre follow 1\n");
/// The folder of the batches.
const LOG: &str = "log";
/// Written last in a copy: its files with their checksums.
const COMPLETE: &str = "complete";

fn base_name(sequence: u64) -> String {
    format!("base-{sequence:020}")
}

fn base_of(name: &str) -> Option<u64> {
    name.strip_prefix("base-")?.parse().ok()
}

fn segment_name(first: u64) -> String {
    format!("{first:020}.log")
}

fn segment_of(name: &str) -> Option<u64> {
    name.strip_suffix(".log")?.parse().ok()
}
