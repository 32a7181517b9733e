//! Boxes: names, records, counters.

use crate::{
    Result, StoreError,
    boxes::{BOX_DEPTH, BOX_NAME_BYTES, BoxInfo, INBOX},
    day::Day,
    engine::{Family, View},
    error::{Conflict, Limit},
    ids::{AccountId, BoxId},
    keys::{self, Hash},
    records::{self, BoxRecord, BoxState, DayTally},
    rows::sight::{self, Present, Sight},
    seal::StoreKey,
};

/// A name that may be given to a box: its first part is written `INBOX` whatever its case.
pub(crate) fn parse_name(name: &str) -> Result<String> {
    if name.len() > BOX_NAME_BYTES || name.split('/').count() > BOX_DEPTH {
        return Err(StoreError::Limit(Limit::BoxName));
    }
    if name.chars().any(char::is_control) || name.split('/').any(str::is_empty) {
        return Err(StoreError::Conflict(Conflict::BoxName));
    }
    Ok(canonical(name))
}

/// The form under which a name is looked up.
pub(crate) fn canonical(name: &str) -> String {
    let (first, rest) = name.split_at(name.find('/').unwrap_or(name.len()));
    if first.eq_ignore_ascii_case(INBOX) { format!("{INBOX}{rest}") } else { name.to_owned() }
}

/// The names above a name, shortest first.
pub(crate) fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

fn name_hash(keys: &StoreKey, account: AccountId, name: &str) -> Hash {
    let mut data = account.0.to_be_bytes().to_vec();
    data.extend_from_slice(name.as_bytes());
    keys.lookup_hash("box name", &data)
}

pub(crate) fn name_key(keys: &StoreKey, account: AccountId, name: &str) -> Vec<u8> {
    keys::box_name(account, &name_hash(keys, account, name))
}

/// Where a canonical name is that is subscribed to and that no box has.
pub(crate) fn subscription_key(keys: &StoreKey, account: AccountId, name: &str) -> Vec<u8> {
    keys::subscription(account, &name_hash(keys, account, name))
}

/// The names that an account is subscribed to and that no box has any more.
pub(crate) fn left_subscriptions(
    view: &impl View,
    keys: &StoreKey,
    account: AccountId,
) -> Result<Vec<String>> {
    let mut found = vec![];
    let (from, until) = keys::under(&keys::subscriptions(account));
    view.scan(Family::Accounts, &from, &until, &mut |key, sealed| {
        let plain = keys.open_value(key, sealed).ok();
        let name = plain.and_then(|plain| String::from_utf8(plain.to_vec()).ok());
        found.push(name.ok_or(StoreError::Corrupt("subscription"))?);
        Ok(true)
    })?;
    Ok(found)
}

/// The box with this canonical name.
pub(crate) fn by_name(
    view: &impl View,
    keys: &StoreKey,
    account: AccountId,
    name: &str,
) -> Result<Option<BoxId>> {
    view.get(Family::Accounts, &name_key(keys, account, name))?
        .map(|bytes| records::box_id(&bytes))
        .transpose()
}

pub(crate) fn record(view: &impl View, keys: &StoreKey, id: BoxId) -> Result<Option<BoxRecord>> {
    let key = keys::box_record(id);
    let Some(sealed) = view.get(Family::Accounts, &key)? else { return Ok(None) };
    let plain = keys.open_value(&key, &sealed).map_err(|_| StoreError::Corrupt("box"))?;
    records::decode(&plain, "box").map(Some)
}

/// The counters of a box as they are kept: days that are gone may still be in them ([`sight::present`]).
pub(crate) fn state(view: &impl View, id: BoxId) -> Result<Option<BoxState>> {
    view.get(Family::Accounts, &keys::box_state(id))?
        .map(|bytes| records::decode(&bytes, "box counters"))
        .transpose()
}

/// What a box has of the messages of a day; none if it has no such message.
pub(crate) fn tally(view: &impl View, id: BoxId, day: Day) -> Result<Option<DayTally>> {
    view.get(Family::Index, &keys::tally(id, day))?
        .map(|bytes| records::decode(&bytes, "day's counters"))
        .transpose()
}

/// What a box has of each day up to `last`, included; days of which it has nothing are left out.
pub(crate) fn tallies(view: &impl View, id: BoxId, last: Day) -> Result<Vec<(Day, DayTally)>> {
    let mut found = vec![];
    let mut until = keys::tally(id, last);
    until.push(0);
    view.scan(Family::Index, &keys::tallies(id), &until, &mut |key, value| {
        let day = keys::last_day(key).ok_or(StoreError::Corrupt("day's counters"))?;
        found.push((day, records::decode(value, "day's counters")?));
        Ok(true)
    })?;
    Ok(found)
}

pub(crate) fn info(view: &impl Sight, keys: &StoreKey, id: BoxId) -> Result<Option<BoxInfo>> {
    let Some(record) = record(view, keys, id)? else { return Ok(None) };
    let Present { state, .. } = sight::present(view, id)?.ok_or(StoreError::Corrupt("box counters"))?;
    Ok(Some(BoxInfo {
        id,
        account: record.account,
        name: record.name,
        special_use: record.special_use,
        subscribed: record.subscribed,
        uid_validity: record.uid_validity,
        uid_next: state.uid_next,
        highest: state.highest,
        exists: state.exists,
        unseen: state.unseen,
        bytes: state.bytes,
    }))
}

/// The boxes of an account, by identifier.
pub(crate) fn of_account(view: &impl View, account: AccountId) -> Result<Vec<BoxId>> {
    let mut found = vec![];
    let (from, until) = keys::under(&keys::boxes(account));
    view.scan(Family::Accounts, &from, &until, &mut |key, _| {
        found.push(BoxId(keys::last_u64(key).ok_or(StoreError::Corrupt("box key"))?));
        Ok(true)
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_is_written_one_way() {
        assert_eq!(parse_name("inBox").unwrap(), "INBOX");
        assert_eq!(parse_name("inbox/Été").unwrap(), "INBOX/Été");
        assert_eq!(parse_name("Inboxes").unwrap(), "Inboxes");
    }

    #[test]
    fn names_that_cannot_be_kept_are_refused() {
        for name in ["", "/a", "a/", "a//b", "a\u{7}b"] {
            assert_eq!(parse_name(name), Err(StoreError::Conflict(Conflict::BoxName)), "{name:?}");
        }
        assert_eq!(parse_name(&"a".repeat(BOX_NAME_BYTES + 1)), Err(StoreError::Limit(Limit::BoxName)));
        assert_eq!(parse_name(&vec!["a"; BOX_DEPTH + 1].join("/")), Err(StoreError::Limit(Limit::BoxName)));
        assert!(parse_name(&vec!["a"; BOX_DEPTH].join("/")).is_ok());
    }

    #[test]
    fn parents_are_named_from_the_top() {
        assert_eq!(parents("a/b/c").collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(parents("a").count(), 0);
    }
}
