//! COPY and UID COPY (RFC 3501 §6.4.7, RFC 4315 §3): all of the messages or none, their bodies shared (S-4.3: the day
//! of reception stays). May write to the store. Must never read a body.

use store::{BoxInfo, Copied, Uid};

use crate::{
    capability::Extension,
    command::{MailboxName, Messages, Numbering},
    completion::Completion,
    session::{
        Session,
        halt::{Halt, create_it_first},
    },
    wire::encode::Code,
};

pub(in crate::session) async fn copy(
    session: &Session,
    messages: &Messages,
    to: &MailboxName,
) -> Result<Completion, Halt> {
    let from = session.view()?.mailbox();
    let uids = still_there(session, messages)?;
    let target = target(session, to).await?;
    if uids.is_empty() {
        return Ok(Completion::ok("COPY completed: nothing to copy"));
    }
    let messages = uids.len();
    let copying = session.store().copy(from, uids, target.id, session.actor());
    let copied = session.while_allowed(target.account, messages, copying).await??;
    Ok(match copy_uid(session, &copied) {
        Some(code) => Completion::ok_with(code, "COPY completed"),
        None if copied.pairs.is_empty() => Completion::ok("COPY completed: nothing to copy"),
        None => Completion::ok("COPY completed"),
    })
}

/// The messages asked for. One that is gone but still has a number stops the command (RFC 2180 §4.4.1).
pub(super) fn still_there(session: &Session, messages: &Messages) -> Result<Vec<Uid>, Halt> {
    let view = session.view()?;
    let uids = session.resolve(messages)?;
    if messages.numbering == Numbering::Sequence && view.any_gone(&uids) {
        return Err(gone().into());
    }
    Ok(uids.iter().collect())
}

pub(super) fn gone() -> Completion {
    Completion::no_with(Code::ExpungeIssued, "Some of these messages are gone: NOOP tells which")
}

pub(super) async fn target(session: &Session, to: &MailboxName) -> Result<BoxInfo, Halt> {
    session.find_box(to.as_str()).await?.ok_or_else(|| create_it_first().into())
}

/// COPYUID, unless nothing was copied, or it is not offered (RFC 4315).
pub(super) fn copy_uid(session: &Session, copied: &Copied) -> Option<Code> {
    if !session.offers(Extension::UidPlus) {
        return None;
    }
    let (from, to): (Vec<u32>, Vec<u32>) =
        copied.pairs.iter().map(|(from, to)| (from.get(), to.get())).unzip();
    (!from.is_empty()).then(|| Code::CopyUid { validity: copied.uid_validity.get(), from, to })
}
