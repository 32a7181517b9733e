//! IMAP4rev1 access to the boxes (RFC 3501; M-5): grammar, session, views of a box.
//! May use the store and identity. Must never know delivery or smtp.
//!
//! Way of a command: `connection` (bytes from TLS) → `imap_wire::framing` (where does it end) → `imap_wire::grammar` (a
//! [`command::Command`]) → `session` (what it does) → [`output::Output`] and [`completion::Completion`].

use std::{sync::Arc, time::Duration};

use identity::Authenticator;
use store::{Clock, Store};

pub use imap_wire::{self as wire, command, completion};

use crate::{capability::Offer, seats::Seats};

pub use crate::connection::{Ended, Mode, Stop, serve};

pub mod capability;
pub mod connection;
pub mod output;
mod seats;
pub mod session;

/// What every session shares.
pub struct Server {
    /// Everything kept.
    pub store: Store,
    /// Who may log in.
    pub authenticator: Arc<Authenticator>,
    /// The injected clock (I-10).
    pub clock: Arc<dyn Clock>,
    /// Limits and names.
    pub settings: Settings,
    seats: Arc<Seats>,
}

impl Server {
    /// A server with nobody in it.
    pub fn new(
        store: Store,
        authenticator: Arc<Authenticator>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Self {
        Self { store, authenticator, clock, settings, seats: Arc::default() }
    }
}

/// Names and limits of the IMAP service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name told in the greeting.
    pub hostname: String,
    /// What is offered to whom.
    pub offer: Offer,
    /// Longest line of a command outside literals, in bytes.
    pub line_bytes: usize,
    /// Longest literal other than the message of APPEND, in bytes.
    pub literal_bytes: usize,
    /// Most literals in one command.
    pub literals: usize,
    /// Most bytes of one command, its lines and literals together, the message of APPEND aside.
    pub command_bytes: usize,
    /// Largest message APPEND accepts, in bytes.
    pub append_bytes: u64,
    /// Bad commands in a row before the connection is closed.
    pub bad_commands: u32,
    /// Sessions at once of one person.
    pub sessions_per_account: usize,
    /// Commands a second of one session before it is slowed down.
    pub commands_per_second: u32,
    /// How long a session may need slowing down without a break before it is closed.
    pub flood_time: Duration,
    /// Failed logins before the connection is closed.
    pub failed_logins: u32,
    /// Time for TLS and login together.
    pub pre_auth_timeout: Duration,
    /// Silence that ends a session (RFC 3501 §5.4: at least 30 min).
    pub idle_timeout: Duration,
    /// Longest refused literal that is read and dropped, in bytes; a longer one that does not wait closes the connection.
    pub skip_bytes: u64,
    /// Time in which a client must send some bytes of a command begun.
    pub read_timeout: Duration,
    /// Time in which a client must take some bytes of an answer.
    pub write_timeout: Duration,
    /// Pause between two signs of life during IDLE.
    pub keep_alive: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            offer: Offer::default(),
            line_bytes: 64 * 1024,
            literal_bytes: 64 * 1024,
            literals: 64,
            command_bytes: 256 * 1024,
            append_bytes: 100 * 1024 * 1024,
            skip_bytes: 512 * 1024 * 1024,
            bad_commands: 20,
            failed_logins: 3,
            sessions_per_account: 100,
            commands_per_second: 5000,
            flood_time: Duration::from_secs(60),
            pre_auth_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(30 * 60),
            read_timeout: Duration::from_secs(5 * 60),
            write_timeout: Duration::from_secs(5 * 60),
            keep_alive: Duration::from_secs(2 * 60),
        }
    }
}
