//! One message on its way: read as the queue has it at this moment, and what the client is given of it.
//!
//! May use: the store's queue, the client's values. Must never touch: lanes, connections.

use bytes::Bytes;
use smtp::client::{Outgoing, Recipient};
use store::{BodyKind, BodyReader, LaneId, QueueId, Queued, Store, StoreError};

use super::{attempt::What, content::QueuedContent, ways::Proven};

/// One message and its recipients in one lane.
pub(super) struct Message {
    pub(super) entries: Vec<Queued>,
    header: Bytes,
    body: BodyReader,
}

impl Message {
    /// Reads it as the queue has it now: an administrator may have taken entries out meanwhile, or keep them back.
    pub(super) async fn load(
        store: &Store,
        lane: LaneId,
        ids: Vec<QueueId>,
    ) -> Result<Option<Self>, StoreError> {
        store
            .read(move |reader| {
                if reader.queue_lane(lane)?.is_none_or(|lane| lane.held.is_some()) {
                    return Ok(None);
                }
                let mut present = Vec::with_capacity(ids.len());
                for id in ids {
                    present.extend(reader.queued(id)?.filter(|queued| !queued.held));
                }
                let Some(first) = present.first() else { return Ok(None) };
                let Some((header, body)) = reader.queued_content(first.id)? else { return Ok(None) };
                Ok(Some(Message { entries: present, header, body }))
            })
            .await
    }

    pub(super) fn content(&self, store: &Store) -> QueuedContent {
        let kind = self.entries.first().map_or(BodyKind::SevenBit, |entry| entry.body);
        QueuedContent::new(store.clone(), self.header.clone(), self.body.clone(), kind)
    }

    /// The same for these of its entries alone.
    pub(super) fn part(&self, entries: Vec<Queued>) -> Self {
        Message { entries, header: self.header.clone(), body: self.body.clone() }
    }

    /// The envelope for the recipients that are proven; none if nobody is.
    pub(super) fn outgoing<'a>(&self, proven: &'a [Result<Proven, What>]) -> Option<Outgoing<&'a Proven>> {
        let first = self.entries.first()?;
        let named = self.entries.iter().zip(proven).filter_map(|(entry, proven)| {
            let to = proven.as_ref().ok()?;
            let notify = entry.notify.map(notify);
            Some(Recipient { to, notify, original: entry.original.clone() })
        });
        let recipients: Vec<_> = named.collect();
        (!recipients.is_empty()).then(|| Outgoing {
            from: first.reverse_path.as_ref().map(ToString::to_string),
            smtputf8: first.smtputf8,
            ret: first.ret.map(ret),
            envid: first.envid.clone(),
            require_tls: first.require_tls,
            recipients,
        })
    }
}

fn ret(ret: store::Ret) -> smtp::Ret {
    match ret {
        store::Ret::Full => smtp::Ret::Full,
        store::Ret::Headers => smtp::Ret::Headers,
    }
}

fn notify(notify: store::Notify) -> smtp::Notify {
    let store::Notify { success, failure, delay } = notify;
    smtp::Notify { success, failure, delay }
}
