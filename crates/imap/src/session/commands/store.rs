//! STORE and UID STORE (RFC 3501 §6.4.6): flags of messages.
//! May read entries and write flags. Must never set \Recent.

use store::{Entry, FlagChange, Interrupted, SystemFlag, Uid};

use crate::{
    command::{Messages, Numbering},
    completion::Completion,
    output::Output,
    session::{BATCH, Session, commands::copy, entries, flags, halt::Halt},
};

pub(in crate::session) async fn store(
    session: &mut Session,
    messages: &Messages,
    change: FlagChange,
    silent: bool,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let mailbox = session.writable_view()?.mailbox();
    let uids = session.resolve(messages)?;
    let mut missing = false;
    for batch in uids.chunks(BATCH) {
        let batch = batch.to_vec();
        let wanted = batch.len();
        let before = session.read(move |reader| entries(reader, mailbox, &batch)).await?;
        missing |= before.len() < wanted;
        if before.is_empty() {
            continue;
        }
        let present: Vec<Uid> = before.iter().map(|entry| entry.uid).collect();
        let (after, failure) = match session.store().store_flags(mailbox, present, change.clone()).await {
            Ok(after) => (after, None),
            Err(Interrupted { done, error }) => (done, Some(error)),
        };
        session.trace_openings(mailbox, opened(&before, &after)).await?;
        for entry in after {
            let before = before
                .binary_search_by_key(&entry.uid, |before| before.uid)
                .ok()
                .and_then(|at| before.get(at));
            tell(session, messages.numbering, before, entry, &change, silent, out).await?;
        }
        if let Some(error) = failure {
            return Err(error.into());
        }
    }
    // RFC 2180 §4.2.1: the others were changed; the client learns why some were not.
    if missing && messages.numbering == Numbering::Sequence {
        return Ok(copy::gone());
    }
    Ok(Completion::ok("STORE completed"))
}

/// The FETCH response of one message. SILENT spares it only if the client can know the result: flags that somebody else
/// changed meanwhile are told all the same (RFC 3501 §6.4.6).
async fn tell(
    session: &mut Session,
    numbering: Numbering,
    before: Option<&Entry>,
    after: Entry,
    change: &FlagChange,
    silent: bool,
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    let view = session.view_mut()?;
    let uid = after.uid.get();
    let foreseen = before.is_some_and(|before| {
        !view.is_news(uid, before.modseq) && change.apply(&before.flags).as_ref() == Ok(&after.flags)
    });
    view.knows(uid, after.modseq);
    let Some(sequence) = view.sequence(uid) else { return Ok(()) };
    if silent && foreseen {
        return Ok(());
    }
    let flags = flags::wire(&after.flags);
    let line = match numbering {
        Numbering::Sequence => format!("* {sequence} FETCH (FLAGS ({flags}))"),
        Numbering::Uid => format!("* {sequence} FETCH (UID {uid} FLAGS ({flags}))"),
    };
    Ok(out.line(line).await?)
}

/// Clients that fetch with PEEK say by STORE that a person opened a message (S-4.5).
fn opened(before: &[Entry], after: &[Entry]) -> Vec<Uid> {
    let unseen = |uid: Uid| {
        let at = before.binary_search_by_key(&uid, |entry| entry.uid).ok();
        at.and_then(|at| before.get(at)).is_some_and(|entry| !entry.flags.has(SystemFlag::Seen))
    };
    let now_seen = after.iter().filter(|entry| entry.flags.has(SystemFlag::Seen));
    now_seen.map(|entry| entry.uid).filter(|uid| unseen(*uid)).collect()
}
