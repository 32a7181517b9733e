//! What is agreed with a peer beforehand: protocol, TLS, login. Values only.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033: one reply for each accepted recipient behind the final dot.
    Lmtp,
}

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// By STARTTLS, without which nothing is said (RFC 3207).
    StartTls,
    /// With the first byte (RFC 8314).
    Implicit,
    /// Never: for a peer that no network is in between.
    Clear,
}

/// A login at the peer by AUTH PLAIN (RFC 4616). `Debug` shows no secret.
#[derive(Clone)]
pub struct Login {
    /// Who we are.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl Login {
    /// The command, with its line end.
    pub(super) fn command(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(format!("\0{}\0{}", self.user, *self.password));
        Zeroizing::new(format!("AUTH PLAIN {}\r\n", STANDARD.encode(secret.as_bytes())))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_one_plain_command_and_shows_no_secret() {
        let login = Login { user: "me".into(), password: Zeroizing::new("secret".into()) };
        assert_eq!(*login.command(), "AUTH PLAIN AG1lAHNlY3JldA==\r\n");
        assert!(!format!("{login:?}").contains("secret"));
    }
}
