//! FETCH and UID FETCH (RFC 3501 §6.4.5, §7.4.2).
//! May read messages, batch by batch, and set \Seen. Must never hold a body whole, nor read one for a listing (I-3, I-7).

use store::{BoxId, FlagChange, FlagMode, Flags, SystemFlag, Uid};

use self::rows::{Needs, Row};
use crate::{
    command::{FetchItem, Messages, Numbering},
    completion::Completion,
    output::Output,
    session::{Session, commands::copy, halt::Halt},
};

mod answer;
mod binary;
mod content;
mod listing;
mod rows;

pub(in crate::session) async fn fetch(
    session: &mut Session,
    messages: &Messages,
    items: Vec<FetchItem>,
    out: &mut Output<'_>,
) -> Result<Completion, Halt> {
    let view = session.view()?;
    let (mailbox, read_only) = (view.mailbox(), view.is_read_only());
    let uids = session.resolve(messages)?;
    if listing::answers(&items) {
        let missing = listing::fetch(session, mailbox, &uids, &items, out).await?;
        return Ok(completion(missing, messages.numbering));
    }
    let needs = Needs::of(&items);
    let opens = !read_only && items.iter().any(sets_seen);
    let mut missing = false;
    let mut left = uids.as_slice();
    while !left.is_empty() {
        let mut batch = rows::read(session.store(), mailbox, left, needs).await?;
        left = left.get(batch.taken..).unwrap_or_default();
        missing |= batch.rows.len() < batch.taken;
        if opens {
            mark_seen(session, mailbox, &mut batch.rows).await?;
        }
        for row in &batch.rows {
            let Some(sequence) = session.view()?.sequence(row.entry.uid.get()) else { continue };
            answer::write(session.store(), sequence, row, &items, out).await?;
        }
    }
    Ok(completion(missing, messages.numbering))
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

/// Sets \Seen where it was not, and traces each of these openings with the person's name (S-4.5). Reading goes on when
/// the store takes no writes (I-9).
async fn mark_seen(session: &mut Session, mailbox: BoxId, rows: &mut [Row]) -> Result<(), Halt> {
    let unseen: Vec<Uid> =
        rows.iter().filter(|row| !row.entry.flags.has(SystemFlag::Seen)).map(|row| row.entry.uid).collect();
    if unseen.is_empty() {
        return Ok(());
    }
    let seen = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Seen) };
    session.trace_openings(mailbox, unseen.clone()).await?;
    let entries = match session.store().store_flags(mailbox, unseen, seen).await {
        Ok(entries) => entries,
        Err(error) => {
            tracing::warn!(%error, "messages are read whose \\Seen could not be kept");
            return Ok(());
        }
    };
    for entry in entries {
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
