//! What goes wrong, at which step, and whether the peer may have the message nevertheless.

use std::{fmt, io};

use super::RecipientOutcome;
use crate::Reply;

/// The steps of a connection and of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The TCP connection.
    Connect,
    /// The 220.
    Greeting,
    /// EHLO.
    Hello,
    /// STARTTLS, up to its reply.
    StartTls,
    /// The TLS handshake.
    Handshake,
    /// AUTH.
    Login,
    /// Nothing was said: what the peer offers with EHLO does not do for this message.
    Offer,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Recipient,
    /// DATA, up to its reply.
    Data,
    /// The content, up to the final dot.
    Content,
    /// The final dot and its reply.
    End,
    /// RSET.
    Reset,
}

impl Stage {
    /// A stable name for logs and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Connect => "connect",
            Stage::Greeting => "greeting",
            Stage::Hello => "ehlo",
            Stage::StartTls => "starttls",
            Stage::Handshake => "handshake",
            Stage::Login => "auth",
            Stage::Offer => "offer",
            Stage::Mail => "mail",
            Stage::Recipient => "rcpt",
            Stage::Data => "data",
            Stage::Content => "content",
            Stage::End => "end-of-data",
            Stage::Reset => "rset",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a connection is of no use, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host's name can be no name in a TLS handshake.
    #[error("{0:?} is no host name: correct the route or the MX record")]
    HostName(String),
    /// No TCP connection.
    #[error("no connection: {0}")]
    Connect(#[source] io::Error),
    /// The greeting, EHLO or RSET was refused.
    #[error("the peer refuses at {stage}: {reply}")]
    Refused {
        /// At which step.
        stage: Stage,
        /// With which words.
        reply: Reply,
    },
    /// The peer offers no STARTTLS; nothing is ever sent in clear (M-2).
    #[error("the peer offers no STARTTLS, and nothing is sent in clear: its operator must switch TLS on")]
    NoTls,
    /// The peer offers STARTTLS and then refuses it.
    #[error("the peer refuses STARTTLS, and nothing is sent in clear: {0}")]
    TlsRefused(Reply),
    /// Something came in clear behind the reply to STARTTLS (RFC 3207 §6).
    #[error(
        "something was put in clear behind the reply to STARTTLS: the connection is attacked or the peer is broken"
    )]
    Injected,
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] io::Error),
    /// The peer closed the connection.
    #[error("the peer closed the connection at {stage}")]
    Closed {
        /// At which step.
        stage: Stage,
    },
    /// The connection broke.
    #[error("the connection broke at {stage}: {error}")]
    Lost {
        /// At which step.
        stage: Stage,
        /// How.
        #[source]
        error: io::Error,
    },
    /// A step took too long.
    #[error("the peer took too long at {stage}")]
    Timeout {
        /// Which step.
        stage: Stage,
    },
    /// The peer does not speak SMTP as it should.
    #[error("the peer breaks the protocol at {stage}: {what}")]
    Protocol {
        /// At which step.
        stage: Stage,
        /// What it did.
        what: &'static str,
    },
    /// The content could not be read here; the peer got no final dot.
    #[error("the message could not be read: {0}")]
    Content(#[source] io::Error),
    /// The transport was used up by an earlier failure.
    #[error("this connection is closed: open another one")]
    Used,
}

impl Error {
    /// At which step it happened.
    pub fn stage(&self) -> Stage {
        match self {
            Error::HostName(_) | Error::Connect(_) => Stage::Connect,
            Error::NoTls => Stage::Hello,
            Error::TlsRefused(_) | Error::Injected => Stage::StartTls,
            Error::Handshake(_) => Stage::Handshake,
            Error::Content(_) => Stage::Content,
            Error::Used => Stage::Offer,
            Error::Refused { stage, .. }
            | Error::Closed { stage }
            | Error::Lost { stage, .. }
            | Error::Timeout { stage }
            | Error::Protocol { stage, .. } => *stage,
        }
    }

    /// What the peer said, if the error is its refusal.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Error::Refused { reply, .. } | Error::TlsRefused(reply) => Some(reply),
            _ => None,
        }
    }
}

/// A message that did not go through. Recipients without an outcome are to be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// What happened, at which step.
    #[source]
    pub error: Error,
    /// Whether the final dot had gone out, or may have: the peer may have the message although it did not say so.
    pub in_doubt: bool,
    /// What was known of each recipient, in the order of the envelope.
    pub known: Vec<Option<RecipientOutcome>>,
}
