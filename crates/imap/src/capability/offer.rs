//! What is offered to whom: everything that is built, without what the configuration takes away from all, from an account, or
//! from a client by the name that it gives itself (RFC 2971).
//! Plain data. Must never guess a client from anything but its ID.

use super::Extensions;

/// What is taken away, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// From everybody.
    pub without: Extensions,
    /// From sessions that act as the account of this address (compared without case), login or MSSanté.
    pub accounts: Vec<(String, Extensions)>,
    /// From clients whose ID gives this name (compared without case).
    pub clients: Vec<(String, Extensions)>,
}

impl Default for Offer {
    fn default() -> Self {
        Self { without: Extensions::NONE, accounts: Vec::new(), clients: Vec::new() }
    }
}

impl Offer {
    /// What a connection is offered of which no more is known than the name of its client, if it gave one.
    pub fn to_client(&self, client: Option<&str>) -> Extensions {
        let lost = client.map_or(Extensions::NONE, |client| of(&self.clients, client));
        Extensions::all().without(self.without).without(lost)
    }

    /// What a session is offered that acts as the account of these addresses.
    pub fn to_account<'a>(
        &self,
        addresses: impl IntoIterator<Item = &'a str>,
        client: Option<&str>,
    ) -> Extensions {
        let offered = self.to_client(client);
        addresses.into_iter().fold(offered, |offered, address| offered.without(of(&self.accounts, address)))
    }
}

fn of(list: &[(String, Extensions)], name: &str) -> Extensions {
    let found = list.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    found.fold(Extensions::NONE, |lost, (_, without)| lost.and(*without))
}
