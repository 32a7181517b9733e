//! The SASL exchanges that AUTH carries (RFC 4954): PLAIN (RFC 4616) and LOGIN, as steps from one line to the next. Base64 is strict:
//! right alphabet, right padding. Decides nothing about who may log in.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{Credentials, Mechanism, Reply};

/// Longest identity or password, in octets (RFC 4616 §2 asks for 255).
pub(crate) const FIELD: usize = 255;

/// An exchange that waits for a line.
#[derive(Debug)]
pub(crate) enum Exchange {
    /// PLAIN without an initial response.
    Plain,
    /// LOGIN before the name.
    LoginName,
    /// LOGIN after the name.
    LoginPassword {
        /// The name given.
        name: String,
    },
}

/// Where a line leads.
#[derive(Debug)]
pub(crate) enum Turn {
    /// Say this after `334 ` and wait.
    Challenge(&'static str, Exchange),
    /// The exchange is over.
    Done(Credentials),
    /// The exchange failed before anybody was asked.
    Refused(Reply),
}

/// Begins the exchange of `mechanism`; `initial` is the initial response as sent, if there was one.
pub(crate) fn start(mechanism: Mechanism, initial: Option<&[u8]>) -> Turn {
    let exchange = match mechanism {
        Mechanism::Plain => Exchange::Plain,
        Mechanism::Login => Exchange::LoginName,
    };
    match initial {
        None => exchange.ask(),
        Some(b"=") => exchange.given(&Zeroizing::new(Vec::new())),
        Some(line) => exchange.line(line),
    }
}

impl Exchange {
    /// The client's next line, CR LF removed.
    pub(crate) fn line(self, line: &[u8]) -> Turn {
        if line == b"*" {
            return Turn::Refused(Reply::new(501, "5.7.0", ["Authentication cancelled"]));
        }
        match STANDARD.decode(line) {
            Ok(decoded) => self.given(&Zeroizing::new(decoded)),
            Err(_) => malformed("what you sent is not base64"),
        }
    }

    fn ask(self) -> Turn {
        let challenge = match self {
            Exchange::Plain => "",
            Exchange::LoginName => "VXNlcm5hbWU6",
            Exchange::LoginPassword { .. } => "UGFzc3dvcmQ6",
        };
        Turn::Challenge(challenge, self)
    }

    fn given(self, decoded: &Zeroizing<Vec<u8>>) -> Turn {
        match self {
            Exchange::Plain => plain(decoded),
            Exchange::LoginName => match text(decoded) {
                Some(name) => Exchange::LoginPassword { name }.ask(),
                None => malformed("a user name is 1 to 255 octets of UTF-8"),
            },
            Exchange::LoginPassword { name } => done(None, name, decoded, Mechanism::Login),
        }
    }
}

fn plain(decoded: &[u8]) -> Turn {
    let mut fields = decoded.splitn(3, |&byte| byte == 0);
    let (Some(authzid), Some(authcid), Some(password)) = (fields.next(), fields.next(), fields.next()) else {
        return malformed("PLAIN is [authzid] NUL authcid NUL password");
    };
    let authzid = match authzid {
        b"" => None,
        other => match text(other) {
            Some(authzid) => Some(authzid),
            None => return malformed("an authorization identity is at most 255 octets of UTF-8"),
        },
    };
    match text(authcid) {
        Some(authcid) => done(authzid, authcid, password, Mechanism::Plain),
        None => malformed("a user name is 1 to 255 octets of UTF-8"),
    }
}

fn done(authzid: Option<String>, authcid: String, password: &[u8], mechanism: Mechanism) -> Turn {
    if password.is_empty() || password.len() > FIELD || password.contains(&0) {
        return malformed("a password is 1 to 255 octets without NUL");
    }
    let password = Zeroizing::new(password.to_vec());
    Turn::Done(Credentials::Plain { authzid, authcid, password, mechanism })
}

/// An identity: 1 to 255 octets of UTF-8 without control characters.
fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    ((1..=FIELD).contains(&text.len()) && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn malformed(what: &str) -> Turn {
    Turn::Refused(Reply::new(501, "5.5.2", [format!("Cannot read the authentication response: {what}")]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(turn: Turn) -> (Option<String>, String, Vec<u8>) {
        match turn {
            Turn::Done(Credentials::Plain { authzid, authcid, password, .. }) => {
                (authzid, authcid, password.to_vec())
            }
            other => panic!("{other:?}"),
        }
    }

    fn code(turn: Turn) -> u16 {
        match turn {
            Turn::Refused(reply) => reply.code(),
            other => panic!("{other:?}"),
        }
    }

    fn encoded(text: &[u8]) -> Vec<u8> {
        STANDARD.encode(text).into_bytes()
    }

    #[test]
    fn plain_with_and_without_authorization_identity() {
        let read = fields(start(Mechanism::Plain, Some(&encoded(b"\0me\0secret"))));
        assert_eq!(read, (None, "me".into(), b"secret".to_vec()));
        let Turn::Challenge("", exchange) = start(Mechanism::Plain, None) else { panic!() };
        assert_eq!(
            fields(exchange.line(&encoded(b"box\0me\0s"))),
            (Some("box".into()), "me".into(), b"s".to_vec())
        );
    }

    #[test]
    fn login_asks_twice_or_once() {
        let Turn::Challenge("VXNlcm5hbWU6", exchange) = start(Mechanism::Login, None) else { panic!() };
        let Turn::Challenge("UGFzc3dvcmQ6", exchange) = exchange.line(&encoded(b"me")) else { panic!() };
        assert_eq!(fields(exchange.line(&encoded(b"s\xff"))), (None, "me".into(), b"s\xff".to_vec()));
        assert!(matches!(start(Mechanism::Login, Some(&encoded(b"me"))), Turn::Challenge("UGFzc3dvcmQ6", _)));
    }

    #[test]
    fn what_is_not_strict_base64_is_refused() {
        for line in [
            &b"AG1l"[..],
            b"AG1lAHM",
            b"AG1lAHM==",
            b"AG1l AHM=",
            b"AG1lAHN=",
            b"AG1lAHM=\0",
            b"=",
            b"",
            b"_-==",
            b"*",
        ] {
            assert_eq!(code(start(Mechanism::Plain, Some(line))), 501, "{line:?}");
        }
    }

    #[test]
    fn fields_are_bounded() {
        let long = |length| [b"\0me\0".to_vec(), vec![b'x'; length]].concat();
        assert_eq!(fields(start(Mechanism::Plain, Some(&encoded(&long(FIELD))))).2.len(), FIELD);
        assert_eq!(code(start(Mechanism::Plain, Some(&encoded(&long(FIELD + 1))))), 501);
        assert_eq!(code(start(Mechanism::Plain, Some(&encoded(b"\0me\0a\0b")))), 501);
        assert_eq!(code(start(Mechanism::Login, Some(&encoded(&[b'x'; FIELD + 1])))), 501);
    }

    #[test]
    fn debug_output_holds_no_password() {
        let turn = start(Mechanism::Plain, Some(&encoded(b"\0me\0secret")));
        assert!(!format!("{turn:?}").contains("secret"));
        assert!(!format!("{turn:?}").contains("115, 101, 99"));
    }
}
