//! The connectors that an operator has set up, and whom each speaks for (S-3.10, S-2.1).
//!
//! May use: profiles. Must never touch: the store, sockets.

use std::sync::Arc;

use mssante::{Address, Domain, Profile, StructureId};
use pki::Pins;

/// One hospital's own server.
#[derive(Debug, Clone, PartialEq)]
pub struct Connector {
    /// Its name in traces, logs and the queue: at most 64 octets.
    pub name: Arc<str>,
    /// The structure that vouches for it.
    pub structure: StructureId,
    /// The domains of its users' login or MSSanté addresses.
    pub domains: Vec<Domain>,
    /// What it presents when it hands mail over.
    pub pins: Pins,
    /// Whether it may log in with the password that the store keeps for it.
    pub login: bool,
    /// Who may use its sockets of this machine.
    pub users: Vec<LocalUser>,
    /// Whether what nothing makes secure goes to the smart host; otherwise it is given back (S-3.3).
    pub smart_host: bool,
    /// Whether all mail of its structure is secure (S-3.1).
    pub all_secure: bool,
    /// The account in whose name its own reports travel.
    pub reports: Option<Address>,
    /// Where mail for its users goes.
    pub deliver: Deliver,
}

/// Where mail for a connector's users goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deliver {
    /// To their boxes here.
    Box,
    /// To the hospital's server.
    Server,
    /// To both.
    Both,
}

/// A user or a group of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalUser {
    /// By the number of the user.
    Uid(u32),
    /// By the number of the primary group.
    Gid(u32),
}

/// Who is at the other end of a socket of this machine, in the kernel's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Visitor {
    /// The user.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
}

impl Connector {
    /// Whether the account is one of its users.
    #[must_use]
    pub fn serves(&self, profile: &Profile) -> bool {
        let in_domain = |address: &Address| self.domains.contains(address.domain());
        profile.structure.as_ref() == Some(&self.structure)
            && (in_domain(&profile.login) || profile.mssante.as_ref().is_some_and(in_domain))
    }

    /// Whether `visitor` may use its sockets.
    #[must_use]
    pub fn admits(&self, visitor: Visitor) -> bool {
        self.users.iter().any(|user| match user {
            LocalUser::Uid(uid) => *uid == visitor.uid,
            LocalUser::Gid(gid) => *gid == visitor.gid,
        })
    }

    /// Whether an address is of the server itself and of nobody: in one of its domains, or below one as its host is.
    pub(crate) fn is_its_own(&self, address: &Address) -> bool {
        let of = |domain: &Domain| address.domain() == domain || address.domain().is_under(domain.as_str());
        self.domains.iter().any(of)
    }
}

/// All connectors of an operator.
#[derive(Debug, Clone, Default)]
pub struct Connectors(Arc<[Arc<Connector>]>);

impl Connectors {
    /// These.
    #[must_use]
    pub fn new(connectors: Vec<Connector>) -> Self {
        Self(connectors.into_iter().map(Arc::new).collect())
    }

    /// Every one of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.0.iter()
    }

    /// The one whose user the account is, if any.
    pub(crate) fn of(&self, profile: &Profile) -> Option<&Arc<Connector>> {
        self.all().find(|connector| connector.serves(profile))
    }

    /// Whether a connector says that all mail of this structure is secure (S-3.1).
    pub(crate) fn secures(&self, structure: &StructureId) -> bool {
        self.all().any(|connector| connector.all_secure && connector.structure == *structure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{address, connector, doctor, secretary};

    #[test]
    fn its_users_are_accounts_of_its_structure_in_its_domains() {
        let connector = connector();
        let with = |profile: &Profile, structure: Option<&StructureId>| {
            connector.serves(&Profile { structure: structure.cloned(), ..profile.clone() })
        };
        let (doctor, secretary) = (doctor().profile, secretary().profile);
        let other = StructureId::Finess(mssante::Finess::parse("590000121").unwrap());
        assert!(with(&doctor, Some(&connector.structure)));
        assert!(!with(&doctor, None) && !with(&doctor, Some(&other)));
        assert!(!with(&secretary, Some(&connector.structure)), "another domain");
        let mssante =
            Connector { domains: vec![Domain::parse("chu-nord.mssante.fr").unwrap()], ..connector.clone() };
        assert!(mssante.serves(&Profile { structure: Some(connector.structure.clone()), ..doctor }));
    }

    #[test]
    fn users_of_a_socket_are_named_by_user_or_group() {
        let users = vec![LocalUser::Uid(106), LocalUser::Gid(114)];
        let connector = Connector { users, ..connector() };
        for (uid, gid, admitted) in [(106, 1, true), (1, 114, true), (114, 106, false), (0, 0, false)] {
            assert_eq!(connector.admits(Visitor { uid, gid }), admitted, "{uid} {gid}");
        }
    }

    #[test]
    fn the_server_itself_is_in_its_domains_or_below() {
        let connector = connector();
        for (text, own) in [
            ("MAILER-DAEMON@mail.chu-nord.fr", true),
            ("postmaster@chu-nord.fr", true),
            ("postmaster@autre-chu-nord.fr", false),
            ("postmaster@chu-sud.fr", false),
        ] {
            assert_eq!(connector.is_its_own(&address(text)), own, "{text}");
        }
    }
}
