//! Retention and the clock that it rests on (S-4.3, I-4).

use store::Action;

use super::{Answered, Office};
use crate::control::protocol::{
    Answer,
    retention::{ProofView, RetentionView},
};

impl Office {
    pub(super) async fn show_retention(&self) -> Answered {
        let known = self.store.read(|reader: &store::Reader<'_>| reader.retention()).await?;
        Ok(Answer::Retention(Box::new(RetentionView {
            erased_through: (known.erased_through.number() > 0).then(|| known.erased_through.to_string()),
            traces_erased_through: (known.traces_erased_through.number() > 0)
                .then(|| known.traces_erased_through.to_string()),
            oldest_kept: known.oldest_kept.map(|day| day.to_string()),
            tidying: known.tidying,
            held: known.held,
            proof: known.proof.map(|proof| ProofView {
                at: proof.at,
                erased_through: proof.erased_through.to_string(),
                messages_erased: proof.messages_erased,
                faults: proof.faults,
            }),
        })))
    }

    pub(super) async fn accept_clock(&self, administrator: &str) -> Answered {
        let mut trace = self.trace(administrator, Action::Administer);
        trace.detail.push(("request".to_owned(), "clock-accept".to_owned()));
        let (id, now) = (trace.id.to_string(), trace.at);
        self.store.accept_clock(trace).await?;
        Ok(Answer::ClockAccepted { now, trace: id })
    }
}
