//! Which deadline applies now: for the login, a command, the content, the session, the stop. No deadline is put off by single bytes of
//! a command, so that a client that drips them gains nothing.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    Limits, Policy,
    machine::{Interruption, Reading, Waiting},
};

/// The deadlines of one session.
pub(super) struct Deadlines {
    limits: Limits,
    begun: Instant,
    progress: Option<u64>,
    line_since: Instant,
    content_since: Option<Instant>,
    stop_by: Option<Instant>,
}

impl Deadlines {
    pub(super) fn new(limits: Limits, begun: Instant) -> Self {
        Deadlines { limits, begun, progress: None, line_since: begun, content_since: None, stop_by: None }
    }

    /// When the client must have logged in.
    pub(super) fn login(&self) -> Instant {
        self.begun + self.limits.pre_auth_timeout
    }

    /// How long a write may take.
    pub(super) fn write(&self) -> Duration {
        self.limits.write_timeout
    }

    /// Whether the session was told to stop.
    pub(super) fn stopping(&self) -> bool {
        self.stop_by.is_some()
    }

    /// The server stops now.
    pub(super) fn stop(&mut self, now: Instant) {
        self.stop_by = Some(now + self.limits.stop_grace);
    }

    /// When what is wanted next must have come, and what happens otherwise.
    pub(super) fn next<P: Policy>(&mut self, reading: &Reading<P>, now: Instant) -> (Instant, Interruption) {
        if self.progress != Some(reading.progress()) {
            self.progress = Some(reading.progress());
            self.line_since = now;
            self.content_since = None;
        }
        let command = self.line_since + self.limits.command_timeout;
        let by = match reading.waiting() {
            Waiting::Login => command.min(self.login()),
            Waiting::Command if reading.in_transaction() => command,
            Waiting::Command => command.min(self.begun + self.limits.session_timeout),
            Waiting::Content => {
                let since = *self.content_since.get_or_insert(now);
                (now + self.limits.data_timeout).min(since + self.limits.message_timeout)
            }
        };
        match self.stop_by {
            Some(stop_by) if stop_by < by => (stop_by, Interruption::Stopped),
            _ => (by, Interruption::Timeout),
        }
    }
}
