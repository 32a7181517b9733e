//! FETCH and UID FETCH (RFC 3501 §6.4.5, §7.4.2), CHANGEDSINCE and VANISHED (RFC 7162 §3.1.4, §3.2.6).
//! May read messages, batch by batch, and set \Seen. Must never hold a body whole, nor read one for a listing (I-3, I-7).

use store::{
    BoxId, FlagChange, FlagMode, Flags, Interrupted, ModSeq, Reader, Stored, SystemFlag, Uid, UidRuns,
};

use self::rows::{Needs, Row};
use crate::{
    command::{FetchItem, Messages, Numbering},
    completion::Completion,
    output::Output,
    session::{Session, commands::copy, halt::Halt, tell::vanished_earlier},
};

mod answer;
mod binary;
mod content;
mod listing;
mod rows;

/// Only what changed after a mod-sequence (RFC 7162 §3.1.4.1), and maybe what vanished (§3.2.6).
#[derive(Debug, Clone, Copy)]
pub(in crate::session) struct Since {
    pub(in crate::session) modseq: ModSeq,
    pub(in crate::session) vanished: bool,
}

pub(in crate::session) async fn fetch(
    session: &mut Session,
    messages: &Messages,
    mut items: Vec<FetchItem>,
    since: Option<Since>,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    session.view()?;
    if since.is_some_and(|since| since.vanished) && !session.enabled.qresync {
        return Err(Completion::bad("VANISHED is not on yet: ENABLE QRESYNC first").into());
    }
    if since.is_some() && !items.contains(&FetchItem::ModSeq) {
        items.push(FetchItem::ModSeq);
    }
    if items.contains(&FetchItem::ModSeq) {
        session.mod_sequences_wanted(out).await?;
    }
    let mut uids = session.resolve(messages)?;
    if let Some(since) = since {
        uids = uids.common(&changed(session, messages, since, out).await?);
    }
    let missing = if listing::answers(&items) {
        listing::fetch(session, &uids, &items, out).await?
    } else {
        sections(session, &uids, &items, out).await?
    };
    Ok(completion(missing, messages.numbering))
}

/// FETCH responses of items that need no section, for those of these messages that are still there.
pub(super) async fn listings(
    session: &Session,
    uids: &UidRuns,
    items: &[FetchItem],
    out: &mut Output<'_>,
) -> Result<(), Halt> {
    listing::fetch(session, uids, items, out).await.map(drop)
}

/// The messages that changed since; what vanished is told on the way, before any FETCH response (RFC 7162 §3.2.6).
async fn changed(
    session: &Session,
    messages: &Messages,
    since: Since,
    out: &mut Output<'_>,
) -> Result<UidRuns, Halt> {
    let mailbox = session.view()?.mailbox();
    let look = move |reader: &Reader<'_>| {
        let mut changed = UidRuns::new();
        reader.changed(mailbox, since.modseq, &mut |listing| {
            changed.push(listing.uid());
            Ok(true)
        })?;
        let vanished = if since.vanished { reader.vanished(mailbox, since.modseq)? } else { UidRuns::new() };
        Ok((changed, vanished))
    };
    let (changed, vanished) = session.read(look).await?;
    let strangers = session.view()?.strangers(&messages.set);
    vanished_earlier(&vanished.common(&strangers), out).await?;
    Ok(changed)
}

/// Answers with sections, batch by batch; whether some messages were gone.
async fn sections(
    session: &mut Session,
    uids: &UidRuns,
    items: &[FetchItem],
    out: &mut Output<'_>,
) -> Result<bool, Halt> {
    let view = session.view()?;
    let (mailbox, read_only) = (view.mailbox(), view.is_read_only());
    let needs = Needs::of(items);
    let opens = !read_only && items.iter().any(sets_seen);
    let mut missing = false;
    let mut left = uids.iter();
    let mut next = rows::batch(&mut left);
    while !next.is_empty() {
        let mut batch = rows::read(session.store(), mailbox, next, needs).await?;
        missing |= batch.missing;
        if opens {
            mark_seen(session, mailbox, &mut batch.rows).await?;
        }
        for row in &batch.rows {
            let Some(sequence) = session.view()?.sequence(row.entry.uid.get()) else { continue };
            answer::write(session.store(), sequence, row, items, session.enabled.condstore, out).await?;
        }
        next = batch.left;
        if next.is_empty() {
            next = rows::batch(&mut left);
        }
    }
    Ok(missing)
}

/// RFC 2180 §4.1.3: those that are left were told; the client learns why some were not.
fn completion(missing: bool, numbering: Numbering) -> Completion {
    if missing && numbering == Numbering::Sequence {
        return copy::gone();
    }
    Completion::ok("FETCH completed")
}

fn needs_index(item: &FetchItem) -> bool {
    matches!(item, FetchItem::Envelope | FetchItem::Body | FetchItem::BodyStructure)
}

fn sets_seen(item: &FetchItem) -> bool {
    match item {
        FetchItem::Section(section) => !section.peek,
        FetchItem::Binary(binary) => !binary.peek,
        _ => false,
    }
}

/// Sets \Seen where it was not; the store traces each of these openings with the person's name (S-4.5). Reading goes on when
/// the store takes no writes (I-9).
async fn mark_seen(session: &mut Session, mailbox: BoxId, rows: &mut [Row]) -> Result<(), Halt> {
    let unseen: Vec<Uid> =
        rows.iter().filter(|row| !row.entry.flags.has(SystemFlag::Seen)).map(|row| row.entry.uid).collect();
    if unseen.is_empty() {
        return Ok(());
    }
    let seen = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Seen) };
    let (store, actor) = (session.store(), session.actor());
    let (stored, failure) = match store.store_flags_unless(mailbox, unseen, seen, None, actor).await {
        Ok(stored) => (stored, None),
        Err(Interrupted { done, error }) => (done, Some(error)),
    };
    if let Some(error) = failure {
        tracing::warn!(%error, "messages are read whose \\Seen could not be kept");
    }
    for entry in stored.into_iter().filter_map(Stored::into_entry) {
        session.view_mut()?.knows(entry.uid.get(), entry.modseq);
        if let Ok(at) = rows.binary_search_by_key(&entry.uid, |row| row.entry.uid)
            && let Some(row) = rows.get_mut(at)
        {
            row.entry = entry;
            row.newly_seen = true;
        }
    }
    Ok(())
}
