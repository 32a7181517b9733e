//! To whom other operators may write: boxes of ours with an MSSanté address, under that address (S-1.1, M-2).
//!
//! May use: an account that was looked up. Must never touch: the lookup.

use mssante::{Address, Domain, route::Place};
use store::Account;

use crate::replies::{self, Denial};

/// Where the recipient is; refused unless it is a box here. `account` is the one that has this address, if any.
pub(super) fn place(
    address: &Address,
    account: Option<&Account>,
    domains: &[Domain],
) -> Result<Place, Denial> {
    let receives = account.filter(|account| account.state.receives());
    match (receives, domains.contains(address.domain())) {
        (Some(account), true) => Ok(Place::Local { rights: account.profile.rights(), mssante: true }),
        (None, true) => Err(replies::unknown_here(address)),
        (Some(_), false) => Err(replies::login_address(address)),
        (None, false) => Err(replies::no_onward_relay(address)),
    }
}
