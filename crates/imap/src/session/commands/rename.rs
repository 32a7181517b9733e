//! RENAME (RFC 3501 §6.3.5): children move along, missing parents of the new name are created, and INBOX gives its
//! messages away but stays. May write mailboxes. Must never copy a message.

use crate::{
    command::MailboxName,
    completion::Completion,
    session::{
        Session,
        commands::create::acceptable,
        halt::{Halt, no_such_mailbox},
    },
};

pub(in crate::session) async fn rename(
    session: &Session,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<Completion, Halt> {
    acceptable(to)?;
    let Some(found) = session.find_box(from.as_str()).await? else { return Err(no_such_mailbox().into()) };
    session.store().rename_box(found.id, to.as_str()).await?;
    Ok(Completion::ok("RENAME completed"))
}
