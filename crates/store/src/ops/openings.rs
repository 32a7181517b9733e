//! Which boxes a person opens (S-1.7), the other way round than accounts say it: rows that follow the list of openers of
//! each account, so that nobody looks through all accounts to find one person's boxes.
//!
//! Accounts stay the truth: a row is a hint where to look, whoever follows it asks the account again. Must never touch
//! boxes or messages.

use crate::{
    Result, StoreError,
    committer::txn::Txn,
    engine::{Change, Durability, Engine, Family, View},
    ids::AccountId,
    keys,
    retention::Skipped,
    rows::accounts,
    seal::StoreKey,
};

/// Rows written at once when they are made for all accounts.
const PAGE: usize = 4096;

/// Makes the rows say who opens an account now; `before` and `now` are ascending.
pub(crate) fn change(txn: &mut Txn<'_>, opened: AccountId, before: &[AccountId], now: &[AccountId]) {
    for person in before.iter().filter(|person| now.binary_search(person).is_err()) {
        txn.delete(Family::Accounts, keys::opening(*person, opened));
    }
    for person in now.iter().filter(|person| before.binary_search(person).is_err()) {
        txn.put(Family::Accounts, keys::opening(*person, opened), vec![]);
    }
}

/// Makes the rows of a store that has none yet, once. Killed on the way, it begins again: rows are the same each time. An account
/// that cannot be read is left out and named, and all are looked at again at the next opening.
pub(crate) fn list_once(engine: &Engine, keys: &StoreKey) -> Result<()> {
    if engine.get(Family::Accounts, keys::OPENINGS)?.is_some() {
        return Ok(());
    }
    let (mut rows, mut skipped) = (vec![], Skipped::default());
    let (from, until) = keys::under(b"a");
    engine.scan(Family::Accounts, &from, &until, &mut |key, sealed| {
        let id = AccountId(keys::last_u64(key).ok_or(StoreError::Corrupt("account key"))?);
        if let Some(account) = skipped.of_account(id, accounts::open_account(keys, id, key, sealed))? {
            rows.extend(account.openers.into_iter().map(|person| keys::opening(person, id)));
        }
        Ok(true)
    })?;
    for page in rows.chunks(PAGE) {
        let put = |key: &Vec<u8>| Change::Put(Family::Accounts, key.clone(), vec![]);
        engine.write(&page.iter().map(put).collect::<Vec<_>>(), Durability::Later)?;
    }
    if !skipped.is_empty() {
        return Ok(());
    }
    engine.write(&[Change::Put(Family::Accounts, keys::OPENINGS.to_vec(), vec![])], Durability::Synced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Account, Action, Store, common::World};

    fn open_to(world: &World, store: &Store, account: AccountId, openers: &[AccountId]) {
        let account = store.reader().account(account).unwrap().unwrap();
        let changed = Account { openers: openers.to_vec(), ..account };
        world.run(store.update_account(changed, world.trace(Action::AccountUpdate))).unwrap();
    }

    #[test]
    fn rows_follow_the_openers_of_each_account() {
        let world = World::new();
        let store = world.open();
        let [one, two, three, four] =
            ["un", "deux", "trois", "quatre"].map(|name| world.account(&store, name).id);
        open_to(&world, &store, three, &[two, one]);
        open_to(&world, &store, four, &[one]);
        assert_eq!(store.reader().openings(one).unwrap(), [three, four]);
        open_to(&world, &store, three, &[two]);
        assert_eq!(store.reader().openings(one).unwrap(), [four]);
        assert_eq!(store.reader().openings(two).unwrap(), [three]);
        world.run(store.remove_account(four, world.trace(Action::AccountRemove))).unwrap();
        assert_eq!(store.reader().openings(one).unwrap(), []);
        world.close(store);
    }

    #[test]
    fn a_store_without_the_rows_gets_them_when_it_opens() {
        let world = World::new();
        let store = world.open();
        let [one, two] = ["un", "deux"].map(|name| world.account(&store, name).id);
        open_to(&world, &store, two, &[one]);
        let (from, until) = keys::under(b"O");
        let forget = [
            Change::DeleteRange(Family::Accounts, from, until),
            Change::Delete(Family::Accounts, keys::OPENINGS.to_vec()),
        ];
        store.core.engine.write(&forget, Durability::Synced).unwrap();
        store.close().unwrap();
        let store = world.open();
        assert_eq!(store.reader().openings(one).unwrap(), [two]);
        world.close(store);
    }

    #[test]
    fn an_account_that_cannot_be_read_keeps_no_other_from_opening() {
        let world = World::new();
        let store = world.open();
        let [one, two, three] = ["un", "deux", "trois"].map(|name| world.account(&store, name).id);
        open_to(&world, &store, two, &[one]);
        open_to(&world, &store, three, &[one]);
        let key = keys::account(two);
        let whole = store.core.engine.get(Family::Accounts, &key).unwrap().unwrap();
        let (from, until) = keys::under(b"O");
        let damage = [
            Change::DeleteRange(Family::Accounts, from, until),
            Change::Delete(Family::Accounts, keys::OPENINGS.to_vec()),
            Change::Put(Family::Accounts, key.clone(), b"altered".to_vec()),
        ];
        store.core.engine.write(&damage, Durability::Synced).unwrap();
        store.close().unwrap();
        let store = world.open();
        assert_eq!(store.reader().openings(one).unwrap(), [three]);
        // Put back, it is found at the next opening.
        let mend = [Change::Put(Family::Accounts, key, whole)];
        store.core.engine.write(&mend, Durability::Synced).unwrap();
        store.close().unwrap();
        let store = world.open();
        assert_eq!(store.reader().openings(one).unwrap(), [two, three]);
        world.close(store);
    }
}
