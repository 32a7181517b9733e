//! The antivirus: what arrives is shown to a clamd (its INSTREAM command) while it is written to the store, and judged before the 250.
//!
//! An infected message is refused, never dropped; one that could not be judged is refused for now, or taken with a trace, as set. At most
//! [`AT_ONCE`] messages are shown at a time, the others wait for their turn within the same time limit.
//!
//! May use: a socket to the scanner. Must never touch: the message; the scanner gets its bytes and gives a verdict.

mod answer;
mod client;
mod denials;

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

#[cfg(test)]
pub(crate) use self::denials::all as all_denials;
use self::{answer::Answer, client::Line};
use crate::replies::Denial;

/// Messages that are shown to the scanner at the same time: a clamd serves ten threads unless it is told otherwise.
pub const AT_ONCE: usize = 32;

/// How messages are scanned. [`ScanSettings::new`] gives the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanSettings {
    /// Where the scanner listens.
    pub address: ScanAddress,
    /// How long each step may take: waiting for a turn and connecting, one piece, the verdict. 60 s.
    pub timeout: Duration,
    /// What becomes of a message that could not be judged. Refused for now.
    pub on_failure: OnFailure,
    /// Largest message that is shown, in bytes; it must not be more than the scanner's own `StreamMaxLength`. 100,000,000.
    pub max_bytes: u64,
}

impl ScanSettings {
    /// The defaults for a scanner at this address.
    #[must_use]
    pub fn new(address: ScanAddress) -> Self {
        let timeout = Duration::from_secs(60);
        Self { address, timeout, on_failure: OnFailure::TempFail, max_bytes: 100_000_000 }
    }
}

/// Where a scanner listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanAddress {
    /// A Unix socket.
    Unix(PathBuf),
    /// TCP, in clear: for a scanner on this host.
    Tcp(SocketAddr),
}

/// What becomes of a message that could not be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused for now (451 4.7.1).
    TempFail,
    /// It is taken, and its trace says that it was not scanned.
    Pass,
}

/// Why a message could not be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody listens there, or nobody had time.
    NoConnection,
    /// A step took too long.
    Timeout,
    /// The connection broke off.
    Lost,
    /// The scanner failed, or said what no clamd says.
    Answer,
    /// The message is larger than is shown.
    TooLarge,
    /// As many messages as may be shown at once are being shown, for too long.
    Crowded,
}

impl Failure {
    /// Stable name, for traces and logs.
    fn as_str(self) -> &'static str {
        match self {
            Self::NoConnection => "no-connection",
            Self::Timeout => "timeout",
            Self::Lost => "connection-lost",
            Self::Answer => "bad-answer",
            Self::TooLarge => "too-large",
            Self::Crowded => "crowded",
        }
    }
}

/// A scanner, and what it has judged.
#[derive(Debug)]
pub struct Scanner {
    settings: ScanSettings,
    turns: Arc<Semaphore>,
    statistics: ScanStatistics,
}

/// How many messages had which verdict since the start.
#[derive(Debug, Default)]
pub struct ScanStatistics {
    clean: AtomicU64,
    infected: AtomicU64,
    unscanned: AtomicU64,
}

impl ScanStatistics {
    /// Messages in which nothing was found.
    pub fn clean(&self) -> u64 {
        self.clean.load(Relaxed)
    }

    /// Messages that were refused for what was found.
    pub fn infected(&self) -> u64 {
        self.infected.load(Relaxed)
    }

    /// Messages that could not be judged, refused or not.
    pub fn unscanned(&self) -> u64 {
        self.unscanned.load(Relaxed)
    }
}

impl Scanner {
    /// A scanner that works as set. Nothing is connected yet.
    #[must_use]
    pub fn new(settings: ScanSettings) -> Self {
        Self { settings, turns: Arc::new(Semaphore::new(AT_ONCE)), statistics: ScanStatistics::default() }
    }

    /// Its numbers, which go on being counted.
    #[must_use]
    pub fn statistics(&self) -> &ScanStatistics {
        &self.statistics
    }
}

/// A message that is shown to the scanner while it arrives.
pub(crate) struct Scan {
    scanner: Arc<Scanner>,
    state: State,
    shown: u64,
}

enum State {
    /// Nothing was shown yet.
    Idle,
    Showing(Line),
    Failed(Failure),
}

/// What is told of a message that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing was found.
    Clean,
    /// It could not be judged, and is taken as set.
    Unscanned(Failure),
}

impl Verdict {
    /// What its trace says.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Unscanned(failure) => failure.as_str(),
        }
    }
}

impl Scan {
    pub(crate) fn new(scanner: Arc<Scanner>) -> Self {
        Self { scanner, state: State::Idle, shown: 0 }
    }

    /// Shows the next bytes. A failure is remembered, and answered at the end: the client is in the middle of its DATA.
    pub(crate) async fn show(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.shown += bytes.len() as u64;
        let ScanSettings { max_bytes, timeout, .. } = self.scanner.settings;
        if self.shown > max_bytes && !matches!(self.state, State::Failed(_)) {
            self.state = State::Failed(Failure::TooLarge);
        }
        if matches!(self.state, State::Idle) {
            let opened = Line::open(&self.scanner.settings, Arc::clone(&self.scanner.turns)).await;
            self.state = opened.map_or_else(State::Failed, State::Showing);
        }
        if let State::Showing(line) = &mut self.state
            && let Err(failure) = line.piece(bytes, timeout).await
        {
            self.state = State::Failed(failure);
        }
    }

    /// The verdict on all that was shown.
    ///
    /// # Errors
    /// The refusal: something was found, or nothing could be judged and that is not let pass.
    pub(crate) async fn finish(self) -> Result<Verdict, Denial> {
        let Scanner { settings, statistics, .. } = self.scanner.as_ref();
        let answer = match self.state {
            State::Idle => Ok(Answer::Clean),
            State::Showing(line) => line.verdict(settings.timeout).await,
            State::Failed(failure) => Err(failure),
        };
        match answer {
            Ok(Answer::Clean) => {
                statistics.clean.fetch_add(1, Relaxed);
                Ok(Verdict::Clean)
            }
            Ok(Answer::Infected(signature)) => {
                statistics.infected.fetch_add(1, Relaxed);
                Err(denials::infected(&signature))
            }
            Err(failure) => {
                statistics.unscanned.fetch_add(1, Relaxed);
                tracing::warn!(reason = failure.as_str(), on_failure = ?settings.on_failure, "a message could not be scanned");
                match (settings.on_failure, failure) {
                    // who sends slowly must not be able to have the others' mail pass unseen
                    (OnFailure::Pass, Failure::Crowded) => Err(denials::not_scanned()),
                    (OnFailure::Pass, _) => Ok(Verdict::Unscanned(failure)),
                    (OnFailure::TempFail, Failure::TooLarge) => {
                        Err(denials::too_large_to_scan(settings.max_bytes))
                    }
                    (OnFailure::TempFail, _) => Err(denials::not_scanned()),
                }
            }
        }
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("shown", &self.shown).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
