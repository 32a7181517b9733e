//! STATUS (RFC 3501 §6.3.10): counts that the store keeps, no message is read.
//! May read one mailbox record. Must never change the selected mailbox.

use crate::{
    command::{MailboxName, StatusItem},
    completion::Completion,
    output::Output,
    session::{
        Session,
        halt::{Halt, no_such_mailbox},
    },
    wire::encode,
};

pub(in crate::session) async fn status(
    session: &Session,
    name: &MailboxName,
    items: &[StatusItem],
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let Some(found) = session.find_box(name.as_str()).await? else { return Err(no_such_mailbox().into()) };
    let items: Vec<String> = items
        .iter()
        .map(|item| match item {
            StatusItem::Messages => format!("MESSAGES {}", found.exists),
            // \Recent does not exist here; see the view.
            StatusItem::Recent => "RECENT 0".to_owned(),
            StatusItem::UidNext => format!("UIDNEXT {}", found.uid_next.get()),
            StatusItem::UidValidity => format!("UIDVALIDITY {}", found.uid_validity.get()),
            StatusItem::Unseen => format!("UNSEEN {}", found.unseen),
        })
        .collect();
    let buffer = out.buffer();
    buffer.extend_from_slice(b"* STATUS ");
    encode::mailbox(buffer, name.as_str(), session.names());
    out.line(format!(" ({})", items.join(" "))).await?;
    Ok(Completion::ok("STATUS completed"))
}
