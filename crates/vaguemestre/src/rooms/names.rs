//! Names of other operators' hosts: by the system's DNS, or not at all where it has none.
//!
//! A host without DNS still relays along fixed routes; what would need a lookup waits. Must never guess a name.

use std::{net::IpAddr, sync::Arc};

use delivery::{Dns, Lookup, NameError, Names};
use tracing::warn;

/// The system's DNS; without one, lookups that all fail for now.
pub(super) fn system() -> Arc<dyn Names> {
    match Dns::system() {
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
