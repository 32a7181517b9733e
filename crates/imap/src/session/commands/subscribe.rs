//! SUBSCRIBE (RFC 3501 §6.3.6) and UNSUBSCRIBE (§6.3.7): a mark on a mailbox.
//! May write one mark. Must never create a mailbox: the server validates names, as §6.3.6 allows.

use crate::{
    command::MailboxName,
    completion::Completion,
    session::{
        Session,
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
    // A deleted mailbox took its mark along: clients that unsubscribe behind DELETE or RENAME (Thunderbird, Apple Mail) get
    // what they want.
    mark(session, name, false).await?;
    Ok(Completion::ok("UNSUBSCRIBE completed"))
}

/// Whether there is such a mailbox.
async fn mark(session: &Session, name: &MailboxName, subscribed: bool) -> Result<bool, Halt> {
    let Some(found) = session.find_box(name.as_str()).await? else { return Ok(false) };
    session.store().subscribe(found.account, &found.name, subscribed, session.actor()).await?;
    Ok(true)
}
