//! RENAME (RFC 3501 §6.3.5): children move along, missing parents of the new name are created, and INBOX gives its
//! messages away but stays. May write mailboxes. Must never copy a message, nor take a mailbox from one box to another.

use crate::{
    command::MailboxName,
    completion::Completion,
    output::Output,
    session::{
        Session,
        boxes::Place,
        commands::{create::acceptable, list},
        halt::{Halt, no_such_mailbox},
    },
    wire::encode::Code,
};

pub(in crate::session) async fn rename(
    session: &Session,
    from: &MailboxName,
    to: &MailboxName,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let Some(found) = session.find_box(from.as_str()).await? else { return Err(no_such_mailbox().into()) };
    let Place { account, name } = session.place(to).await?;
    acceptable(&name)?;
    if account != found.account {
        let text = "A mailbox stays in its box: create one in the other and move the messages";
        return Err(Completion::no_with(Code::Cannot, text).into());
    }
    session.store().rename_box(found.id, &name, session.actor()).await?;
    // INBOX did not get another name: its messages went.
    if found.name != store::INBOX {
        list::tell_new_name(session, to.as_str(), from.as_str(), out).await?;
    }
    Ok(Completion::ok("RENAME completed"))
}
