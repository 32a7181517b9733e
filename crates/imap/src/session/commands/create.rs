//! CREATE (RFC 3501 §6.3.3, RFC 6154 §3): a mailbox and those of its parents that are missing, in one commit.
//! May write mailboxes. Must never leave a level that cannot be selected: clients lose mail in such names.

use store::AccountId;

use crate::{
    command::{MailboxName, SpecialUse},
    completion::Completion,
    output::Output,
    session::{
        Session,
        boxes::{Place, is_reserved},
        commands::list,
        halt::Halt,
    },
    wire::encode::Code,
};

/// `written` is what the client calls it, where the mailbox is called otherwise.
pub(in crate::session) async fn create(
    session: &Session,
    name: &MailboxName,
    written: Option<&str>,
    special_use: &[SpecialUse],
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let Place { account, name: own_name } = session.place(name).await?;
    acceptable(&own_name)?;
    let special_use = match special_use {
        [] => None,
        [_] if account != session.account() => {
            let text = "What a mailbox of another box is for, who logs in as that box says";
            return Err(Completion::no_with(Code::UseAttr, text).into());
        }
        [one] => Some(free(session, account, *one).await?),
        _ => return Err(Completion::no_with(Code::UseAttr, "A mailbox can have one special use only").into()),
    };
    session.store().create_box(account, &own_name, special_use, session.actor()).await?;
    if let Some(written) = written {
        list::tell_new_name(session, name.as_str(), written, out).await?;
    }
    Ok(Completion::ok("CREATE completed"))
}

/// Longest name of a mailbox, in bytes, without what leads to another's box.
const NAME_BYTES: usize = 512;

/// Longest level of a mailbox name, in bytes: clients that keep mail in files make a file name of it.
const LEVEL_BYTES: usize = 200;

/// Refuses names that a pattern of LIST could not name again, that look like another, or that stop a client which
/// keeps mail in files: mbsync mirrors nothing at all from a server that lists `..`.
pub(super) fn acceptable(name: &str) -> Result<(), Halt> {
    if name.len() > NAME_BYTES {
        let text = "A mailbox name cannot be longer than 512 bytes";
        return Err(Completion::no_with(Code::Cannot, text).into());
    }
    if is_reserved(name) {
        let text = "This name is where the boxes of others are: choose another";
        return Err(Completion::no_with(Code::Cannot, text).into());
    }
    if name.contains(['*', '%']) {
        return Err(Completion::no_with(Code::Cannot, "A mailbox name cannot hold * or %").into());
    }
    if name.split('/').any(|level| level.trim() != level) {
        let text = "A level of a mailbox name cannot begin or end with a space";
        return Err(Completion::no_with(Code::Cannot, text).into());
    }
    if name.split('/').any(|level| matches!(level, "." | "..")) {
        return Err(Completion::no_with(Code::Cannot, "A level of a mailbox name cannot be . or ..").into());
    }
    if name.split('/').any(|level| level.len() > LEVEL_BYTES) {
        let text = "A level of a mailbox name cannot be longer than 200 bytes";
        return Err(Completion::no_with(Code::Cannot, text).into());
    }
    Ok(())
}

/// The special use, if no other mailbox has it.
async fn free(session: &Session, account: AccountId, wanted: SpecialUse) -> Result<store::SpecialUse, Halt> {
    let wanted = kept(wanted);
    let existing = session.read(move |reader| reader.boxes(account)).await?;
    if existing.iter().any(|found| found.special_use == Some(wanted)) {
        return Err(Completion::no_with(Code::UseAttr, "Another mailbox has that special use").into());
    }
    Ok(wanted)
}

fn kept(special_use: SpecialUse) -> store::SpecialUse {
    match special_use {
        SpecialUse::All => store::SpecialUse::All,
        SpecialUse::Archive => store::SpecialUse::Archive,
        SpecialUse::Drafts => store::SpecialUse::Drafts,
        SpecialUse::Flagged => store::SpecialUse::Flagged,
        SpecialUse::Junk => store::SpecialUse::Junk,
        SpecialUse::Sent => store::SpecialUse::Sent,
        SpecialUse::Trash => store::SpecialUse::Trash,
    }
}
