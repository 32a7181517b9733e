//! The words of `connector`.

use clap::{Args, Subcommand};

/// `connector`.
#[derive(Debug, Args)]
pub(crate) struct Connector {
    #[command(subcommand)]
    pub(crate) action: ConnectorAction,
}

/// What to do with connectors.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorAction {
    /// List them: whom each speaks for, where it is delivered to, and since when it has a password.
    List,
    /// Make a password for one, in place of the one that it had; it is shown once and never again. Sessions that rest on the old one
    /// end within five seconds.
    Password {
        /// Its name in the configuration.
        name: String,
    },
    /// Take the password of one away.
    Revoke {
        /// Its name; one that the configuration no longer has may be named too.
        name: String,
    },
}
