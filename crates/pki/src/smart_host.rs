//! The ordinary smart host (S-3.3): a server of the web, known by its name under authorities that the operator names, or by a pin.
//! Proofs are values that only a judgement makes.
//!
//! May use the file of the authorities. Must never touch: the trust space; nothing secure goes this way.

use std::{fmt, path::Path, time::Duration};

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use thiserror::Error;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::{
    algorithms::ALGORITHMS,
    authorities::certificates,
    connector::{Pin, PinFault, matching},
    error::PkiError,
};

/// By what the smart host is known.
#[derive(Clone)]
pub struct SmartHostTrust(How);

#[derive(Clone)]
enum How {
    Pinned(Vec<Pin>),
    Named { anchors: Vec<TrustAnchor<'static>>, name: ServerName<'static> },
}

/// The proof that a peer is the configured smart host. Only [`SmartHostTrust::peer`] makes one.
#[derive(Debug, Clone)]
pub struct SmartHostPeer(());

/// Why a server is not the smart host.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SmartHostDistrust {
    /// It is not what was pinned.
    #[error(transparent)]
    Pin(#[from] PinFault),
    /// Its chain does not hold, or names another server.
    #[error(
        "the smart host's certificate is not good ({0}): it must be valid, for its name, and of an authority in [smart_host] authorities"
    )]
    Chain(String),
}

impl SmartHostTrust {
    /// By these pins, whatever the certificate says.
    #[must_use]
    pub fn pinned(pins: Vec<Pin>) -> Self {
        Self(How::Pinned(pins))
    }

    /// By a valid certificate for `host`, a DNS name or an IP address, of an authority in the PEM bundle at `authorities`.
    ///
    /// # Errors
    /// The file cannot be read or holds no authority, or nothing can be certified for such a name.
    pub fn named(host: &str, authorities: &Path) -> Result<Self, PkiError> {
        let bad = |reason: String| PkiError::BadCertificate { path: authorities.into(), reason };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| bad(format!("{host}: {error}")))?;
        // a bundle of the web holds a few that cannot be used; the others serve
        let known = certificates(authorities)?;
        let anchors: Vec<_> = known
            .iter()
            .filter_map(|der| anchor_from_trusted_cert(der).ok().map(|anchor| anchor.to_owned()))
            .collect();
        if anchors.is_empty() {
            return Err(PkiError::NoAuthority(authorities.into()));
        }
        Ok(Self(How::Named { anchors, name }))
    }

    /// Judges what a server presented, its own certificate first; the handshake proved that it holds the key.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn peer(
        &self,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<SmartHostPeer, SmartHostDistrust> {
        match &self.0 {
            How::Pinned(pins) => drop(matching(pins, chain)?),
            How::Named { anchors, name } => {
                let [own, between @ ..] = chain else { return Err(PinFault::NoCertificate.into()) };
                let wrong = |error: webpki::Error| SmartHostDistrust::Chain(error.to_string());
                let own = EndEntityCert::try_from(own).map_err(wrong)?;
                let at = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
                let at = UnixTime::since_unix_epoch(at);
                own.verify_for_usage(ALGORITHMS, anchors, between, at, KeyUsage::server_auth(), None, None)
                    .map_err(wrong)?;
                own.verify_is_valid_for_subject_name(name).map_err(wrong)?;
            }
        }
        Ok(SmartHostPeer(()))
    }
}

impl fmt::Debug for SmartHostTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            How::Pinned(pins) => write!(f, "SmartHostTrust({pins:?})"),
            How::Named { anchors, name } => {
                write!(f, "SmartHostTrust({name:?}, {} authorities)", anchors.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::samples::{HOST, Sample, hours, now};

    #[test]
    fn the_smart_host_is_its_name_under_an_authority_that_was_named_while_it_lasts() {
        let (sample, other) = (Sample::demo(), Sample::demo());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        fs::write(&file, sample.hierarchy.root.certificate_pem() + &sample.hierarchy.authorities_pem())
            .unwrap();
        let trust = SmartHostTrust::named(HOST, &file).unwrap();
        assert!(trust.peer(&sample.chain(), now()).is_ok());
        for (what, judged) in [
            ("another authority", trust.peer(&other.chain(), now())),
            ("too late", trust.peer(&sample.chain(), now() + hours(24 * 4_000))),
            (
                "another name",
                SmartHostTrust::named("autre.example", &file).unwrap().peer(&sample.chain(), now()),
            ),
            ("nothing", trust.peer(&[], now())),
        ] {
            assert!(judged.is_err(), "{what}");
        }
        fs::write(&file, "").unwrap();
        assert!(SmartHostTrust::named(HOST, &file).is_err(), "nobody could be believed");
    }

    #[test]
    fn a_pin_is_enough_and_needs_no_name() {
        let sample = Sample::demo();
        let Err(SmartHostDistrust::Pin(PinFault::NotPinned { key, .. })) =
            SmartHostTrust::pinned(Vec::new()).peer(&sample.chain(), now())
        else {
            panic!("nothing was pinned")
        };
        let trust = SmartHostTrust::pinned(vec![key]);
        assert!(trust.peer(&sample.chain(), now() + hours(24 * 4_000)).is_ok());
        assert!(trust.peer(&Sample::demo().chain(), now()).is_err());
    }
}
