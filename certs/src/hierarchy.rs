//! The authorities of a trust space, two tiers as in IGC-Santé (mssante.md B.3.1): a root, ELEMENTAIRE ORGANISATIONS and
//! ELEMENTAIRE PERSONNES. Their names are clearly invented. Must never read a clock or a file.

use jiff::{SignedDuration, Timestamp};

use crate::{Attribute, Authority, DemoPkiError, Key, Name, leaf::TEST_POLICY};

const AUTHORITY_DAYS: i64 = 10 * 365;

/// Which hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// The demonstration's "production".
    Demonstration,
    /// Its TEST hierarchy: every certificate has the TEST policy, which never validates in production (M-2).
    Test,
    /// Somebody else's.
    Foreign,
    /// Somebody else's under the very names of the demonstration's.
    Impostor,
}

/// Which authority of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// The root.
    Root,
    /// Issues to organisations: servers, signers.
    Organisations,
    /// Issues to persons.
    Personnes,
}

impl Tier {
    /// All three, the root first.
    pub const ALL: [Self; 3] = [Self::Root, Self::Organisations, Self::Personnes];

    /// Its file name, without ending.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Organisations => "organisations",
            Self::Personnes => "personnes",
        }
    }
}

/// A root and the two authorities under it.
#[derive(Debug, Clone)]
pub struct Hierarchy {
    /// The root.
    pub root: Authority,
    /// Issues to organisations.
    pub organisations: Authority,
    /// Issues to persons.
    pub personnes: Authority,
}

impl Hierarchy {
    /// New authorities with new keys.
    ///
    /// # Errors
    /// A key cannot be made or used.
    pub fn new(space: Space, now: Timestamp) -> Result<Self, DemoPkiError> {
        let mut keys = Key::generate_many(3)?.into_iter();
        let mut key = || keys.next().ok_or(DemoPkiError::Key("one is missing"));
        let root = authority(space, Tier::Root, key()?, None, now)?;
        let organisations = authority(space, Tier::Organisations, key()?, Some(&root), now)?;
        let personnes = authority(space, Tier::Personnes, key()?, Some(&root), now)?;
        Ok(Self { root, organisations, personnes })
    }

    /// The one of that tier.
    #[must_use]
    pub fn tier(&self, tier: Tier) -> &Authority {
        match tier {
            Tier::Root => &self.root,
            Tier::Organisations => &self.organisations,
            Tier::Personnes => &self.personnes,
        }
    }

    /// The issuing authorities, PEM.
    #[must_use]
    pub fn authorities_pem(&self) -> String {
        self.organisations.certificate_pem() + &self.personnes.certificate_pem()
    }
}

/// A new authority with `key`, certified by `above` or by itself.
pub(crate) fn authority(
    space: Space,
    tier: Tier,
    key: Key,
    above: Option<&Authority>,
    now: Timestamp,
) -> Result<Authority, DemoPkiError> {
    let mut authority = found(space, tier, key, Vec::new());
    let day = SignedDuration::from_hours(24);
    let dates = (
        now.saturating_sub(day).unwrap_or(now),
        now.saturating_add(day * AUTHORITY_DAYS.try_into().unwrap_or(i32::MAX)).unwrap_or(Timestamp::MAX),
    );
    let signer = above.unwrap_or(&authority);
    let certificate = signer.certify(&authority.subject, &authority.key, dates, tier == Tier::Root)?;
    if tier != Tier::Root {
        authority.above = vec![certificate.clone()];
    }
    authority.certificate = certificate;
    Ok(authority)
}

/// An authority whose certificate is there already.
pub(crate) fn found(space: Space, tier: Tier, key: Key, certificate: Vec<u8>) -> Authority {
    let above = if tier == Tier::Root { Vec::new() } else { vec![certificate.clone()] };
    let (policy, mark) = match space {
        Space::Test => (Some(TEST_POLICY), 0x83),
        _ => (None, 0x03),
    };
    Authority {
        subject: name(space, tier),
        key,
        certificate,
        above,
        crl_url: crl_url(space, tier),
        policy,
        mark,
    }
}

/// The authority's name.
pub(crate) fn name(space: Space, tier: Tier) -> Name {
    let (organisation, unit, prefix) = match space {
        Space::Demonstration | Space::Impostor => ("VAGUEMESTRE", "IGC-SANTE DEMONSTRATION", ""),
        Space::Test => ("VAGUEMESTRE", "IGC-SANTE TEST DEMONSTRATION", "TEST "),
        Space::Foreign => ("AUTORITE ETRANGERE", "AUTRE IGC", ""),
    };
    let tier = match tier {
        Tier::Root => "AC RACINE DEMONSTRATION ELEMENTAIRE",
        Tier::Organisations => "AC DEMONSTRATION ELEMENTAIRE ORGANISATIONS",
        Tier::Personnes => "AC DEMONSTRATION ELEMENTAIRE PERSONNES",
    };
    Name::new()
        .with(Attribute::Country, "FR")
        .with(Attribute::Organization, organisation)
        .with(Attribute::OrganizationalUnit, "0002 000000000")
        .with(Attribute::OrganizationalUnit, unit)
        .with(Attribute::CommonName, &format!("{prefix}{tier}"))
}

/// A place that exists nowhere (RFC 2606), named as the agency names its own (B.3.5).
fn crl_url(space: Space, tier: Tier) -> String {
    let file = match tier {
        Tier::Root => "ACR-EL",
        Tier::Organisations => "ACI-EL-ORG",
        Tier::Personnes => "ACI-EL-PP",
    };
    let test = if space == Space::Test { "-TEST" } else { "" };
    format!("http://igc-sante.demonstration.invalid/CRL/{file}{test}.crl")
}
