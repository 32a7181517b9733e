//! What an account carries, and whether that is complete and right for its type (S-1.1 to S-1.4).
//!
//! May use: addresses, numbers, names. Must never touch: the store; what only a register or the list of accounts can
//! tell (is the address taken, does the structure have a FINESS, of which type is the return address) is not judged here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Address, BoxType, Domain, NationalId, Rights, StructureId, naming};

/// What is known of an account, people's or software's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The kind of box.
    pub box_type: BoxType,
    /// The login address: an ordinary mail address, the account's identifier (S-1.1).
    pub login: Address,
    /// The MSSanté correspondence, if any (S-1.1).
    pub mssante: Option<Address>,
    /// Last name; generic for ORG and APP.
    pub last_name: String,
    /// First name; generic for ORG and APP.
    pub first_name: String,
    /// Région.
    pub region: String,
    /// Profession.
    pub profession: String,
    /// RPPS or ADELI: a PER must have one.
    pub national_id: Option<NationalId>,
    /// The structure: INT, ORG and APP must have one.
    pub structure: Option<StructureId>,
    /// Number given by the structure's head: an INT must have one.
    pub local_id: Option<String>,
    /// Who answers for an ORG or APP box.
    pub responsible: Option<Responsible>,
    /// What an ORG or APP box is for.
    pub description: Option<String>,
    /// Where answers to an APP box go.
    pub return_address: Option<Address>,
}

/// Who answers for an ORG or APP box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responsible {
    /// First and last name.
    pub name: String,
    /// Profession.
    pub profession: String,
    /// RPPS or ADELI.
    pub national_id: NationalId,
}

/// One thing wrong with a profile, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ProfileError {
    /// The field of [`Profile`], or `openers`.
    pub field: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
    /// The code that the national directory would answer (S-6.3), where there is one.
    pub code: Option<&'static str>,
    /// What to write instead.
    pub fix: &'static str,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({}", self.field, self.fix, self.rule)?;
        if let Some(code) = self.code {
            write!(f, ", {code}")?;
        }
        f.write_str(")")
    }
}

/// Longest name, région, profession, number or description, in characters.
const MAX_TEXT: usize = 256;

impl Profile {
    /// Checks the profile against its type. `openers` are the types of the accounts that may open the box (S-1.7);
    /// `operator_domains` are this operator's MSSanté domains.
    ///
    /// # Errors
    /// Everything that is wrong, not only the first.
    pub fn check(&self, openers: &[BoxType], operator_domains: &[Domain]) -> Result<(), Vec<ProfileError>> {
        let mut errors = Errors::default();
        self.check_common(operator_domains, &mut errors);
        self.check_mssante(operator_domains, &mut errors);
        match self.box_type {
            BoxType::Med => {}
            BoxType::Per => {
                let fix = "a PER box needs an RPPS or ADELI number; without one the box is INT or MED";
                errors.unless(self.national_id.is_some(), "national_id", "S-1.2", Some("MSS007"), fix);
            }
            BoxType::Int => {
                let fix =
                    "an INT box needs a structure: its geographic FINESS, or SIRET or SIREN if it has none";
                errors.unless(self.structure.is_some(), "structure", "S-1.2", Some("MSS012"), fix);
                let fix = "an INT box needs the number that the head of the structure gave to the person";
                errors.unless(is_filled(self.local_id.as_deref()), "local_id", "S-1.2", None, fix);
            }
            BoxType::Org => self.check_shared(&mut errors),
            BoxType::App => {
                self.check_shared(&mut errors);
                self.check_software(operator_domains, &mut errors);
            }
        }
        check_openers(self.box_type, openers, &mut errors);
        if errors.0.is_empty() { Ok(()) } else { Err(errors.0) }
    }

    /// How far the account reaches: without an MSSanté address, whatever its type, no further than a MED (S-1.4).
    #[must_use]
    pub fn rights(&self) -> Rights {
        if self.box_type == BoxType::Med || self.mssante.is_none() { Rights::Internal } else { Rights::Full }
    }

    /// Whether `address` is this account's login or MSSanté address (S-3.5).
    #[must_use]
    pub fn owns(&self, address: &Address) -> bool {
        self.login == *address || self.mssante.as_ref() == Some(address)
    }

    fn check_common(&self, operator_domains: &[Domain], errors: &mut Errors) {
        errors.unless(
            is_filled(Some(&self.last_name)),
            "last_name",
            "S-1.2",
            Some("MSS018"),
            "write the last name",
        );
        errors.unless(
            is_filled(Some(&self.first_name)),
            "first_name",
            "S-1.2",
            Some("MSS019"),
            "write the first name",
        );
        errors.unless(is_filled(Some(&self.region)), "region", "S-1.2", None, "write the région");
        errors.unless(is_filled(Some(&self.profession)), "profession", "S-1.2", None, "write the profession");
        let fix = "the login address is an ordinary one: put the MSSanté address in its own field";
        errors.unless(!is_mssante(&self.login, operator_domains), "login", "S-1.1", None, fix);
        let texts = [&self.last_name, &self.first_name, &self.region, &self.profession];
        let optional = [&self.local_id, &self.description];
        let responsible = self.responsible.iter().flat_map(|r| [&r.name, &r.profession]);
        let mut all = texts.into_iter().chain(optional.into_iter().flatten()).chain(responsible);
        let fix = "texts have at most 256 characters and no line breaks or control characters";
        errors.unless(all.all(|text| is_plain(text)), "texts", "S-1.2", None, fix);
    }

    fn check_mssante(&self, operator_domains: &[Domain], errors: &mut Errors) {
        let Some(mssante) = &self.mssante else { return };
        if self.box_type == BoxType::Med {
            let fix = "a MED box has no MSSanté address: leave it out, or choose another type";
            return errors.unless(false, "mssante", "S-1.2", None, fix);
        }
        let fix = "the MSSanté address must be in one of this operator's MSSanté domains";
        errors.unless(operator_domains.contains(mssante.domain()), "mssante", "S-1.1", None, fix);
        let local = mssante.local();
        let nominative = naming::is_nominative(local, &self.last_name, &self.first_name);
        match self.box_type {
            BoxType::Per | BoxType::Int => {
                let fix = "write prenom.nom or nom.prenom of the person, with a number after the last name for a homonym";
                errors.unless(nominative, "mssante", "S-1.2", None, fix);
            }
            BoxType::Org => {
                let responsible = self.responsible.as_ref().map_or("", |r| r.name.as_str());
                let fix = "an ORG box has the name of a service, never of a person";
                let person = naming::names_person(local, responsible);
                errors.unless(!person, "mssante", "S-1.2", None, fix);
            }
            BoxType::App => {
                let fix = "the address of software begins with noreply or nepasrepondre";
                errors.unless(naming::is_software(local), "mssante", "S-1.2", None, fix);
            }
            BoxType::Med => {}
        }
    }

    fn check_shared(&self, errors: &mut Errors) {
        let fix =
            "ORG and APP boxes need a structure: its geographic FINESS, or SIRET or SIREN if it has none";
        errors.unless(self.structure.is_some(), "structure", "S-1.2", Some("MSS013"), fix);
        let named = self
            .responsible
            .as_ref()
            .is_some_and(|r| is_filled(Some(&r.name)) && is_filled(Some(&r.profession)));
        let fix = "ORG and APP boxes need a responsible person: name, profession, RPPS or ADELI";
        errors.unless(named, "responsible", "S-1.2", Some("MSS028"), fix);
        let fix = "ORG and APP boxes need a description: say what the box is for";
        errors.unless(is_filled(self.description.as_deref()), "description", "S-1.2", Some("MSS029"), fix);
    }

    fn check_software(&self, operator_domains: &[Domain], errors: &mut Errors) {
        let fix = "an APP box needs a return address: an MSSanté PER, ORG or INT address";
        let good = self.return_address.as_ref().is_some_and(|address| {
            is_mssante(address, operator_domains) && !naming::is_software(address.local())
        });
        errors.unless(good, "return_address", "S-1.2", None, fix);
    }
}

fn check_openers(box_type: BoxType, openers: &[BoxType], errors: &mut Errors) {
    if box_type.is_person() {
        let fix = "only ORG and APP boxes are opened by others: give no login accounts";
        return errors.unless(openers.is_empty(), "openers", "S-1.7", None, fix);
    }
    let fix = "ORG and APP boxes need at least one login account (a MED, PER or INT account)";
    errors.unless(!openers.is_empty(), "openers", "S-1.2", None, fix);
    let fix = "login accounts are people: MED, PER or INT accounts";
    errors.unless(openers.iter().all(|o| o.is_person()), "openers", "S-1.7", None, fix);
}

fn is_mssante(address: &Address, operator_domains: &[Domain]) -> bool {
    address.domain().is_under("mssante.fr") || operator_domains.contains(address.domain())
}

fn is_filled(text: Option<&str>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

fn is_plain(text: &str) -> bool {
    text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control)
}

#[derive(Default)]
struct Errors(Vec<ProfileError>);

impl Errors {
    fn unless(
        &mut self,
        good: bool,
        field: &'static str,
        rule: &'static str,
        code: Option<&'static str>,
        fix: &'static str,
    ) {
        if !good {
            self.0.push(ProfileError { field, rule, code, fix });
        }
    }
}

#[cfg(test)]
mod tests;
