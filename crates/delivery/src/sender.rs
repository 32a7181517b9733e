//! Who sends: which addresses an account may use, and under which it appears (S-1.5, S-3.5).
//!
//! May use: profiles. Must never touch: the store; the account comes in.

use mssante::{Address, Profile, Rights};
use smtp::MailFrom;
use store::Account;

use crate::{
    replies::{self, Denial},
    settings::Settings,
};

/// Judges MAIL FROM for the account acted as; gives the envelope sender, none for the null reverse-path, with which mail
/// programs send read receipts (RFC 8098 §3.2): who sends is known by the login, and the From field must be theirs.
pub(crate) fn envelope_sender(
    account: &Account,
    from: &MailFrom,
    settings: &Settings,
) -> Result<Option<Address>, Denial> {
    if !account.state.may_send() {
        return Err(replies::sender_state(account.state));
    }
    check_size(from, settings)?;
    let Some(path) = from.path.as_deref() else { return Ok(None) };
    let address = Address::parse(path).map_err(|error| replies::bad_sender(path, error))?;
    if !address.is_ascii() && !from.smtputf8 {
        return Err(replies::utf8_needed());
    }
    check_own("MAIL FROM", path, &account.profile)?;
    Ok(Some(address))
}

/// Refuses a message that says that it is too large.
pub(crate) fn check_size(from: &MailFrom, settings: &Settings) -> Result<(), Denial> {
    if from.size.is_some_and(|size| size > settings.message_bytes) {
        return Err(replies::too_large(settings.message_bytes));
    }
    Ok(())
}

/// Refuses an address that is not the account's own; `field` is where it was written.
pub(crate) fn check_own(field: &str, address: &str, profile: &Profile) -> Result<(), Denial> {
    let own = Address::parse(address).is_ok_and(|address| profile.owns(&address));
    if own { Ok(()) } else { Err(replies::not_own(field, address, seen_by(profile, Rights::Full))) }
}

/// The address under which the account appears to readers of these rights: one that they can answer to (S-3.5).
pub(crate) fn seen_by(profile: &Profile, reader: Rights) -> &Address {
    match (&profile.mssante, reader) {
        (Some(mssante), Rights::Full) => mssante,
        _ => &profile.login,
    }
}

#[cfg(test)]
mod tests {
    use mssante::State;

    use super::*;
    use crate::samples::{DOCTOR, DOCTOR_LOGIN, SECRETARY, doctor, secretary, settings};

    fn from(path: &str) -> MailFrom {
        MailFrom { path: Some(path.to_owned()), body: smtp::Body::EightBit, ..MailFrom::default() }
    }

    fn judged(account: &Account, from: &MailFrom) -> Result<String, (u16, &'static str, &'static str)> {
        let judged = envelope_sender(account, from, &settings());
        judged
            .map(|address| address.map_or("<>".into(), |it| it.to_string()))
            .map_err(|d| (d.code, d.status, d.reason))
    }

    #[test]
    fn one_sends_from_ones_own_addresses_only() {
        let denied = Err((550, "5.7.1", "not-own-address"));
        for (account, path, result) in [
            (doctor(), DOCTOR, Ok(DOCTOR.to_owned())),
            (doctor(), "Medecin.UN@CHU-nord.fr", Ok("Medecin.UN@chu-nord.fr".to_owned())),
            (doctor(), "interne.deux@chu-nord.mssante.fr", denied.clone()),
            (doctor(), SECRETARY, denied.clone()),
            (secretary(), SECRETARY, Ok(SECRETARY.to_owned())),
            (secretary(), DOCTOR, denied),
        ] {
            assert_eq!(judged(&account, &from(path)), result, "{path}");
        }
        let denial = check_own("From", "x@chu-sud.fr", &doctor().profile).unwrap_err();
        assert!(denial.en.contains("<x@chu-sud.fr>") && denial.en.contains(DOCTOR), "{}", denial.en);
        assert!(check_own("From", "not an address", &doctor().profile).is_err());
    }

    #[test]
    fn only_a_valid_account_sends() {
        for state in State::ALL {
            let account = Account { state, ..doctor() };
            let judged = judged(&account, &from(DOCTOR)).err();
            assert_eq!(judged, (state != State::Valide).then_some((550, "5.7.1", "sender-state")), "{state}");
        }
    }

    #[test]
    fn a_sender_is_null_or_readable_and_not_larger_than_allowed() {
        let null = MailFrom { path: None, ..from("") };
        assert_eq!(judged(&doctor(), &null), Ok("<>".into()));
        let suspended = Account { state: State::Suspendu, ..doctor() };
        assert_eq!(judged(&suspended, &null), Err((550, "5.7.1", "sender-state")));
        assert_eq!(judged(&doctor(), &from("a b@chu.fr")), Err((553, "5.1.7", "bad-sender")));
        let utf8 = from("médecin@chu-nord.fr");
        assert_eq!(judged(&doctor(), &utf8), Err((553, "5.6.7", "smtputf8-needed")));
        let utf8 = MailFrom { smtputf8: true, ..utf8 };
        assert_eq!(judged(&doctor(), &utf8), Err((550, "5.7.1", "not-own-address")));
        let limit = settings().message_bytes;
        let sized = |size| MailFrom { size: Some(size), ..from(DOCTOR) };
        assert_eq!(judged(&doctor(), &sized(limit + 1)), Err((552, "5.3.4", "too-large")));
        assert!(judged(&doctor(), &sized(limit)).is_ok());
    }

    #[test]
    fn readers_see_the_address_that_they_can_answer_to() {
        assert_eq!(seen_by(&doctor().profile, Rights::Full).to_string(), DOCTOR);
        assert_eq!(seen_by(&doctor().profile, Rights::Internal).to_string(), DOCTOR_LOGIN);
        assert_eq!(seen_by(&secretary().profile, Rights::Full).to_string(), SECRETARY);
        assert_eq!(seen_by(&secretary().profile, Rights::Internal).to_string(), SECRETARY);
    }
}
