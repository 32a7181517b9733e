//! The rules of who may log in as whom (S-1.5, S-1.7), as a pure decision over accounts. No I/O, no clock: whatever
//! proved the person, every mechanism and every later check of an open session comes here.

use store::{Account, AccountId};

/// Why somebody may not log in: for the trace, never for the person (M-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No account has that address.
    UnknownAccount,
    /// The password is none of the account's.
    WrongPassword,
    /// ORG and APP boxes have no credential of their own.
    NotAPerson,
    /// The account is not valid.
    AccountState,
    /// No account has the address of the box.
    UnknownBox,
    /// The box is a person's, or does not list the person.
    NotAnOpener,
    /// The box is not valid.
    BoxState,
    /// Too many failures.
    Throttled,
}

impl Reason {
    /// The name in traces and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown-account",
            Self::WrongPassword => "wrong-password",
            Self::NotAPerson => "not-a-person",
            Self::AccountState => "account-state",
            Self::UnknownBox => "unknown-box",
            Self::NotAnOpener => "not-an-opener",
            Self::BoxState => "box-state",
            Self::Throttled => "throttled",
        }
    }
}

/// Whether `person`, who has proved to be that account, may act as `target`.
pub(crate) fn may_act_as(person: &Account, target: &Account) -> Result<(), Reason> {
    if !person.profile.box_type.is_person() {
        return Err(Reason::NotAPerson);
    }
    if !person.state.may_log_in() {
        return Err(Reason::AccountState);
    }
    if target.id == person.id {
        return Ok(());
    }
    if !target.profile.box_type.is_opened_by_people() || !lists(target, person.id) {
        return Err(Reason::NotAnOpener);
    }
    if target.state.may_log_in() { Ok(()) } else { Err(Reason::BoxState) }
}

/// Whether what a session was granted for `before` still holds for `now`: what it may reach and under which addresses.
pub(crate) fn same_rights(before: &Account, now: &Account) -> bool {
    let (before, now) = (&before.profile, &now.profile);
    before.box_type == now.box_type && before.login == now.login && before.mssante == now.mssante
}

fn lists(target: &Account, person: AccountId) -> bool {
    target.openers.contains(&person)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use mssante::{Address, BoxType, Profile, State};

    use super::*;

    fn account(id: u64, box_type: BoxType, state: State, openers: &[u64]) -> Account {
        let address = |domain: &str| Address::parse(&format!("nom{id}@{domain}")).unwrap();
        Account {
            id: AccountId::new(id),
            profile: Profile {
                box_type,
                login: address("chu-nord.fr"),
                mssante: (box_type != BoxType::Med).then(|| address("chu-nord.mssante.fr")),
                last_name: "Nom".into(),
                first_name: "Prénom".into(),
                region: "Occitanie".into(),
                profession: "Médecin".into(),
                national_id: None,
                structure: None,
                local_id: None,
                responsible: None,
                description: None,
                return_address: None,
            },
            state,
            openers: openers.iter().copied().map(AccountId::new).collect(),
            quota: store::Quota::default(),
            created: Timestamp::UNIX_EPOCH,
            version: 1,
        }
    }

    #[test]
    fn only_valid_people_act_as_themselves() {
        for box_type in BoxType::ALL {
            for state in State::ALL {
                let person = account(1, box_type, state, &[]);
                let expected = match (box_type, state) {
                    (BoxType::Org | BoxType::App, _) => Err(Reason::NotAPerson),
                    (_, State::Valide) => Ok(()),
                    _ => Err(Reason::AccountState),
                };
                assert_eq!(may_act_as(&person, &person), expected, "{box_type:?} {state:?}");
            }
        }
    }

    #[test]
    fn a_person_acts_as_a_valid_box_that_lists_them_and_as_nothing_else() {
        for from in BoxType::ALL {
            for to in BoxType::ALL {
                for state in State::ALL {
                    for listed in [false, true] {
                        let person = account(1, from, State::Valide, &[]);
                        let openers: &[u64] = if listed { &[7, 1] } else { &[7] };
                        let target = account(2, to, state, openers);
                        let is_box = matches!(to, BoxType::Org | BoxType::App);
                        let expected = match () {
                            () if matches!(from, BoxType::Org | BoxType::App) => Err(Reason::NotAPerson),
                            () if !is_box || !listed => Err(Reason::NotAnOpener),
                            () if state != State::Valide => Err(Reason::BoxState),
                            () => Ok(()),
                        };
                        assert_eq!(
                            may_act_as(&person, &target),
                            expected,
                            "{from:?} {to:?} {state:?} {listed}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_person_who_is_not_valid_opens_no_box() {
        let target = account(2, BoxType::Org, State::Valide, &[1]);
        for state in [State::Preinscrit, State::AValider, State::Rejete, State::Suspendu] {
            let person = account(1, BoxType::Per, state, &[]);
            assert_eq!(may_act_as(&person, &target), Err(Reason::AccountState));
        }
    }

    #[test]
    fn rights_change_with_type_and_addresses_and_not_with_a_name() {
        let before = account(1, BoxType::Per, State::Valide, &[]);
        let mut now = before.clone();
        now.profile.last_name = "Autre".into();
        assert!(same_rights(&before, &now));
        now.profile.mssante = None;
        assert!(!same_rights(&before, &now));
        now = before.clone();
        now.profile.box_type = BoxType::Int;
        assert!(!same_rights(&before, &now));
        now = before.clone();
        now.profile.login = Address::parse("autre@chu-nord.fr").unwrap();
        assert!(!same_rights(&before, &now));
    }
}
