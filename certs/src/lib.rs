//! The demonstration PKI, in the shape of IGC-Santé: authorities, operators' certificates, revocation lists and a signed
//! white list, made on the machine that shows them. Tests use the same parts to make what must be refused.
//!
//! May use files of the directory it is given and nothing else; it must never be part of how a real server gets its
//! certificate.

use std::{io, path::PathBuf};

use thiserror::Error;

mod authority;
mod der;
mod files;
mod hierarchy;
mod kept;
mod key;
mod leaf;
mod list;
mod name;
mod pem;
mod world;

pub use self::{
    authority::{Authority, Crl, Issued, Serial},
    hierarchy::{Hierarchy, Space, Tier},
    key::Key,
    leaf::{Leaf, SERVER_DAYS, SERVER_POLICY, SIGNING_POLICY, TEST_POLICY, Usage},
    list::{Form, Row, document, sign_document, sign_list},
    name::{Attribute, Name},
    world::{Operator, World},
};

/// Why there is no demonstration PKI.
#[derive(Debug, Error)]
pub enum DemoPkiError {
    /// A file or directory cannot be read or written.
    #[error("{path}: {error}: free it or choose another directory")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No world is there.
    #[error("{0}: not there or not whole: make the demonstration first")]
    NoWorld(PathBuf),
    /// A name cannot stand in a certificate.
    #[error("the name {0:?} cannot stand in a certificate: write it in ASCII")]
    Name(String),
    /// Something is wrong with a key.
    #[error("no key: {0}")]
    Key(&'static str),
    /// What is to be signed as a white list has no end tag.
    #[error("the list has no end tag")]
    List,
}

#[cfg(test)]
mod tests;
