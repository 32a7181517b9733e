//! Looks a recipient's account up, on either way in. May use: the store. Must never touch: the decision.

use mssante::Address;
use store::{Account, Store};

use crate::replies::{self, Denial};

/// An account that has the address, and whether it has as much as it may have.
pub(crate) struct Found {
    pub(crate) account: Account,
    is_full: bool,
}

/// The account that has this address, if any.
pub(crate) async fn account(store: &Store, address: &Address) -> Result<Option<Found>, Denial> {
    let wanted = address.clone();
    let found = store.read(move |reader| {
        let Some(account) = reader.account_by_address(&wanted)? else { return Ok(None) };
        let is_full = reader.is_full(&account)?;
        Ok(Some(Found { account, is_full }))
    });
    Ok(found.await?)
}

/// Refuses a recipient whose box is full (M-12): here and never later, so that nothing is lost after a 250.
pub(crate) fn check_room(found: Option<&Found>, address: &Address) -> Result<(), Denial> {
    if found.is_some_and(|found| found.is_full) { Err(replies::mailbox_full(address)) } else { Ok(()) }
}
