//! What can be wrong with a certificate or its key, said to whoever installs them.

use std::{io, path::PathBuf};

use jiff::Timestamp;
use thiserror::Error;

/// Why a certificate and key cannot serve.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {error}: name an existing file that the service may read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is larger than certificates or keys are.
    #[error("{0} is larger than 1 MiB: it is not a PEM file of certificates or keys")]
    TooLarge(PathBuf),
    /// Text that starts as PEM and is not.
    #[error("{0} is not sound PEM: export the certificate or key again")]
    BadPem(PathBuf),
    /// No certificate in the file.
    #[error("{0} holds no certificate: it must be PEM with \"BEGIN CERTIFICATE\", the server's own first")]
    NoCertificate(PathBuf),
    /// The certificate cannot be understood.
    #[error("{path}: the certificate is not sound ({reason}): export it again")]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The first certificate is an authority's.
    #[error(
        "{0}: the first certificate is an authority's: put the server's own first, then those that lead to its authority"
    )]
    AuthorityFirst(PathBuf),
    /// The certificate is for something else.
    #[error("{0}: the certificate is not for servers (extended key usage serverAuth): ask for one that is")]
    NotForServers(PathBuf),
    /// The certificate cannot speak to other operators.
    #[error(
        "{0}: the certificate is not for servers and clients both (extended key usages serverAuth and clientAuth), \
         which the relay to other operators needs: ask for one that is"
    )]
    NotForRelay(PathBuf),
    /// A certificate among the authorities is not an authority's.
    #[error(
        "{path}: the certificate of \"{name}\" is not an authority's: name the authorities' own certificates"
    )]
    NotAnAuthority {
        /// The file.
        path: PathBuf,
        /// Its subject.
        name: String,
    },
    /// A certificate among the roots is not a root's.
    #[error(
        "{path}: the certificate of \"{name}\" is signed by another authority, so it is no root: \
         put it with the issuing authorities"
    )]
    NotARoot {
        /// The file.
        path: PathBuf,
        /// Its subject.
        name: String,
    },
    /// No authority's certificate.
    #[error(
        "{0} holds no authority's certificate: name a PEM bundle, a DER file, or a directory of .pem, .crt, .cer or .der \
         files (a .p7b is turned into PEM by openssl pkcs7 -print_certs)"
    )]
    NoAuthority(PathBuf),
    /// A directory with more files than certificates could be.
    #[error("{0} holds more than 256 files: name a directory of its own")]
    TooManyFiles(PathBuf),
    /// The certificate has no name that clients would look at.
    #[error(
        "{0}: the certificate has no subject alternative name, clients would refuse it: ask for one that has"
    )]
    NoNames(PathBuf),
    /// No private key in the file.
    #[error("{0} holds no private key: it must be PEM with \"BEGIN PRIVATE KEY\"")]
    NoKey(PathBuf),
    /// The private key is protected by a pass phrase.
    #[error(
        "{0}: the key is encrypted: take its pass phrase off (openssl pkey -in FILE -out KEY) and protect the file (chmod 600)"
    )]
    EncryptedKey(PathBuf),
    /// Anyone on the machine can read the private key.
    #[error("{path} has mode {mode:03o}: everyone can read this private key, take that away (chmod 600)")]
    ExposedKey {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The private key is of a kind that cannot be used.
    #[error("{path}: the key cannot be used ({reason}): RSA of 2048 bits or more, P-256 and P-384 can")]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key is another certificate's.
    #[error(
        "the key in {key} is not that of the first certificate in {chain}: name the files that belong together"
    )]
    KeyMismatch {
        /// The file of the certificates.
        chain: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// The certificate's time has passed.
    #[error("{path}: the certificate expired on {at}: clients refuse it, install its successor")]
    Expired {
        /// The file of the certificates.
        path: PathBuf,
        /// When.
        at: Timestamp,
    },
    /// The certificate's time has not come.
    #[error(
        "{path}: the certificate is not valid before {at}: clients refuse it until then; is the clock right?"
    )]
    NotYetValid {
        /// The file of the certificates.
        path: PathBuf,
        /// From when.
        at: Timestamp,
    },
}
