//! Retention in the running daemon: a round at start, then every hour (S-4.3).
//!
//! A round that fails, or breaks, is told of in the log and made again soon; it never takes the daemon along. Must never
//! decide what goes: that is the store's.

use std::time::Duration;

use store::{KeepPlan, Store};
use tokio::{task::JoinSet, time};
use tracing::{error, info};

/// From one round to the next.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// After a round that failed.
const AGAIN: Duration = Duration::from_secs(60);

/// Keeps to `plan` until it is dropped.
pub(crate) async fn watch(store: Store, plan: KeepPlan) {
    loop {
        let rest = if round(&store, &plan).await { EVERY } else { AGAIN };
        time::sleep(rest).await;
    }
}

/// One round, in a task of its own: a defect that it meets ends the round alone. Whether it succeeded.
async fn round(store: &Store, plan: &KeepPlan) -> bool {
    let mut task = JoinSet::new();
    let (store, plan) = (store.clone(), plan.clone());
    task.spawn(async move { store.keep(&plan).await });
    match task.join_next().await {
        Some(Ok(Ok(kept))) => {
            if let Some(through) = kept.erased {
                info!(%through, took_us = kept.erasing.as_micros(), tidied = kept.tidied, "days were erased");
            }
            if kept.left > 0 {
                info!(messages = kept.left, "messages left boxes at the date of their structure");
            }
            true
        }
        Some(Ok(Err(error))) => {
            error!(%error, "a round of retention failed: it is made again in a minute");
            false
        }
        Some(Err(_)) | None => {
            error!("a round of retention broke off: it is made again in a minute");
            false
        }
    }
}
