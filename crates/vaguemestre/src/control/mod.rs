//! The control socket of the running daemon: how administrators change and see what it keeps.
//!
//! Peer credentials say who asks (`peer`), `protocol` is what travels, `server` and `office` answer, `client` asks. May
//! use the store. Must never listen on a network.

pub(crate) mod client;
pub(crate) mod follow;
pub(crate) mod office;
pub(crate) mod peer;
pub(crate) mod protocol;
pub(crate) mod server;

#[cfg(test)]
mod tests;
