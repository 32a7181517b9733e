//! MOVE and UID MOVE (RFC 6851): one commit takes a message there and away from here; many take several commits.
//! May write to the store. Must never leave a message in both places or in none.

use store::{Interrupted, Uid};

use crate::{
    command::{MailboxName, Messages},
    completion::{Completion, Reply},
    output::Output,
    session::{
        Session,
        commands::copy::{copy_uid, still_there, target},
        halt::Halt,
        tell::untagged_ok,
    },
};

pub(in crate::session) async fn move_(
    session: &mut Session,
    messages: &Messages,
    to: &MailboxName,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let from = session.writable_view()?.mailbox();
    let uids = still_there(session, messages)?;
    let target = target(session, to).await?;
    if uids.is_empty() {
        return Ok(Completion::ok("MOVE completed: nothing to move"));
    }
    let messages = uids.len();
    let moving = session.store().move_(from, uids, target.id, session.actor());
    let (moved, failure) = match session.while_allowed(target.account, messages, moving).await? {
        Ok(moved) => (moved, None),
        Err(Interrupted { done: Some(moved), error }) => (moved, Some(error)),
        Err(Interrupted { done: None, error }) => return Err(error.into()),
    };
    let left: Vec<Uid> = moved.pairs.iter().map(|(from, _)| *from).collect();
    // RFC 6851 §4.3: COPYUID comes in an untagged OK before the EXPUNGE responses.
    if let Some(code) = copy_uid(session, &moved) {
        untagged_ok(code, "Moved", out).await?;
    }
    // RFC 6851 §4.4
    let known = session.tell_removed(&left, out).await?;
    // RFC 6851 §3.3: a MOVE may stop on its way, each message being here or there.
    let done = Completion::Ok(Reply { code: known, text: "MOVE completed".into() });
    failure.map_or(Ok(done), |error| Err(error.into()))
}
