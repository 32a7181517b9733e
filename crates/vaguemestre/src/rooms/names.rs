//! Names of other operators' hosts: by the DNS servers that are configured, by the system's, or not at all where it has none.
//!
//! A host without DNS still relays along fixed routes; what would need a lookup waits. Must never guess a name.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use delivery::{Dns, Lookup, NameError, Names};
use tracing::warn;

/// These DNS servers, or the system's; without any, lookups that all fail for now.
pub(super) fn of(servers: &[SocketAddr]) -> Arc<dyn Names> {
    let dns = if servers.is_empty() { Dns::system() } else { Dns::asking(servers) };
    match dns {
        Ok(dns) => Arc::new(dns),
        Err(NameError(error)) => {
            warn!(
                error,
                "this system has no DNS (/etc/resolv.conf): only [relay] routes lead to other operators"
            );
            Arc::new(NoDns(error))
        }
    }
}

/// No DNS, and why.
struct NoDns(String);

impl NoDns {
    fn none<T: Send + 'static>(&self) -> Lookup<'_, T> {
        Box::pin(std::future::ready(Err(NameError(self.0.clone()))))
    }
}

impl Names for NoDns {
    fn exchanges<'a>(&'a self, _domain: &'a str) -> Lookup<'a, Vec<(u16, String)>> {
        self.none()
    }

    fn addresses<'a>(&'a self, _host: &'a str) -> Lookup<'a, Vec<IpAddr>> {
        self.none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_dns_every_lookup_fails_and_says_why() {
        let names = NoDns("no such file".into());
        assert_eq!(names.exchanges("x.mssante.fr").await, Err(NameError("no such file".into())));
        assert_eq!(names.addresses("mx.x.fr").await, Err(NameError("no such file".into())));
    }
}
