//! Where a domain's mail goes: a static route, else the hosts of its MX in order of preference (RFC 5321 §5.1), the domain itself
//! without one, nowhere with a null MX (RFC 7505), and never back to this server.
//!
//! May use: the resolver. Must never touch: trust; a name that DNS gives proves nothing.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};
use mssante::Domain;
use tokio::time::timeout;

use super::{
    RelaySettings,
    attempt::{Fault, What},
};

/// A lookup under way.
pub type Lookup<'a, T> = Pin<Box<dyn Future<Output = Result<T, NameError>> + Send + 'a>>;

/// Looks names up. [`Dns`] does it for real.
pub trait Names: Send + Sync + 'static {
    /// Preference and exchange of each MX record of a domain; none if it has no MX record but exists. The root as exchange is `.`.
    fn exchanges<'a>(&'a self, domain: &'a str) -> Lookup<'a, Vec<(u16, String)>>;

    /// Addresses of a host; none if it has none.
    fn addresses<'a>(&'a self, host: &'a str) -> Lookup<'a, Vec<IpAddr>>;
}

/// A lookup that gave no answer. It is tried again: the domain is listed, so that DNS may be wrong about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError(pub String);

/// The system's DNS.
pub struct Dns(TokioResolver);

impl Dns {
    /// The resolvers that the system is configured with.
    ///
    /// # Errors
    /// The system's configuration cannot be read.
    pub fn system() -> Result<Self, NameError> {
        TokioResolver::builder_tokio()
            .and_then(hickory_resolver::ResolverBuilder::build)
            .map(Dns)
            .map_err(|error| unanswered(&error))
    }

    /// These servers, whatever the system is configured with, and no hosts file.
    ///
    /// # Errors
    /// The resolver cannot be made.
    pub fn asking(servers: &[SocketAddr]) -> Result<Self, NameError> {
        let server = |server: &SocketAddr| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.to_vec())
        };
        let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.options_mut().use_hosts_file = ResolveHosts::Never;
        builder.build().map(Dns).map_err(|error| unanswered(&error))
    }
}

impl Names for Dns {
    fn exchanges<'a>(&'a self, domain: &'a str) -> Lookup<'a, Vec<(u16, String)>> {
        Box::pin(async move {
            let found = match self.0.mx_lookup(absolute(domain)).await {
                Ok(found) => found,
                Err(error) if error.is_no_records_found() && !error.is_nx_domain() => return Ok(Vec::new()),
                Err(error) => return Err(unanswered(&error)),
            };
            let exchanges = found.answers().iter().filter_map(|record| match &record.data {
                RData::MX(mx) => Some((mx.preference, mx.exchange.to_ascii())),
                _ => None,
            });
            Ok(exchanges.collect())
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Lookup<'a, Vec<IpAddr>> {
        Box::pin(async move {
            match self.0.lookup_ip(absolute(host)).await {
                Ok(found) => Ok(found.iter().collect()),
                Err(error) if error.is_no_records_found() => Ok(Vec::new()),
                Err(error) => Err(unanswered(&error)),
            }
        })
    }
}

/// Without the search list of this machine.
fn absolute(name: &str) -> String {
    if name.ends_with('.') { name.to_owned() } else { format!("{name}.") }
}

fn unanswered(error: &NetError) -> NameError {
    NameError(error.to_string())
}

/// A host to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) port: u16,
    /// Looked up by the system, its hosts file included, and not as a name of the DNS.
    fixed: bool,
}

impl Host {
    /// A host that the configuration names.
    pub(super) fn fixed(name: &str, port: u16) -> Self {
        Self { name: name.to_owned(), port, fixed: true }
    }
}

/// The hosts of a domain, in the order in which they are tried.
pub(super) async fn hosts(
    domain: &Domain,
    settings: &RelaySettings,
    names: &dyn Names,
) -> Result<Vec<Host>, What> {
    if let Some(route) = settings.routes.get(domain) {
        return Ok(vec![Host::fixed(&route.host, route.port)]);
    }
    let found = within(settings, names.exchanges(domain.as_str())).await?;
    let mut found: Vec<(u16, u32, String)> =
        found.into_iter().map(|(preference, name)| (preference, fastrand::u32(..), name)).collect();
    if matches!(found.as_slice(), [(_, _, only)] if only == ".") {
        let text = format!("the domain {domain} takes no mail, its DNS says: check the address");
        return Err(What::Hopeless(Fault::new("null-mx", "5.1.10", text)));
    }
    found.retain(|(_, _, name)| name != ".");
    if found.is_empty() {
        found.push((0, 0, domain.as_str().to_owned()));
    }
    // equal preferences in any order (RFC 5321 §5.1)
    found.sort();
    before_ourselves(&mut found, domain, settings)?;
    let host = |(_, _, name): (u16, u32, String)| Host {
        name: name.trim_end_matches('.').to_owned(),
        port: settings.port,
        fixed: false,
    };
    Ok(found.into_iter().take(settings.hosts).map(host).collect())
}

/// Leaves the hosts that are preferred to this one, if this one is among them (RFC 5321 §5.1): what goes to the others would come back.
fn before_ourselves(
    found: &mut Vec<(u16, u32, String)>,
    domain: &Domain,
    settings: &RelaySettings,
) -> Result<(), What> {
    let is_own = |name: &str| name.trim_end_matches('.').eq_ignore_ascii_case(&settings.hostname);
    let Some(own) = found.iter().find(|(_, _, name)| is_own(name)).map(|(preference, ..)| *preference) else {
        return Ok(());
    };
    found.retain(|(preference, ..)| *preference < own);
    if found.is_empty() {
        let text = format!(
            "the DNS names this server, {}, for {domain}, which it does not have: correct the MX records, or the domains of this server",
            settings.hostname
        );
        return Err(What::Trouble(Fault::new("mx-is-self", "4.4.6", text)));
    }
    Ok(())
}

/// The addresses of a host, IPv4 first.
pub(super) async fn addresses(
    host: &Host,
    settings: &RelaySettings,
    names: &dyn Names,
) -> Result<Vec<SocketAddr>, What> {
    let mut found: Vec<SocketAddr> = if host.fixed {
        let lookup = async {
            let found = tokio::net::lookup_host((host.name.as_str(), host.port)).await;
            found.map(Iterator::collect).map_err(|error| NameError(error.to_string()))
        };
        within(settings, Box::pin(lookup)).await?
    } else {
        let found = within(settings, names.addresses(&host.name)).await?;
        found.into_iter().map(|address| SocketAddr::new(address, host.port)).collect()
    };
    found.sort_by_key(SocketAddr::is_ipv6);
    found.dedup();
    if found.is_empty() {
        let text = format!("the host {} has no address in the DNS: its operator must give it one", host.name);
        return Err(What::Trouble(Fault::new("no-address", "4.4.4", text)));
    }
    Ok(found)
}

async fn within<T>(settings: &RelaySettings, lookup: Lookup<'_, T>) -> Result<T, What> {
    let why = match timeout(settings.lookup, lookup).await {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(NameError(why))) => why,
        Err(_) => "no answer in time".to_owned(),
    };
    Err(What::Trouble(Fault::new("dns", "4.4.3", format!("the next hop could not be looked up: {why}"))))
}

#[cfg(test)]
mod tests;
