//! A look at an engine that may be open elsewhere. Must never write.

use std::path::Path;

use rocksdb::{DB, Error, Options};

use super::{open::failure, options::logger};
use crate::{Result, StoreError, engine::Family};

/// Reads one value of an engine that may be open elsewhere, and changes nothing of it.
pub(crate) fn peek(dir: &Path, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut options = Options::default();
    options.set_info_logger(logger());
    // Its own family and the default one, which cannot be left out: the others stay closed.
    let db = DB::open_cf_for_read_only(&options, dir, ["default", family.name()], false).map_err(failed)?;
    let handle = db.cf_handle(family.name());
    let handle = handle.ok_or_else(|| StoreError::Engine(format!("no family {}", family.name())))?;
    db.get_cf(handle, key).map_err(failed)
}

/// The number of the last change that opening an engine would find. Nothing of it is changed, and little is read into memory: its
/// logs are walked for the default family alone, which holds nothing.
pub(crate) fn sequence(dir: &Path) -> Result<u64> {
    let mut options = Options::default();
    options.set_info_logger(logger());
    // A damaged table says nothing about the log.
    options.set_paranoid_checks(false);
    let db = DB::open_cf_for_read_only(&options, dir, ["default"], false).map_err(failed)?;
    Ok(db.latest_sequence_number())
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: Error) -> StoreError {
    failure(&error)
}
