//! Traces into the view: made by whoever asked, or, of changes to boxes and their messages, by the operation itself, which alone
//! knows what came of it.

use std::fmt::Display;

use jiff::Timestamp;

use crate::{
    Result, StoreError,
    committer::txn::Txn,
    day::Day,
    engine::Family,
    ids::{AccountId, BoxId, Uid},
    keys,
    prepare::seal_trace,
    trace::{Action, Actor, Outcome, Trace, TraceId},
    uids::UidRuns,
};

/// A trace ready to be kept: sealed by whoever asked, under the key of its trace day.
#[derive(Clone)]
pub(crate) struct SealedTrace {
    pub(crate) id: TraceId,
    pub(crate) day: Day,
    pub(crate) number: u64,
    pub(crate) sealed: Vec<u8>,
}

/// Keeps a trace and its place in its journey.
pub(crate) fn put(txn: &mut Txn<'_>, trace: SealedTrace) {
    let SealedTrace { id, day, number, sealed } = trace;
    txn.put_blind(Family::Traces, keys::trace(day, number), sealed);
    txn.put_blind(Family::Traces, keys::journey_step(&id, day, number), vec![]);
}

/// Who asked for an operation, and when: the key of that trace day was there then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    actor: Actor,
    at: Timestamp,
}

/// Facts of a trace, name and value.
pub(crate) type Detail = Vec<(String, String)>;

impl Asked {
    /// Only for who made sure of the key.
    pub(crate) fn new(actor: Actor, at: Timestamp) -> Self {
        Self { actor, at }
    }

    /// Whether that is the box of somebody else than who asks.
    pub(crate) fn is_others(&self, account: AccountId) -> bool {
        self.actor.person != Some(account)
    }

    /// Keeps the trace of what this operation does in a box of an account: without it the operation fails, and nothing of it is
    /// kept (I-1).
    pub(crate) fn trace(
        &self,
        txn: &mut Txn<'_>,
        account: AccountId,
        action: Action,
        detail: Detail,
    ) -> Result<()> {
        self.trace_in(txn, TraceId::new(self.at), account, action, detail)
    }

    /// The same, as a step of a journey.
    pub(crate) fn trace_in(
        &self,
        txn: &mut Txn<'_>,
        id: TraceId,
        account: AccountId,
        action: Action,
        detail: Detail,
    ) -> Result<()> {
        let Actor { person, peer } = self.actor;
        let acting_as = self.is_others(account).then_some(account);
        let trace =
            Trace { id, at: self.at, action, person, acting_as, peer, outcome: Outcome::Done, detail };
        let sealed = seal_trace(txn.core, &trace).map_err(|error| match error {
            StoreError::NotFound => StoreError::Corrupt("trace key"),
            error => error,
        })?;
        put(txn, sealed);
        Ok(())
    }
}

/// One fact.
pub(crate) fn detail(name: &str, value: impl Display) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// Which messages of a box: one operation takes so few that all are told.
pub(crate) fn messages(id: BoxId, uids: impl IntoIterator<Item = Uid>) -> Detail {
    let runs = UidRuns::of(uids.into_iter().map(|uid| (uid, uid)).collect());
    let told: Vec<String> = runs
        .runs()
        .iter()
        .map(|(first, last)| match first == last {
            true => first.get().to_string(),
            false => format!("{}:{}", first.get(), last.get()),
        })
        .collect();
    vec![detail("mailbox", id), detail("messages", runs.len()), detail("uids", told.join(","))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_as_runs_all_of_them() {
        let told = |uids: &[u32]| {
            let mut detail = messages(BoxId::new(7), uids.iter().filter_map(|uid| Uid::new(*uid)));
            assert_eq!(detail.remove(0), ("mailbox".into(), "7".into()));
            detail.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(told(&[1, 2, 3, 9]), ["4", "1:3,9"]);
        assert_eq!(told(&(1..=512).map(|n| n * 2).collect::<Vec<_>>())[1].split(',').count(), 512);
    }
}
