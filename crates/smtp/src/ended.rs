//! How a session ended: what the program logs and counts. Holds numbers and reasons, never an address or content.

use std::fmt;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The client said QUIT.
    Quit,
    /// The client closed the connection without QUIT, or the network did.
    Dropped,
    /// The client was silent or too slow for one of the timeouts.
    Timeout,
    /// The server is being stopped.
    Stopped,
    /// The rights that the session rested on ended (S-1.5).
    Revoked,
    /// More mistakes than [`Limits::errors_before_close`](crate::Limits::errors_before_close).
    TooManyErrors,
    /// As many messages as [`Limits::mails`](crate::Limits::mails), or more refused recipients than
    /// [`Limits::refused_recipients`](crate::Limits::refused_recipients).
    TooMany,
    /// More failed logins than [`Limits::auth_failures`](crate::Limits::auth_failures).
    TooManyFailures,
    /// A lone CR or LF: someone tries to smuggle commands or messages, or speaks something else than SMTP.
    BareLineEnd,
    /// HTTP, or TLS where clear text is spoken first.
    NotSmtp,
    /// Something was sent in clear behind STARTTLS, or a message where none was awaited.
    Injected,
    /// More bytes than may be read and dropped.
    Flood,
    /// The TLS handshake failed.
    Tls,
    /// The policy asked for the end with a 421.
    Policy,
}

impl End {
    /// A stable name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            End::Quit => "quit",
            End::Dropped => "dropped",
            End::Timeout => "timeout",
            End::Stopped => "stopped",
            End::Revoked => "revoked",
            End::TooManyErrors => "too-many-errors",
            End::TooMany => "too-many",
            End::TooManyFailures => "too-many-failures",
            End::BareLineEnd => "bare-line-end",
            End::NotSmtp => "not-smtp",
            End::Injected => "injected",
            End::Flood => "flood",
            End::Tls => "tls",
            End::Policy => "policy",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A finished session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Why it ended.
    pub end: End,
    /// Whether someone logged in.
    pub authenticated: bool,
    /// Messages accepted with a 250.
    pub accepted: u32,
    /// Messages refused, at DATA or at their end.
    pub refused: u32,
    /// Bytes of message content received, refused ones included.
    pub content_bytes: u64,
    /// Commands that were mistakes of the client.
    pub errors: u32,
    /// Failed logins.
    pub auth_failures: u32,
}

impl Ended {
    /// A session that ends before anything happened.
    pub(crate) fn at_once(end: End) -> Self {
        Ended {
            end,
            authenticated: false,
            accepted: 0,
            refused: 0,
            content_bytes: 0,
            errors: 0,
            auth_failures: 0,
        }
    }
}
