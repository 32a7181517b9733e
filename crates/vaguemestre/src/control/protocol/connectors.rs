//! What is told of connectors (S-3.10).
//!
//! Must never hold a password but in the one answer that shows it, which has no `Debug`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A connector as administrators see it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ConnectorView {
    pub(crate) name: String,
    pub(crate) structure: String,
    pub(crate) domains: Vec<String>,
    /// Where it hands mail over.
    pub(crate) listen: Vec<String>,
    /// Where mail for its users goes: `box`, `server` or `both`.
    pub(crate) deliver: String,
    /// That server.
    pub(crate) server: Option<String>,
    /// Whether it may log in with a password.
    pub(crate) login: bool,
    /// Since when it has one.
    pub(crate) password: Option<Timestamp>,
}

/// A connector's new password: the only time that it is shown.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewConnectorPassword {
    pub(crate) connector: String,
    pub(crate) password: String,
    pub(crate) trace: String,
}
