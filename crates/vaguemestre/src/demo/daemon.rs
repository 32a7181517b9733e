//! A daemon of the demonstration: the same program in a process of its own, as in real life, with its log in a file.
//!
//! Starts, waits for and ends the processes that it started and no other.

use std::{
    fs::{self, File},
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use futures_util::future;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    task, time,
};

use super::world::Site;
use crate::{
    control::{
        client,
        protocol::{Answer, Request},
    },
    exit::Failure,
};

/// How long the daemon may take to answer on its control socket; a store left by a crash is recovered within it.
const START: Duration = Duration::from_secs(60);

/// Lines of the log that are shown when the daemon did not start.
const LAST_LINES: usize = 12;

/// Why there is no daemon.
#[derive(Debug, thiserror::Error)]
pub(super) enum DaemonError {
    /// The process or its log could not be made.
    #[error("the daemon cannot be started: {0}")]
    Start(#[from] io::Error),
    /// It ended before it was ready.
    #[error("the daemon ended ({status}) before it was ready; the end of its log:\n{log}")]
    Ended { status: ExitStatus, log: String },
    /// It is not ready in [`START`].
    #[error("the daemon is not ready after {} s; the end of its log:\n{log}", START.as_secs())]
    Late { log: String },
}

/// A running daemon; killed if it is dropped without [`Daemon::stop`].
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts the daemon of `site` and waits until it answers.
    ///
    /// # Errors
    /// [`DaemonError`], with the end of the daemon's log.
    pub(super) async fn start(site: &Site) -> Result<Self, DaemonError> {
        let path = site.log();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let log = File::create(&path)?;
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--config"])
            .arg(site.config())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A group of its own: Ctrl-C must reach the demonstration alone, which then ends the daemon gracefully.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let mut daemon = Self { child };
        daemon.wait_until_ready(site).await?;
        Ok(daemon)
    }

    async fn wait_until_ready(&mut self, site: &Site) -> Result<(), DaemonError> {
        let late = Instant::now() + START;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Err(DaemonError::Ended { status, log: last_lines(&site.log()) });
            }
            let socket = site.socket();
            let answering = task::spawn_blocking(move || running(&socket)).await.map_err(io::Error::other)?;
            if answering.is_some() && answering == self.child.id() {
                return Ok(());
            }
            if Instant::now() > late {
                return Err(DaemonError::Late { log: last_lines(&site.log()) });
            }
            time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks the daemon to shut down and waits for it; it bounds its own time.
    async fn stop(mut self) -> io::Result<ExitStatus> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM)?;
        }
        self.child.wait().await
    }
}

/// The daemons of a world, each under its operator's name.
#[derive(Debug, Default)]
pub(super) struct Daemons(Vec<(&'static str, Daemon)>);

impl Daemons {
    /// One more.
    pub(super) fn add(&mut self, operator: &'static str, daemon: Daemon) {
        self.0.push((operator, daemon));
    }

    /// Resolves when one of them ends by itself: whose, and how.
    pub(super) async fn ended(&mut self) -> (&'static str, String) {
        let waiting = self.0.iter_mut().map(|(operator, daemon)| {
            Box::pin(async move {
                let ended = daemon.child.wait().await;
                (*operator, ended.map_or_else(|error| error.to_string(), |status| status.to_string()))
            })
        });
        future::select_all(waiting).await.0
    }

    /// Ends them all, at the same time.
    ///
    /// # Errors
    /// Which did not end well.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        let ending = self.0.into_iter().map(|(operator, daemon)| async move {
            match daemon.stop().await {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => Err(Failure::failed(format!("the daemon of {operator} ended with {status}"))),
                Err(error) => {
                    Err(Failure::failed(format!("the daemon of {operator} could not be ended: {error}")))
                }
            }
        });
        future::join_all(ending).await.into_iter().collect()
    }
}

/// The process that answers on the control socket, if one does. Blocks for as long as it takes to answer.
pub(super) fn running(socket: &Path) -> Option<u32> {
    match client::call(socket, &Request::Status {}) {
        Ok(Answer::Status(status)) => Some(status.process),
        _ => None,
    }
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n")
}
