//! The wire of IMAP4rev1 (RFC 3501): bytes to [`Command`](crate::command::Command) and answers to bytes, without I/O.
//! May use plain values only. Must never touch a socket, a clock or the store.

pub mod encode;
