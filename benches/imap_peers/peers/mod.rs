//! The two that are measured. A [`Peer`] is what the rows need to know of either.

mod dovecot;
mod ours;

use std::sync::Arc;

use rustls::ClientConfig;

use crate::Way;

pub use dovecot::Dovecot;
pub use ours::Ours;

pub trait Peer: Sync {
    fn name(&self) -> &'static str;

    /// Who logs in.
    fn user(&self) -> &str;

    /// Where it listens on 127.0.0.1.
    fn port(&self, way: Way) -> u16;

    /// How a client speaks TLS with it.
    fn tls(&self) -> &Arc<ClientConfig>;

    /// Puts these messages, and no others, into its INBOX.
    fn fill(&mut self, messages: usize);

    /// Ends all its processes and starts them again.
    fn restart(&mut self);

    /// Its processes now.
    fn processes(&self) -> Vec<u32>;
}
