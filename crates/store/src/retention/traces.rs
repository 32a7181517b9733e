//! Journeys after their traces: rows that lead to traces of days that are erased.
//!
//! Journeys are named by the time they began, and no step comes before its journey: only those that began by the end of
//! the last erased day are looked at. What a later step keeps alive is looked at again with the next day.

use std::sync::Arc;

use crate::{
    Result, Store, StoreError,
    core::Core,
    day::Day,
    engine::{Change, Durability, Family, View as _},
    keys,
};

/// Rows looked at, and at most removed, at once.
const PAGE: usize = 2000;

impl Store {
    /// Removes steps of journeys whose traces are gone; how many.
    pub(super) async fn tidy_journeys(&self, through: Day) -> Result<u64> {
        let (mut from, until) = keys::journeys_begun_by(through);
        let mut removed = 0;
        loop {
            let core = Arc::clone(&self.core);
            let (start, end) = (from, until.clone());
            let page = move || remove_page(&core, &start, &end, through);
            let (gone, next) = tokio::task::spawn_blocking(page).await.map_err(|_| StoreError::Busy)??;
            removed += gone;
            match next {
                Some(next) => from = next,
                None => return Ok(removed),
            }
        }
    }
}

/// Removes what is gone of one page; where the next begins. No operation reads or writes these rows any more.
fn remove_page(core: &Core, from: &[u8], until: &[u8], through: Day) -> Result<(u64, Option<Vec<u8>>)> {
    let mut changes = vec![];
    let mut seen = 0;
    let mut next = None;
    core.engine.scan(Family::Traces, from, until, &mut |key, _| {
        seen += 1;
        let day = keys::step_day(key).ok_or(StoreError::Corrupt("trace key"))?;
        if day <= through {
            changes.push(Change::Delete(Family::Traces, key.to_vec()));
        }
        if seen == PAGE {
            next = Some([key, &[0]].concat());
        }
        Ok(seen < PAGE)
    })?;
    if !changes.is_empty() {
        core.engine.write(&changes, Durability::Later)?;
    }
    Ok((changes.len() as u64, next))
}
