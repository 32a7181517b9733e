//! Numbers for `status` and metrics.

use serde::Serialize;

/// What the store did since it was opened, and how it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Synced commits.
    pub commits: u64,
    /// Operations made durable by them.
    pub operations: u64,
    /// Messages put in boxes by deliveries and APPEND, one a copy.
    pub messages: u64,
    /// Messages erased from boxes after their time, one a box.
    pub erased: u64,
    /// Operations waiting for the committer.
    pub waiting: u64,
    /// Memory the engine uses for caches and write buffers, bytes.
    pub engine_memory: u64,
    /// Bytes of live data, estimated by the engine.
    pub live_bytes: u64,
    /// Whether the store sheds load now.
    pub shedding: bool,
    /// Room on its disk when it was last looked at, bytes.
    pub disk_free: u64,
    /// Whether that is too little for new messages.
    pub disk_full: bool,
    /// Files known to be damaged.
    pub damaged_files: u64,
    /// Whether the engine works beside damaged files: it compacts nothing until they are whole.
    pub careful: bool,
}
