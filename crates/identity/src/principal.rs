//! The proof that somebody logged in, and the end of what it rests on (S-1.5). Only the authenticator makes one.

use std::{fmt, sync::Arc, time::Duration};

use store::{Account, CredentialId, Reader, Store, StoreError};

use crate::policy;

/// A store that cannot answer whether a right still stands is asked again after this time…
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// …this many times; then the session ends: it must not outlive a right by more than five seconds (S-1.5).
const ASK_AT_MOST: u32 = 6;

/// Somebody who proved who they are, and as whom they act. Cheap to clone.
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

struct Inner {
    store: Store,
    person: Account,
    acting_as: Account,
    credential: CredentialId,
}

impl Principal {
    pub(crate) fn new(store: Store, person: Account, acting_as: Account, credential: CredentialId) -> Self {
        Self(Arc::new(Inner { store, person, acting_as, credential }))
    }

    /// The physical person, whom every trace names (S-1.7), as they were at login.
    #[must_use]
    pub fn person(&self) -> &Account {
        &self.0.person
    }

    /// The account whose box and rights are used, as it was at login: the person's own, or a box that they open.
    #[must_use]
    pub fn acting_as(&self) -> &Account {
        &self.0.acting_as
    }

    /// The application password that was shown.
    #[must_use]
    pub fn credential(&self) -> CredentialId {
        self.0.credential
    }

    /// Whether the person acts as a box other than their own.
    #[must_use]
    pub fn is_acting_for_other(&self) -> bool {
        self.0.person.id != self.0.acting_as.id
    }

    /// Resolves when a right that this login rests on has ended: the person or the box is gone, no longer valid, or has
    /// another type or address; the box no longer lists the person; the password was revoked. Rights that ended before
    /// the call count.
    pub fn revoked(&self) -> impl Future<Output = ()> + Send + use<> {
        let inner = Arc::clone(&self.0);
        async move { inner.revoked().await }
    }
}

impl Inner {
    async fn revoked(self: Arc<Self>) {
        let mut person = self.store.watch_account(self.person.id);
        let mut acting_as = self.store.watch_account(self.acting_as.id);
        loop {
            // a change during the check is seen after it
            person.borrow_and_update();
            acting_as.borrow_and_update();
            if !Arc::clone(&self).stands().await {
                return;
            }
            let changed = tokio::select! {
                changed = person.changed() => changed,
                changed = acting_as.changed() => changed,
            };
            if changed.is_err() {
                // nobody tells of changes any more: the store is closing
                return;
            }
        }
    }

    /// Whether every right still stands. A store that cannot tell for long means no.
    async fn stands(self: Arc<Self>) -> bool {
        for _ in 0..ASK_AT_MOST {
            let inner = Arc::clone(&self);
            match self.store.read(move |reader| inner.stands_in(reader)).await {
                Ok(stands) => return stands,
                Err(StoreError::Busy) => tokio::time::sleep(ASK_AGAIN).await,
                Err(error) => {
                    tracing::error!(%error, "the rights of a session cannot be read: the session ends");
                    return false;
                }
            }
        }
        false
    }

    fn stands_in(&self, reader: &Reader<'_>) -> Result<bool, StoreError> {
        let (Some(person), Some(acting_as)) =
            (reader.account(self.person.id)?, reader.account(self.acting_as.id)?)
        else {
            return Ok(false);
        };
        let credentials = reader.credentials(person.id)?;
        Ok(credentials.iter().any(|credential| credential.id == self.credential)
            && policy::may_act_as(&person, &acting_as).is_ok()
            && policy::same_rights(&self.person, &person)
            && policy::same_rights(&self.acting_as, &acting_as))
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("person", &self.0.person.id)
            .field("acting_as", &self.0.acting_as.id)
            .field("credential", &self.0.credential)
            .finish_non_exhaustive()
    }
}
