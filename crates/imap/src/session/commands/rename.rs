//! RENAME (RFC 3501 §6.3.5): children move along, missing parents of the new name are created, and INBOX gives its
//! messages away but stays. May write mailboxes. Must never copy a message.

use crate::{
    command::MailboxName,
    completion::Completion,
    session::{
        Session,
        commands::create::{MAILBOXES, acceptable, levels},
        halt::{Halt, no_such_mailbox},
    },
    wire::encode::Code,
};

pub(in crate::session) async fn rename(
    session: &Session,
    from: &MailboxName,
    to: &MailboxName,
) -> Result<Completion, Halt> {
    acceptable(to)?;
    let account = session.account();
    let existing = session.read(move |reader| reader.boxes(account)).await?;
    let exists = |name: &str| existing.iter().any(|found| found.name == name);
    let Some(found) = existing.iter().find(|found| found.name == from.as_str()) else {
        return Err(no_such_mailbox().into());
    };
    if exists(to.as_str()) {
        return Err(
            Completion::no_with(Code::AlreadyExists, "There is a mailbox of that name already").into()
        );
    }
    let below = format!("{}/", from.as_str());
    if to.as_str().starts_with(&below) && !from.is_inbox() {
        return Err(Completion::no_with(Code::Cannot, "A mailbox cannot move below itself").into());
    }
    fits(from, to, existing.iter().map(|found| found.name.as_str()))?;
    let mut missing: Vec<&str> = levels(to.as_str()).filter(|level| !exists(level)).collect();
    missing.pop();
    if existing.len() + missing.len() > MAILBOXES {
        let text = format!("An account can have {MAILBOXES} mailboxes: delete some first");
        return Err(Completion::no_with(Code::Limit, text).into());
    }
    for parent in missing {
        session.store().create_box(account, parent, None).await?;
    }
    session.store().rename_box(found.id, to.as_str()).await?;
    Ok(Completion::ok("RENAME completed"))
}

/// The names of the children must stay names.
fn fits<'n>(
    from: &MailboxName,
    to: &MailboxName,
    mut names: impl Iterator<Item = &'n str>,
) -> Result<(), Halt> {
    let too_long = names.any(|name| {
        let below = name.strip_prefix(from.as_str()).filter(|rest| rest.starts_with('/'));
        below.is_some_and(|rest| MailboxName::parse(&format!("{}{rest}", to.as_str())).is_err())
    });
    if too_long && !from.is_inbox() {
        return Err(Completion::no_with(
            Code::Cannot,
            "A mailbox below it would get too long or too deep a name",
        )
        .into());
    }
    Ok(())
}
