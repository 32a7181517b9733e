//! The words of `retention` and `clock`.

use clap::{Args, Subcommand};

/// `retention`.
#[derive(Debug, Args)]
pub(crate) struct Retention {
    #[command(subcommand)]
    pub(crate) action: RetentionAction,
}

/// What to do with retention.
#[derive(Debug, Subcommand)]
pub(crate) enum RetentionAction {
    /// Show how far messages and traces are erased, and the latest proof of it (S-4.3). Fails if the proof found a fault.
    Show,
}

/// `clock`.
#[derive(Debug, Args)]
pub(crate) struct Clock {
    #[command(subcommand)]
    pub(crate) action: ClockAction,
}

/// What to do with the clock.
#[derive(Debug, Subcommand)]
pub(crate) enum ClockAction {
    /// Believe the machine's clock again after it leapt ahead or was set back: check it first. Until then nothing is
    /// erased, or no mail is taken (I-4). Traced with your name.
    Accept,
}
