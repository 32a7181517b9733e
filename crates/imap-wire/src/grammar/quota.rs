//! The commands of RFC 9208 §4.1: GETQUOTA, GETQUOTAROOT, SETQUOTA.

use crate::command::SessionCommand;

use super::{
    cursor::{Cursor, Fault, Parsed},
    mailboxes,
};

/// Most resources named in one SETQUOTA.
pub const QUOTA_RESOURCES: usize = 16;

/// A space and the name of a quota root.
fn root(cursor: &mut Cursor<'_>) -> Parsed<String> {
    cursor.space()?;
    cursor.astring_text("the name of a quota root")
}

pub(super) fn get_quota(cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    Ok(SessionCommand::GetQuota(root(cursor)?))
}

pub(super) fn get_quota_root(cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    Ok(SessionCommand::GetQuotaRoot(mailboxes::sp_mailbox(cursor)?))
}

/// Read to its end so that a client that may not is told so, and not that it cannot write.
pub(super) fn set_quota(cursor: &mut Cursor<'_>) -> Parsed<SessionCommand> {
    const A_LIST: &str = "a parenthesised list such as (STORAGE 512)";
    root(cursor)?;
    cursor.space()?;
    cursor.byte(b'(', A_LIST)?;
    let mut resources = 0;
    mailboxes::list_of(cursor, |cursor| {
        resources += 1;
        if resources > QUOTA_RESOURCES {
            return Err(Fault::other("at most 16 resources"));
        }
        cursor.word("a resource such as STORAGE")?;
        cursor.space()?;
        cursor.number64("a limit")?;
        Ok(())
    })?;
    Ok(SessionCommand::SetQuota)
}
