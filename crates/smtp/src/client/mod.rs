//! SMTP, client side (RFC 5321, 3207, 2920, 1870, 6152, 6531, 3461, 3030, 8689, 9422): hands messages to another operator over TLS, never in clear.
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
    settings::{Settings, Timeouts},
};

pub mod machine;

mod commands;
mod driver;
mod envelope;
mod error;
mod extensions;
mod replies;
mod settings;
mod stuffing;
