//! DKIM signatures (RFC 6376, RFC 8463) on what leaves, where the operator set a key. Nobody in the trust space needs them: who speaks for a
//! domain is told by the certificate (M-2). They are for readers of mail that was forwarded since.
//!
//! A message that is rewritten for a next hop without 8BITMIME loses its signature's worth: it is signed as it was accepted.
//!
//! May use: a key, the canonical forms of `message`. Must never touch: the rest of the header.

use std::{fmt, path::Path};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use message::{
    Header,
    dkim::{self, Claim, Relaxed},
};
use mssante::Domain;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

/// The field.
pub(crate) const FIELD: &str = "DKIM-Signature";

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DkimError {
    /// The file is not there, or holds no PKCS#8 key in PEM.
    #[error("the key cannot be read: {0}")]
    Unreadable(String),
    /// It is another kind of key.
    #[error("the key is neither RSA of at least 2048 bits nor Ed25519")]
    Unusable,
}

/// Signs for this operator's domains.
pub struct DkimSigner {
    key: Key,
    selector: String,
}

enum Key {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl DkimSigner {
    /// Reads a private key, PKCS#8 in PEM; `selector` is the name below `_domainkey` where its public half stands.
    ///
    /// # Errors
    /// [`DkimError`].
    pub fn load(key: &Path, selector: impl Into<String>) -> Result<Self, DkimError> {
        let der = PrivatePkcs8KeyDer::from_pem_file(key)
            .map_err(|error| DkimError::Unreadable(error.to_string()))?;
        let der = der.secret_pkcs8_der();
        let rsa =
            RsaKeyPair::from_pkcs8(der).ok().filter(|key| key.public_modulus_len() >= 256).map(Key::Rsa);
        let key = rsa.or_else(|| Ed25519KeyPair::from_pkcs8(der).ok().map(Key::Ed25519));
        Ok(Self { key: key.ok_or(DkimError::Unusable)?, selector: selector.into() })
    }

    /// The value of the field for this header, in the name of this domain; none if the key fails.
    pub(crate) fn sign(
        &self,
        header: &Header,
        domain: &Domain,
        body: &[u8],
        at: Timestamp,
    ) -> Option<String> {
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let facts = Claim {
            algorithm,
            domain: domain.as_str(),
            selector: &self.selector,
            at: at.as_second(),
            body_hash: &BASE64_STANDARD.encode(body),
        };
        let (claim, data) = dkim::claim(header, &facts);
        let signature = match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &data, &mut signature).ok()?;
                signature
            }
            // RFC 8463 section 3: the digest is what is signed
            Key::Ed25519(key) => key.sign(digest::digest(&digest::SHA256, &data).as_ref()).as_ref().to_vec(),
        };
        Some(dkim::signed(&claim, &BASE64_STANDARD.encode(signature)))
    }
}

impl fmt::Debug for DkimSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DkimSigner").field("selector", &self.selector).finish_non_exhaustive()
    }
}

/// The digest of a body while it passes.
pub(crate) struct BodyDigest {
    relaxed: Relaxed,
    context: digest::Context,
    piece: Vec<u8>,
}

impl BodyDigest {
    pub(crate) fn new() -> Self {
        let context = digest::Context::new(&digest::SHA256);
        Self { relaxed: Relaxed::default(), context, piece: Vec::new() }
    }

    pub(crate) fn update(&mut self, body: &[u8]) {
        self.piece.clear();
        self.relaxed.feed(body, &mut self.piece);
        self.context.update(&self.piece);
    }

    pub(crate) fn finish(mut self) -> digest::Digest {
        self.piece.clear();
        self.relaxed.finish(&mut self.piece);
        self.context.update(&self.piece);
        self.context.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use aws_lc_rs::{
        encoding::AsDer,
        rsa::KeySize,
        signature::{ED25519, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
    };

    use super::*;

    const HEADER: &[u8] = b"From: Joe <joe@nord.mssante.fr>\r\nTo: a@b.fr,\r\n\tc@d.fr\r\nSubject:  Is dinner\r\n ready?\r\nX-MSS-NIL: 1\r\n\r\n";

    fn loaded(der: &[u8]) -> Result<DkimSigner, DkimError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            BASE64_STANDARD.encode(der)
        );
        fs::write(&path, pem).unwrap();
        DkimSigner::load(&path, "s2026")
    }

    /// What a verifier does with the field: the data from the fields that `h=` names, and the signature.
    fn read(value: &str) -> (String, Vec<u8>) {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let tag = |name: &str| {
            let tags = value.split(';').filter_map(|tag| tag.trim().split_once('='));
            tags.filter(|(tag, _)| *tag == name).map(|(_, value)| value.to_owned()).next().unwrap()
        };
        let mut data = String::new();
        let mut fields: Vec<(String, String)> =
            ["From: Joe <joe@nord.mssante.fr>", "To: a@b.fr, c@d.fr", "Subject: Is dinner ready?"]
                .iter()
                .map(|field| field.split_once(": ").unwrap())
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect();
        for name in tag("h").split(':').map(str::trim) {
            if let Some(at) = fields.iter().rposition(|(field, _)| field == name) {
                let (name, value) = fields.remove(at);
                data.push_str(&format!("{name}:{value}\r\n"));
            }
        }
        assert!(fields.is_empty(), "all of them are signed");
        let (claim, signature) = value.rsplit_once("b=").unwrap();
        data.push_str(&format!("dkim-signature:{}", squeezed(&format!("{claim}b="))));
        let signature: String = signature.split_whitespace().collect();
        (data, BASE64_STANDARD.decode(signature).unwrap())
    }

    fn value(signer: &DkimSigner) -> String {
        let mut body = BodyDigest::new();
        for piece in "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n".as_bytes().chunks(5)
        {
            body.update(piece);
        }
        let domain = Domain::parse("nord.mssante.fr").unwrap();
        let header = Header::parse(HEADER);
        signer.sign(&header, &domain, body.finish().as_ref(), Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_verifier_accepts_what_either_key_signs() {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let written = value(&loaded(rsa.as_der().unwrap().as_ref()).unwrap());
        assert!(
            written
                .starts_with("v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n\td=nord.mssante.fr; s=s2026; t=0;"),
            "{written}"
        );
        assert!(
            written.contains("bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;"),
            "RFC 8463 appendix A.3: {written}"
        );
        let (data, signature) = read(&written);
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, rsa.public_key().as_ref());
        public.verify(data.as_bytes(), &signature).unwrap();

        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let written = value(&loaded(ed25519.to_pkcs8().unwrap().as_ref()).unwrap());
        let (data, signature) = read(&written);
        let hashed = digest::digest(&digest::SHA256, data.as_bytes());
        UnparsedPublicKey::new(&ED25519, ed25519.public_key().as_ref())
            .verify(hashed.as_ref(), &signature)
            .unwrap();
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        assert!(matches!(loaded(b"nothing"), Err(DkimError::Unusable)));
        assert!(matches!(DkimSigner::load(Path::new("/nonexistent"), "x"), Err(DkimError::Unreadable(_))));
        assert!(
            !format!(
                "{:?}",
                loaded(Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap().as_ref()).unwrap()
            )
            .contains("key")
        );
    }
}
