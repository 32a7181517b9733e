//! How fast one session may send commands (I-9): beyond that the next one is read later, never dropped; who keeps at it for long
//! is told and closed.
//! Knows the time and nothing of what a command is.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{
    Settings,
    connection::{Ended, stream::Halt},
};

/// What may come at once after a pause, in time of the allowed rate.
const BURST: Duration = Duration::from_secs(1);

/// The pace of one session.
#[derive(Debug)]
pub(super) struct Pace {
    /// Time that each command takes of what is allowed.
    each: Duration,
    /// How long slowing down goes on before the session ends.
    patience: Duration,
    /// When all that was sent so far is paid for.
    paid: Instant,
    /// Since when the session is slowed down without a break.
    slowed: Option<Instant>,
}

impl Pace {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            each: Duration::from_secs(1) / settings.commands_per_second.max(1),
            patience: settings.flood_time,
            paid: Instant::now(),
            slowed: None,
        }
    }

    /// Counts a command; resolves when the next one may be read. Cancelling it forgets the wait, not the count.
    pub(super) async fn step(&mut self) -> Result<(), Halt> {
        let now = Instant::now();
        if self.paid <= now {
            self.paid = now;
            self.slowed = None;
        }
        self.paid += self.each;
        let ahead = self.paid - now;
        if ahead <= BURST {
            return Ok(());
        }
        let since = *self.slowed.get_or_insert(now);
        if now - since > self.patience {
            let text = "[LIMIT] too many commands for too long: check the mail client, then connect again";
            return Err(Halt::Bye(Ended::Flood, text.into()));
        }
        sleep_until(now + (ahead - BURST)).await;
        Ok(())
    }
}
