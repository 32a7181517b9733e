//! MYRIGHTS (RFC 4314 §3.5): what the person may do with a mailbox. Rights are those of the box (S-1.7): all that IMAP can do,
//! but nobody administers a mailbox here, so the other commands of §3, which take that right, are refused for lack of it (§4).
//! May read mailbox records. Must never name another person.

use crate::{
    command::{AclCommand, MailboxName},
    completion::Completion,
    output::Output,
    session::{
        Session,
        halt::{Halt, no_such_mailbox},
    },
    wire::encode::{self, Code},
};

/// Look it up, read, keep \Seen, write flags, put in, create below it, mark \Deleted, expunge; `c` and `d` say the same to
/// clients of RFC 2086 (§2.1.1).
const RIGHTS: &str = "lrswiktecd";

/// Those, and delete it, which INBOX never is.
const RIGHTS_BUT_OF_INBOX: &str = "lrswikxtecd";

/// MYRIGHTS.
pub(in crate::session) async fn my_rights(
    session: &Session,
    name: &MailboxName,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let Some(found) = session.find_box(name.as_str()).await? else { return Err(no_such_mailbox().into()) };
    let rights = if found.name == store::INBOX { RIGHTS } else { RIGHTS_BUT_OF_INBOX };
    let buffer = out.buffer();
    buffer.extend_from_slice(b"* MYRIGHTS ");
    encode::mailbox(buffer, name.as_str(), session.names());
    out.line(format!(" {rights}")).await?;
    Ok(Completion::ok("MYRIGHTS completed"))
}

/// SETACL, DELETEACL, GETACL, LISTRIGHTS.
pub(in crate::session) async fn administer(
    session: &Session,
    command: AclCommand,
    name: &MailboxName,
) -> Result<Completion, Halt> {
    if session.find_box(name.as_str()).await?.is_none() {
        return Err(no_such_mailbox().into());
    }
    let text = format!("{}: who may open a box is for its administrators to say", command.name());
    Ok(Completion::no_with(Code::NoPerm, text))
}
