//! Kinds of boxes, what they may do, and the life of an account (S-1.2, S-1.4, S-1.5).
//!
//! May use: nothing. Must never touch: dates; how long a state lasts is decided elsewhere.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The kind of a box (S-1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BoxType {
    /// A professional without RPPS or ADELI: mail inside this operator only.
    Med,
    /// A professional with RPPS or ADELI.
    Per,
    /// A professional who waits for an RPPS.
    Int,
    /// A service or a secretariat, opened by people (S-1.7).
    Org,
    /// Software that sends, with people who answer for it (S-1.7).
    App,
}

/// How far an account reaches (S-1.2, S-1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rights {
    /// Every account of this operator and nobody else.
    Internal,
    /// The whole trust space.
    Full,
}

/// Where an account is in its life (S-1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Created by an administrator; the person has not finished.
    #[serde(rename = "preinscrit")]
    Preinscrit,
    /// Enrolled by the person, waits for an administrator.
    #[serde(rename = "a_valider")]
    AValider,
    /// In use.
    #[serde(rename = "valide")]
    Valide,
    /// Refused by an administrator.
    #[serde(rename = "rejete")]
    Rejete,
    /// Stopped for a while: receives only.
    #[serde(rename = "suspendu")]
    Suspendu,
}

/// A word that names none of the values asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}: write one of {allowed}")]
pub struct UnknownName {
    /// What the word should have named.
    pub what: &'static str,
    /// The words that do.
    pub allowed: &'static str,
}

impl BoxType {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Med, Self::Per, Self::Int, Self::Org, Self::App];

    /// The name in use between operators: `MED`, `PER`…
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Med => "MED",
            Self::Per => "PER",
            Self::Int => "INT",
            Self::Org => "ORG",
            Self::App => "APP",
        }
    }

    /// Whether this is a box that named people open with their own credentials (S-1.7).
    #[must_use]
    pub fn is_opened_by_people(self) -> bool {
        matches!(self, Self::Org | Self::App)
    }

    /// Whether this is a person, who may authenticate and open boxes of others (S-1.7).
    #[must_use]
    pub fn is_person(self) -> bool {
        !self.is_opened_by_people()
    }
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Preinscrit, Self::AValider, Self::Valide, Self::Rejete, Self::Suspendu];

    /// The name used in commands and exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preinscrit => "preinscrit",
            Self::AValider => "a_valider",
            Self::Valide => "valide",
            Self::Rejete => "rejete",
            Self::Suspendu => "suspendu",
        }
    }

    /// Only a valid account logs in (S-1.5).
    #[must_use]
    pub fn may_log_in(self) -> bool {
        self == Self::Valide
    }

    /// Only a valid account sends (S-1.5).
    #[must_use]
    pub fn may_send(self) -> bool {
        self == Self::Valide
    }

    /// Whether mail is taken for the account. One that nobody has vouched for yet, or that was refused, takes none:
    /// its mail could wait for the wrong person.
    #[must_use]
    pub fn receives(self) -> bool {
        matches!(self, Self::Preinscrit | Self::Valide | Self::Suspendu)
    }
}

impl FromStr for BoxType {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text));
        known.ok_or(UnknownName { what: "box type", allowed: "MED, PER, INT, ORG, APP" })
    }
}

impl FromStr for State {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let known = Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text));
        let allowed = "preinscrit, a_valider, valide, rejete, suspendu";
        known.ok_or(UnknownName { what: "state", allowed })
    }
}

impl FromStr for Rights {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let known = [Self::Internal, Self::Full].into_iter().find(|r| r.as_str().eq_ignore_ascii_case(text));
        known.ok_or(UnknownName { what: "rights", allowed: "internal, full" })
    }
}

impl Rights {
    /// The name used in commands and traces.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for BoxType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_text_and_in_serde() {
        for kind in BoxType::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        for state in State::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        }
        for rights in [Rights::Internal, Rights::Full] {
            assert_eq!(rights.to_string().parse(), Ok(rights));
            assert_eq!(serde_json::to_string(&rights).unwrap(), format!("\"{rights}\""));
        }
        assert_eq!("per".parse(), Ok(BoxType::Per));
        assert!("CAB".parse::<BoxType>().unwrap_err().to_string().contains("MED, PER"));
        assert!("".parse::<State>().is_err() && "all".parse::<Rights>().is_err());
    }

    #[test]
    fn only_a_valid_account_logs_in_and_sends() {
        let able = |able: fn(State) -> bool| State::ALL.into_iter().filter(|s| able(*s)).collect::<Vec<_>>();
        assert_eq!(able(State::may_log_in), [State::Valide]);
        assert_eq!(able(State::may_send), [State::Valide]);
        assert_eq!(able(State::receives), [State::Preinscrit, State::Valide, State::Suspendu]);
    }
}
