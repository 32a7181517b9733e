//! The QRESYNC parameter of SELECT and EXAMINE (RFC 7162 §3.2.5): a client that comes back is told what it missed, and nothing
//! else is read.
//! May read the log of a mailbox. Must never answer from an older state than the one that SELECT told.

use store::{OpenBox, Reader, StoreError, Uid, UidRuns};

use super::fetch;
use crate::{
    command::{FetchItem, QResync},
    output::Output,
    session::{Session, halt::Halt, tell::vanished_earlier},
};

/// What a client missed.
pub(super) struct Missed {
    known: QResync,
    /// UIDs that went since, and maybe some that went before.
    vanished: UidRuns,
    /// Messages that are new or have other flags.
    changed: UidRuns,
}

impl Missed {
    /// Reads it from the snapshot in which the mailbox was opened. `None` for another UIDVALIDITY: then the client starts
    /// anew (§3.2.5).
    pub(super) fn read(
        reader: &Reader<'_>,
        opened: &OpenBox,
        known: &QResync,
    ) -> Result<Option<Self>, StoreError> {
        let info = &opened.info;
        if info.uid_validity.get() != known.uid_validity {
            return Ok(None);
        }
        let since = store::ModSeq::new(known.modseq);
        let mut changed = UidRuns::new();
        reader.changed(info.id, since, &mut |listing| {
            changed.push(listing.uid());
            Ok(true)
        })?;
        let vanished = reader.vanished(info.id, since)?;
        Ok(Some(Self { known: known.clone(), vanished, changed }))
    }
}

/// Tells it: what vanished before what changed (§3.2.6).
pub(super) async fn tell(session: &Session, missed: Missed, out: &mut Output<'_>) -> Result<(), Halt> {
    let Missed { known, mut vanished, mut changed } = missed;
    let view = session.view()?;
    if let Some(uids) = &known.known_uids {
        let ranges = uids.resolve(0).into_iter();
        let asked = ranges.filter_map(|range| Some((Uid::new(*range.start())?, Uid::new(*range.end())?)));
        let asked = UidRuns::of(asked.collect());
        vanished = vanished.common(&asked);
        changed = changed.common(&asked);
    }
    if let Some((sequences, uids)) = &known.sequence_match {
        let agreed = view.agrees_up_to(sequences, uids);
        let later = agreed.checked_add(1).and_then(Uid::new).map(|first| (first, Uid::MAX));
        vanished = vanished.common(&UidRuns::of(later.into_iter().collect()));
    }
    vanished_earlier(&vanished, out).await?;
    let items = [FetchItem::Uid, FetchItem::Flags, FetchItem::ModSeq];
    fetch::listings(session, &changed, &items, out).await
}
