//! The proof that somebody logged in, what else they may open, and the end of what that rests on (S-1.5, S-1.7). Only the
//! authenticator makes one.

use std::{fmt, sync::Arc, time::Duration};

use mssante::Address;
use store::{Account, AccountId, CredentialId, Reader, Store, StoreError};

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
    person: Arc<Account>,
    /// The same value as `person` for who acts for nobody else: a server holds thousands of them.
    acting_as: Arc<Account>,
    credential: CredentialId,
}

impl Principal {
    pub(crate) fn new(store: Store, person: Account, acting_as: Account, credential: CredentialId) -> Self {
        let itself = acting_as == person;
        let person = Arc::new(person);
        let acting_as = if itself { Arc::clone(&person) } else { Arc::new(acting_as) };
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
        Arc::clone(&self.0).revoked(Arc::clone(&self.0.acting_as))
    }

    /// The boxes that the person may open beside their own, as they are in this snapshot, by number (S-1.7). None for who
    /// acts as a box: what is seen then is that box alone. Blocking.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn others(&self, reader: &Reader<'_>) -> Result<Vec<Account>, StoreError> {
        let mut others = vec![];
        if self.is_acting_for_other() {
            return Ok(others);
        }
        for id in reader.openings(self.person().id)? {
            others.extend(self.if_open(reader, reader.account(id)?)?);
        }
        Ok(others)
    }

    /// The box of that address, if the person may open it beside their own: one that they may not is as one that does not
    /// exist. Blocking.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn other(&self, reader: &Reader<'_>, address: &Address) -> Result<Option<Account>, StoreError> {
        if self.is_acting_for_other() {
            return Ok(None);
        }
        self.if_open(reader, reader.account_by_address(address)?)
    }

    /// Whether the person may use that account's box now: the one acted as, or one beside their own. Blocking.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn may_open(&self, reader: &Reader<'_>, id: AccountId) -> Result<bool, StoreError> {
        if id == self.acting_as().id {
            return self.0.stands_in(reader, &self.0.acting_as);
        }
        Ok(!self.is_acting_for_other() && self.if_open(reader, reader.account(id)?)?.is_some())
    }

    fn if_open(&self, reader: &Reader<'_>, account: Option<Account>) -> Result<Option<Account>, StoreError> {
        let Some(person) = reader.account(self.person().id)? else { return Ok(None) };
        let open =
            |account: &Account| account.id != person.id && policy::may_act_as(&person, account).is_ok();
        Ok(account.filter(open))
    }

    /// Does what [`Principal::revoked`] does for a box that the person opened beside their own: its right to be open, and
    /// the login's.
    pub fn revoked_over(&self, other: Arc<Account>) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.0).revoked(other)
    }
}

impl Inner {
    /// `over`: the account whose box is open, as it was when it was granted.
    async fn revoked(self: Arc<Self>, over: Arc<Account>) {
        let mut person = self.store.watch_account(self.person.id);
        let mut opened = self.store.watch_account(over.id);
        loop {
            // a change during the check is seen after it
            person.borrow_and_update();
            opened.borrow_and_update();
            if !self.stands(&over).await {
                return;
            }
            let changed = tokio::select! {
                changed = person.changed() => changed,
                changed = opened.changed() => changed,
            };
            if changed.is_err() {
                // nobody tells of changes any more: the store is closing
                return;
            }
        }
    }

    /// Whether every right still stands. A store that cannot tell for long means no.
    async fn stands(self: &Arc<Self>, over: &Arc<Account>) -> bool {
        for _ in 0..ASK_AT_MOST {
            let (inner, over) = (Arc::clone(self), Arc::clone(over));
            match self.store.read(move |reader| inner.stands_in(reader, &over)).await {
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

    fn stands_in(&self, reader: &Reader<'_>, over: &Account) -> Result<bool, StoreError> {
        let (Some(person), Some(opened)) = (reader.account(self.person.id)?, reader.account(over.id)?) else {
            return Ok(false);
        };
        let credentials = reader.credentials(person.id)?;
        Ok(credentials.iter().any(|credential| credential.id == self.credential)
            && policy::may_act_as(&person, &opened).is_ok()
            && policy::same_rights(&self.person, &person)
            && policy::same_rights(over, &opened))
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
