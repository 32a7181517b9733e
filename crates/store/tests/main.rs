//! Black-box tests of the store, one file a subject, built as one program: the engine is linked once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod accounts;
mod appending;
mod backup;
mod boxes;
mod common;
mod crash;
mod damage;
mod damaged_log;
mod erased_backups;
mod far_behind;
mod faults;
mod fixtures;
mod follow;
mod keys;
mod kill;
mod kill_queue;
mod limits;
mod messages;
mod model;
mod pieces;
mod queue;
mod quota;
mod readers;
mod retention;
mod told;
