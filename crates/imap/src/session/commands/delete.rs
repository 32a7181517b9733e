//! DELETE (RFC 3501 §6.3.4). A mailbox with children is refused: its name would have to stay without being selectable,
//! and clients lose mail in such names. May write to the store. Must never delete INBOX.

use store::Action;

use crate::{
    command::MailboxName,
    completion::Completion,
    session::{
        Session,
        halt::{Halt, no_such_mailbox},
        trace::detail,
    },
    wire::encode::Code,
};

pub(in crate::session) async fn delete(
    session: &mut Session,
    name: &MailboxName,
) -> Result<Completion, Halt> {
    if name.is_inbox() {
        return Err(Completion::no_with(Code::Cannot, "INBOX cannot be deleted").into());
    }
    let account = session.account();
    let existing = session.read(move |reader| reader.boxes(account)).await?;
    let Some(found) = existing.iter().find(|found| found.name == name.as_str()) else {
        return Err(no_such_mailbox().into());
    };
    let below = format!("{}/", name.as_str());
    if existing.iter().any(|other| other.name.starts_with(&below)) {
        return Err(Completion::no_with(Code::Cannot, "It has mailboxes below it: delete those first").into());
    }
    session.store().delete_box(found.id).await?;
    let detail = vec![detail("mailbox", found.id), detail("messages", found.exists)];
    session.store().trace(session.new_trace(Action::Delete, detail)).await?;
    if session.selected_box() == Some(found.id) {
        session.selected = None;
    }
    Ok(Completion::ok("DELETE completed"))
}
