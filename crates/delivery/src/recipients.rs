//! Recipients: where each one is, and which accounts get a copy (S-3.1, M-9).
//!
//! May use: accounts that were looked up. Must never touch: the lookup itself.

use mssante::{
    Address, AddressError, Domain, Rights, WhiteList,
    route::{self, Place},
};
use store::{Account, AccountId};

use crate::{
    connector::{AtServer, Home},
    settings::Settings,
};

/// One accepted recipient.
#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    /// As written by the client.
    pub(crate) address: Address,
    /// Where it is.
    pub(crate) place: Place,
    /// The account that it names here.
    pub(crate) account: Option<AccountId>,
    /// Where that account's mail goes.
    pub(crate) home: Home,
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

/// Where an address is: `account` is the one that has it, if any. Beyond this operator's own domains the white list in
/// force says what the trust space is (M-9).
pub(crate) fn place(
    address: &Address,
    account: Option<&Account>,
    list: Option<&WhiteList>,
    settings: &Settings,
) -> Place {
    let mssante = settings.domains.contains(address.domain());
    match account {
        Some(account) if account.state.receives() => {
            Place::Local { rights: account.profile.rights(), mssante }
        }
        Some(_) => Place::UnknownLocal,
        None if mssante => Place::UnknownLocal,
        None => beyond(address, list, settings),
    }
}

/// Where an address is that this operator has neither as an account nor in a domain.
pub(crate) fn beyond(address: &Address, list: Option<&WhiteList>, settings: &Settings) -> Place {
    let listed = list.is_some_and(|list| list.contains(address.domain()));
    route::beyond(address, listed, &settings.route)
}

/// The local accounts whose boxes get a copy, each once however often and under whatever names it was written, with what its
/// owner may do.
pub(crate) fn copies(recipients: &[Recipient]) -> Vec<(AccountId, Rights, &Address)> {
    let mut copies: Vec<(AccountId, Rights, &Address)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for recipient in recipients {
        if let (Some(account), Place::Local { rights, .. }) = (recipient.account, recipient.place)
            && recipient.home.has_box
            && seen.insert(account)
        {
            copies.push((account, rights, &recipient.address));
        }
    }
    copies
}

/// A local account whose hospital's server gets a copy.
pub(crate) struct Housed<'a> {
    pub(crate) account: AccountId,
    pub(crate) rights: Rights,
    pub(crate) to: &'a Recipient,
    pub(crate) server: &'a AtServer,
}

/// The local accounts whose hospitals' servers get a copy, each once; the first recipient's wishes stand.
pub(crate) fn housed(recipients: &[Recipient]) -> Vec<Housed<'_>> {
    let mut seen = std::collections::HashSet::new();
    let mut housed = Vec::new();
    for to in recipients {
        if let (Some(account), Place::Local { rights, .. }, Some(server)) =
            (to.account, to.place, &to.home.server)
            && seen.insert(account)
        {
            housed.push(Housed { account, rights, to, server });
        }
    }
    housed
}

/// Whether the message may leave by as many ways as these recipients take (the store's bound).
pub(crate) fn ways_suffice(recipients: &[Recipient]) -> bool {
    let housed = housed(recipients);
    let servers: std::collections::HashSet<_> =
        housed.iter().map(|housed| (&housed.server.connector, housed.rights == Rights::Full)).collect();
    // one more for the other operators
    servers.len() < store::WAYS
}

/// The recipients at other operators, each once however often it was written; the first one's wishes stand.
pub(crate) fn leaving(recipients: &[Recipient]) -> Vec<&Recipient> {
    each(recipients.iter().filter(|recipient| !matches!(recipient.place, Place::Local { .. })))
}

/// These, each once however often it was written; the first one's wishes stand.
pub(crate) fn each<'a>(recipients: impl Iterator<Item = &'a Recipient>) -> Vec<&'a Recipient> {
    let mut seen = std::collections::HashSet::new();
    recipients.filter(|recipient| seen.insert(&recipient.address)).collect()
}

#[cfg(test)]
mod tests {
    use mssante::State;

    use super::*;
    use crate::samples::{DOCTOR, DOCTOR_LOGIN, SECRETARY, address, doctor, list, secretary, settings};

    fn placed(to: &str, account: Option<&Account>) -> Place {
        place(&address(to), account, Some(&list()), &settings())
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
            ("x@mssante.apicrypt.org", Place::TrustSpace),
            ("x@sub.chu-sud.mssante.fr", Place::Unlisted),
            ("269054958815780@patient.mssante.fr", Place::Unlisted),
            ("x@apicrypt.org", Place::Outside),
            ("x@mssante.fr.example.org", Place::Outside),
            ("x@example.org", Place::Outside),
        ] {
            assert_eq!(placed(to, None), expected, "{to}");
        }
        let nowhere = |to| place(&address(to), None, None, &settings());
        assert_eq!(nowhere("x@chu-sud.mssante.fr"), Place::Unlisted, "no list, no trust space");
        assert_eq!(nowhere("x@mssante.apicrypt.org"), Place::Outside);
        assert_eq!(nowhere("x@chu-nord.mssante.fr"), Place::UnknownLocal);
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
            home: Home::default(),
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
