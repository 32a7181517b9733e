//! The accounts of the demonstration: invented people, with numbers whose keys check out; `nord` and `sud` are their
//! operators.
//!
//! Pure data. Must never be used for anything but a demonstration store.

mod nord;
mod sud;

use mssante::{Address, BoxType, Finess, NationalId, Profile, Responsible, Rpps, StructureId};

pub(super) use self::{
    nord::{CARDIOLOGY, DOCTOR, DOCTOR_MSSANTE, people as nord},
    sud::{EMERGENCIES, INTERN, people as sud},
};

/// The application password of every demonstration account of a person.
pub(super) const PASSWORD: &str = "demonstration";

/// One account to be.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) profile: Profile,
    /// Login addresses of its login accounts (S-1.7).
    pub(super) openers: &'static [&'static str],
    /// A sentence on what the account is for, in English and French.
    pub(super) what: (&'static str, &'static str),
}

/// Where an operator is, and who answers for its boxes.
struct House {
    region: &'static str,
    finess: &'static str,
    responsible: (&'static str, &'static str),
}

impl House {
    fn doctor(&self, login: &str, mssante: &str, last_name: &str, number: &str) -> Profile {
        Profile {
            mssante: Some(address(mssante)),
            national_id: Some(rpps(number)),
            ..self.person(BoxType::Per, login, last_name, "Médecin", "Médecin")
        }
    }

    fn intern(&self, login: &str, mssante: &str, last_name: &str, local_id: &str) -> Profile {
        Profile {
            mssante: Some(address(mssante)),
            structure: Some(self.structure()),
            local_id: Some(local_id.into()),
            ..self.person(BoxType::Int, login, last_name, "Interne", "Interne en médecine")
        }
    }

    fn department(&self, login: &str, mssante: &str, name: &str, description: &str) -> Profile {
        Profile {
            mssante: Some(address(mssante)),
            structure: Some(self.structure()),
            responsible: Some(self.responsible()),
            description: Some(description.into()),
            ..self.person(BoxType::Org, login, name, "Service", "Service hospitalier")
        }
    }

    fn software(&self, login: &str, mssante: &str, name: &str, description: &str, replies: &str) -> Profile {
        Profile {
            mssante: Some(address(mssante)),
            structure: Some(self.structure()),
            responsible: Some(self.responsible()),
            description: Some(description.into()),
            return_address: Some(address(replies)),
            ..self.person(BoxType::App, login, name, "Logiciel", "Logiciel")
        }
    }

    fn person(
        &self,
        box_type: BoxType,
        login: &str,
        last_name: &str,
        first_name: &str,
        profession: &str,
    ) -> Profile {
        Profile {
            box_type,
            login: address(login),
            mssante: None,
            last_name: last_name.into(),
            first_name: first_name.into(),
            region: self.region.into(),
            profession: profession.into(),
            national_id: None,
            structure: None,
            local_id: None,
            responsible: None,
            description: None,
            return_address: None,
        }
    }

    fn responsible(&self) -> Responsible {
        let (name, number) = self.responsible;
        Responsible { name: name.into(), profession: "Médecin".into(), national_id: rpps(number) }
    }

    fn structure(&self) -> StructureId {
        StructureId::Finess(
            Finess::parse(self.finess).expect("a constant that the test of `operators` parses"),
        )
    }
}

/// Parses one of these modules' constants.
pub(super) fn address(text: &str) -> Address {
    Address::parse(text).expect("a constant that the test of `operators` parses")
}

fn rpps(number: &str) -> NationalId {
    NationalId::Rpps(Rpps::parse(number).expect("a constant that the test of `operators` parses"))
}
