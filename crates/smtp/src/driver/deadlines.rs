//! Which deadline applies now: for the login, a command, the content, the transaction, the session, the stop. No deadline is put off by single
//! bytes, of a command or of content, so that a client that drips them gains nothing; nor by NOOP within a transaction.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    BLOCK, Policy, Settings,
    machine::{Interruption, Reading, Waiting},
};

/// The deadlines of one session.
pub(super) struct Deadlines {
    settings: Arc<Settings>,
    begun: Instant,
    progress: Option<u64>,
    line_since: Instant,
    /// The number of the transaction that is open, and since when it is.
    transaction: Option<(u32, Instant)>,
    block: Block,
    stop_by: Option<Instant>,
}

/// A block of content that is awaited.
#[derive(Default)]
struct Block {
    /// Bytes of content that came before it.
    before: u64,
    /// How long the client was waited for. What the policy takes is not the client's doing.
    waited: Duration,
}

impl Deadlines {
    pub(super) fn new(settings: Arc<Settings>, begun: Instant) -> Self {
        Deadlines {
            settings,
            begun,
            progress: None,
            line_since: begun,
            transaction: None,
            block: Block::default(),
            stop_by: None,
        }
    }

    /// When the client must have logged in.
    pub(super) fn login(&self) -> Instant {
        self.begun + self.settings.limits.pre_auth_timeout
    }

    /// How long a write may take.
    pub(super) fn write(&self) -> Duration {
        self.settings.limits.write_timeout
    }

    /// How long anything may take once the server stops.
    pub(super) fn grace(&self) -> Duration {
        self.settings.limits.stop_grace
    }

    /// Whether the session was told to stop.
    pub(super) fn stopping(&self) -> bool {
        self.stop_by.is_some()
    }

    /// The server stops now.
    pub(super) fn stop(&mut self, now: Instant) {
        self.stop_by = Some(now + self.settings.limits.stop_grace);
    }

    /// The client was waited for so long.
    pub(super) fn waited(&mut self, time: Duration) {
        self.block.waited += time;
    }

    /// When what is wanted next must have come, and what happens otherwise.
    pub(super) fn next<P: Policy>(&mut self, reading: &Reading<P>, now: Instant) -> (Instant, Interruption) {
        let came = reading.content_bytes();
        if self.progress != Some(reading.progress()) {
            self.progress = Some(reading.progress());
            self.line_since = now;
            self.block = Block { before: came, ..Block::default() };
        }
        let number = reading.transaction();
        let begun = self.transaction.filter(|(known, _)| *known == number).map_or(now, |(_, since)| since);
        self.transaction = reading.in_transaction().then_some((number, begun));
        let command = self.line_since + self.settings.limits.command_timeout;
        let whole = begun + self.settings.limits.message_timeout;
        let by = match reading.waiting() {
            Waiting::Login => command.min(self.login()),
            Waiting::Command if reading.in_transaction() => command.min(whole),
            Waiting::Command => command.min(self.begun + self.settings.limits.session_timeout),
            Waiting::Content => (now + self.block_left(came)).min(whole),
        };
        match self.stop_by {
            Some(stop_by) if stop_by < by => (stop_by, Interruption::Stopped),
            _ => (by, Interruption::Timeout),
        }
    }

    /// How long the rest of the block may still be waited for; `came` is how much content came so far.
    fn block_left(&mut self, came: u64) -> Duration {
        if came.saturating_sub(self.block.before) >= BLOCK as u64 {
            self.block = Block { before: came, ..Block::default() };
        }
        self.settings.limits.data_timeout.saturating_sub(self.block.waited)
    }
}
