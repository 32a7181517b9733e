//! The proxy that stands between a hospital's servers and the world. Its password is never shown.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{Uri, header::HeaderValue};
use thiserror::Error;

use crate::url::bracketed;

/// The usual port of a proxy, where none is written.
const PROXY_PORT: u16 = 3128;

/// A proxy that speaks HTTP: plain documents are asked of it (RFC 9112 §3.2.2), encrypted ones through it (CONNECT).
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    credentials: Option<String>,
}

/// Why a text is no proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyError {
    /// Not of that form.
    #[error("it is not written as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT")]
    Malformed,
    /// Another scheme.
    #[error("its scheme is not http: the way to the proxy itself is plain, what goes through it is not")]
    Scheme,
}

impl Proxy {
    /// Reads `http://[USER:PASSWORD@]HOST[:PORT]`.
    ///
    /// # Errors
    /// [`ProxyError`] tells what it is not.
    pub fn parse(text: &str) -> Result<Self, ProxyError> {
        let uri: Uri = text.parse().map_err(|_| ProxyError::Malformed)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(ProxyError::Scheme),
            None => return Err(ProxyError::Malformed),
        }
        let authority = uri.authority().ok_or(ProxyError::Malformed)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.host().is_empty() {
            return Err(ProxyError::Malformed);
        }
        let credentials = authority.as_str().rsplit_once('@').map(|(user, _)| user.to_owned());
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port: authority.port_u16().unwrap_or(PROXY_PORT), credentials })
    }

    /// What lets us through it (RFC 7617), where it asks for that.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let credentials = self.credentials.as_ref()?;
        let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(credentials))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", bracketed(&self.host), self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_shows_everything_but_its_password() {
        let proxy = Proxy::parse("http://claire:secret@proxy.chu.fr:8080").unwrap();
        assert_eq!(format!("{proxy} {proxy:?}"), "http://proxy.chu.fr:8080 http://proxy.chu.fr:8080");
        assert_eq!(proxy.authorization().unwrap(), "Basic Y2xhaXJlOnNlY3JldA==");
        assert!(format!("{:?}", proxy.authorization()).contains("Sensitive"));
        let proxy = Proxy::parse("http://[::1]/").unwrap();
        assert_eq!((proxy.to_string(), proxy.authorization()), ("http://[::1]:3128".to_owned(), None));
    }

    #[test]
    fn what_is_no_proxy_is_told() {
        assert_eq!(Proxy::parse("https://proxy:1"), Err(ProxyError::Scheme));
        assert_eq!(Proxy::parse("socks5://proxy:1"), Err(ProxyError::Scheme));
        for text in ["proxy:3128", "http://proxy/path", "http://", "http://proxy:1/?x", ""] {
            assert!(Proxy::parse(text).is_err(), "{text}");
        }
    }
}
