//! Certificates, and who is trusted because of them. What the access listeners (submission, IMAP) show to mail clients
//! (M-5); the trust space between operators: authorities, revocation lists, the white list, and the judgement of a peer
//! (M-1, M-2, M-4); hospitals' own servers by pins (S-3.10) and the ordinary smart host (S-3.3); and the rustls configurations of all.
//!
//! It may use rustls, webpki and x509-parser, and the files it is named. It knows nothing of mail, of the store, or of
//! sessions, and asks no clock: the time is an argument.
//!
//! Read [`Trust`] first: what it proves is what the rest serves.

mod algorithms;
mod authorities;
mod connector;
mod distrust;
mod error;
mod files;
mod host;
mod list;
mod name;
mod path;
mod peer;
mod points;
mod relay_tls;
mod revocation;
#[cfg(test)]
mod samples;
mod server;
mod smart_host;
mod space;

pub use self::{
    authorities::{Authorities, Authority, CrlPoint, Environment},
    connector::{ConnectorPeer, Pin, PinError, PinFault, Pins},
    distrust::Distrust,
    error::PkiError,
    host::list_client,
    list::{
        ListExamination, ListFault, MAX_ATTRIBUTES, MAX_DEPTH, MAX_LIST_BYTES, MAX_SIGNATURE_BYTES,
        MAX_SIGNATURE_ELEMENTS, Outcome, SignedList, SignerFault, Step, XmlFault, canonical, examine_list,
    },
    path::presented,
    peer::{Role, Trust, TrustedPeer, TrustedRecipient},
    revocation::{
        Crl, CrlEvent, CrlFault, CrlFile, CrlNote, CrlState, MAX_CLOCK_SKEW, MAX_CRL_BYTES, Number,
        Revocations,
    },
    server::{Description, EXPIRES_SOON_DAYS, ServerTls, TlsVersion},
    smart_host::{SmartHostDistrust, SmartHostPeer, SmartHostTrust},
    space::{
        AcceptedSigner, AuthorityView, CandidateView, CrlView, DomainView, ListView, Refreshed, RowView,
        SIGNING_POLICY, SignerView, SourceView, TrustSettings, TrustSpace, TrustStatus,
    },
};

/// The SHA-256 digest of a document, in hexadecimal: by it a white list or a revocation list is recognised.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}
