//! What may touch a whole box of messages: flags, expunge, copy, move, rename and deletion of boxes and accounts. Each
//! is cut into operations so short that whoever delivers meanwhile does not notice (I-2).
//!
//! Every piece is whole, and holds the traces of what it did and who asked for it (I-1, M-10). One that fails stops the rest: what was done before stays and is told, except of a COPY, which
//! is all or nothing (RFC 3501 §6.4.7). May use: operations through the committer. Must never touch: keys, the engine.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    AccountId, Actor, BoxId, Copied, Entry, FlagChange, ListingRef, ModSeq, Reader, Result, Store,
    StoreError, Stored, SystemFlag, Trace, Uid,
    clearing::Clearing,
    committer::txn::Txn,
    ops::{
        self,
        messages::{CopyPiece, Piece},
        traces::Asked,
    },
};

/// Most messages that one operation looks at.
const PIECE: usize = 1_000;

/// A work in several commits that stopped before its end.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Interrupted<T> {
    /// What was done, and stays done.
    pub done: T,
    /// Why it stopped.
    pub error: StoreError,
}

/// What became of each message, or of those before the failure.
pub type Pieces<T> = std::result::Result<T, Interrupted<T>>;

/// Errors are those of every operation; each says which others.
#[allow(clippy::missing_errors_doc, reason = "the common ones are said once, in `write.rs`")]
impl Store {
    /// Changes flags; gives every named message that exists, as it is now. What does not change keeps its
    /// mod-sequence. The first `\Seen` of a message is traced as its opening (S-4.5), `\Deleted` where the box is another's.
    ///
    /// Also gives `NotFound` without such a box, `Limit`.
    pub async fn store_flags(
        &self,
        id: BoxId,
        uids: Vec<Uid>,
        change: FlagChange,
        actor: Actor,
    ) -> Pieces<Vec<Entry>> {
        let entries = |stored: Vec<Stored>| stored.into_iter().filter_map(Stored::into_entry).collect();
        match self.store_flags_unless(id, uids, change, None, actor).await {
            Ok(stored) => Ok(entries(stored)),
            Err(Interrupted { done, error }) => Err(Interrupted { done: entries(done), error }),
        }
    }

    /// The same, and what changed after that mod-sequence stays as it is (RFC 7162 §3.1.3): judged where the change is
    /// made, so that nothing comes in between. Tells what became of every named message that exists.
    ///
    /// Also gives `NotFound` without such a box, `Limit`.
    pub async fn store_flags_unless(
        &self,
        id: BoxId,
        uids: Vec<Uid>,
        change: FlagChange,
        unless_after: Option<ModSeq>,
        actor: Actor,
    ) -> Pieces<Vec<Stored>> {
        let change = Arc::new(change);
        let step = move |txn: &mut Txn<'_>, piece: &[Uid], asked: &Asked| {
            ops::messages::store_flags(txn, id, piece, &change, unless_after, asked)
        };
        self.in_pieces(uids, actor, step).await
    }

    /// Removes messages marked `\Deleted`: all of them, or those of the list. Gives what went, ascending.
    ///
    /// Also gives `NotFound` without such a box.
    pub async fn expunge(&self, id: BoxId, which: Option<Vec<Uid>>, actor: Actor) -> Pieces<Vec<Uid>> {
        let uids = match which {
            Some(uids) => in_order(uids),
            None => self.marked(id).await.map_err(|error| Interrupted { done: vec![], error })?,
        };
        let step = move |txn: &mut Txn<'_>, piece: &[Uid], asked: &Asked| {
            ops::messages::expunge(txn, id, piece, asked)
        };
        self.in_pieces(uids, actor, step).await
    }

    /// Copies messages: all that exist, or none; body and variant are shared, so the day of reception stays (I-4). What
    /// an interrupted COPY made is taken back, also when its caller is gone, or the process was.
    ///
    /// Also gives `NotFound` without such boxes, `Limit`.
    pub async fn copy(&self, from: BoxId, uids: Vec<Uid>, to: BoxId, actor: Actor) -> Result<Copied> {
        self.core.admit()?;
        let asked = self.asked(actor).await?;
        let uids = self.known_now(from, to, in_order(uids)).await?;
        // As unique as a trace: what is committed has a number that the counters know.
        let number = self.core.numbers.trace.fetch_add(1, Ordering::AcqRel) + 1;
        let mut guard = Unfinished { clearing: Arc::clone(&self.clearing), number: Some(number) };
        let mut pairs = Vec::with_capacity(uids.len());
        let mut taken = 0;
        loop {
            let (piece, last) = piece_of(&uids, taken);
            let part = CopyPiece { number, last };
            let copied =
                self.submit(move |txn| ops::messages::copy(txn, from, &piece, to, part, &asked)).await;
            match copied {
                Ok((uid_validity, piece)) => {
                    taken += piece.taken;
                    pairs.extend(piece.done);
                    if taken == uids.len() {
                        guard.number = None;
                        return Ok(Copied { uid_validity, pairs });
                    }
                }
                Err(error) => {
                    while self.submit(move |txn| ops::messages::take_back(txn, number, &asked)).await? {}
                    guard.number = None;
                    return Err(error);
                }
            }
        }
    }

    /// Moves messages (RFC 6851). Each is in one of the two boxes at any time, also if the work is interrupted: then what
    /// was moved before, if anything, comes with the error.
    ///
    /// Also gives `NotFound` without such boxes, `Limit`.
    pub async fn move_(
        &self,
        from: BoxId,
        uids: Vec<Uid>,
        to: BoxId,
        actor: Actor,
    ) -> std::result::Result<Copied, Interrupted<Option<Copied>>> {
        let nothing = |error| Interrupted { done: None, error };
        let uids = self.known_now(from, to, in_order(uids)).await.map_err(nothing)?;
        let mut done: Option<Copied> = None;
        let mut taken = 0;
        loop {
            let (piece, _) = piece_of(&uids, taken);
            let moving = async {
                let asked = self.asked(actor).await?;
                self.submit(move |txn| ops::messages::move_to(txn, from, &piece, to, &asked)).await
            };
            match moving.await {
                Ok((uid_validity, piece)) => {
                    taken += piece.taken;
                    let moved = done.get_or_insert(Copied { uid_validity, pairs: vec![] });
                    moved.pairs.extend(piece.done);
                    if taken == uids.len() {
                        return Ok(moved.clone());
                    }
                }
                Err(error) => return Err(Interrupted { done, error }),
            }
        }
    }

    /// Renames a box; those under it move along, those above the new name are made. INBOX stays and its messages move
    /// (RFC 3501 §6.3.5): if that is interrupted, each of them is in one of the two boxes.
    ///
    /// Also gives `NotFound`, `Conflict`, `Limit`.
    pub async fn rename_box(&self, id: BoxId, name: &str, actor: Actor) -> Result<()> {
        let (name, asked) = (name.to_owned(), self.asked(actor).await?);
        let Some(target) = self.submit(move |txn| ops::boxes::rename(txn, id, &name, &asked)).await? else {
            return Ok(());
        };
        let uids = self.read(move |reader| uids(reader, id, |_| true)).await?;
        self.move_(id, uids, target, actor).await.map_err(|interrupted| interrupted.error)?;
        Ok(())
    }

    /// Removes a box and its messages: at once for everybody, in one short commit. What they held is released behind.
    ///
    /// Also gives `NotFound`, `Conflict` for INBOX and for a box with boxes under it.
    pub async fn delete_box(&self, id: BoxId, actor: Actor) -> Result<()> {
        let asked = self.asked(actor).await?;
        let _look = LookAfterwards(Arc::clone(&self.clearing));
        self.submit(move |txn| ops::boxes::delete(txn, id, &asked)).await
    }

    /// Removes an account with its boxes; its addresses are never given to another. Nobody enters it from then on; its
    /// boxes go behind.
    ///
    /// Also gives `NotFound`.
    pub async fn remove_account(&self, account: AccountId, trace: Trace) -> Result<()> {
        let trace = self.seal_trace(trace).await?;
        let _look = LookAfterwards(Arc::clone(&self.clearing));
        self.submit(move |txn| ops::accounts::remove(txn, account, trace)).await
    }

    /// Resolves once everything deleted before the call is released: for whoever wants to see the space free.
    pub async fn cleared(&self) {
        self.clearing.cleared().await;
    }

    /// Does a work piece by piece; one operation at least, so that what it is about must exist.
    async fn in_pieces<T, F>(&self, uids: Vec<Uid>, actor: Actor, step: F) -> Pieces<Vec<T>>
    where
        T: Send + 'static,
        F: Fn(&mut Txn<'_>, &[Uid], &Asked) -> Result<Piece<T>> + Clone + Send + 'static,
    {
        let mut done = Vec::with_capacity(uids.len());
        let mut taken = 0;
        loop {
            let ((piece, _), step) = (piece_of(&uids, taken), step.clone());
            let doing = async {
                let asked = self.asked(actor).await?;
                self.submit(move |txn| step(txn, &piece, &asked)).await
            };
            match doing.await {
                Ok(piece) => {
                    taken += piece.taken;
                    done.extend(piece.done);
                }
                Err(error) => return Err(Interrupted { done, error }),
            }
            if taken == uids.len() {
                return Ok(done);
            }
        }
    }

    /// Within one box a later piece must not take what an earlier one made: UIDs that are not given yet are left out.
    async fn known_now(&self, from: BoxId, to: BoxId, mut uids: Vec<Uid>) -> Result<Vec<Uid>> {
        if from == to {
            let info = self.read(move |reader| reader.box_info(from)).await?.ok_or(StoreError::NotFound)?;
            uids.retain(|uid| *uid < info.uid_next);
        }
        Ok(uids)
    }

    /// The messages of a box marked `\Deleted` now: looked for in a snapshot, not by the committer.
    async fn marked(&self, id: BoxId) -> Result<Vec<Uid>> {
        self.read(move |reader| uids(reader, id, |listing| listing.has(SystemFlag::Deleted))).await
    }
}

/// A COPY on its way: whoever drops it before its end has what it made taken back.
struct Unfinished {
    clearing: Arc<Clearing>,
    number: Option<u64>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.clearing.take_back(number);
        }
    }
}

/// A deletion on its way: what it leaves is cleared away, also if its caller does not wait for it.
struct LookAfterwards(Arc<Clearing>);

impl Drop for LookAfterwards {
    fn drop(&mut self) {
        self.0.look();
    }
}

/// Ascending, each once.
fn in_order(mut uids: Vec<Uid>) -> Vec<Uid> {
    uids.sort_unstable();
    uids.dedup();
    uids
}

/// The next UIDs for one operation, and whether none is left behind them.
fn piece_of(uids: &[Uid], taken: usize) -> (Vec<Uid>, bool) {
    let rest = uids.get(taken..).unwrap_or_default();
    let piece = rest.get(..PIECE).unwrap_or(rest);
    (piece.to_vec(), piece.len() == rest.len())
}

/// The messages of a box that are so, found in its summary.
fn uids(reader: &Reader<'_>, id: BoxId, which: impl Fn(ListingRef<'_>) -> bool) -> Result<Vec<Uid>> {
    let mut found = vec![];
    reader.listings(id, Uid::MIN, Uid::MAX, &mut |listing| {
        if which(listing) {
            found.push(listing.uid());
        }
        Ok(true)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests;
