//! DELETE (RFC 3501 §6.3.4). A mailbox with children is refused: its name would have to stay without being selectable,
//! and clients lose mail in such names. May write to the store. Must never delete INBOX.

use crate::{
    command::MailboxName,
    completion::Completion,
    session::{
        Session,
        halt::{Halt, no_such_mailbox},
    },
};

pub(in crate::session) async fn delete(
    session: &mut Session,
    name: &MailboxName,
) -> Result<Completion, Halt> {
    let Some(found) = session.find_box(name.as_str()).await? else { return Err(no_such_mailbox().into()) };
    session.store().delete_box(found.id, session.actor()).await?;
    if session.selected_box() == Some(found.id) {
        session.selected = None;
    }
    Ok(Completion::ok("DELETE completed"))
}
