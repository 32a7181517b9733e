//! SMTP, client side (RFC 5321, 3207, 2920, 1870, 6152, 6531, 3461, 3030, 8689, 9422): hands messages to another operator over TLS, never in clear; and to a server
//! that was agreed on beforehand, in LMTP (RFC 2033) or with a login where that was agreed on too, without TLS on this machine alone.
//! A state machine without I/O (`machine`) and the thin driver that puts it on a stream. Must never know DNS, the queue, or which
//! certificate is good: it shows the peer's chain, and no MAIL is said before someone gives a proof ([`Greeted::trusted`], M-2).
//!
//! Way of a message: [`connect`] (220, EHLO, STARTTLS, handshake, EHLO) → [`Greeted`] → [`Greeted::trusted`] → [`Transport::send`]
//! (`commands` → MAIL, RCPT, DATA; `stuffing` or BDAT → content) → `replies` → an outcome for each recipient, or a [`Failure`].

pub use self::{
    driver::{Content, Greeted, Transport, connect, connect_on},
    envelope::{Outgoing, Recipient, RecipientOutcome},
    error::{Error, Failure, Stage},
    extensions::Extensions,
    peer::{Login, Protocol, Security},
    settings::{Settings, Timeouts},
};

pub mod machine;

mod commands;
mod driver;
mod envelope;
mod error;
mod extensions;
mod peer;
mod replies;
mod settings;
mod stuffing;
