//! Traces of what a person does with a box (M-10): who, on which box, when, from where, what; never content.
//! May write traces to the store. Must never hold a name, an address, a subject or a byte of a message.

use std::fmt::Display;

use store::{AccountId, Action, BoxId, BoxInfo, Outcome, Reader, Trace, TraceId, Uid};

use super::{Session, halt::Halt};

/// UIDs spelled out in one trace; the number of all is always told.
const UIDS_SPELLED: usize = 100;

impl Session {
    /// A trace of this person doing something in a box of this account, now.
    pub(super) fn new_trace(
        &self,
        account: AccountId,
        action: Action,
        detail: Vec<(String, String)>,
    ) -> Trace {
        let person = self.principal.person().id;
        let at = self.server.clock.now();
        Trace {
            id: TraceId::new(at),
            at,
            action,
            person: Some(person),
            acting_as: (account != person).then_some(account),
            peer: Some(self.peer),
            outcome: Outcome::Done,
            detail,
        }
    }

    /// Traces something done to messages of the open mailbox, or with them into another: where that is another box's, its
    /// traces say so as well (S-1.7).
    pub(super) async fn trace_messages(
        &self,
        action: Action,
        mailbox: BoxId,
        uids: &[Uid],
        to: Option<&BoxInfo>,
    ) -> Result<(), Halt> {
        let account = self.selected_account()?;
        let mut details =
            vec![detail("mailbox", mailbox), detail("messages", uids.len()), detail("uids", spelled(uids))];
        details.extend(to.map(|to| detail("to", to.id)));
        for other in to.map(|to| to.account).into_iter().filter(|other| *other != account) {
            self.trace_done(self.new_trace(other, action, details.clone())).await;
        }
        self.trace_done(self.new_trace(account, action, details)).await;
        Ok(())
    }

    /// Traces what is done already: that it could not be traced must not make the client believe that it was not done, and do it
    /// again.
    pub(super) async fn trace_done(&self, trace: Trace) {
        let action = trace.action;
        if let Err(error) = self.store().trace(trace).await {
            tracing::error!(%error, ?action, "what a session did is done and could not be traced");
        }
    }

    /// Traces that this person opened these messages, each part of the journey that brought it here (S-4.5).
    pub(super) async fn trace_openings(&self, mailbox: BoxId, uids: Vec<Uid>) -> Result<(), Halt> {
        if uids.is_empty() {
            return Ok(());
        }
        let account = self.selected_account()?;
        let look = move |reader: &Reader<'_>| {
            uids.into_iter()
                .map(|uid| Ok((uid, reader.origin(mailbox, uid)?)))
                .collect::<store::Result<Vec<_>>>()
        };
        for (uid, origin) in self.read(look).await? {
            let details = vec![detail("mailbox", mailbox), detail("uid", uid)];
            let trace = self.new_trace(account, Action::FirstOpening, details);
            let id = origin.unwrap_or(trace.id);
            self.trace_done(Trace { id, ..trace }).await;
        }
        Ok(())
    }
}

fn spelled(uids: &[Uid]) -> String {
    let uids: Vec<String> = uids.iter().take(UIDS_SPELLED).map(|uid| uid.get().to_string()).collect();
    uids.join(",")
}

/// One line of detail.
pub(super) fn detail(name: &str, value: impl Display) -> (String, String) {
    (name.to_owned(), value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_spells_out_a_bounded_number_of_messages() {
        let uids: Vec<Uid> = (1..500).filter_map(Uid::new).collect();
        assert_eq!(spelled(&uids).split(',').count(), UIDS_SPELLED);
        assert_eq!(spelled(&uids[..3]), "1,2,3");
    }
}
