//! The commands of RFC 4314 §3: MYRIGHTS, and those that need the right to administer a mailbox.

use crate::command::{AclCommand, MailboxName, SessionCommand};

use super::{
    cursor::{Cursor, Parsed},
    mailboxes,
};

pub(super) fn my_rights(cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    Ok(SessionCommand::MyRights(mailboxes::sp_mailbox(cursor)?))
}

/// GETACL, SETACL, DELETEACL and LISTRIGHTS, read to their end.
pub(super) fn administer(command: AclCommand, cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    let mailbox: MailboxName = mailboxes::sp_mailbox(cursor)?;
    if command != AclCommand::GetAcl {
        cursor.space()?;
        cursor.astring_text("whose rights: an identifier")?;
    }
    if command == AclCommand::SetAcl {
        cursor.space()?;
        cursor.astring_text("rights such as lrs, +lrs or -lrs")?;
    }
    Ok(SessionCommand::Acl { command, mailbox })
}
