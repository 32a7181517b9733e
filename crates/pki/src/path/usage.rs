//! What a certificate is for: its extended key usage must say so explicitly (M-2; RFC 5280 §4.2.1.12).

use webpki::{Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage};
use x509_parser::certificate::X509Certificate;

use crate::distrust::Distrust;

/// A use of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// To be connected to.
    Server,
    /// To connect.
    Client,
    /// To sign the white list (B.2.3).
    Email,
}

/// What path building asks of each certificate's usages.
pub(super) enum Wanted {
    /// This one among them, if any are named: what an authority's certificate may leave open.
    IfPresent(KeyUsage),
    /// Nothing.
    Anything,
}

impl Usage {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Server => "serverAuth",
            Self::Client => "clientAuth",
            Self::Email => "emailProtection",
        }
    }

    pub(super) fn if_present(self) -> Wanted {
        Wanted::IfPresent(match self {
            Self::Server => KeyUsage::server_auth(),
            Self::Client => KeyUsage::client_auth(),
            // 1.3.6.1.5.5.7.3.4
            Self::Email => KeyUsage::required_if_present(&[43, 6, 1, 5, 5, 7, 3, 4]),
        })
    }

    /// Whether the certificate names this very usage; "any" is not enough.
    pub(super) fn is_there(self, certificate: &X509Certificate<'_>) -> Result<(), Distrust> {
        let usages =
            certificate.extended_key_usage().map_err(|error| Distrust::Malformed(error.to_string()))?;
        let named = usages.is_some_and(|usages| match self {
            Self::Server => usages.value.server_auth,
            Self::Client => usages.value.client_auth,
            Self::Email => usages.value.email_protection,
        });
        if named { Ok(()) } else { Err(Distrust::WrongUsage { needed: self.name() }) }
    }
}

impl ExtendedKeyUsageValidator for Wanted {
    fn validate(&self, found: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        match self {
            Self::IfPresent(usage) => usage.validate(found),
            Self::Anything => Ok(()),
        }
    }
}
