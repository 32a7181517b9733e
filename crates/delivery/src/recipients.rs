//! Recipients: where each one is, and which accounts get a copy (S-3.1, M-9).
//!
//! May use: accounts that were looked up. Must never touch: the lookup itself.

use mssante::{Address, AddressError, Domain, Rights, route::Place};
use store::{Account, AccountId};

/// One accepted recipient.
#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    /// As written by the client.
    pub(crate) address: Address,
    /// Where it is.
    pub(crate) place: Place,
    /// The account that it names here.
    pub(crate) account: Option<AccountId>,
    /// When the sender wants a report (RFC 3461 NOTIFY).
    pub(crate) notify: Option<smtp::Notify>,
    /// The address that the sender first wrote (RFC 3461 ORCPT).
    pub(crate) original: Option<String>,
}

/// Reads what RCPT gave; `postmaster` alone is this operator's (RFC 5321 §4.5.1).
pub(crate) fn parse(text: &str, domains: &[Domain]) -> Result<Address, AddressError> {
    match domains.first() {
        Some(domain) if text.eq_ignore_ascii_case("postmaster") => {
            Address::parse(&format!("{text}@{domain}"))
        }
        _ => Address::parse(text),
    }
}

/// Where an address is: `account` is the one that has it, if any; `domains` are this operator's MSSanté domains.
///
/// Until a white list is loaded, `mssante.fr` alone is the trust space (M-9).
pub(crate) fn place(address: &Address, account: Option<&Account>, domains: &[Domain]) -> Place {
    let mssante = domains.contains(address.domain());
    match account {
        Some(account) if account.state.receives() => {
            Place::Local { rights: account.profile.rights(), mssante }
        }
        Some(_) => Place::UnknownLocal,
        None if mssante => Place::UnknownLocal,
        None if address.domain().is_under("mssante.fr") => Place::TrustSpace,
        None => Place::Outside,
    }
}

/// The local accounts that get a copy, each once however often and under whatever names it was written, with what its
/// owner may do.
pub(crate) fn copies(recipients: &[Recipient]) -> Vec<(AccountId, Rights, &Address)> {
    let mut copies: Vec<(AccountId, Rights, &Address)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for recipient in recipients {
        if let (Some(account), Place::Local { rights, .. }) = (recipient.account, recipient.place)
            && seen.insert(account)
        {
            copies.push((account, rights, &recipient.address));
        }
    }
    copies
}

#[cfg(test)]
mod tests {
    use mssante::State;

    use super::*;
    use crate::samples::{DOCTOR, DOCTOR_LOGIN, SECRETARY, address, doctor, secretary, settings};

    fn placed(to: &str, account: Option<&Account>) -> Place {
        place(&address(to), account, &settings().domains)
    }

    #[test]
    fn a_place_follows_the_account_then_the_domain() {
        let local = |rights, mssante| Place::Local { rights, mssante };
        assert_eq!(placed(DOCTOR, Some(&doctor())), local(Rights::Full, true));
        assert_eq!(placed(DOCTOR_LOGIN, Some(&doctor())), local(Rights::Full, false));
        assert_eq!(placed(SECRETARY, Some(&secretary())), local(Rights::Internal, false));
        for (to, expected) in [
            ("inconnu@chu-nord.mssante.fr", Place::UnknownLocal),
            ("inconnu@chu-nord.fr", Place::Outside),
            ("x@chu-sud.mssante.fr", Place::TrustSpace),
            ("269054958815780@patient.mssante.fr", Place::TrustSpace),
            ("x@mssante.fr.example.org", Place::Outside),
            ("x@example.org", Place::Outside),
        ] {
            assert_eq!(placed(to, None), expected, "{to}");
        }
    }

    #[test]
    fn an_account_that_takes_no_mail_is_as_if_unknown() {
        for state in State::ALL {
            let account = Account { state, ..doctor() };
            let unknown = placed(DOCTOR, Some(&account)) == Place::UnknownLocal;
            assert_eq!(unknown, !state.receives(), "{state}");
        }
    }

    #[test]
    fn postmaster_alone_is_ours() {
        let domains = &settings().domains;
        assert_eq!(parse("Postmaster", domains).unwrap(), address("postmaster@chu-nord.mssante.fr"));
        assert_eq!(parse("postmaster@chu-sud.fr", domains).unwrap(), address("postmaster@chu-sud.fr"));
        assert!(parse("postmaster", &[]).is_err());
        assert!(parse("someone", domains).is_err());
    }

    #[test]
    fn each_account_gets_one_copy() {
        let recipient = |to: &str, id, place| Recipient {
            address: address(to),
            place,
            account: id,
            notify: None,
            original: None,
        };
        let local = Place::Local { rights: Rights::Full, mssante: true };
        let (a, b) = (Some(AccountId::new(1)), Some(AccountId::new(2)));
        let recipients = [
            recipient(DOCTOR, a, local),
            recipient(SECRETARY, b, Place::Local { rights: Rights::Internal, mssante: false }),
            recipient(DOCTOR_LOGIN, a, local),
            recipient("x@example.org", None, Place::Outside),
        ];
        let got: Vec<_> =
            copies(&recipients).into_iter().map(|(id, rights, to)| (id, rights, to.to_string())).collect();
        assert_eq!(
            got,
            [
                (AccountId::new(1), Rights::Full, DOCTOR.to_owned()),
                (AccountId::new(2), Rights::Internal, SECRETARY.to_owned())
            ]
        );
    }
}
