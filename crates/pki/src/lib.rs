//! Certificates and the TLS configurations made of them. For now: what the access listeners (submission, IMAP) show to
//! mail clients (M-5). It may use rustls and x509-parser, and the files it is named; it knows nothing of mail, of the
//! store, or of sessions, and asks no clock: the time is an argument.

mod error;
mod server;

pub use self::{
    error::PkiError,
    server::{Description, EXPIRES_SOON_DAYS, ServerTls, TlsVersion},
};
