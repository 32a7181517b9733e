//! Whether a key file and a store belong together, asked each time a store opens: the file names the store, and has a key
//! for every day that the store holds something of. A file that names none yet is tried on what the store holds, then
//! bound to it.
//!
//! May use: the engine, the keyring. Must never touch: what was opened.

use std::path::Path;

use crate::{
    Result, StoreError,
    day::Day,
    engine::{Engine, Family, View},
    keyring::{KeyKind, Keyring, KeyringError, StoreId},
    keys,
    master::MasterKey,
    open::OpenError,
};

/// Days without a key that an error names at most.
const NAMED_DAYS: usize = 10;

/// Opens the key file of a store.
///
/// # Errors
/// As [`Keyring::open`]; it belongs to another store, or is older than this one.
pub(crate) fn open_keyring(
    engine: &Engine,
    path: &Path,
    master: &MasterKey,
    store: StoreId,
) -> std::result::Result<Keyring, OpenError> {
    let mut keyring = Keyring::open(path, master, store)?;
    let missing = days_without_key(engine, &keyring)?;
    if !missing.is_empty() {
        return Err(KeyringError::Older { path: path.into(), days: missing }.into());
    }
    if !keyring.is_bound() {
        if !opens_something(engine, &keyring)? {
            return Err(KeyringError::Stranger(path.into()).into());
        }
        keyring.bind(store)?;
        tracing::info!(%store, "the key file is now bound to its store");
    }
    Ok(keyring)
}

/// Where what a day's key seals begins with the day.
const PLACES: [(KeyKind, Family, u8); 2] =
    [(KeyKind::Message, Family::Index, b'r'), (KeyKind::Trace, Family::Traces, b't')];

/// Days that the store holds something of, and whose key is neither there nor erased.
fn days_without_key(engine: &Engine, keyring: &Keyring) -> Result<Vec<Day>> {
    let mut missing = vec![];
    for (kind, family, prefix) in PLACES {
        let mut next = Some(Day::from_number(0));
        while let Some(day) = next.map_or(Ok(None), |from| first_day(engine, family, prefix, from))? {
            let unknown = matches!(keyring.day_key(kind, day), Err(KeyringError::Unknown { .. }));
            if unknown && !missing.contains(&day) && missing.len() < NAMED_DAYS {
                missing.push(day);
            }
            next = day.number().checked_add(1).map(Day::from_number);
        }
    }
    Ok(missing)
}

/// The first day from `from` on that has something there.
pub(crate) fn first_day(engine: &impl View, family: Family, prefix: u8, from: Day) -> Result<Option<Day>> {
    let mut found = None;
    let (_, until) = keys::under(&[prefix]);
    engine.scan(family, &keys::day_from(prefix, from), &until, &mut |key, _| {
        found = Some(keys::day_of(key).ok_or(StoreError::Corrupt("day of a key"))?);
        Ok(false)
    })?;
    Ok(found)
}

/// Whether the newest keys open what the store holds under them; a store that holds nothing contradicts no key file.
fn opens_something(engine: &Engine, keyring: &Keyring) -> Result<bool> {
    for (kind, family, prefix) in [(KeyKind::Message, Family::Index, b'h'), PLACES[1]] {
        let (from, until) = keys::under(&[prefix]);
        let mut opens = None;
        engine.scan(family, &from, &until, &mut |key, sealed| {
            let day = keys::day_of(key).ok_or(StoreError::Corrupt("day of a key"))?;
            let Ok(day_key) = keyring.day_key(kind, day) else { return Ok(true) };
            opens = Some(day_key.open_record(key, sealed).is_ok());
            Ok(false)
        })?;
        if let Some(opens) = opens {
            return Ok(opens);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{
        Store,
        common::{World, deliver, inbox, read_body},
        ids::{AccountId, Uid},
        open::KEY_FILE,
    };

    /// A store with a message, closed, whose key file names no store.
    fn unbound(world: &World) -> AccountId {
        let store = world.open();
        let account = world.account(&store, "un").id;
        world.run(deliver(&store, world.clock_now(), 1, b"kept\r\n", &[account]));
        store.core.keyring.write_old();
        world.close(store);
        account
    }

    #[test]
    fn a_key_file_that_names_no_store_is_bound_to_the_one_that_it_opens() {
        let world = World::new();
        let account = unbound(&world);
        for _ in 0..2 {
            let store = world.open();
            assert!(store.core.keyring.is_bound());
            assert_eq!(read_body(&store, inbox(&store, account).id, Uid::MIN), b"kept\r\n");
            world.close(store);
        }
    }

    #[test]
    fn a_key_file_that_names_no_store_and_opens_nothing_of_it_is_refused() {
        let (one, two) = (World::new(), World::new());
        fs::copy(one.dir.path().join("master"), two.dir.path().join("master")).unwrap();
        unbound(&one);
        unbound(&two);
        fs::copy(one.store_dir().join(KEY_FILE), two.store_dir().join(KEY_FILE)).unwrap();
        let refused = Store::open(two.options()).err().unwrap().to_string();
        assert!(refused.contains("is the key file of another store"), "{refused}");
        let before = fs::read(one.store_dir().join(KEY_FILE)).unwrap();
        assert_eq!(before, fs::read(two.store_dir().join(KEY_FILE)).unwrap(), "and left as it is");
    }
}
