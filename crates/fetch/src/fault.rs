//! Why a document could not be fetched, in words for whoever looks after the network. Values only.

use std::{io, time::Duration};

use thiserror::Error;

use crate::url::{Url, UrlError};

/// Why there is no document. `Display` says what happened.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FetchFault {
    /// No address for the host, or none that lets itself be connected to.
    #[error("{host} cannot be reached: {why}")]
    Connect {
        /// The host, or the proxy.
        host: String,
        /// What the system said.
        why: String,
    },
    /// The host's certificate is not accepted, or TLS fails otherwise.
    #[error("TLS with {host} fails: {why}")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// The proxy does not let us through.
    #[error("the proxy {proxy} refuses: it answered {code}")]
    Proxy {
        /// The proxy, without its password.
        proxy: String,
        /// Its answer's status.
        code: u16,
    },
    /// Another status than the document's (200) or the unchanged document's (304).
    #[error("the host answered {code}{}", with_kind(.kind.as_ref()))]
    Status {
        /// The status.
        code: u16,
        /// What came with it, by its Content-Type.
        kind: Option<String>,
        /// When the host would like to be asked again (Retry-After).
        retry_after: Option<Duration>,
    },
    /// A redirect that leads to no other document.
    #[error("the host redirects to {location:?}, which is not followed: {why}")]
    Redirect {
        /// Where to, cut to a length that can be shown.
        location: String,
        /// Why not.
        why: UrlError,
    },
    /// A redirect from HTTPS to HTTP.
    #[error("the host redirects to {0}, out of HTTPS, which is not followed")]
    Downgrade(Url),
    /// One redirect after another.
    #[error("the host redirects again and again")]
    TooManyRedirects,
    /// The document is coded in a way that nobody asked for.
    #[error("the document is coded as {0:?}, which was not asked for")]
    Coded(String),
    /// Larger than the bound.
    #[error("the document is larger than {0} bytes: this is not what was asked for")]
    TooLarge(u64),
    /// It took too long, or nothing came for too long.
    #[error("the host took longer than {0} s")]
    TooSlow(u64),
    /// The connection ended in the middle.
    #[error("the answer was cut off")]
    Cut,
    /// What came is no HTTP.
    #[error("the host does not speak HTTP as it should ({0})")]
    Protocol(String),
}

fn with_kind(kind: Option<&String>) -> String {
    kind.map(|kind| format!(" with {kind}")).unwrap_or_default()
}

impl FetchFault {
    /// When the host would like to be asked again, if it said.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(crate) fn http(error: &hyper::Error) -> Self {
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Self::Cut;
        }
        if is_early_end(error) { Self::Cut } else { Self::Protocol(innermost(error)) }
    }

    /// A failed handshake; what a verifier of certificates said is told in its own words.
    pub(crate) fn tls(host: &str, error: &io::Error) -> Self {
        let verdict = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let why = match verdict {
            Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) => {
                other.0.to_string()
            }
            Some(error) => error.to_string(),
            None => error.to_string(),
        };
        Self::Tls { host: host.to_owned(), why }
    }
}

/// Whether the other side went away: an answer without its end, or a connection without its good-bye.
fn is_early_end(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            )
        }) {
            return true;
        }
        next = error.source();
    }
    false
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
