//! CREATE (RFC 3501 §6.3.3, RFC 6154 §3): a mailbox and those of its parents that are missing.
//! May write mailboxes. Must never leave a level that cannot be selected: clients lose mail in such names.

use crate::{
    command::{MailboxName, SpecialUse},
    completion::Completion,
    session::{Session, halt::Halt},
    wire::encode::Code,
};

/// Mailboxes an account may have.
pub(in crate::session) const MAILBOXES: usize = 1000;

pub(in crate::session) async fn create(
    session: &Session,
    name: &MailboxName,
    special_use: &[SpecialUse],
) -> Result<Completion, Halt> {
    acceptable(name)?;
    let account = session.account();
    let existing = session.read(move |reader| reader.boxes(account)).await?;
    if existing.iter().any(|found| found.name == name.as_str()) {
        return Err(Completion::no_with(Code::AlreadyExists, "There is such a mailbox already").into());
    }
    let wanted = match special_use {
        [] => None,
        [one] => Some(kept(*one)),
        _ => return Err(Completion::no_with(Code::UseAttr, "A mailbox can have one special use only").into()),
    };
    if wanted.is_some() && existing.iter().any(|found| found.special_use == wanted) {
        return Err(Completion::no_with(Code::UseAttr, "Another mailbox has that special use").into());
    }
    let mut missing: Vec<&str> =
        levels(name.as_str()).filter(|level| !existing.iter().any(|found| found.name == *level)).collect();
    if existing.len() + missing.len() > MAILBOXES {
        let text = format!("An account can have {MAILBOXES} mailboxes: delete some first");
        return Err(Completion::no_with(Code::Limit, text).into());
    }
    missing.pop();
    for parent in missing {
        session.store().create_box(account, parent, None).await?;
    }
    session.store().create_box(account, name.as_str(), wanted).await?;
    Ok(Completion::ok("CREATE completed"))
}

/// Refuses names that a pattern of LIST could not name again.
pub(super) fn acceptable(name: &MailboxName) -> Result<(), Halt> {
    if name.as_str().contains(['*', '%']) {
        return Err(Completion::no_with(Code::Cannot, "A mailbox name cannot hold * or %").into());
    }
    if name.as_str().split('/').any(|level| level.trim() != level) {
        return Err(Completion::no_with(
            Code::Cannot,
            "A level of a mailbox name cannot begin or end with a space",
        )
        .into());
    }
    Ok(())
}

/// `a`, `a/b`, `a/b/c`.
pub(super) fn levels(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices('/').map(|(at, _)| at).chain(std::iter::once(name.len()));
    ends.filter_map(|end| name.get(..end))
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
