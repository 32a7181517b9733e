//! The trust space: how it stands, what it says of a domain, looking at its files and hosts at once, accepting a signer of white
//! lists, taking a revocation list from a file.

use std::{path::PathBuf, sync::Arc};

use mssante::{Domain, dn::DistinguishedName};
use pki::{Crl, CrlEvent, CrlFile, Refreshed};
use store::{Action, Outcome};
use tokio::task;

use super::{Answered, Office, refusal};
use crate::{
    control::protocol::{Answer, ImportedView, Refused, RefusedKind},
    trust,
};

impl Office {
    pub(super) fn trust_status(&self) -> Answered {
        Ok(Answer::TrustStatus(Box::new(self.warden.status(self.clock.now()))))
    }

    pub(super) fn trust_domain(&self, domain: &Domain) -> Answered {
        Ok(Answer::TrustDomain(Box::new(self.warden.space().show(domain))))
    }

    pub(super) async fn refresh_trust(&self, administrator: &str) -> Answered {
        let warden = Arc::clone(&self.warden);
        let mut refreshed = off_the_runtime(move || warden.refresh()).await?;
        if let Some(courier) = &self.courier
            && let Some(fetched) = courier.ring().await
        {
            refreshed = refreshed.and(fetched);
        }
        let mut trace = self.trace(administrator, Action::Trust);
        trace.detail.extend(trust::detail(&refreshed));
        self.note(trace).await;
        Ok(Answer::Refreshed(Box::new(refreshed)))
    }

    pub(super) async fn consider_signer(&self, name: &str) -> Answered {
        let name = whole_name(name)?;
        let (warden, now) = (Arc::clone(&self.warden), self.clock.now());
        let view = off_the_runtime(move || warden.space().consider_signer(&name, now)).await?;
        Ok(Answer::Signer(Box::new(view)))
    }

    pub(super) async fn accept_signer(&self, administrator: &str, name: &str) -> Answered {
        let name = whole_name(name)?;
        if self.warden.space().settings().is_none() {
            return Err(refusal("the configuration has no [trust]: nobody's list is accepted"));
        }
        let (warden, now) = (Arc::clone(&self.warden), self.clock.now());
        let (accepted, by) = (name.clone(), administrator.to_owned());
        let refreshed = off_the_runtime(move || {
            warden.space().accept_signer(&accepted, &by, now).map(|refreshed| warden.report(refreshed))
        })
        .await?;
        let mut trace = self.trace(administrator, Action::Trust);
        trace.detail.push(("accepted-signer".to_owned(), name.to_string()));
        let refreshed = match refreshed {
            Ok(refreshed) => refreshed,
            Err(error) => {
                trace.outcome = Outcome::Refused;
                self.note(trace).await;
                return Err(Refused {
                    kind: RefusedKind::Unavailable,
                    message: format!("the signer is not accepted: [trust] state cannot be written: {error}"),
                });
            }
        };
        trace.detail.extend(trust::detail(&refreshed));
        let id = trace.id.to_string();
        self.note(trace).await;
        Ok(Answer::SignerAccepted { refreshed: Box::new(refreshed), trace: id })
    }

    pub(super) async fn import_crl(&self, administrator: &str, file: PathBuf) -> Answered {
        let shown = file.display().to_string();
        let warden = Arc::clone(&self.warden);
        let now = self.clock.now();
        let imported = off_the_runtime(move || {
            let candidate = CrlFile::read(&file).map_err(|note| note.to_string())?;
            let before: Vec<_> = warden.space().current().revocations().lists().cloned().collect();
            let (notes, refreshed) = warden.space().offer_crls(&[candidate], now);
            let unusable = notes.iter().find(|note| !is_in_force(&note.event));
            match unusable {
                Some(note) => Err(note.to_string()),
                None => Ok((before, notes, warden.report(refreshed))),
            }
        })
        .await?;
        let mut trace = self.trace(administrator, Action::Trust);
        trace.detail.push(("imported".to_owned(), shown));
        let (before, notes, refreshed) = match imported {
            Ok(imported) => imported,
            Err(why) => {
                trace.outcome = Outcome::Refused;
                self.note(trace).await;
                return Err(refusal(why));
            }
        };
        let issuers: Vec<_> = notes.iter().filter_map(|note| note.issuer()).collect();
        let replaced = before.iter().filter(|crl| issuers.contains(&crl.issuer())).map(in_words).collect();
        let notes: Vec<_> = notes.iter().map(ToString::to_string).collect();
        trace.detail.extend(trust::detail(&refreshed));
        let id = trace.id.to_string();
        self.note(trace).await;
        let Refreshed { alarms, .. } = refreshed;
        Ok(Answer::CrlImported(Box::new(ImportedView { notes, replaced, alarms, trace: id })))
    }
}

fn is_in_force(event: &CrlEvent) -> bool {
    matches!(event, CrlEvent::Accepted { .. } | CrlEvent::Unchanged { .. } | CrlEvent::Shrunk { .. })
}

fn in_words(crl: &Crl) -> String {
    format!(
        "number {} of {}, {} revoked, {} bytes, the next due on {}",
        crl.number(),
        crl.this_update(),
        crl.count(),
        crl.der().len(),
        crl.next_update()
    )
}

fn whole_name(text: &str) -> Result<DistinguishedName, Refused> {
    DistinguishedName::parse(text).map_err(|error| {
        refusal(format!("{error}: write the whole name, for instance CN=alb.mssante.fr,OU=…,O=…,ST=…,C=FR"))
    })
}

/// Reading and judging files blocks.
async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
    task::spawn_blocking(work).await.map_err(|_| Refused {
        kind: RefusedKind::Unavailable,
        message: "the files could not be looked at; the daemon's log says more".to_owned(),
    })
}
