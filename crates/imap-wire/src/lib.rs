//! The wire of IMAP (RFC 3501): bytes to a [`command::Command`] and answers to bytes, without I/O. A room of its own, so that its parsers
//! are fuzzed without the store.
//! May use plain values only. Must never touch a socket, a clock or the store.
//!
//! Reading goes in two stages: [`framing`] finds where a command ends, whatever it holds; [`grammar`] then reads it
//! whole. A command that the second stage refuses can therefore never make the first one lose its place.

pub mod command;
pub mod completion;
pub mod encode;
pub mod framing;
pub mod grammar;
pub mod list;
pub mod mutf7;

pub use self::names::Names;

mod names;
