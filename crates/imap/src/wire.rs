//! The wire of IMAP4rev1 (RFC 3501): bytes to [`Command`](crate::command::Command) and answers to bytes, without I/O.
//! May use plain values only. Must never touch a socket, a clock or the store.
//!
//! Reading goes in two stages: [`framing`] finds where a command ends, whatever it holds; [`grammar`] then reads it
//! whole. A command that the second stage refuses can therefore never make the first one lose its place.

pub mod encode;
pub mod framing;
pub mod grammar;
pub mod list;
pub mod mutf7;
