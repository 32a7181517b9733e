//! Which mailbox a name means (RFC 2342 §5, S-1.7): one of the account acted as, or, for who logs in as themselves, one of a
//! box that they may open beside their own, as in `Other users/cardio@chu.mssante.fr/INBOX`.
//!
//! May read accounts and mailbox records. Must never tell whether a box exists that the person may not open.
//!
//! The prefix is ASCII and has one level for each box, so that clients which know nothing of namespaces (Outlook) show a
//! folder for each box; Cyrus has the same. Subscriptions and names there are those of the box, whoever looks.

use std::{
    future::{Future, pending},
    sync::{Arc, PoisonError},
};

use mssante::Address;
use store::{Account, AccountId, Action, BoxInfo, INBOX, Reader, StoreError};
use tokio::sync::watch;

use super::{
    Session,
    halt::{Halt, no_such_mailbox},
    trace::detail,
};
use crate::{capability::Extension, command::MailboxName, completion::Completion, wire::encode::Code};

/// The first level of names of other boxes.
pub(super) const OTHERS: &str = "Other users";

/// Messages of a work that is over in a commit or two: too short for a right to end in between.
const SHORT: usize = 512;

/// Most other boxes that are listed; those beyond are opened by their name.
const OTHERS_LISTED: usize = 200;

/// The mailboxes of one account, as the session names them.
pub(super) struct Shelf {
    /// What stands before the name of each: nothing, or the levels that lead to another's box, the last `/` included.
    pub(super) prefix: String,
    /// INBOX first, then by name.
    pub(super) boxes: Vec<BoxInfo>,
    /// Names subscribed to that no mailbox has any more (RFC 3501 §6.3.6).
    pub(super) left: Vec<String>,
}

impl Shelf {
    fn read(reader: &Reader<'_>, account: AccountId, prefix: String) -> store::Result<Self> {
        let mut boxes = reader.boxes(account)?;
        boxes.sort_by(|a, b| (a.name != INBOX, &a.name).cmp(&(b.name != INBOX, &b.name)));
        Ok(Self { prefix, boxes, left: reader.left_subscriptions(account)? })
    }

    /// Whether these are the mailboxes of the account acted as.
    pub(super) fn is_own(&self) -> bool {
        self.prefix.is_empty()
    }

    /// The name that the session knows a mailbox by.
    pub(super) fn name_of(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Where a name belongs, whether a mailbox has it or not.
pub(super) struct Place {
    /// Whose mailbox it is, or would be.
    pub(super) account: AccountId,
    /// Its name there.
    pub(super) name: String,
}

/// What a name says of itself.
#[derive(Debug, PartialEq, Eq)]
enum Meaning<'n> {
    /// A mailbox of the account acted as.
    Own,
    /// A mailbox of another: how that account is called, and the name there.
    Other(&'n str, &'n str),
    /// A level above the mailboxes of others: nothing can be in it.
    Above,
}

fn meaning(name: &str) -> Meaning<'_> {
    match name.strip_prefix(OTHERS) {
        Some("") => Meaning::Above,
        Some(rest) => match rest.strip_prefix('/') {
            Some(rest) => rest.split_once('/').map_or(Meaning::Above, |(of, name)| Meaning::Other(of, name)),
            None => Meaning::Own,
        },
        None => Meaning::Own,
    }
}

/// Whether no mailbox may be made of that name in any box: it would be out of reach where the boxes of others are shown.
pub(super) fn is_reserved(name: &str) -> bool {
    meaning(name) != Meaning::Own
}

/// What an account is called among other users: its MSSanté address, or its login address. None if neither can be a level
/// of a name that LIST can match.
fn called(account: &Account) -> Option<String> {
    let addresses = account.profile.mssante.iter().chain([&account.profile.login]);
    addresses.map(ToString::to_string).find(|address| !address.contains(['/', '*', '%', '"', '\\']))
}

impl Session {
    /// Whether the boxes of others that the person may open are shown: to who logged in as themselves, where NAMESPACE is
    /// offered.
    pub(super) fn shows_others(&self) -> bool {
        !self.principal.is_acting_for_other() && self.offers(Extension::Namespace)
    }

    /// The mailbox of that name; none if there is no such mailbox, or no right to it now.
    pub(super) async fn find_box(&self, name: &str) -> Result<Option<BoxInfo>, Halt> {
        let Some(Place { account, name }) = self.placed(name).await? else { return Ok(None) };
        Ok(self.look(move |reader| reader.box_by_name(account, &name)).await?)
    }

    /// Where a mailbox of that name is, or would be made.
    ///
    /// # Errors
    /// `NO [NOPERM]` where the person can make none.
    pub(super) async fn place(&self, name: &MailboxName) -> Result<Place, Halt> {
        self.placed(name.as_str()).await?.ok_or_else(|| {
            let text = "That is where the boxes of others are: you can make mailboxes only in those that you may open";
            Completion::no_with(Code::NoPerm, text).into()
        })
    }

    /// The same, or nothing where the person can make none.
    pub(super) async fn placed(&self, name: &str) -> Result<Option<Place>, Halt> {
        let own = || Place { account: self.account(), name: name.to_owned() };
        if !self.shows_others() {
            return Ok(Some(own()));
        }
        match meaning(name) {
            Meaning::Own => Ok(Some(own())),
            Meaning::Above => Ok(None),
            Meaning::Other(of, name) => {
                let Some(Account { id: account, .. }) = self.other(of).await? else { return Ok(None) };
                self.enter(account).await?;
                Ok(Some(Place { account, name: name.to_owned() }))
            }
        }
    }

    /// Traces that the person looks into another's box, once for each: without a trace there is no access (S-1.7).
    pub(super) async fn enter(&self, account: AccountId) -> Result<(), Halt> {
        let entered = || self.entered.lock().unwrap_or_else(PoisonError::into_inner);
        if !entered().insert(account) {
            return Ok(());
        }
        let trace = self.new_trace(account, Action::Select, vec![detail("namespace", OTHERS)]);
        if let Err(error) = self.store().trace(trace).await {
            entered().remove(&account);
            return Err(error.into());
        }
        Ok(())
    }

    /// The account that is called so among other users, if the person may open it now.
    pub(super) async fn other(&self, called_so: &str) -> Result<Option<Account>, StoreError> {
        let Ok(address) = Address::parse(called_so) else { return Ok(None) };
        let (principal, called_so) = (self.principal.clone(), called_so.to_owned());
        self.look(move |reader| {
            let found = principal.other(reader, &address)?;
            Ok(found.filter(|other| called(other).as_ref() == Some(&called_so)))
        })
        .await
    }

    /// Whether there is any box of another that the person may open now.
    pub(super) async fn has_others(&self) -> Result<bool, Halt> {
        if !self.shows_others() {
            return Ok(false);
        }
        let principal = self.principal.clone();
        Ok(self
            .read(move |reader| Ok(principal.others(reader)?.iter().any(|one| called(one).is_some())))
            .await?)
    }

    /// The mailboxes of the account acted as, and those of the boxes beside it, by what these are called.
    pub(super) async fn shelves(&self) -> Result<Vec<Shelf>, Halt> {
        let (own, principal) = (self.account(), self.shows_others().then(|| self.principal.clone()));
        let look = move |reader: &Reader<'_>| {
            let mut shelves = vec![Shelf::read(reader, own, String::new())?];
            let others = principal.map_or(Ok(vec![]), |principal| principal.others(reader))?;
            let mut others: Vec<(String, AccountId)> =
                others.iter().filter_map(|other| Some((called(other)?, other.id))).collect();
            others.sort_unstable();
            for (of, id) in others.into_iter().take(OTHERS_LISTED) {
                shelves.push(Shelf::read(reader, id, format!("{OTHERS}/{of}/"))?);
            }
            Ok(shelves)
        };
        Ok(self.read(look).await?)
    }

    /// To be held as long as a mailbox of that account is open, if it is another's: the session ends with the right to it
    /// (S-1.5).
    pub(super) async fn lend(&self, account: AccountId) -> Result<Option<Lent>, Halt> {
        if account == self.account() {
            return Ok(None);
        }
        let lent = self.look(move |reader| reader.account(account)).await?.ok_or_else(no_such_mailbox)?;
        self.lent.send_replace(Some(Arc::new(lent)));
        Ok(Some(Lent(self.lent.clone())))
    }

    /// Does a work on so many messages of the open mailbox, and of one of that account, as long as the person may use both: once a
    /// right has ended it stops between two commits of the store, which are whole (S-1.5). A COPY takes back what it made, unless its
    /// last commit was on its way.
    ///
    /// # Errors
    /// `NO [NOPERM]` where a right has ended.
    pub(super) async fn while_allowed<T>(
        &self,
        account: AccountId,
        messages: usize,
        work: impl Future<Output = T>,
    ) -> Result<T, Halt> {
        if messages <= SHORT {
            return Ok(work.await);
        }
        let ended = || {
            let text = "The right to use this box has ended meanwhile: what was done before stays done, a copy is there whole or not \
                        at all";
            Halt::from(Completion::no_with(Code::NoPerm, text))
        };
        let (open, principal) = (self.selected_account()?, self.principal.clone());
        let look = move |reader: &Reader<'_>| {
            let may = principal.may_open(reader, open)? && principal.may_open(reader, account)?;
            Ok(if may { reader.account(account)? } else { None })
        };
        let target = self.read(look).await?.ok_or_else(ended)?;
        tokio::select! {
            biased;
            () = self.revoked() => Err(ended()),
            () = self.principal.revoked_over(Arc::new(target)) => Err(ended()),
            done = work => Ok(done),
        }
    }

    /// Resolves when a right that the session rests on has ended: the login's, or the one to the mailbox that is open.
    pub fn revoked(&self) -> impl Future<Output = ()> + Send + use<> {
        let (principal, mut lent) = (self.principal.clone(), self.lent.subscribe());
        async move {
            tokio::select! {
                () = principal.revoked() => {}
                () = taken_back(&principal, &mut lent) => {}
            }
        }
    }
}

/// A mailbox of another's that is open, until this is dropped.
pub(super) struct Lent(watch::Sender<Option<Arc<Account>>>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

/// Resolves when the box that is lent may not be open any more.
async fn taken_back(principal: &identity::Principal, lent: &mut watch::Receiver<Option<Arc<Account>>>) {
    loop {
        let over = lent.borrow_and_update().clone();
        let ended = async {
            match over {
                Some(account) => principal.revoked_over(account).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            changed = lent.changed() => if changed.is_err() { pending::<()>().await },
            () = ended => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_it_is() {
        assert_eq!(meaning("INBOX"), Meaning::Own);
        assert_eq!(meaning("Other users"), Meaning::Above);
        assert_eq!(meaning("Other users/a@x.fr"), Meaning::Above);
        assert_eq!(meaning("Other users/a@x.fr/INBOX"), Meaning::Other("a@x.fr", "INBOX"));
        assert_eq!(meaning("Other users/a@x.fr/b/c"), Meaning::Other("a@x.fr", "b/c"));
        assert_eq!(meaning("Other users of ours"), Meaning::Own);
        assert_eq!(meaning("other users/a@x.fr/INBOX"), Meaning::Own);
    }
}
