//! How a command ends: the exit codes of the help text, and errors printed as text or JSON.
//!
//! Must never decide what is an error.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    config::ConfigError,
    control::{
        client::CallError,
        protocol::{Refused, RefusedKind},
    },
};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    /// A stable word for scripts.
    kind: &'static str,
    message: String,
}

impl Failure {
    /// Refused or failed: exit code 1. `message` says what happened and what to do.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { code: 1, kind: "failed", message: message.into() }
    }

    /// Prints the failure on the standard error output and gives its exit code.
    pub(crate) fn report(&self, as_json: bool) -> ExitCode {
        if as_json {
            eprintln!("{}", json!({ "error": { "kind": self.kind, "message": self.message } }));
        } else {
            eprintln!("vaguemestre: {}", self.message);
        }
        ExitCode::from(self.code)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { code: 4, kind: "configuration", message: format!("the configuration is wrong:\n{error}") }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let (code, kind) = match error {
            CallError::Unreachable { .. } => (3, "unreachable"),
            CallError::NoAnswer { .. } => (1, "no-answer"),
        };
        Self { code, kind, message: error.to_string() }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let (code, kind) = match refused.kind {
            RefusedKind::NotAdministrator => (5, "not-administrator"),
            RefusedKind::Refused => (1, "refused"),
            RefusedKind::Unavailable => (1, "unavailable"),
        };
        Self { code, kind, message: refused.message }
    }
}
