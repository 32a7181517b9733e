//! Where mail for an account goes: its box here, its hospital's server, or both (S-3.10).
//!
//! May use: profiles, connectors. Must never touch: the store.

use std::sync::Arc;

use mssante::{Address, Profile};

use super::{Connectors, Deliver};

/// Where mail for an account goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// Whether its box gets a copy.
    pub(crate) has_box: bool,
    /// Its hospital's server, if that gets one.
    pub(crate) server: Option<AtServer>,
}

/// An account at its hospital's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AtServer {
    /// The connector's name.
    pub(crate) connector: Arc<str>,
    /// Its login address, by which that server knows it.
    pub(crate) address: Address,
}

impl Default for Home {
    /// A box, and nothing else.
    fn default() -> Self {
        Self { has_box: true, server: None }
    }
}

impl Connectors {
    /// Where mail for this account goes.
    pub(crate) fn home(&self, profile: &Profile) -> Home {
        let Some(connector) = self.of(profile) else { return Home::default() };
        let server = || AtServer { connector: Arc::clone(&connector.name), address: profile.login.clone() };
        match connector.deliver {
            Deliver::Box => Home::default(),
            Deliver::Server => Home { has_box: false, server: Some(server()) },
            Deliver::Both => Home { has_box: true, server: Some(server()) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connector::Connector,
        samples::{DOCTOR_LOGIN, connector, doctor, secretary},
    };

    #[test]
    fn only_its_users_are_at_a_server_and_only_if_it_takes_delivery() {
        let home = |deliver, profile: &Profile| {
            let connector = Connector { deliver, ..connector() };
            let profile = Profile { structure: Some(connector.structure.clone()), ..profile.clone() };
            let home = Connectors::new(vec![connector]).home(&profile);
            (home.has_box, home.server.map(|server| server.address.to_string()))
        };
        let (doctor, secretary) = (doctor().profile, secretary().profile);
        assert_eq!(home(Deliver::Box, &doctor), (true, None));
        assert_eq!(home(Deliver::Server, &doctor), (false, Some(DOCTOR_LOGIN.to_owned())));
        assert_eq!(home(Deliver::Both, &doctor), (true, Some(DOCTOR_LOGIN.to_owned())));
        assert_eq!(home(Deliver::Server, &secretary), (true, None), "another domain");
    }
}
