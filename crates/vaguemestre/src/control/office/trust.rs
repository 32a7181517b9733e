//! The trust space: how it stands, what it says of a domain, looking at its files at once.

use std::sync::Arc;

use mssante::Domain;
use store::Action;
use tokio::task;

use super::{Answered, Office};
use crate::control::protocol::{Answer, Refused, RefusedKind};

impl Office {
    pub(super) fn trust_status(&self) -> Answered {
        Ok(Answer::TrustStatus(Box::new(self.warden.status(self.clock.now()))))
    }

    pub(super) fn trust_domain(&self, domain: &Domain) -> Answered {
        Ok(Answer::TrustDomain(Box::new(self.warden.space().show(domain))))
    }

    pub(super) async fn refresh_trust(&self, administrator: &str) -> Answered {
        let warden = Arc::clone(&self.warden);
        let refreshed = task::spawn_blocking(move || warden.refresh()).await;
        let refreshed = refreshed.map_err(|_| Refused {
            kind: RefusedKind::Unavailable,
            message: "the files could not be looked at; the daemon's log says more".to_owned(),
        })?;
        let mut trace = self.trace(administrator, Action::Trust);
        trace.detail.push(("changed".to_owned(), refreshed.changed.to_string()));
        self.note(trace).await;
        Ok(Answer::Refreshed(Box::new(refreshed)))
    }
}
