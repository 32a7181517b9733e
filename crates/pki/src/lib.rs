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
mod list;
mod name;
mod path;
mod peer;
mod relay_tls;
mod revocation;
#[cfg(test)]
mod samples;
mod server;
mod smart_host;
mod space;

pub use self::{
    authorities::{Authorities, Authority, Environment},
    connector::{ConnectorPeer, Pin, PinError, PinFault, Pins},
    distrust::Distrust,
    error::PkiError,
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
        AuthorityView, CrlView, DomainView, ListView, Refreshed, RowView, SIGNING_POLICY, TrustSettings,
        TrustSpace, TrustStatus,
    },
};
