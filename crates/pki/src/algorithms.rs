//! The signature algorithms of certificates and revocation lists: RSA of 2048 bits or more with SHA-2 (all that IGC-Santé
//! uses, B.3.1), and ECDSA on P-256 and P-384. Nothing with SHA-1.

use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::aws_lc_rs::{
    ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P384_SHA256, ECDSA_P384_SHA384, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
};

pub(crate) static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512,
    ECDSA_P256_SHA256,
    ECDSA_P256_SHA384,
    ECDSA_P384_SHA256,
    ECDSA_P384_SHA384,
];
