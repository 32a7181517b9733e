//! The control socket as the way to a second place: after one line each way, commits flow to the client until it goes.
//!
//! What flows is sealed as it lies on the disk. Must never touch what it means.

use std::{
    io::BufWriter,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use store::{BackupError, FollowOptions, Position, Store};
use tokio::{net::UnixStream, sync::OwnedSemaphorePermit, task};
use tracing::{info, warn};

/// Second places at once: it has a thread of its own, and holds files of the engine that are done with for some seconds.
pub(crate) const FOLLOWERS: usize = 1;

/// How long a second place may take nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a second place asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Following {
    /// The last batch that it has; none if it needs a whole copy.
    pub(crate) position: Option<Position>,
    /// Seconds between two looks, 1 to 10.
    pub(crate) interval: u8,
}

/// Says that nobody waits any more when whoever waited is gone.
struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Sends commits until the client goes; ends within moments when it is dropped.
pub(super) async fn send(
    stream: UnixStream,
    store: Store,
    following: Following,
    permit: OwnedSemaphorePermit,
) -> std::io::Result<()> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let stop = Arc::new(AtomicBool::new(false));
    let _stopping = StopWhenDropped(Arc::clone(&stop));
    let interval = Duration::from_secs(u64::from(following.interval.clamp(1, 10)));
    let options = FollowOptions { interval, ..FollowOptions::default() };
    let work = move || {
        let _permit = permit;
        let mut out = BufWriter::with_capacity(1 << 16, stream);
        match store.follow(following.position, options, &mut out, &stop) {
            Ok(()) => info!("a second place is told no more: the service ends"),
            Err(BackupError::Stream(error)) => info!(%error, "a second place went"),
            Err(error) => warn!(%error, "a second place cannot be told any more"),
        }
    };
    task::spawn_blocking(work).await.map_err(std::io::Error::other)
}
