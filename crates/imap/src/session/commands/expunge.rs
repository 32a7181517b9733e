//! EXPUNGE (RFC 3501 §6.4.3) and UID EXPUNGE (RFC 4315 §2.1), both as RFC 7162 §3.2.7 and §3.2.9 change them: messages marked \Deleted leave for good.
//! May write to the store. Must never remove a message that is not marked \Deleted.

use store::{BoxId, Interrupted, Uid};

use crate::{
    command::SequenceSet,
    completion::{Completion, Reply},
    output::Output,
    session::{Session, halt::Halt},
};

pub(in crate::session) async fn expunge(
    session: &mut Session,
    set: Option<&SequenceSet>,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let view = session.writable_view()?;
    let mailbox = view.mailbox();
    let which = set.map(|set| view.resolve_uids(set).iter().collect());
    let gone = remove(session, mailbox, which).await?;
    let known = session.tell_removed(&gone, out).await?;
    Ok(Completion::Ok(Reply { code: known, text: "EXPUNGE completed".into() }))
}

/// Removes what is marked \Deleted, all of it or among `which`.
pub(super) async fn remove(
    session: &Session,
    mailbox: BoxId,
    which: Option<Vec<Uid>>,
) -> Result<Vec<Uid>, Halt> {
    if which.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Vec::new());
    }
    let messages = which.as_ref().map_or(session.view()?.len() as usize, Vec::len);
    let expunging = session.store().expunge(mailbox, which, session.actor());
    let allowed = session.while_allowed(session.selected_account()?, messages, expunging).await?;
    let (gone, failure) = match allowed {
        Ok(gone) => (gone, None),
        Err(Interrupted { done, error }) => (done, Some(error)),
    };
    // What went before the failure is told as any change of the mailbox is.
    failure.map_or(Ok(gone), |error| Err(error.into()))
}
