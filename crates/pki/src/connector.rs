//! A hospital's own server, known by a certificate that was agreed on beforehand (S-3.10): the pin is the whole judgement, as with
//! DANE-EE (RFC 7671 §5.1). Neither names nor dates nor issuers are looked at, so that a certificate of the hospital's own making serves.
//!
//! May use digests. Must never touch: the white list, the authorities; a connector is no operator, and an operator is no connector.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::digest::{self, SHA256};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls_pki_types::CertificateDer;
use thiserror::Error;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

const DIGEST: usize = 32;

/// The SHA-256 of a certificate, or of the public key in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pin {
    /// Of the whole certificate, DER: `sha256:` and 64 hexadecimal digits, colons between them or not, as
    /// `openssl x509 -fingerprint -sha256` and Postfix print it.
    Certificate([u8; DIGEST]),
    /// Of its SubjectPublicKeyInfo, DER: `pin-sha256:` and base64 (RFC 7469 §2.1.1), for keys that outlive their certificates.
    Key([u8; DIGEST]),
}

/// The text is no pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "no pin: write \"sha256:\" and the 64 hexadecimal digits of the certificate, or \"pin-sha256:\" and base64 of its key"
)]
pub struct PinError;

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        if let Some(text) = text.strip_prefix("pin-sha256:") {
            let bytes = STANDARD.decode(text).map_err(|_| PinError)?;
            return bytes.try_into().map(Self::Key).map_err(|_| PinError);
        }
        let digits: String =
            text.strip_prefix("sha256:").ok_or(PinError)?.chars().filter(|c| *c != ':').collect();
        if digits.len() != 2 * DIGEST || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(PinError);
        }
        let mut bytes = [0; DIGEST];
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte =
                digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(PinError)?;
        }
        Ok(Self::Certificate(bytes))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(bytes) => {
                f.write_str("sha256:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Key(bytes) => write!(f, "pin-sha256:{}", STANDARD.encode(bytes)),
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a server is not the pinned one. `Display` is one English sentence that says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PinFault {
    /// Nothing was presented.
    #[error("no certificate was presented: present the one that was agreed on for this connector")]
    NoCertificate,
    /// What was presented cannot be read.
    #[error("the certificate cannot be read: present a sound X.509 certificate")]
    Malformed,
    /// Another certificate, with another key.
    #[error(
        "the certificate presented ({certificate}, its key {key}) is not the one agreed on for this connector"
    )]
    NotPinned {
        /// The pin of what was presented.
        certificate: Pin,
        /// The pin of its key.
        key: Pin,
    },
}

impl PinFault {
    /// A stable machine name.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoCertificate => "connector-no-certificate",
            Self::Malformed => "connector-bad-certificate",
            Self::NotPinned { .. } => "connector-not-pinned",
        }
    }
}

/// The pins of one connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pins {
    connector: Arc<str>,
    pins: Vec<Pin>,
}

/// The proof that a peer holds a certificate pinned for this connector. Only [`Pins::peer`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectorPeer {
    connector: Arc<str>,
    pin: Pin,
}

impl Pins {
    /// The pins of the connector of this name; several while a certificate is replaced.
    #[must_use]
    pub fn new(connector: Arc<str>, pins: Vec<Pin>) -> Self {
        Self { connector, pins }
    }

    /// Judges what a peer presented, its own certificate first; the handshake proved that it holds the key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn peer(&self, chain: &[CertificateDer<'_>]) -> Result<ConnectorPeer, PinFault> {
        matching(&self.pins, chain).map(|pin| ConnectorPeer { connector: Arc::clone(&self.connector), pin })
    }
}

/// The pin that the first certificate of a chain answers to.
pub(crate) fn matching(pins: &[Pin], chain: &[CertificateDer<'_>]) -> Result<Pin, PinFault> {
    let own = chain.first().ok_or(PinFault::NoCertificate)?;
    let (_, parsed) = X509Certificate::from_der(own).map_err(|_| PinFault::Malformed)?;
    let (certificate, key) = (Pin::Certificate(sha256(own)), Pin::Key(sha256(parsed.public_key().raw)));
    let found = pins.iter().find(|pin| **pin == certificate || **pin == key);
    found.copied().ok_or(PinFault::NotPinned { certificate, key })
}

fn sha256(bytes: &[u8]) -> [u8; DIGEST] {
    let mut digest = [0; DIGEST];
    digest.copy_from_slice(digest::digest(&SHA256, bytes).as_ref());
    digest
}

impl ConnectorPeer {
    /// The connector that it is.
    #[must_use]
    pub fn connector(&self) -> &str {
        &self.connector
    }

    /// The pin that it answered to.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.pin
    }
}

impl fmt::Debug for ConnectorPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectorPeer({}, {})", self.connector, self.pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Sample;

    fn pins(pins: &[Pin]) -> Pins {
        Pins::new("chu".into(), pins.to_vec())
    }

    #[test]
    fn a_certificate_is_known_by_its_digest_or_its_keys_and_by_nothing_else() {
        let sample = Sample::demo();
        let (first, second) = (sample.chain(), sample.chain());
        let stranger = Sample::demo().chain();
        let Err(PinFault::NotPinned { certificate, key }) = pins(&[]).peer(&first) else { panic!("known") };
        let by_certificate = pins(&[certificate]);
        assert_eq!(by_certificate.peer(&first).unwrap().connector(), "chu");
        assert_eq!(
            by_certificate.peer(&second).unwrap_err().reason(),
            "connector-not-pinned",
            "another serial"
        );
        let by_key = pins(&[key]);
        assert!(by_key.peer(&first).is_ok() && by_key.peer(&second).is_ok(), "renewed with the same key");
        assert_eq!(by_key.peer(&stranger).unwrap_err().reason(), "connector-not-pinned");
        assert_eq!(by_key.peer(&[]).unwrap_err(), PinFault::NoCertificate);
        assert_eq!(by_key.peer(&[CertificateDer::from(vec![1, 2, 3])]).unwrap_err(), PinFault::Malformed);
    }

    #[test]
    fn a_pin_reads_as_it_is_written_and_as_other_programs_write_it() {
        let Err(PinFault::NotPinned { certificate, key }) = pins(&[]).peer(&Sample::demo().chain()) else {
            panic!("known")
        };
        for pin in [certificate, key] {
            assert_eq!(pin.to_string().parse::<Pin>(), Ok(pin));
        }
        let hex = "AB:".repeat(31) + "CD";
        let Ok(Pin::Certificate(bytes)) = format!("sha256:{hex}").parse::<Pin>() else { panic!("not read") };
        assert_eq!((bytes[0], bytes[31]), (0xab, 0xcd));
        for wrong in ["", "sha256:", "sha256:ab", "pin-sha256:", "pin-sha256:YWJj", "md5:ab", &"a".repeat(64)]
        {
            assert_eq!(wrong.parse::<Pin>(), Err(PinError), "{wrong}");
        }
        assert_eq!(format!("sha256:{}", "é".repeat(32)).parse::<Pin>(), Err(PinError));
    }
}
