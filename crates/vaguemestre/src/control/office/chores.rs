//! Long work for administrators: off the runtime's threads, one piece at a time.

use std::sync::Arc;

use store::{Action, Store};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task,
};

use super::{Answered, Office};
use crate::{
    chores::{self, Chore, ChoreError, Use},
    control::{
        follow::FOLLOWERS,
        protocol::{Answer, Refused, RefusedKind},
    },
};

/// Permits for long work.
#[derive(Debug)]
pub(crate) struct Chores {
    /// One: two backups would only wait for the same disk.
    once: Arc<Semaphore>,
    /// One for each second place.
    followers: Arc<Semaphore>,
}

impl Default for Chores {
    fn default() -> Self {
        Self { once: Arc::new(Semaphore::new(1)), followers: Arc::new(Semaphore::new(FOLLOWERS)) }
    }
}

impl Office {
    /// Lets a second place follow: what it needs for that, traced.
    pub(in crate::control) async fn follower(
        &self,
        administrator: &str,
    ) -> Result<(Store, OwnedSemaphorePermit), Refused> {
        let permit = Arc::clone(&self.chores.followers).try_acquire_owned().map_err(|_| Refused {
            kind: RefusedKind::Unavailable,
            message: "a second place follows already: end that one first".to_owned(),
        })?;
        let mut trace = self.trace(administrator, Action::Administer);
        trace.detail.push(("request".to_owned(), "backup-follow".to_owned()));
        self.note(trace).await;
        Ok((self.store.clone(), permit))
    }

    /// Carries it out to its end, whether the administrator goes on waiting or not.
    pub(super) async fn chore(&self, administrator: &str, chore: Chore) -> Answered {
        let unavailable =
            |message: &str| Refused { kind: RefusedKind::Unavailable, message: message.to_owned() };
        let Ok(permit) = Arc::clone(&self.chores.once).try_acquire_owned() else {
            return Err(unavailable(
                "a backup, proof, restore or export is running: wait until it has ended",
            ));
        };
        let (store, clock) = (self.store.clone(), Arc::clone(&self.clock));
        let administrator = administrator.to_owned();
        let work = move || {
            let _permit = permit;
            chores::carry_out(&store, clock.as_ref(), &administrator, &chore, Use::Shared)
        };
        match task::spawn_blocking(work).await {
            Ok(Ok(chored)) => Ok(Answer::Chored(Box::new(chored))),
            Ok(Err(ChoreError::Store(error))) => Err(error.into()),
            Ok(Err(error)) => Err(super::refusal(error.to_string())),
            Err(_) => Err(unavailable("it broke off; the daemon's log says more")),
        }
    }
}
