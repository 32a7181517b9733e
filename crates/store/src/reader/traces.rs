//! Traces of a day, to answer who did what in a box (M-10).

use super::Reader;
use crate::{
    AccountId, Result, Trace,
    day::Day,
    engine::{Family, View},
    keys,
};

#[allow(clippy::missing_errors_doc, reason = "said once, at the type")]
impl Reader<'_> {
    /// Traces of a day that name an account, as the person or as the box, in the order in which they were asked for: at most
    /// `most` of those behind the number `after`, and the `after` of the next ones if there may be more. Every trace on the way is
    /// opened for it.
    pub fn traces_naming(
        &self,
        account: AccountId,
        day: Day,
        after: Option<u64>,
        most: usize,
    ) -> Result<(Vec<Trace>, Option<u64>)> {
        let (mut found, mut next) = (vec![], None);
        let from = after.map_or(Some(0), |after| after.checked_add(1));
        let Some(from) = from.map(|number| keys::trace(day, number)) else { return Ok((found, None)) };
        let (_, until) = keys::under(&keys::traces_of(day));
        self.view().scan(Family::Traces, &from, &until, &mut |key, sealed| {
            let trace = self.open_trace(day, key, sealed)?;
            if trace.person == Some(account) || trace.acting_as == Some(account) {
                found.push(trace);
            }
            let full = found.len() >= most;
            next = if full { keys::last_u64(key) } else { None };
            Ok(!full)
        })?;
        Ok((found, next))
    }
}
