//! What the header of a relayed message must be (M-2, M-12): read in one way only, and from the peer's own domains.
//!
//! May use: the checks that both ways in share. Must never touch: the body.

use jiff::Timestamp;
use message::Header;
use mssante::Address;
use pki::TrustSpace;

use super::RelayPeer;
use crate::{
    header_checks::{counted, mailboxes, not_looping, plain},
    replies::{self, Denial},
    settings::Settings,
};

/// Refuses a header that may not come in from this peer. With a null reverse-path any listed operator may say what it
/// wants in From: reports are written by the server that made them (M-2).
pub(super) fn check(
    header: &Header,
    peer: &RelayPeer,
    null_path: bool,
    trust: &TrustSpace,
    settings: &Settings,
    now: Timestamp,
) -> Result<(), Denial> {
    plain(header)?;
    counted(header, &[("From", usize::from(!null_path)), ("Subject", 0)])?;
    not_looping(header, settings)?;
    if null_path {
        return Ok(());
    }
    for mailbox in mailboxes(header, "From")? {
        let address = Address::parse(&mailbox.address).map_err(|_| replies::unreadable("From"))?;
        peer.speaks_as(&address, trust, now).map_err(|denial| denial.within("From", &address))?;
    }
    Ok(())
}
