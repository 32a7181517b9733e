//! The outgoing queue: looked at, retried, cleared of what must not leave (S-8.5).
//!
//! Each request looks at a bounded number of entries; the command asks again for the next ones. Entries leave the queue
//! by themselves at any moment: a change that meets one that is gone changes nothing and is tried on what is left.

use std::str::FromStr;

use mssante::Domain;
use store::{
    Action, BodyKind, Notify, Outcome, QueueId, Queued, Reader, Ret, Settlement, StoreError, Trace, TraceId,
};

use super::{Answered, Office, masking, refusal, traces};
use crate::control::protocol::{
    Answer, Refused, RefusedKind,
    queue::{QUEUE_IDS, QUEUE_PAGE, QueuedView, RemovedView, Which},
};

/// How often a change begins again because an entry left meanwhile.
const RACES: usize = 5;

impl Office {
    pub(super) async fn list_queue(
        &self,
        after: Option<u64>,
        domain: Option<Domain>,
        message: Option<&str>,
    ) -> Answered {
        let message =
            message.map(TraceId::from_str).transpose().map_err(|error| refusal(error.to_string()))?;
        let page = self.store.read(move |reader| {
            let (entries, next) = page(reader, after)?;
            let wanted = |queued: &Queued| {
                domain.as_ref().is_none_or(|domain| queued.recipient.domain() == domain)
                    && message.is_none_or(|message| queued.message == message)
            };
            let views = entries.iter().filter(|queued| wanted(queued)).map(|queued| view(reader, queued));
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

    /// Makes entries due now; gives how many, and where the next request goes on.
    pub(super) async fn retry_queue(
        &self,
        administrator: &str,
        which: Which,
        after: Option<u64>,
    ) -> Answered {
        let what = match &which {
            Which::Ids(ids) => format!("{ids:?}"),
            Which::Domain(domain) => domain.to_string(),
            Which::All => "all".to_owned(),
        };
        for _ in 0..RACES {
            let (entries, next) = self.chosen(which.clone(), after).await?;
            if entries.is_empty() {
                return Ok(Answer::Retried { entries: 0, next });
            }
            let now = self.clock.now();
            let settled = entries.iter().map(|queued| (queued.id, Settlement::Due(now))).collect();
            let mut trace = self.trace(administrator, Action::Administer);
            trace.detail.push(("request".into(), "queue-retry".into()));
            trace.detail.push(("which".into(), what.clone()));
            trace.detail.push(("entries".into(), entries.len().to_string()));
            match self.store.settle(settled, None, vec![trace]).await {
                Err(StoreError::NotFound) => {}
                settled => {
                    settled?;
                    return Ok(Answer::Retried { entries: entries.len() as u64, next });
                }
            }
        }
        Err(racing())
    }

    /// Takes entries out for good; each is traced in its message's journey with the administrator's name.
    pub(super) async fn remove_queued(&self, administrator: &str, ids: Vec<u64>) -> Answered {
        for _ in 0..RACES {
            let (entries, _) = self.chosen(Which::Ids(ids.clone()), None).await?;
            let settled = entries.iter().map(|queued| (queued.id, Settlement::Gone)).collect();
            let steps = entries.iter().map(|queued| self.removal(administrator, queued)).collect();
            match self.store.settle(settled, None, steps).await {
                Err(StoreError::NotFound) => {}
                settled => {
                    settled?;
                    return Ok(Answer::QueueRemoved(entries.iter().map(removed).collect()));
                }
            }
        }
        Err(racing())
    }

    /// The entries meant, on this page; those named by number must all be there.
    async fn chosen(&self, which: Which, after: Option<u64>) -> Result<(Vec<Queued>, Option<u64>), Refused> {
        let Which::Ids(mut ids) = which else {
            let page = self.store.read(move |reader| page(reader, after));
            let (mut entries, next) = page.await?;
            if let Which::Domain(domain) = which {
                entries.retain(|queued| *queued.recipient.domain() == domain);
            }
            return Ok((entries, next));
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

/// A page of the whole queue; the second value is the `after` of the next one.
fn page(reader: &Reader<'_>, after: Option<u64>) -> Result<(Vec<Queued>, Option<u64>), StoreError> {
    let entries = reader.queue_list(after.map(QueueId::new), QUEUE_PAGE)?;
    let next = entries.last().filter(|_| entries.len() == QUEUE_PAGE).map(|queued| queued.id.get());
    Ok((entries, next))
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
        smtputf8: queued.smtputf8,
        body: match queued.body {
            BodyKind::SevenBit => "7bit",
            BodyKind::EightBit => "8bit",
            BodyKind::Binary => "binary",
        }
        .to_owned(),
        require_tls: queued.require_tls,
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
