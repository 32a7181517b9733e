//! Whose a message with the null reverse-path is that a connector hands over: what MAIL does not say, From does. Read receipts
//! (RFC 8098 §3.2) are their user's; reports of the hospital's server itself are of the account that was named for them, and appear
//! under its address, which the other side knows.
//!
//! May use: the store, to read; header edits. Must never touch: any other field.

use message::Header;
use mssante::Address;
use store::{Account, Store};

use super::{Connector, replies};
use crate::{
    header_checks, lookup,
    replies::{self as common, Denial},
};

/// The account, and the header as it goes on.
pub(crate) async fn author(
    header: Header,
    connector: &Connector,
    store: &Store,
) -> Result<(Account, Header), Denial> {
    let mailboxes = header_checks::mailboxes(&header, "From")?;
    let [mailbox] = mailboxes.as_slice() else { return Err(common::wrong_count("From", mailboxes.len())) };
    let from = Address::parse(&mailbox.address).map_err(|_| common::unreadable("From"))?;
    let user = |account: &Account| connector.serves(&account.profile);
    if let Some(found) = lookup::account(store, &from).await?.map(|found| found.account).filter(user) {
        return Ok((found, header));
    }
    if !connector.is_its_own(&from) {
        return Err(replies::not_spoken_for("From", &from, &connector.name));
    }
    let none = || replies::no_account_for_reports(&from);
    let reports = connector.reports.as_ref().ok_or_else(none)?;
    let account = lookup::account(store, reports).await?.map(|found| found.account).filter(user);
    let account = account.ok_or_else(none)?;
    Ok((account, signed_by(&header, &from, reports)))
}

/// The header with `from` in From and Sender replaced, every other byte as it came.
fn signed_by(header: &Header, from: &Address, reports: &Address) -> Header {
    let mut editor = header.edit();
    editor.map_addresses(&["From", "Sender"], &mut |address| {
        Address::parse(address).is_ok_and(|address| address == *from).then(|| reports.to_string())
    });
    Header::parse(&editor.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{DOCTOR, address};

    #[test]
    fn a_report_is_signed_by_its_account_and_nothing_else_changes() {
        let text = "Return-Path: <>\r\nFrom: MAILER-DAEMON@mail.chu-nord.fr (Mail Delivery System)\r\nTo: x@chu-sud.mssante.fr\r\n\
                    Subject: Undelivered\r\n\r\n";
        let header = Header::parse(text.as_bytes());
        let signed = signed_by(&header, &address("mailer-daemon@mail.chu-nord.fr"), &address(DOCTOR));
        let expected = text.replace("MAILER-DAEMON@mail.chu-nord.fr", DOCTOR);
        assert_eq!(String::from_utf8_lossy(signed.raw()), expected);
    }
}
