//! A worker of a lane: takes one message after the other, over one connection as long as that serves, and settles each at once.
//!
//! May use: lanes, `ways`, the client, `settle`. Must never touch: the schedule. No recipient is named to a peer without the
//! proof that its way demands, made at that moment (M-2).

use std::{io, mem, sync::Arc, time::Duration};

use smtp::client::{self, Failure, RecipientOutcome, Stage};
use store::{DuePage, Lane, LaneId, QueueId, Queued};
use tokio::time::{Instant, timeout_at};

use super::{
    Shared,
    attempt::{Attempt, Spent, What},
    lanes::{Loading, Turn},
    message::Message,
    settle,
    ways::{self, Line, Proven},
};

/// Works on a lane until there is nothing more to do in it.
pub(super) async fn work(shared: Arc<Shared>, id: LaneId) {
    // given up however this ends
    let mut seat = Seat { shared, id, busy: false, held: Vec::new(), loading: None, line: None };
    let found = seat.shared.store.read(move |reader| reader.queue_lane(id)).await;
    let lane = match found {
        Ok(Some(info)) => info.lane,
        Ok(None) => return seat.skip().await,
        Err(error) => {
            tracing::error!(%error, "a lane of the queue cannot be read: what waits in it stays queued");
            return seat.skip().await;
        }
    };
    while let Some(entries) = seat.next().await {
        let go_on = seat.serve(&lane, entries).await;
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
    id: LaneId,
    /// A message is worked on.
    busy: bool,
    /// Its entries.
    held: Vec<QueueId>,
    /// The page that is being read.
    loading: Option<Loading>,
    line: Option<Line>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hang_up();
        self.done();
        if let Some(loading) = self.loading.take() {
            self.shared.lanes.loaded(self.id, &loading, None);
        }
        self.shared.lanes.leave(self.id);
    }
}

impl Seat {
    /// The next message; with a connection, one that comes within the idle time too.
    async fn next(&mut self) -> Option<Vec<Queued>> {
        let until = Instant::now() + self.shared.settings.idle;
        loop {
            match self.shared.lanes.turn(self.id) {
                Turn::Send(entries) => {
                    self.busy = true;
                    self.held = entries.iter().map(|entry| entry.id).collect();
                    return Some(entries);
                }
                Turn::Load(loading) => self.load(loading).await,
                Turn::Wait(more) => {
                    if self.line.is_none() || timeout_at(until, more.notified()).await.is_err() {
                        return None;
                    }
                }
                Turn::Leave => return None,
            }
        }
    }

    /// Reads what else is due in the lane.
    async fn load(&mut self, loading: Loading) {
        let now = self.shared.clock.now();
        let (id, most, skip) = (self.id, self.shared.settings.page.max(1), loading.skip.clone());
        self.loading = Some(loading);
        let page = self.shared.store.read(move |reader| reader.queue_due(id, now, &skip, most)).await;
        if let Err(error) = &page {
            tracing::error!(%error, "the queue cannot be read: what waits in a lane stays queued");
        }
        self.loaded(page.ok());
    }

    fn loaded(&mut self, page: Option<DuePage>) {
        if let Some(loading) = self.loading.take() {
            self.shared.lanes.loaded(self.id, &loading, page);
        }
    }

    /// Nothing can be done here: the lane rests as if nothing were in it.
    async fn skip(mut self) {
        if let Some(loading) = self.shared.lanes.load(self.id) {
            self.loading = Some(loading);
            self.loaded(None);
        }
    }

    /// The message is done with.
    fn done(&mut self) {
        if mem::take(&mut self.busy) {
            self.shared.lanes.release(self.id, self.held.drain(..));
            self.shared.lanes.rest(self.id);
        }
    }

    fn hang_up(&mut self) -> Option<Line> {
        let line = self.line.take()?;
        self.shared.lanes.connected(self.id, false);
        Some(line)
    }

    /// One message, from the queue to its settlement. False when this worker is of no more use.
    async fn serve(&mut self, lane: &Lane, entries: Vec<Queued>) -> bool {
        let message = match Message::load(&self.shared.store, self.id, self.held.clone()).await {
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
        let mut left = message.entries.clone();
        while !left.is_empty() {
            let reused = self.line.is_some();
            let opened = Instant::now();
            if let Err(attempt) = self.open(lane).await {
                return self.unreachable(left, attempt).await;
            }
            let rest = left.split_off(left.len().min(self.most_recipients()));
            let mut part = message.part(mem::replace(&mut left, rest));
            let connection = if reused { Duration::ZERO } else { opened.elapsed() };
            let mut sent = self.send(&part, connection).await;
            if reused && sent.in_vain {
                // the peer closed an idle connection: that says nothing about the message
                self.hang_up();
                let opened = Instant::now();
                if let Err(attempt) = self.open(lane).await {
                    part.entries.append(&mut left);
                    return self.unreachable(part.entries, attempt).await;
                }
                sent = self.send(&part, opened.elapsed()).await;
            }
            if sent.broken {
                self.shared.lanes.went_badly(self.id);
            } else {
                self.shared.lanes.went_well(self.id);
            }
            let (settled, again) = sent.split(part.entries);
            settle::settle(&self.shared, settled).await;
            left.splice(0..0, again);
            self.retire().await;
        }
        true
    }

    /// Leaves a connection that is used up.
    async fn retire(&mut self) {
        let most = self.shared.settings.messages_per_connection.max(1);
        let used_up = |line: &Line| {
            let limit =
                line.transport.extensions().messages.map_or(most, |limit| most.min(limit.max(1) as usize));
            line.sent >= limit || !line.transport.is_usable()
        };
        if self.line.as_ref().is_some_and(used_up)
            && let Some(line) = self.hang_up()
            && line.transport.is_usable()
        {
            line.transport.quit().await;
        }
    }

    /// How many recipients the peer takes in one transaction (RFC 9422).
    fn most_recipients(&self) -> usize {
        let limit = self.line.as_ref().and_then(|line| line.transport.extensions().recipients);
        limit.map_or(usize::MAX, |limit| limit.max(1) as usize)
    }

    async fn open(&mut self, lane: &Lane) -> Result<(), Attempt> {
        // a list swapped a moment ago counts for a connection that stands, too
        ways::is_open(lane, &self.shared).map_err(Attempt::nowhere)?;
        if self.line.is_none() {
            let began = Instant::now();
            let reached = ways::reach(lane, &self.shared).await;
            self.line = Some(reached.map_err(|attempt| attempt.after(began.elapsed(), Duration::ZERO))?);
            self.shared.lanes.connected(self.id, true);
        }
        Ok(())
    }

    /// The next hop cannot be reached: with it, every message that is due in its lane.
    async fn unreachable(&mut self, mut entries: Vec<Queued>, attempt: Attempt) -> bool {
        let now = self.shared.clock.now();
        let lanes = &self.shared.lanes;
        let back: Vec<QueueId> = entries.iter().map(|entry| entry.id).collect();
        if matches!(attempt.what, What::Trouble(_)) && lanes.give_back(self.id, &mut entries) {
            // what was settled before is not given back
            self.held.retain(|id| !back.contains(id));
            return false;
        }
        lanes.failed(self.id, now, fastrand::f64().mul_add(2.0, -1.0));
        loop {
            let waiting = lanes.drain(self.id);
            self.held.extend(waiting.iter().map(|entry| entry.id));
            entries.extend(waiting);
            if entries.is_empty() {
                return false;
            }
            let kept = settle::settle_all(&self.shared, mem::take(&mut entries), &attempt).await;
            // at once, and once: another worker may hold them next
            lanes.release(self.id, self.held.drain(..));
            if !kept {
                return false;
            }
            let Some(loading) = lanes.load(self.id) else { return false };
            let (id, most, skip) = (self.id, self.shared.settings.page.max(1), loading.skip.clone());
            self.loading = Some(loading);
            let page = self.shared.store.read(move |reader| reader.queue_due(id, now, &skip, most)).await;
            if let Some(loading) = self.loading.take() {
                lanes.loaded(self.id, &loading, page.ok());
            }
        }
    }

    /// Hands the message to the peer, for each recipient that the list lets it receive for at this moment.
    async fn send(&mut self, message: &Message, connection: Duration) -> Sent {
        let Shared { store, .. } = self.shared.as_ref();
        let Some(line) = &mut self.line else { return Sent::default() };
        let began = Instant::now();
        let (host, address) = (Some(line.host.clone()), line.address);
        let attempt = |what| {
            let spent = Spent { connection, transfer: began.elapsed() };
            Attempt { host: host.clone(), address, what, spent }
        };
        let proven: Vec<Result<Proven, What>> = message
            .entries
            .iter()
            .map(|entry| ways::prove(line.transport.peer(), &entry.recipient, &self.shared))
            .collect();
        let Some(outgoing) = message.outgoing(&proven) else {
            let attempts = proven.into_iter().filter_map(Result::err).map(attempt).collect();
            return Sent { attempts, ..Sent::default() };
        };
        let mut content = match message.content(store).fit(line.transport.extensions()).await {
            Ok(content) => content,
            Err(what) => {
                let unfit = proven.into_iter().map(|proven| attempt(proven.err().unwrap_or(what.clone())));
                return Sent { attempts: unfit.collect(), ..Sent::default() };
            }
        };
        line.sent += 1;
        let confirms = line.transport.extensions().dsn;
        let (mut outcomes, in_vain, broken) = match line.transport.send(&outgoing, &mut content).await {
            Ok(outcomes) => {
                let closed = |outcome: &RecipientOutcome| outcome.reply().code() == 421;
                let in_vain = !line.transport.is_usable() && outcomes.iter().all(closed);
                (
                    outcomes.into_iter().map(|outcome| What::of_peer(outcome, confirms)).collect(),
                    in_vain,
                    in_vain,
                )
            }
            Err(failure) => failed(failure, confirms),
        };
        outcomes.reverse();
        let lost = || What::from(&client::Error::Used);
        let each = proven.into_iter().map(|proven| match proven {
            Ok(_) => attempt(outcomes.pop().unwrap_or_else(lost)),
            Err(what) => attempt(what),
        });
        Sent { attempts: each.collect(), in_vain, broken }
    }
}

/// What came of a message, for each of its entries.
#[derive(Default)]
struct Sent {
    attempts: Vec<Attempt>,
    /// Nothing was decided about anybody, and the peer has nothing.
    in_vain: bool,
    /// The connection did not last.
    broken: bool,
}

impl Sent {
    /// What is settled; and entries that go out in a further transaction at once, since the peer took others and no more at a time
    /// (RFC 5321 §4.5.3.1.10): each transaction brings at least one of them on.
    fn split(self, entries: Vec<Queued>) -> (Vec<(Queued, Attempt)>, Vec<Queued>) {
        let progress = self.attempts.iter().any(|attempt| matches!(attempt.what, What::Relayed { .. }));
        let too_many = |attempt: &Attempt| match &attempt.what {
            What::Refused { reply, stage: Stage::Recipient } => {
                reply.code() == 452 && ["", "4.5.3"].contains(&reply.status())
            }
            _ => false,
        };
        let (mut settled, mut again) = (Vec::new(), Vec::new());
        for (entry, attempt) in entries.into_iter().zip(self.attempts) {
            if progress && !self.broken && too_many(&attempt) {
                again.push(entry);
            } else {
                settled.push((entry, attempt));
            }
        }
        (settled, again)
    }
}

/// Refusals that were heard before the failure stand.
fn failed(failure: Failure, confirms: bool) -> (Vec<What>, bool, bool) {
    let Failure { error, in_doubt, known } = failure;
    let in_vain = !in_doubt && known.iter().all(Option::is_none);
    let what = |outcome: Option<RecipientOutcome>| match outcome {
        Some(outcome) => What::of_peer(outcome, confirms),
        None => What::from(&error),
    };
    (known.into_iter().map(what).collect(), in_vain, true)
}
