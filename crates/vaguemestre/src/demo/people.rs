//! The five accounts of the demonstration: invented people, with numbers whose keys check out.
//!
//! Pure data. Must never be used for anything but a demonstration store.

use mssante::{Address, BoxType, Finess, NationalId, Profile, Responsible, Rpps, StructureId};

/// The operator's MSSanté domain.
pub(super) const MSSANTE_DOMAIN: &str = "chu-nord.mssante.fr";

/// The domains of its login addresses.
pub(super) const LOGIN_DOMAINS: [&str; 2] = ["chu-nord.fr", "cabinet-nord.fr"];

/// The application password of every demonstration account of a person.
pub(super) const PASSWORD: &str = "demonstration";

/// Who sends the report, by login address.
pub(super) const DOCTOR: &str = "medecin.un@chu-nord.fr";

/// The doctor's MSSanté address, under which the report is seen (S-3.5).
pub(super) const DOCTOR_MSSANTE: &str = "medecin.un@chu-nord.mssante.fr";

/// The box that receives it.
pub(super) const CARDIOLOGY: &str = "cardiologie@chu-nord.mssante.fr";

/// One account to be.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) profile: Profile,
    /// Login addresses of its login accounts (S-1.7).
    pub(super) openers: &'static [&'static str],
    /// A sentence on what the account is for, in English and French.
    pub(super) what: (&'static str, &'static str),
}

/// The five, in an order in which openers come first.
pub(super) fn all() -> [Person; 5] {
    let openers = &["medecin.un@chu-nord.fr", "interne.deux@chu-nord.fr"];
    [
        Person { profile: doctor(), openers: &[], what: ("PER: a doctor", "PER : un médecin") },
        Person {
            profile: intern(),
            openers: &[],
            what: ("INT: waiting for an RPPS", "INT : sans RPPS encore"),
        },
        Person {
            profile: cardiology(),
            openers,
            what: ("ORG: opened by the two above", "ORG : ouverte par les deux premiers"),
        },
        Person {
            profile: laboratory(),
            openers,
            what: ("APP: software, no password", "APP : un logiciel, sans mot de passe"),
        },
        Person {
            profile: secretary(),
            openers: &[],
            what: ("MED: inside this operator only", "MED : chez cet opérateur seulement"),
        },
    ]
}

fn doctor() -> Profile {
    Profile {
        mssante: Some(address(DOCTOR_MSSANTE)),
        national_id: Some(rpps("10001001014")),
        ..person(BoxType::Per, DOCTOR, "Un", "Médecin", "Médecin")
    }
}

fn intern() -> Profile {
    Profile {
        mssante: Some(address("interne.deux@chu-nord.mssante.fr")),
        structure: Some(structure()),
        local_id: Some("INT-0002".into()),
        ..person(BoxType::Int, "interne.deux@chu-nord.fr", "Deux", "Interne", "Interne en médecine")
    }
}

fn cardiology() -> Profile {
    Profile {
        mssante: Some(address(CARDIOLOGY)),
        structure: Some(structure()),
        responsible: Some(responsible()),
        description: Some("Courrier du service de cardiologie".into()),
        ..person(BoxType::Org, "cardiologie@chu-nord.fr", "Cardiologie", "Service", "Service hospitalier")
    }
}

fn laboratory() -> Profile {
    Profile {
        mssante: Some(address("noreply-labo@chu-nord.mssante.fr")),
        structure: Some(structure()),
        responsible: Some(responsible()),
        description: Some("Envoi des résultats du laboratoire".into()),
        return_address: Some(address(CARDIOLOGY)),
        ..person(BoxType::App, "noreply-labo@chu-nord.fr", "Laboratoire", "Logiciel", "Logiciel")
    }
}

fn secretary() -> Profile {
    person(BoxType::Med, "secretariat@cabinet-nord.fr", "Nord", "Secrétariat", "Secrétaire médicale")
}

fn person(box_type: BoxType, login: &str, last_name: &str, first_name: &str, profession: &str) -> Profile {
    Profile {
        box_type,
        login: address(login),
        mssante: None,
        last_name: last_name.into(),
        first_name: first_name.into(),
        region: "Hauts-de-France".into(),
        profession: profession.into(),
        national_id: None,
        structure: None,
        local_id: None,
        responsible: None,
        description: None,
        return_address: None,
    }
}

fn responsible() -> Responsible {
    Responsible {
        name: "Camille Exemple".into(),
        profession: "Médecin".into(),
        national_id: rpps("10001001030"),
    }
}

/// Parses one of this module's constants.
pub(super) fn address(text: &str) -> Address {
    Address::parse(text).expect("a constant that the test of this module parses")
}

fn rpps(number: &str) -> NationalId {
    NationalId::Rpps(Rpps::parse(number).expect("a constant that the test of this module parses"))
}

fn structure() -> StructureId {
    StructureId::Finess(Finess::parse("590000014").expect("a constant that the test of this module parses"))
}

#[cfg(test)]
mod tests {
    use mssante::{Domain, Rights};

    use super::*;

    #[test]
    fn every_profile_is_complete_for_its_type() {
        let people = all();
        for person in &people {
            let openers: Vec<_> = person
                .openers
                .iter()
                .map(|login| {
                    people.iter().find(|p| p.profile.login == address(login)).unwrap().profile.box_type
                })
                .collect();
            assert_eq!(
                person.profile.check(&openers, &[Domain::parse(MSSANTE_DOMAIN).unwrap()]),
                Ok(()),
                "{}",
                person.profile.login
            );
        }
    }

    #[test]
    fn they_are_one_of_each_type_and_only_the_med_is_internal() {
        let people = all();
        let types = people.each_ref().map(|person| person.profile.box_type);
        assert_eq!(types, [BoxType::Per, BoxType::Int, BoxType::Org, BoxType::App, BoxType::Med]);
        let rights = people.each_ref().map(|person| person.profile.rights());
        assert_eq!(rights, [Rights::Full, Rights::Full, Rights::Full, Rights::Full, Rights::Internal]);
    }

    #[test]
    fn login_addresses_are_in_the_login_domains() {
        for person in all() {
            assert!(LOGIN_DOMAINS.contains(&person.profile.login.domain().as_str()));
        }
    }
}
