//! GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 §4.1), QUOTA=RES-STORAGE and QUOTA=RES-MESSAGE (§5): each account is one quota
//! root, called by its address. May read what accounts have and may have. Must never set it: administrators do.

use store::{Account, Reader, Usage};

use crate::{
    command::MailboxName,
    completion::Completion,
    output::Output,
    session::{
        Session,
        halt::{Halt, no_such_mailbox},
    },
    wire::encode::{self, Code},
};

/// STORAGE counts in units of so many bytes (RFC 9208 §5.1).
const UNIT: u64 = 1024;

/// GETQUOTA.
pub(in crate::session) async fn get(
    session: &Session,
    root: &str,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let acting_as = session.principal.acting_as();
    let account = if root_of(acting_as) == root {
        Some(acting_as.clone())
    } else if session.shows_others() {
        session.other(root).await?
    } else {
        None
    };
    let Some(account) = account else {
        let text = "There is no such quota root: GETQUOTAROOT tells the one of a mailbox";
        return Err(Completion::no_with(Code::NonExistent, text).into());
    };
    tell(session, account, out).await?;
    Ok(Completion::ok("GETQUOTA completed"))
}

/// GETQUOTAROOT.
pub(in crate::session) async fn get_root(
    session: &Session,
    name: &MailboxName,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let Some(found) = session.find_box(name.as_str()).await? else { return Err(no_such_mailbox().into()) };
    let account = session.read(move |reader| reader.account(found.account)).await?;
    let account = account.ok_or_else(no_such_mailbox)?;
    let buffer = out.buffer();
    buffer.extend_from_slice(b"* QUOTAROOT ");
    encode::mailbox(buffer, name.as_str(), session.names());
    buffer.push(b' ');
    encode::astring(buffer, root_of(&account).as_bytes());
    out.line("").await?;
    tell(session, account, out).await?;
    Ok(Completion::ok("GETQUOTAROOT completed"))
}

/// SETQUOTA.
pub(in crate::session) fn set() -> Completion {
    Completion::no_with(Code::NoPerm, "What a box may hold is for its administrators to say")
}

/// The address by which other operators know the account, or the one it logs in with.
fn root_of(account: &Account) -> String {
    account.profile.mssante.as_ref().unwrap_or(&account.profile.login).to_string()
}

async fn tell(session: &Session, account: Account, out: &mut Output<'_>) -> Result<(), Halt> {
    let root = root_of(&account);
    let look = move |reader: &Reader<'_>| Ok((reader.usage(account.id)?, reader.allowance(&account)));
    let (has, may): (Usage, Usage) = session.read(look).await?;
    let buffer = out.buffer();
    buffer.extend_from_slice(b"* QUOTA ");
    encode::astring(buffer, root.as_bytes());
    let storage = format!("STORAGE {} {}", has.bytes.div_ceil(UNIT), may.bytes / UNIT);
    Ok(out.line(format!(" ({storage} MESSAGE {} {})", has.messages, limit(may.messages))).await?)
}

/// RFC 9208 §7: a limit has 63 bits.
fn limit(number: u64) -> u64 {
    number.min(u64::MAX / 2)
}
