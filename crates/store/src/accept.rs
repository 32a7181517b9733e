//! Opening a store whose log of commits is damaged, without what the log no longer says: an administrator's decision, since
//! messages that were acknowledged may be among it.

use crate::{
    OpenError, OpenOptions, Store, StoreError, Trace,
    engine::{Engine, SetAside},
    open::ENGINE_DIR,
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
/// [`OpenError`]: as opening gives, for another reason than the log; the log is then held against its mark as before.
pub fn accept_log_loss(
    options: OpenOptions,
    trace: impl FnOnce(&LogLoss) -> Trace,
) -> Result<Option<LogLoss>, OpenError> {
    let dir = options.dir.join(ENGINE_DIR);
    if !Engine::is_there(&dir) {
        return Err(OpenError::Absent(options.dir));
    }
    let aside = SetAside::new(&dir).map_err(|source| OpenError::File { path: dir.clone(), source })?;
    let store = Store::open(OpenOptions { create: None, ..options })?;
    let found = store.core.engine.found();
    let loss = aside.accept(found).map(|(file, known)| LogLoss { file, changes: known - found });
    let traced = loss.as_ref().map_or(Ok(()), |loss| store.trace_blocking(&trace(loss)));
    store.close()?;
    traced.map_err(|error: StoreError| OpenError::from(error))?;
    if let Some(LogLoss { file, changes }) = &loss {
        tracing::warn!(file, changes, "the loss of what a damaged log said was accepted by an administrator");
    }
    Ok(loss)
}
