//! SMTP. Server side (RFC 5321, 6409, 3207, 4954, 3461; LMTP, RFC 2033): the protocol as a state machine without I/O, and the thin driver
//! that puts it on a TCP or TLS stream. Client side, made the same way: [`client`].
//! May use smtp-proto for the grammar of commands. Must never know the store, accounts or routing: it is generic over
//! its [`Policy`], and a 250 after DATA takes that policy's own proof of durability (I-1).
//!
//! Way of a byte: `driver` (stream, deadlines, stop) → `input` (lines; lone CR or LF refused) → `command` (grammar) →
//! `machine` (a [`machine::Step`], which may be a question to the policy) → [`Reply`] → `driver`. The bytes of a message go
//! `driver` → `data` (end of data, dots removed in place) → [`Policy::chunk`].

pub use crate::{
    body::Body,
    driver::{Addresses, Mode, Stop, serve, serve_on},
    dsn::{Notify, Ret},
    ended::{End, Ended},
    machine::BLOCK,
    policy::{
        Accepted, Connection, ConnectorDoor, Credentials, MailFrom, Mechanism, Policy, Recipient, Service,
        TlsInfo,
    },
    reply::Reply,
    settings::{Limits, Settings},
};

pub mod client;
pub mod machine;

mod body;
mod command;
mod data;
mod driver;
mod dsn;
mod ended;
mod input;
mod line_ends;
mod parameters;
mod path;
mod policy;
mod reply;
mod sasl;
mod settings;
