//! IDLE (RFC 2177): when to wake up. The driver reads DONE; `Session::poll_changes` tells what changed.
//! Must be cancel-safe: the driver drops the wait when the client speaks.

use crate::session::Selected;

pub(in crate::session) async fn wait(selected: Option<&mut Selected>) {
    let Some(selected) = selected else { return std::future::pending().await };
    // What the last look saw does not wake again, even if that look failed.
    if selected.changes.changed().await.is_err() {
        // The store is closing: nothing will change any more.
        std::future::pending::<()>().await;
    }
}
