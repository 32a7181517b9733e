//! Messages that were carried for an account: an answer to one is secure (S-3.9), and a client that puts one back files it
//! under the day of its first reception (S-4.3). Only keyed hashes of account and Message-ID are kept.

use jiff::Timestamp;

use crate::{
    Result,
    committer::txn::Txn,
    day::Day,
    engine::{Family, View},
    housekeeping::{CARRIED_MONTHS, month},
    keys::{self, Hash},
    records,
};

/// Remembers that a message was carried this month, and on which day it was received: the first counts.
pub(crate) fn remember(txn: &mut Txn<'_>, month: u32, hash: &Hash, day: Day) -> Result<()> {
    let key = keys::carried(month, hash);
    let known = txn.get(Family::Accounts, &key)?.as_deref().map(day_of).transpose()?.flatten();
    let first = known.map_or(day, |known| known.min(day));
    txn.put(Family::Accounts, key, records::encode(&first)?);
    Ok(())
}

/// Whether the hash of an account and a Message-ID was carried in the last fifteen months.
pub(crate) fn was(view: &impl View, now: Timestamp, hash: &Hash) -> Result<bool> {
    for month in months(now) {
        if view.get(Family::Accounts, &keys::carried(month, hash))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first day on which such a message was received, as far as the last fifteen months tell.
pub(crate) fn first_reception(view: &impl View, now: Timestamp, hash: &Hash) -> Result<Option<Day>> {
    let mut first: Option<Day> = None;
    for month in months(now) {
        let row = view.get(Family::Accounts, &keys::carried(month, hash))?;
        let day = row.as_deref().map(day_of).transpose()?.flatten();
        first = first.into_iter().chain(day).min();
    }
    Ok(first)
}

/// The months that count, from this one back.
pub(super) fn months(now: Timestamp) -> impl Iterator<Item = u32> {
    let this = month(now);
    (0..CARRIED_MONTHS).map(move |back| this.saturating_sub(back))
}

/// The day that a row tells; none if a format without it wrote the row.
fn day_of(value: &[u8]) -> Result<Option<Day>> {
    if value.is_empty() { Ok(None) } else { records::decode(value, "carried message").map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AccountId, Actor, BoxId, Delivery, Store, StoreError, Uid,
        common::{World, body_bytes, deliver, delivery, header, hours, inbox, index, read_body},
        delivery::Incoming,
        engine::{Change, Durability},
        keyring::KeyKind,
        rows::{accounts, messages},
    };

    const ID: &str = "<carried@test>";
    /// More than a chunk: sealed under the day's key while it comes, and in the commit.
    const LENGTH: usize = 100_000;

    /// Sends a message with [`ID`] to an account, today.
    fn carry(world: &World, store: &Store, to: AccountId) {
        world.run(async {
            let message = delivery(store, world.clock_now(), 7, b"first\r\n", &[to]).await;
            store.deliver(Delivery { carried: vec![(to, ID.into())], ..message }).await.unwrap();
        });
    }

    async fn append(store: &Store, day: Option<Day>, to: BoxId) -> crate::Result<Uid> {
        let (header, body) = (header(8), body_bytes(8, LENGTH));
        let mut writer = match day {
            Some(day) => store.body_of(day)?,
            None => store.body(),
        };
        writer.write(&body).await?;
        let (index, flags) = (index(&header, &body), crate::Flags::new());
        let message = Incoming { body: writer.finish().await?, header, index, flags, internal_date: 0 };
        store.append(to, message, None).await.map(|appended| appended.uid)
    }

    fn filed(store: &Store, id: BoxId, uid: Uid) -> Day {
        let listing = messages::listing(&store.core.engine, id, uid).unwrap().unwrap();
        let reference = messages::reference(&store.core.engine, id, uid).unwrap().unwrap();
        assert_eq!(listing.day, reference.body.day);
        listing.day
    }

    #[test]
    fn the_first_reception_counts_however_often_and_when_a_message_comes_again() {
        let world = World::new();
        let store = world.open();
        let [one, two] = ["un", "deux"].map(|name| world.account(&store, name).id);
        let first = Day::of(world.clock_now());
        for days in [0, 1, 20, 40, 200] {
            world.clock.advance(hours(24 * days));
            carry(&world, &store, one);
            assert_eq!(store.reader().first_reception(one, ID).unwrap(), Some(first), "{days} days later");
            assert!(store.reader().carried(one, ID).unwrap());
        }
        assert_eq!(store.reader().first_reception(two, ID).unwrap(), None, "carried for another");
        assert_eq!(store.reader().first_reception(one, "<other@test>").unwrap(), None);
        world.close(store);
    }

    #[test]
    fn a_row_of_a_format_without_days_says_that_it_was_carried_and_not_when() {
        let world = World::new();
        let store = world.open();
        let one = world.account(&store, "un").id;
        let hash = accounts::carried_hash(&store.core.keys, one, ID);
        let key = keys::carried(month(world.clock_now()), &hash);
        let old = Change::Put(Family::Accounts, key, vec![]);
        store.core.engine.write(&[old], Durability::Synced).unwrap();
        assert!(store.reader().carried(one, ID).unwrap());
        assert_eq!(store.reader().first_reception(one, ID).unwrap(), None);
        carry(&world, &store, one);
        assert_eq!(store.reader().first_reception(one, ID).unwrap(), Some(Day::of(world.clock_now())));
        world.close(store);
    }

    #[test]
    fn what_is_put_back_dies_with_the_day_of_its_first_reception() {
        let world = World::new();
        let store = world.open();
        let one = world.account(&store, "un").id;
        let inbox = inbox(&store, one).id;
        carry(&world, &store, one);
        let first = store.reader().first_reception(one, ID).unwrap();
        world.clock.advance(hours(24 * 40));
        let today = Day::of(world.clock_now());
        let (again, new) = world.run(async {
            let again = append(&store, first, inbox).await.unwrap();
            (again, append(&store, None, inbox).await.unwrap())
        });
        assert_eq!(Some(filed(&store, inbox, again)), first);
        assert_eq!(filed(&store, inbox, new), today, "others count from the day they are put there");
        let later = Day::from_number(today.number() + 9);
        let uid = world.run(append(&store, Some(later), inbox)).unwrap();
        assert_eq!(filed(&store, inbox, uid), today, "no day before it has come");
        assert_eq!(read_body(&store, inbox, again), body_bytes(8, LENGTH));
        world.close(store);
    }

    #[test]
    fn what_is_copied_or_moved_keeps_its_day() {
        let world = World::new();
        let store = world.open();
        let one = world.account(&store, "un").id;
        let inbox = inbox(&store, one).id;
        let day = Day::of(world.clock_now());
        world.run(deliver(&store, world.clock_now(), 1, b"kept\r\n", &[one]));
        let folder = world.run(store.create_box(one, "Dossier", None, Actor::default())).unwrap().id;
        world.clock.advance(hours(24 * 30));
        let copied = world.run(store.copy(inbox, vec![Uid::MIN], folder, Actor::default())).unwrap();
        let moved = world.run(store.move_(inbox, vec![Uid::MIN], folder, Actor::default())).unwrap();
        for (_, uid) in copied.pairs.iter().chain(&moved.pairs) {
            assert_eq!(filed(&store, folder, *uid), day);
        }
        world.close(store);
    }

    #[test]
    fn what_is_past_its_three_months_is_not_put_back() {
        let world = World::new();
        let store = world.open();
        let one = world.account(&store, "un").id;
        let first = Day::of(world.clock_now());
        let started = store.body_of(first).unwrap();
        store.core.keyring.erase(KeyKind::Message, first).unwrap();
        for day in [first, Day::from_number(first.number() - 1)] {
            assert_eq!(store.body_of(day).err(), Some(StoreError::Erased));
        }
        world.clock.advance(hours(24));
        let late = world.run(async {
            let mut late = started;
            late.write(b"late\r\n").await
        });
        assert_eq!(late, Err(StoreError::Erased), "as well when the day goes before its first byte");
        world.run(append(&store, None, inbox(&store, one).id)).unwrap();
        world.close(store);
    }
}
