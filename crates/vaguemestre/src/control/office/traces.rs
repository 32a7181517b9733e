//! Traces: what happened under one identifier, with the people named (S-1.7, S-8.5) and patients' numbers
//! masked (M-11).

use std::str::FromStr;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use mssante::Address;
use store::{AccountId, Day, Reader, StoreError, Trace, TraceId};

use super::{Answered, Office, Refused, masking, refusal};
use crate::control::protocol::{Answer, TraceView};

/// Traces of one page.
const PAGE: usize = 200;

impl Office {
    pub(super) async fn show_trace(&self, id: &str) -> Answered {
        let id = TraceId::from_str(id).map_err(|error| refusal(error.to_string()))?;
        let found = self.store.read(move |reader| {
            let traces = reader.traces(&id)?;
            traces.into_iter().map(|trace| view(reader, trace)).collect::<Result<Vec<_>, _>>()
        });
        let traces = found.await?;
        if traces.is_empty() {
            return Err(refusal(format!("nothing is traced under {id}: was it this operator that gave it?")));
        }
        Ok(Answer::Traces(traces))
    }

    /// What a person did, or was done in a box (M-10).
    pub(super) async fn traces_of(
        &self,
        address: Address,
        day: Option<Date>,
        after: Option<u64>,
    ) -> Answered {
        let account = self.account(address).await?;
        let day = match day {
            Some(date) => Day::of(start(date)?),
            None => Day::of(self.clock.now()),
        };
        let found = self.store.read(move |reader| {
            let (traces, next) = reader.traces_naming(account.id, day, after, PAGE)?;
            let traces =
                traces.into_iter().map(|trace| view(reader, trace)).collect::<Result<Vec<_>, _>>()?;
            Ok((traces, next))
        });
        let (traces, next) = found.await?;
        Ok(Answer::TracesOf { traces, next })
    }
}

/// The first instant of a day in UTC.
fn start(date: Date) -> Result<Timestamp, Refused> {
    let start = date.to_zoned(TimeZone::UTC).map_err(|error| refusal(error.to_string()))?;
    Ok(start.timestamp())
}

fn view(reader: &Reader<'_>, trace: Trace) -> Result<TraceView, StoreError> {
    Ok(TraceView {
        at: trace.at,
        action: trace.action.as_str().to_owned(),
        outcome: trace.outcome.as_str().to_owned(),
        person: trace.person.map(|id| name(reader, id)).transpose()?,
        acting_as: trace.acting_as.map(|id| name(reader, id)).transpose()?,
        peer: trace.peer.map(|peer| peer.to_string()),
        detail: masking::details(trace.detail),
    })
}

pub(super) fn name(reader: &Reader<'_>, id: AccountId) -> Result<String, StoreError> {
    let account = reader.account(id)?;
    Ok(account
        .map_or_else(|| format!("removed account {}", id.get()), |account| account.profile.login.to_string()))
}
