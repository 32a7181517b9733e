//! What the committer tidies on its way: chunks of bodies nobody committed, fingerprints, carried Message-IDs and ends
//! of conversations whose time has passed.

use jiff::Timestamp;

use crate::{
    Result,
    body::Place,
    committer::pending::Pending,
    core::Core,
    day::Day,
    engine::{Change, Engine, Family, View},
    keys,
    records::Counters,
    retention::leaps,
};

/// Days a submission's fingerprint is remembered (I-1).
pub(crate) const ONCE_DAYS: u32 = 7;
/// Months a carried Message-ID is remembered, the current one included (S-3.9).
pub(crate) const CARRIED_MONTHS: u32 = 16;

/// The month of an instant: years times twelve plus months.
pub(crate) fn month(now: Timestamp) -> u32 {
    let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    u32::try_from(i32::from(date.year()) * 12 + i32::from(date.month()) - 1).unwrap_or(0)
}

/// Ranges whose time has passed, once a day.
pub(crate) fn expired(counters: Counters, now: Timestamp) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let today = Day::of(now);
    if today <= counters.day || counters.held || counters.committed == 0 || leaps(&counters, now) {
        return None;
    }
    let once = Day::from_number(today.number().saturating_sub(ONCE_DAYS));
    let carried = (month(now) + 1).saturating_sub(CARRIED_MONTHS);
    Some(vec![
        (b"o".to_vec(), keys::once_day(once)),
        (b"k".to_vec(), keys::carried_month(carried)),
        (b"f".to_vec(), keys::ended(carried, &[])),
    ])
}

/// Removes the chunks of bodies that nobody will commit.
pub(crate) fn remove_abandoned(core: &Core, pending: &mut Pending) {
    for body in core.take_abandoned() {
        for index in 0..body.chunks {
            pending.delete(Family::Bodies, keys::chunk(body.place, index));
        }
        pending.delete(Family::Accounts, keys::orphan(body.place.id));
    }
}

/// What removes what is left of unfinished bodies that nobody goes on with, and how many they are.
pub(crate) fn leftovers(engine: &Engine) -> Result<(u64, Vec<Change>)> {
    let mut orphans = vec![];
    let (from, until) = keys::under(b"x");
    engine.scan(Family::Accounts, &from, &until, &mut |key, value| {
        orphans.extend(keys::body_at(key, 1).map(|id| Place { id, turn: keys::turn_of(value) }));
        Ok(true)
    })?;
    let mut changes = vec![];
    for &place in &orphans {
        let (from, until) = keys::under(&keys::chunks(place));
        changes.push(Change::DeleteRange(Family::Bodies, from, until));
        changes.push(Change::Delete(Family::Accounts, keys::orphan(place.id)));
    }
    Ok((orphans.len() as u64, changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(at: &str) -> Counters {
        let at: Timestamp = at.parse().unwrap();
        Counters { committed: at.as_microsecond(), day: Day::of(at), ..Counters::new() }
    }

    #[test]
    fn a_new_day_cuts_what_is_older_than_its_time() {
        let now = "2026-03-09T00:10:00Z".parse().unwrap();
        let cuts = expired(counters("2026-03-08T23:59:00Z"), now).unwrap();
        let today = Day::of(now);
        assert_eq!(cuts[0].1, keys::once_day(Day::from_number(today.number() - 7)), "seven days back stay");
        assert_eq!(cuts[1].1, keys::carried_month(2024 * 12 + 11), "since December 2024 stays");
    }

    #[test]
    fn nothing_is_cut_the_same_day_or_by_a_clock_that_leapt() {
        let last = counters("2026-03-08T10:00:00Z");
        for now in
            ["2026-03-08T23:59:00Z", "2026-03-07T10:00:00Z", "2026-03-10T10:00:00Z", "2036-03-08T10:00:00Z"]
        {
            assert_eq!(expired(last, now.parse().unwrap()), None, "{now}");
        }
        let held = Counters { held: true, ..last };
        assert_eq!(expired(held, "2026-03-09T00:10:00Z".parse().unwrap()), None, "held");
    }
}
