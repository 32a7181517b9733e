//! Opening a store whose log of commits is damaged, without what the log no longer says: an administrator's decision, since
//! messages that were acknowledged may be among it.

use crate::{
    OpenError, OpenOptions, Store, Trace,
    engine::Engine,
    open::{ENGINE_DIR, Logs},
};

/// What was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLoss {
    /// The log that no longer says all that was on the disk.
    pub file: String,
    /// Changes, in the engine's count, that were known to be on the disk and are not there any more. There may have been more,
    /// of the last seconds.
    pub changes: u64,
}

/// Opens the store of a damaged log once, without what is lost, and traces that; after it the store opens as ever. Gives what
/// was lost; none if nothing was, and then nothing is traced. Blocking; nobody else may have the store open.
///
/// # Errors
/// [`OpenError`]: as opening gives, for another reason than the log, or `LogNeeded`. The loss is then not accepted: opening is
/// refused as before.
pub fn accept_log_loss(
    options: OpenOptions,
    trace: impl FnOnce(&LogLoss) -> Trace,
) -> Result<Option<LogLoss>, OpenError> {
    let dir = options.dir.join(ENGINE_DIR);
    if !Engine::is_there(&dir) {
        return Err(OpenError::Absent(options.dir));
    }
    let store = Store::open_on(OpenOptions { create: None, ..options }, Logs::WhatIsLeft)?;
    let engine = &store.core.engine;
    let loss = engine.lost().map(|(file, changes)| LogLoss { file, changes });
    let traced = loss.as_ref().map_or(Ok(()), |loss| store.trace_blocking(&trace(loss)));
    // Only now: whoever is killed before this finds the log as damaged as it was.
    let accepted = traced.and_then(|()| engine.accepted());
    store.close()?;
    accepted?;
    if let Some(LogLoss { file, changes }) = &loss {
        tracing::warn!(file, changes, "the loss of what a damaged log said was accepted by an administrator");
    }
    Ok(loss)
}
