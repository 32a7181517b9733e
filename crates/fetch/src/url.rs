//! Addresses of documents: `http` and `https` with a host, and nothing that could hide a secret or a second meaning. Pure.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use hyper::{Uri, http::uri::PathAndQuery};
use thiserror::Error;

/// The longest address, in octets.
pub const MAX_URL_OCTETS: usize = 2048;

/// The address of a document.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    secure: bool,
    /// A name or an address; without brackets.
    host: String,
    port: u16,
    /// Begins with `/`.
    path: String,
}

/// Why a text is no address of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UrlError {
    /// Longer than [`MAX_URL_OCTETS`].
    #[error("it is longer than {MAX_URL_OCTETS} octets")]
    TooLong,
    /// Not of the form of an address.
    #[error("it is not written as http://HOST/PATH or https://HOST/PATH")]
    Malformed,
    /// Another scheme, `ldap` for instance.
    #[error("its scheme is neither http nor https")]
    Scheme,
    /// A name and a password stand before the host: they would travel and be logged.
    #[error("it names a user, which belongs in no address")]
    User,
}

impl Url {
    /// Reads an address.
    ///
    /// # Errors
    /// [`UrlError`] tells what it is not.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAX_URL_OCTETS {
            return Err(UrlError::TooLong);
        }
        if text.contains('#') {
            return Err(UrlError::Malformed);
        }
        Self::of(&text.parse().map_err(|_| UrlError::Malformed)?)
    }

    /// Where a `Location` leads from here (RFC 9110 §10.2.2): an address, or a path on the same host.
    pub(crate) fn follow(&self, location: &str) -> Result<Self, UrlError> {
        let location = location.split_once('#').map_or(location, |(location, _)| location);
        if location.starts_with("//") {
            return Self::parse(&format!("{}:{location}", self.scheme()));
        }
        if location.starts_with('/') {
            if location.len() > MAX_URL_OCTETS {
                return Err(UrlError::TooLong);
            }
            let path: PathAndQuery = location.parse().map_err(|_| UrlError::Malformed)?;
            return Ok(Self { path: path.as_str().to_owned(), ..self.clone() });
        }
        Self::parse(location)
    }

    fn of(uri: &Uri) -> Result<Self, UrlError> {
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(UrlError::Scheme),
            None => return Err(UrlError::Malformed),
        };
        let authority = uri.authority().ok_or(UrlError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UrlError::User);
        }
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bare {
            Some(address) => Ipv6Addr::from_str(address).map_err(|_| UrlError::Malformed)?.to_string(),
            None => host.to_ascii_lowercase(),
        };
        let has_port = authority.as_str().len() > authority.host().len();
        let port = match (authority.port_u16(), has_port) {
            (Some(0), _) | (None, true) => return Err(UrlError::Malformed),
            (Some(port), _) => port,
            (None, false) => default_port(secure),
        };
        if host.is_empty() {
            return Err(UrlError::Malformed);
        }
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, host, port, path })
    }

    /// Whether it is an `https` one.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, a name or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Host and port as the `Host` field and CONNECT want them.
    pub(crate) fn authority(&self, always_port: bool) -> String {
        let host = bracketed(&self.host);
        if always_port || self.port != default_port(self.secure) {
            format!("{host}:{}", self.port)
        } else {
            host
        }
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

/// A host as it stands before a port: IPv6 addresses have colons of their own.
pub(crate) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(false), self.path)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_a_path() {
        for (text, shown, port) in [
            ("http://igc-sante.esante.gouv.fr/CRL/ACI-EL-ORG.crl", None, 80),
            ("https://Liste.example", Some("https://liste.example/"), 443),
            ("https://[::1]:8443/a?b=c", None, 8443),
            ("http://127.0.0.1:8080/x", None, 8080),
            ("http://host?q", Some("http://host/?q"), 80),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(url.to_string(), shown.unwrap_or(text));
            assert_eq!(url.port(), port);
        }
    }

    #[test]
    fn what_is_no_address_of_a_document_is_told() {
        for (text, error) in [
            ("ldap://annuaire-igc.esante.gouv.fr/cn=x", UrlError::Scheme),
            ("file:///etc/passwd", UrlError::Malformed),
            ("ftp://host/x", UrlError::Scheme),
            ("https://user:secret@host/", UrlError::User),
            ("/only/a/path", UrlError::Malformed),
            ("http://", UrlError::Malformed),
            ("http://host:0/", UrlError::Malformed),
            ("http://host:/", UrlError::Malformed),
            ("http://host:99999/", UrlError::Malformed),
            ("http://ho st/", UrlError::Malformed),
            ("http://host/a\r\nX: y", UrlError::Malformed),
            ("http://[fe80::1%25eth0]/", UrlError::Malformed),
            ("http://host/x#y", UrlError::Malformed),
            ("", UrlError::Malformed),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
        assert_eq!(Url::parse(&format!("http://h/{}", "a".repeat(MAX_URL_OCTETS))), Err(UrlError::TooLong));
    }

    #[test]
    fn a_location_is_an_address_or_a_path() {
        let here = Url::parse("https://host:444/a/b").unwrap();
        for (location, leads) in [
            ("/c?d", "https://host:444/c?d"),
            ("//other/c", "https://other/c"),
            ("http://other/c", "http://other/c"),
            ("/c#d", "https://host:444/c"),
        ] {
            assert_eq!(here.follow(location).unwrap().to_string(), leads);
        }
        for location in ["c", "", "ldap://x/", "javascript:alert(1)", "/a b"] {
            assert!(here.follow(location).is_err(), "{location}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_the_same_again(text in "https?://[a-z0-9.]{1,12}(:[1-9][0-9]{0,3})?(/[ -~]{0,12})?") {
            if let Ok(url) = Url::parse(&text) {
                prop_assert_eq!(Url::parse(&url.to_string()), Ok(url));
            }
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,60}") {
            if let Ok(url) = Url::parse(&text) {
                prop_assert!(!url.host().is_empty() && url.path().starts_with('/'));
                prop_assert!(!url.to_string().contains(['\r', '\n', '@', ' ']) || url.path().contains('@'));
            }
        }
    }
}
