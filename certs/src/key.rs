//! RSA-2048 keys, as everything in the trust space has them (mssante.md B.3.1), and their PEM. May use the system's
//! randomness; must never write a file: whoever keeps a key sees to its mode.

use std::{fmt, sync::Arc, thread};

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};

use crate::{
    DemoPkiError, der,
    pem::{self, PRIVATE_KEY},
};

const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const SHA256_WITH_RSA: &str = "1.2.840.113549.1.1.11";

/// A private key. Cheap to clone: several certificates may share one, which spares tests the slow part.
#[derive(Clone)]
pub struct Key(Arc<KeyPair>);

impl Key {
    /// A new key: about a tenth of a second of one processor.
    ///
    /// # Errors
    /// The library gives none.
    pub fn generate() -> Result<Self, DemoPkiError> {
        let pair =
            KeyPair::generate(KeySize::Rsa2048).map_err(|_| DemoPkiError::Key("none could be made"))?;
        Ok(Self(Arc::new(pair)))
    }

    /// `count` keys, made side by side.
    ///
    /// # Errors
    /// As [`Key::generate`].
    pub fn generate_many(count: usize) -> Result<Vec<Self>, DemoPkiError> {
        thread::scope(|scope| {
            let makers: Vec<_> = (0..count).map(|_| scope.spawn(Self::generate)).collect();
            makers
                .into_iter()
                .map(|maker| maker.join().unwrap_or(Err(DemoPkiError::Key("its maker stopped"))))
                .collect()
        })
    }

    /// The key of a PKCS #8 PEM text.
    ///
    /// # Errors
    /// It holds no RSA key.
    pub fn from_pem(text: &str) -> Result<Self, DemoPkiError> {
        let der = pem::decode(text, PRIVATE_KEY).ok_or(DemoPkiError::Key("the PEM text holds none"))?;
        let pair = KeyPair::from_pkcs8(&der).map_err(|_| DemoPkiError::Key("it is no RSA key in PKCS #8"))?;
        Ok(Self(Arc::new(pair)))
    }

    /// PKCS #8, PEM.
    ///
    /// # Errors
    /// The library cannot write it.
    pub fn to_pem(&self) -> Result<String, DemoPkiError> {
        Ok(pem::encode(&self.to_der()?, PRIVATE_KEY))
    }

    /// PKCS #8, DER.
    ///
    /// # Errors
    /// The library cannot write it.
    pub fn to_der(&self) -> Result<Vec<u8>, DemoPkiError> {
        let der = self.0.as_der().map_err(|_| DemoPkiError::Key("it cannot be written"))?;
        Ok(der.as_ref().to_vec())
    }

    /// RSA PKCS #1 v1.5 over SHA-256 of `data`.
    ///
    /// # Errors
    /// The library cannot sign.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, DemoPkiError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)
            .map_err(|_| DemoPkiError::Key("it cannot sign"))?;
        Ok(signature)
    }

    /// The RSAPublicKey (RFC 8017 §A.1.1).
    pub(crate) fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The SubjectPublicKeyInfo.
    pub(crate) fn public_info(&self) -> Vec<u8> {
        der::sequence(&[der::sequence(&[der::oid(RSA_ENCRYPTION), der::null()]), der::bits(self.public())])
    }

    /// SIGNED { `signed` }: the value, the algorithm, the signature (RFC 5280 §4.1.1).
    pub(crate) fn signed(&self, signed: Vec<u8>) -> Result<Vec<u8>, DemoPkiError> {
        let signature = self.sign(&signed)?;
        Ok(der::sequence(&[signed, algorithm(), der::bits(&signature)]))
    }
}

/// sha256WithRSAEncryption.
pub(crate) fn algorithm() -> Vec<u8> {
    der::sequence(&[der::oid(SHA256_WITH_RSA), der::null()])
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(RSA)")
    }
}
