//! Reading SASL responses: base64, strict and bounded, and PLAIN. Pure; judges nobody.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use thiserror::Error;
use zeroize::Zeroizing;

/// Longest response in base64, octets: three identities of 255 octets of the PLAIN message, with room.
pub const MAX_RESPONSE: usize = 2048;

/// Longest identity or password, octets (RFC 4616 §2 asks for 255).
pub const MAX_FIELD: usize = 512;

/// What a PLAIN response says (RFC 4616). No Debug: it holds a password.
pub struct Plain {
    /// The authorization identity, if one is given.
    pub authzid: Option<String>,
    /// The authentication identity.
    pub authcid: String,
    /// The password, as sent.
    pub password: Zeroizing<Vec<u8>>,
}

/// What is wrong with a response. None of these was judged as a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SaslError {
    /// Longer than [`MAX_RESPONSE`], or a field longer than [`MAX_FIELD`].
    #[error("the response is too long")]
    TooLong,
    /// Not base64 (RFC 4648 §4: alphabet, padding, no line breaks).
    #[error("the response is not base64")]
    Base64,
    /// Not two NULs between three fields, or an empty name or password, or names that are not UTF-8.
    #[error("the response does not have the form of PLAIN")]
    Form,
}

/// Reads a PLAIN response in base64.
///
/// # Errors
/// See [`SaslError`].
pub fn decode_plain(response: &[u8]) -> Result<Plain, SaslError> {
    if response.len() > MAX_RESPONSE {
        return Err(SaslError::TooLong);
    }
    let message = Zeroizing::new(STANDARD.decode(response).map_err(|_| SaslError::Base64)?);
    let mut fields = message.split(|byte| *byte == 0);
    let (Some(authzid), Some(authcid), Some(password), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(SaslError::Form);
    };
    if [authzid, authcid, password].iter().any(|field| field.len() > MAX_FIELD) {
        return Err(SaslError::TooLong);
    }
    if authcid.is_empty() || password.is_empty() {
        return Err(SaslError::Form);
    }
    let text = |field: &[u8]| String::from_utf8(field.to_vec()).map_err(|_| SaslError::Form);
    Ok(Plain {
        authzid: if authzid.is_empty() { None } else { Some(text(authzid)?) },
        authcid: text(authcid)?,
        password: Zeroizing::new(password.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(message: &[u8]) -> Result<(Option<String>, String, Vec<u8>), SaslError> {
        let plain = decode_plain(STANDARD.encode(message).as_bytes())?;
        Ok((plain.authzid, plain.authcid, plain.password.to_vec()))
    }

    #[test]
    fn the_three_fields_come_apart() {
        assert_eq!(decoded(b"\0me@x\0secret"), Ok((None, "me@x".into(), b"secret".to_vec())));
        assert_eq!(decoded(b"box@x\0me@x\0s"), Ok((Some("box@x".into()), "me@x".into(), b"s".to_vec())));
        assert_eq!(decoded("\0été@x\0\u{fffd}".as_bytes()).unwrap().1, "été@x");
        assert_eq!(decoded(b"\0me@x\0\xff\xfe").unwrap().2, b"\xff\xfe", "a password is bytes");
    }

    #[test]
    fn what_does_not_have_the_form_is_refused() {
        for message in [
            &b""[..],
            b"me@x",
            b"me@x\0secret",
            b"\0\0secret",
            b"\0me@x\0",
            b"\0me@x\0sec\0ret",
            b"\0\xff\0secret",
            b"\xff\0me@x\0secret",
        ] {
            assert_eq!(decoded(message), Err(SaslError::Form), "{message:?}");
        }
    }

    #[test]
    fn base64_is_strict() {
        for response in
            ["=", "*", "AG1lAHM", "AG1lAHM=\r\n", " AG1lAHM=", "AG1lAHN=", "AG1lAHM==", "AG1l AHM="]
        {
            assert!(matches!(decode_plain(response.as_bytes()), Err(SaslError::Base64)), "{response:?}");
        }
        assert!(decode_plain(b"AG1lAHM=").is_ok());
    }

    #[test]
    fn lengths_are_bounded() {
        let longest = [&b"\0me@x\0"[..], &[b'p'; MAX_FIELD]].concat();
        assert!(decoded(&longest).is_ok());
        assert_eq!(decoded(&[&longest[..], b"p"].concat()), Err(SaslError::TooLong));
        assert!(matches!(decode_plain(&[b'A'; MAX_RESPONSE + 1]), Err(SaslError::TooLong)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_bytes_are_taken_or_refused(response in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_plain(&response);
            let _ = decoded(&response);
        }

        #[test]
        fn what_was_written_is_read(authzid in "[^\0]{0,20}", authcid in "[^\0]{1,20}", password in "[^\0]{1,20}") {
            let message = format!("{authzid}\0{authcid}\0{password}");
            let authzid = (!authzid.is_empty()).then_some(authzid);
            prop_assert_eq!(decoded(message.as_bytes()), Ok((authzid, authcid, password.into_bytes())));
        }
    }
}
