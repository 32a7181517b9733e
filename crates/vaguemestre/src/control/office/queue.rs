//! The outgoing queue: looked at, and changed by hand (S-8.5): retried, kept back, released, given back, cleared of what must not leave.
//!
//! Each request looks at a bounded number of entries; the command asks again for the next ones. Entries leave the queue
//! by themselves at any moment: a change that meets one that is gone changes nothing and is tried on what is left.

use std::{cmp::Reverse, collections::BinaryHeap, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use store::{
    Action, BodyKind, Lane, LaneId, LaneInfo, Notify, Outcome, Priority, QueueId, Queued, Reader, Ret,
    Settlement, StoreError, Trace, TraceId,
};

use super::{Answered, Office, masking, refusal, traces};
use crate::control::protocol::{
    Answer, Refused, RefusedKind,
    queue::{
        CHANGE_PAGE, Change, Changed, Filter, LaneView, QUEUE_IDS, QUEUE_PAGE, QueuedView, RemovedView,
        STATS_LANES, StatsView, Which,
    },
};

/// How often a change begins again because an entry left meanwhile.
const RACES: usize = 5;

/// Entries are numbered about in the order of their coming: one may lie so far before another that came later.
const DISORDER: SignedDuration = SignedDuration::from_mins(10);

/// Next hops read at once.
const LANES: usize = 1_000;

/// A [`Filter`] ready to be asked.
#[derive(Clone)]
struct Wanted {
    lane: Option<Lane>,
    message: Option<TraceId>,
    /// Accepted then or before.
    until: Option<Timestamp>,
    held: bool,
}

impl Wanted {
    fn new(filter: Filter, now: Timestamp) -> Result<Self, Refused> {
        let Filter { lane, message, older, held } = filter;
        let message = message.as_deref().map(TraceId::from_str).transpose();
        let message = message.map_err(|error| refusal(error.to_string()))?;
        let until = older.map(|seconds| {
            let age = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
            now.saturating_sub(age).unwrap_or(Timestamp::MIN)
        });
        Ok(Self { lane, message, until, held })
    }

    fn is(&self, queued: &Queued) -> bool {
        self.message.is_none_or(|message| queued.message == message)
            && self.until.is_none_or(|until| queued.queued <= until)
            && (!self.held || queued.held)
    }

    /// A page of what it could be; the second value is the `after` of the next one.
    fn page(
        &self,
        reader: &Reader<'_>,
        after: Option<u64>,
        most: usize,
    ) -> Result<(Vec<Queued>, Option<u64>), StoreError> {
        let after = after.map(QueueId::new);
        let mut entries = match &self.lane {
            Some(lane) => reader.queue_lane_list(reader.queue_lane_id(lane), after, most)?,
            None => reader.queue_list(after, most)?,
        };
        let last = entries.last().filter(|_| entries.len() == most);
        // what follows is younger still
        let over = |last: &&Queued| self.until.is_some_and(|until| queued_after(last, until));
        let next = last.filter(|last| !over(last)).map(|last| last.id.get());
        entries.retain(|queued| self.is(queued));
        Ok((entries, next))
    }
}

fn queued_after(queued: &Queued, until: Timestamp) -> bool {
    until.saturating_add(DISORDER).is_ok_and(|until| queued.queued > until)
}

impl Office {
    pub(super) async fn list_queue(&self, after: Option<u64>, filter: Filter) -> Answered {
        let wanted = Wanted::new(filter, self.clock.now())?;
        let page = self.store.read(move |reader| {
            let (entries, next) = wanted.page(reader, after, QUEUE_PAGE)?;
            let views = entries.iter().map(|queued| view(reader, queued));
            Ok((views.collect::<Result<Vec<_>, StoreError>>()?, next))
        });
        let (entries, next) = page.await?;
        Ok(Answer::Queue { entries, next })
    }

    pub(super) async fn show_queued(&self, id: u64) -> Answered {
        let found = self.store.read(move |reader| match reader.queued(QueueId::new(id))? {
            Some(queued) => view(reader, &queued).map(Some),
            None => Ok(None),
        });
        Ok(Answer::Queued(Box::new(found.await?.ok_or_else(|| missing(&[id]))?)))
    }

    pub(super) async fn queue_stats(&self) -> Answered {
        let stats = self.store.read(stats).await?;
        Ok(Answer::QueueStats(Box::new(stats)))
    }

    /// One page of a change; `next` is where the next request goes on.
    pub(super) async fn change_queue(
        &self,
        administrator: &str,
        change: Change,
        which: Which,
        after: Option<u64>,
    ) -> Answered {
        let mut changed = Changed::default();
        if let (Which::Those(filter), None, Change::Hold | Change::Release) = (&which, after, change) {
            changed.lane = self.hold_lane(administrator, filter, change == Change::Hold).await?;
        }
        let named = matches!(which, Which::Ids(_));
        for _ in 0..RACES {
            let (mut entries, next) = self.chosen(which.clone(), after).await?;
            if !named {
                // what is so already is left alone
                entries.retain(|queued| match change {
                    Change::Hold => !queued.held,
                    Change::Release => queued.held,
                    Change::Retry | Change::Bounce | Change::Remove => true,
                });
            }
            match self.carry_out(administrator, change, &which, &entries).await {
                Err(StoreError::NotFound) => continue,
                reports => changed.reports += reports? as u64,
            }
            changed.entries = entries.len() as u64;
            if named || change == Change::Remove {
                changed.shown = entries.iter().map(removed).collect();
            }
            return Ok(Answer::QueueChanged { change, changed, next });
        }
        Err(racing())
    }

    /// Does it to these entries; gives how many reports that made.
    async fn carry_out(
        &self,
        administrator: &str,
        change: Change,
        which: &Which,
        entries: &[Queued],
    ) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let each =
            |settlement: Settlement| entries.iter().map(|queued| (queued.id, settlement.clone())).collect();
        let settled = match change {
            _ if entries.is_empty() => return Ok(0),
            Change::Bounce => {
                return self.bouncer.bounce(entries.to_vec(), administrator, now).await;
            }
            Change::Remove => {
                let steps = entries.iter().map(|queued| self.removal(administrator, queued)).collect();
                self.store.settle(each(Settlement::Gone), None, steps).await
            }
            Change::Retry | Change::Hold | Change::Release => {
                let (settlement, name) = match change {
                    Change::Retry => (Settlement::Due(now), "queue-retry"),
                    Change::Hold => (Settlement::Hold, "queue-hold"),
                    _ => (Settlement::Release, "queue-release"),
                };
                let mut trace = self.trace(administrator, Action::Administer);
                trace.detail.push(("request".into(), name.into()));
                trace.detail.push(("which".into(), told(which)));
                trace.detail.push(("entries".into(), entries.len().to_string()));
                self.store.settle(each(settlement), None, vec![trace]).await
            }
        };
        settled.map(|_| 0)
    }

    /// A next hop as a whole, if nothing else is asked.
    async fn hold_lane(&self, administrator: &str, filter: &Filter, held: bool) -> Result<bool, Refused> {
        let Filter { lane: Some(lane), message: None, older: None, held: false } = filter else {
            return Ok(false);
        };
        let mut trace = self.trace(administrator, Action::Administer);
        let name = if held { "queue-hold" } else { "queue-release" };
        trace.detail.push(("request".into(), name.into()));
        trace.detail.push(("lane".into(), lane.to_string()));
        Ok(self.store.hold_lane(lane.clone(), held, trace).await?)
    }

    /// The entries meant, on this page; those named by number must all be there.
    async fn chosen(&self, which: Which, after: Option<u64>) -> Result<(Vec<Queued>, Option<u64>), Refused> {
        let mut ids = match which {
            Which::Those(filter) => {
                let wanted = Wanted::new(filter, self.clock.now())?;
                return Ok(self.store.read(move |reader| wanted.page(reader, after, CHANGE_PAGE)).await?);
            }
            Which::Ids(ids) => ids,
        };
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > QUEUE_IDS {
            return Err(refusal(format!("name at most {QUEUE_IDS} entries at a time")));
        }
        let looked = self.store.read(move |reader| {
            let found = |id: u64| Ok((id, reader.queued(QueueId::new(id))?));
            ids.into_iter().map(found).collect::<Result<Vec<_>, StoreError>>()
        });
        let looked = looked.await?;
        let gone: Vec<u64> = looked.iter().filter(|(_, found)| found.is_none()).map(|(id, _)| *id).collect();
        if gone.is_empty() {
            Ok((looked.into_iter().filter_map(|(_, found)| found).collect(), None))
        } else {
            Err(missing(&gone))
        }
    }

    fn removal(&self, administrator: &str, queued: &Queued) -> Trace {
        Trace {
            id: queued.message,
            at: self.clock.now(),
            action: Action::QueueRemove,
            person: None,
            acting_as: queued.sender,
            peer: None,
            outcome: Outcome::Done,
            detail: vec![
                ("administrator".into(), administrator.to_owned()),
                ("to".into(), queued.recipient.to_string()),
                ("entry".into(), queued.id.to_string()),
                ("report".into(), "none".into()),
            ],
        }
    }
}

/// What a trace says of what was meant.
fn told(which: &Which) -> String {
    match which {
        Which::Ids(ids) => format!("{ids:?}"),
        Which::Those(Filter { lane, message, older, held }) => {
            let mut words = vec![];
            words.extend(lane.as_ref().map(|lane| format!("for {lane}")));
            words.extend(message.as_ref().map(|message| format!("of {message}")));
            words.extend(older.map(|seconds| format!("older than {seconds} s")));
            words.extend(held.then(|| "held".to_owned()));
            if words.is_empty() { "all".to_owned() } else { words.join(", ") }
        }
    }
}

/// All next hops are looked at, page by page; only those with the most entries are kept in memory.
fn stats(reader: &Reader<'_>) -> Result<StatsView, StoreError> {
    let (mut lanes, mut after): (u64, Option<LaneId>) = (0, None);
    let mut most: BinaryHeap<Reverse<(u64, LaneId)>> = BinaryHeap::new();
    loop {
        let page = reader.queue_lanes(after, LANES)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        lanes += page.len() as u64;
        for lane in page {
            // what is held is never left out for want of entries
            let weight = if lane.held.is_some() { u64::MAX } else { lane.entries };
            most.push(Reverse((weight, lane.id)));
            if most.len() > STATS_LANES {
                most.pop();
            }
        }
    }
    let mut views = vec![];
    for Reverse((_, id)) in most.into_sorted_vec() {
        if let Some(lane) = reader.queue_lane(id)? {
            views.push(lane_view(reader, &lane)?);
        }
    }
    let oldest = reader.queue_list(None, 1)?.first().map(|queued| queued.queued);
    Ok(StatsView { entries: reader.queue_size()?, oldest, lanes, most: views })
}

fn lane_view(reader: &Reader<'_>, lane: &LaneInfo) -> Result<LaneView, StoreError> {
    let first = reader.queue_lane_list(lane.id, None, 1)?.pop();
    let last = first
        .as_ref()
        .and_then(|queued| queued.last.as_deref().map(|last| masking::words(last, [&queued.recipient])));
    Ok(LaneView {
        lane: lane.lane.to_string(),
        entries: lane.entries,
        oldest: first.map(|queued| queued.queued),
        held: lane.held,
        last,
    })
}

fn missing(ids: &[u64]) -> Refused {
    const SHOWN: usize = 10;
    let mut names = ids.iter().take(SHOWN).map(u64::to_string).collect::<Vec<_>>().join(", ");
    if ids.len() > SHOWN {
        names.push_str(", …");
    }
    refusal(format!(
        "not in the queue, or no longer: {names}; nothing was changed. See `vaguemestre queue list`"
    ))
}

fn racing() -> Refused {
    let message =
        "these entries leave the queue faster than they can be changed: see `vaguemestre queue list`";
    Refused { kind: RefusedKind::Unavailable, message: message.into() }
}

fn removed(queued: &Queued) -> RemovedView {
    RemovedView {
        id: queued.id.get(),
        message: queued.message.to_string(),
        recipient: queued.recipient.masked().to_string(),
    }
}

fn view(reader: &Reader<'_>, queued: &Queued) -> Result<QueuedView, StoreError> {
    Ok(QueuedView {
        id: queued.id.get(),
        message: queued.message.to_string(),
        recipient: queued.recipient.masked().to_string(),
        reverse_path: queued.reverse_path.as_ref().map(|path| path.masked().to_string()).unwrap_or_default(),
        sender: queued.sender.map(|id| traces::name(reader, id)).transpose()?,
        size: queued.size,
        queued: queued.queued,
        due: queued.due,
        expires: queued.expires,
        attempts: queued.attempts,
        last: queued.last.as_deref().map(|last| masking::words(last, [&queued.recipient])),
        distrusted_since: queued.distrusted_since,
        delay_told: queued.delay_told,
        held: queued.held,
        smtputf8: queued.smtputf8,
        body: match queued.body {
            BodyKind::SevenBit => "7bit",
            BodyKind::EightBit => "8bit",
            BodyKind::Binary => "binary",
        }
        .to_owned(),
        require_tls: queued.require_tls,
        priority: match queued.priority {
            Priority::Prompt => "prompt",
            Priority::Usual => "usual",
            Priority::Bulk => "bulk",
        }
        .to_owned(),
        lane: queued.lane().to_string(),
        envid: queued.envid.clone(),
        ret: queued.ret.map(|ret| match ret {
            Ret::Full => "full".to_owned(),
            Ret::Headers => "headers".to_owned(),
        }),
        notify: queued.notify.map(wishes),
        original: queued.original.as_deref().map(masking::original),
    })
}

/// NOTIFY as RFC 3461 writes it, in small letters.
fn wishes(notify: Notify) -> String {
    let all = [("success", notify.success), ("failure", notify.failure), ("delay", notify.delay)];
    let wanted: Vec<_> = all.into_iter().filter(|(_, on)| *on).map(|(word, _)| word).collect();
    if wanted.is_empty() { "never".to_owned() } else { wanted.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_written_as_in_the_envelope() {
        let none = Notify { success: false, failure: false, delay: false };
        assert_eq!(wishes(none), "never");
        assert_eq!(wishes(Notify { success: true, delay: true, ..none }), "success,delay");
    }
}
