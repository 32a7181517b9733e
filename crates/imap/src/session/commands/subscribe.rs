//! SUBSCRIBE (RFC 3501 §6.3.6) and UNSUBSCRIBE (§6.3.7): a mark on a name, which stays when its mailbox is deleted.
//! May write one mark. Must never create a mailbox: the server validates names, as §6.3.6 allows.

use store::StoreError;

use crate::{
    command::MailboxName,
    completion::Completion,
    session::{
        Session,
        boxes::Place,
        halt::{Halt, no_such_mailbox},
    },
};

pub(in crate::session) async fn subscribe(session: &Session, name: &MailboxName) -> Result<Completion, Halt> {
    if !mark(session, name, true).await? {
        return Err(no_such_mailbox().into());
    }
    Ok(Completion::ok("SUBSCRIBE completed"))
}

pub(in crate::session) async fn unsubscribe(
    session: &Session,
    name: &MailboxName,
) -> Result<Completion, Halt> {
    // Clients that unsubscribe behind a RENAME (Thunderbird, Apple Mail) name what took its mark along: they get what they want.
    mark(session, name, false).await?;
    Ok(Completion::ok("UNSUBSCRIBE completed"))
}

/// Whether there is such a mailbox, or was one that is still subscribed to.
async fn mark(session: &Session, name: &MailboxName, subscribed: bool) -> Result<bool, Halt> {
    let Some(Place { account, name }) = session.placed(name.as_str()).await? else { return Ok(false) };
    match session.store().subscribe(account, &name, subscribed, session.actor()).await {
        Ok(()) => Ok(true),
        Err(StoreError::NotFound) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
