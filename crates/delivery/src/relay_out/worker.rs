//! A worker of a lane: takes one message after the other, over one connection as long as that serves, and settles each at once.
//!
//! May use: lanes, `ways`, the client, `settle`. Must never touch: the schedule. No recipient is named to a peer without the
//! proof that its way demands, made at that moment (M-2).

use std::{io, sync::Arc};

use bytes::Bytes;
use smtp::client::{self, Failure, Outgoing, Recipient, RecipientOutcome};
use store::{BodyKind, BodyReader, Lane, QueueId, Queued, Store, StoreError};
use tokio::time::{Instant, timeout_at};

use super::{
    Shared,
    attempt::{Attempt, What},
    content::QueuedContent,
    settle,
    ways::{self, Line, Proven},
};

/// Works on a lane until there is nothing more to do in it.
pub(super) async fn work(shared: Arc<Shared>, lane: Lane) {
    let mut seat = Seat { shared, lane, held: Vec::new(), line: None };
    while let Some(entries) = seat.next().await {
        let go_on = seat.serve(entries).await;
        seat.done();
        if !go_on {
            break;
        }
    }
    if let Some(line) = seat.hang_up() {
        line.transport.quit().await;
    }
}

/// A worker's place in a lane; it is given up however the worker ends.
struct Seat {
    shared: Arc<Shared>,
    lane: Lane,
    /// Entries of the message that is worked on.
    held: Vec<QueueId>,
    line: Option<Line>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hang_up();
        self.done();
        self.shared.lanes.leave(&self.lane);
    }
}

impl Seat {
    /// The next message; with a connection, one that comes within the idle time too.
    async fn next(&mut self) -> Option<Vec<Queued>> {
        let lanes = &self.shared.lanes;
        let until = Instant::now() + self.shared.settings.idle;
        loop {
            let more = lanes.more(&self.lane)?;
            let told = more.notified();
            if let Some(entries) = lanes.take(&self.lane) {
                self.held = entries.iter().map(|entry| entry.id).collect();
                return Some(entries);
            }
            if self.line.is_none() || timeout_at(until, told).await.is_err() {
                return None;
            }
        }
    }

    /// The message is done with.
    fn done(&mut self) {
        if !self.held.is_empty() {
            self.shared.lanes.release(self.held.drain(..));
            self.shared.lanes.rest(&self.lane);
        }
    }

    fn hang_up(&mut self) -> Option<Line> {
        let line = self.line.take()?;
        self.shared.lanes.connected(&self.lane, false);
        Some(line)
    }

    /// One message, from the queue to its settlement. False when this worker is of no more use.
    async fn serve(&mut self, entries: Vec<Queued>) -> bool {
        let message = match Message::load(&self.shared.store, self.held.clone()).await {
            Ok(Some(message)) => message,
            Ok(None) => return true,
            Err(error) => {
                tracing::error!(%error, "a queued message cannot be read");
                let attempt = Attempt::nowhere(What::from(&client::Error::Content(io::Error::other(error))));
                let attempts = entries.into_iter().map(|entry| (entry, attempt.clone())).collect();
                settle::settle(&self.shared, attempts).await;
                return true;
            }
        };
        self.retire().await;
        let reused = self.line.is_some();
        if let Err(attempt) = self.open().await {
            return self.unreachable(message, attempt).await;
        }
        let mut sent = self.send(&message).await;
        if reused && sent.in_vain {
            // the peer closed an idle connection: that says nothing about the message
            self.hang_up();
            if let Err(attempt) = self.open().await {
                return self.unreachable(message, attempt).await;
            }
            sent = self.send(&message).await;
        }
        let Message { entries, .. } = message;
        settle::settle(&self.shared, entries.into_iter().zip(sent.attempts).collect()).await;
        true
    }

    /// Leaves a connection that is used up.
    async fn retire(&mut self) {
        let most = self.shared.settings.messages_per_connection.max(1);
        if self.line.as_ref().is_some_and(|line| line.sent >= most || !line.transport.is_usable())
            && let Some(line) = self.hang_up()
            && line.transport.is_usable()
        {
            line.transport.quit().await;
        }
    }

    async fn open(&mut self) -> Result<(), Attempt> {
        // a list swapped a moment ago counts for a connection that stands, too
        ways::is_open(&self.lane, &self.shared).map_err(Attempt::nowhere)?;
        if self.line.is_none() {
            self.line = Some(ways::reach(&self.lane, &self.shared).await?);
            self.shared.lanes.connected(&self.lane, true);
        }
        Ok(())
    }

    /// The next hop cannot be reached: with it, every message that waits for it.
    async fn unreachable(&mut self, message: Message, attempt: Attempt) -> bool {
        let Shared { lanes, .. } = self.shared.as_ref();
        let mut entries = message.entries;
        if matches!(attempt.what, What::Trouble(_)) && lanes.give_back(&self.lane, &mut entries) {
            self.held.clear();
            lanes.rest(&self.lane);
            return false;
        }
        let waiting = lanes.drain(&self.lane);
        self.held.extend(waiting.iter().map(|entry| entry.id));
        entries.extend(waiting);
        while let Some(first) = entries.first().map(|entry| entry.message) {
            let (same, others) = entries.into_iter().partition(|entry: &Queued| entry.message == first);
            entries = others;
            let attempts = same.into_iter().map(|entry| (entry, attempt.clone())).collect();
            settle::settle(&self.shared, attempts).await;
        }
        false
    }

    /// Hands the message to the peer, for each recipient that the list lets it receive for at this moment.
    async fn send(&mut self, message: &Message) -> Sent {
        let Shared { store, .. } = self.shared.as_ref();
        let Some(line) = &mut self.line else { return Sent::default() };
        let (host, address) = (Some(line.host.clone()), line.address);
        let attempt = |what| Attempt { host: host.clone(), address, what };
        let proven: Vec<Result<Proven, What>> = message
            .entries
            .iter()
            .map(|entry| ways::prove(line.transport.peer(), &entry.recipient, &self.shared))
            .collect();
        let Some(outgoing) = message.outgoing(&proven) else {
            return Sent {
                attempts: proven.into_iter().filter_map(Result::err).map(attempt).collect(),
                in_vain: false,
            };
        };
        let mut content = match message.content(store).fit(line.transport.extensions()).await {
            Ok(content) => content,
            Err(what) => {
                let unfit = proven.into_iter().map(|proven| attempt(proven.err().unwrap_or(what.clone())));
                return Sent { attempts: unfit.collect(), in_vain: false };
            }
        };
        line.sent += 1;
        let confirms = line.transport.extensions().dsn;
        let (mut outcomes, in_vain) = match line.transport.send(&outgoing, &mut content).await {
            Ok(outcomes) => {
                let closed = |outcome: &RecipientOutcome| outcome.reply().code() == 421;
                let in_vain = !line.transport.is_usable() && outcomes.iter().all(closed);
                (outcomes.into_iter().map(|outcome| What::of_peer(outcome, confirms)).collect(), in_vain)
            }
            Err(failure) => failed(failure, confirms),
        };
        outcomes.reverse();
        let lost = || What::from(&client::Error::Used);
        let each = proven.into_iter().map(|proven| match proven {
            Ok(_) => attempt(outcomes.pop().unwrap_or_else(lost)),
            Err(what) => attempt(what),
        });
        Sent { attempts: each.collect(), in_vain }
    }
}

/// What came of a message, for each of its entries.
#[derive(Default)]
struct Sent {
    attempts: Vec<Attempt>,
    /// Nothing was decided about anybody, and the peer has nothing.
    in_vain: bool,
}

/// Refusals that were heard before the failure stand.
fn failed(failure: Failure, confirms: bool) -> (Vec<What>, bool) {
    let Failure { error, in_doubt, known } = failure;
    let in_vain = !in_doubt && known.iter().all(Option::is_none);
    let what = |outcome: Option<RecipientOutcome>| match outcome {
        Some(outcome) => What::of_peer(outcome, confirms),
        None => What::from(&error),
    };
    (known.into_iter().map(what).collect(), in_vain)
}

/// One message and its recipients in one lane.
struct Message {
    entries: Vec<Queued>,
    header: Bytes,
    body: BodyReader,
}

impl Message {
    /// Reads it as the queue has it now: an administrator may have taken entries out meanwhile.
    async fn load(store: &Store, ids: Vec<QueueId>) -> Result<Option<Self>, StoreError> {
        store
            .read(move |reader| {
                let mut present = Vec::with_capacity(ids.len());
                for id in ids {
                    present.extend(reader.queued(id)?);
                }
                let Some(first) = present.first() else { return Ok(None) };
                let Some((header, body)) = reader.queued_content(first.id)? else { return Ok(None) };
                Ok(Some(Message { entries: present, header, body }))
            })
            .await
    }

    fn content(&self, store: &Store) -> QueuedContent {
        let kind = self.entries.first().map_or(BodyKind::SevenBit, |entry| entry.body);
        QueuedContent::new(store.clone(), self.header.clone(), self.body.clone(), kind)
    }

    /// The envelope for the recipients that are proven; none if nobody is.
    fn outgoing<'a>(&self, proven: &'a [Result<Proven, What>]) -> Option<Outgoing<&'a Proven>> {
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
