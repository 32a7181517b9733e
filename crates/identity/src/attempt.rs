//! What somebody who logs in brings, and what they may be told. Holds no rule.

use std::{fmt, net::IpAddr, time::Duration};

use thiserror::Error;
use zeroize::Zeroizing;

/// One attempt to log in with a password. Debug output hides the password and the names.
pub struct Attempt {
    /// The authentication identity as the client wrote it: a login or MSSanté address, or `box*person` when no
    /// authorization identity is given apart.
    pub authcid: String,
    /// The authorization identity, if one was given apart: the address of the box to act as (S-1.7).
    pub authzid: Option<String>,
    /// The application password, as sent.
    pub password: Zeroizing<Vec<u8>>,
    /// Where it comes from.
    pub peer: IpAddr,
    /// Which service is asked.
    pub service: Service,
    /// How it was said.
    pub mechanism: Mechanism,
}

/// The service that somebody logs in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Message submission (RFC 6409).
    Submission,
    /// IMAP.
    Imap,
}

impl Service {
    /// The name in traces and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submission => "submission",
            Self::Imap => "imap",
        }
    }
}

/// The way a password was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// SASL PLAIN (RFC 4616).
    Plain,
    /// The LOGIN command of IMAP, or AUTH LOGIN of submission.
    Login,
}

impl Mechanism {
    /// The name in traces and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Login => "login",
        }
    }
}

/// Why nobody is logged in. The first case covers everything that is wrong with the attempt (M-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthError {
    /// Wrong name, wrong password, an account that may not log in, or a box that this person may not open.
    #[error("wrong user name or application password, or no right to this box")]
    Denied,
    /// Too many failures for this account or from this address (S-7.4).
    #[error("too many failed logins: wait {} minutes, then check the application password", minutes(.retry_after))]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The store cannot answer now.
    #[error("logging in is not possible for the moment: try again in a minute")]
    Unavailable,
}

fn minutes(wait: &Duration) -> u64 {
    wait.as_secs().div_ceil(60).max(1)
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("peer", &self.peer)
            .field("service", &self.service)
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn debug_shows_neither_password_nor_names() {
        let attempt = Attempt {
            authcid: "medecin@chu.fr".into(),
            authzid: Some("service@chu.fr".into()),
            password: Zeroizing::new(b"secret".to_vec()),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            service: Service::Imap,
            mechanism: Mechanism::Plain,
        };
        assert_eq!(
            format!("{attempt:?}"),
            "Attempt { peer: 127.0.0.1, service: Imap, mechanism: Plain, .. }"
        );
    }

    #[test]
    fn a_throttled_user_is_told_how_long_to_wait() {
        let text = |seconds| AuthError::Throttled { retry_after: Duration::from_secs(seconds) }.to_string();
        assert!(text(0).contains("wait 1 minutes"));
        assert!(text(541).contains("wait 10 minutes"));
    }
}
