//! The daemon's log: structured lines on the standard error output, for people or for a collector.
//!
//! Must never decide what is logged; it is the rooms' duty to log no content, subject, password or patient number.

use std::{io, panic};

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Log, LogFormat};

/// Starts the log; only the first call of a process has an effect.
pub(crate) fn start(log: Log) {
    // The libraries say at info what only their developers want: theirs are heard from warn on.
    let level = log.level;
    let directives = format!(
        "warn,vaguemestre={level},smtp={level},imap={level},delivery={level},identity={level},store={level},pki={level}"
    );
    let filter = EnvFilter::new(if level == tracing::Level::ERROR { "error".into() } else { directives });
    // A line that cannot be written (the log's own disk is full) is lost. To complain of it on the same output would panic, and the
    // panic's own line would end the daemon: mail is more than its log.
    let lines =
        fmt().with_env_filter(filter).with_writer(io::stderr).with_target(true).log_internal_errors(false);
    let started = match log.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "the log had been started");
    }
    // What a panic says may quote the text that it met: the place is enough to find the defect.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a defect of this program: it panicked");
    }));
}
