//! STATUS (RFC 3501 §6.3.10, RFC 8438, RFC 9051 §6.3.11, RFC 9208 §5.1, RFC 7889 §2): counts that the store keeps, no message
//! is read; what is marked \Deleted is counted in the box's summary.
//! May read one mailbox record. Must never change the selected mailbox.

use store::{BoxInfo, Usage};

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
    tell(session, name.as_str(), &found, items, out).await?;
    Ok(Completion::ok("STATUS completed"))
}

/// The response, of STATUS and of LIST RETURN (STATUS (…)) (RFC 5819 §2).
pub(super) async fn tell(
    session: &Session,
    name: &str,
    found: &BoxInfo,
    items: &[StatusItem],
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let deleted = if items.iter().any(is_of_deleted) {
        let id = found.id;
        session.read(move |reader| reader.deleted(id)).await?
    } else {
        Usage::default()
    };
    let items: Vec<String> = items.iter().map(|item| told(session, found, deleted, *item)).collect();
    let buffer = out.buffer();
    buffer.extend_from_slice(b"* STATUS ");
    encode::mailbox(buffer, name, session.names());
    Ok(out.line(format!(" ({})", items.join(" "))).await?)
}

fn is_of_deleted(item: &StatusItem) -> bool {
    matches!(item, StatusItem::Deleted | StatusItem::DeletedStorage)
}

fn told(session: &Session, found: &BoxInfo, deleted: Usage, item: StatusItem) -> String {
    match item {
        StatusItem::Messages => format!("MESSAGES {}", found.exists),
        // \Recent does not exist here; see the view.
        StatusItem::Recent => "RECENT 0".to_owned(),
        StatusItem::UidNext => format!("UIDNEXT {}", found.uid_next.get()),
        StatusItem::UidValidity => format!("UIDVALIDITY {}", found.uid_validity.get()),
        StatusItem::Unseen => format!("UNSEEN {}", found.unseen),
        StatusItem::HighestModSeq => format!("HIGHESTMODSEQ {}", found.highest.get()),
        StatusItem::Size => format!("SIZE {}", found.bytes),
        StatusItem::Deleted => format!("DELETED {}", deleted.messages),
        StatusItem::DeletedStorage => format!("DELETED-STORAGE {}", deleted.bytes),
        StatusItem::AppendLimit => format!("APPENDLIMIT {}", session.server.settings.append_bytes),
    }
}
