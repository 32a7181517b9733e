//! Another master key for a store, without rewriting what it holds: the master key wraps the store key, which is a record
//! of the store, and the key file. Both get a second wrap first; then the store key loses the old one, and the key file.
//! The process may die between any two steps: until the store key loses its old wrap either master key opens the store,
//! from then on the new one does. Running it again goes on where it ended.
//!
//! The store must be closed. Must never touch: what is sealed under the store key or a day key.

use std::path::{Path, PathBuf};

use crate::{
    Result,
    engine::{Change, Durability, Engine, Family, View as _},
    keyring::{self, KeyringError},
    keys,
    master::MasterKey,
    open::{self, KEY_FILE, OTHER_MASTER, OpenError},
    seal::StoreKey,
    settings::MEMORY_MIN,
};

/// Gives the store in `dir`, which nobody has open, to `new` instead of `old`. Blocking.
///
/// # Errors
/// [`OpenError`]: there is no store, it is in use, neither key opens it, both are the same, the system refused. Run it
/// again with the same keys once the cause is mended.
pub fn rotate_master(dir: &Path, old: &MasterKey, new: &MasterKey) -> std::result::Result<(), OpenError> {
    let mut rotation = Rotation::begin(dir, old, new)?;
    while rotation.step()?.is_some() {}
    rotation.end()
}

/// A step that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The store key has a wrap for the new master key beside the old one's.
    StoreKeyForBoth,
    /// So has the key file.
    KeyFileForBoth,
    /// The store key has the new one's alone.
    StoreKeyForNew,
    /// So has the key file.
    KeyFileForNew,
}

/// A change of master keys under way.
struct Rotation<'keys> {
    engine: Engine,
    key_file: PathBuf,
    old: &'keys MasterKey,
    new: &'keys MasterKey,
}

impl<'keys> Rotation<'keys> {
    fn begin(
        dir: &Path,
        old: &'keys MasterKey,
        new: &'keys MasterKey,
    ) -> std::result::Result<Self, OpenError> {
        if old.is(new) {
            return Err(OpenError::Keys(
                "this is the master key in use: make a new one with `vaguemestre keys create`".into(),
            ));
        }
        let key_file = dir.join(KEY_FILE);
        if !key_file.exists() {
            return Err(OpenError::Absent(dir.into()));
        }
        Ok(Self { engine: open::open_engine(dir, MEMORY_MIN, false)?, key_file, old, new })
    }

    /// Does what is to be done next; none when all is done.
    fn step(&mut self) -> std::result::Result<Option<Step>, OpenError> {
        let get = |key| self.engine.get(Family::Accounts, key);
        let (current, next) = (get(keys::STORE_KEY)?.unwrap_or_default(), get(keys::STORE_KEY_NEXT)?);
        if let Ok(store_key) = StoreKey::unwrap(&current, self.old) {
            let ready = next.filter(|next| StoreKey::unwrap(next, self.new).is_ok());
            let Some(wrapped) = ready else {
                let wrapped = store_key.wrap(self.new).map_err(KeyringError::from)?;
                self.write(&[put(keys::STORE_KEY_NEXT, wrapped)])?;
                return Ok(Some(Step::StoreKeyForBoth));
            };
            if !keyring::opens_under(&self.key_file, self.new)? {
                keyring::rewrap(&self.key_file, store_key.store_id(), self.old, &[self.old, self.new])?;
                return Ok(Some(Step::KeyFileForBoth));
            }
            let forget = Change::Delete(Family::Accounts, keys::STORE_KEY_NEXT.to_vec());
            self.write(&[put(keys::STORE_KEY, wrapped), forget])?;
            return Ok(Some(Step::StoreKeyForNew));
        }
        let store_key = StoreKey::unwrap(&current, self.new)
            .map_err(|_| OpenError::Keys(format!("neither the old key nor the new: {OTHER_MASTER}")))?;
        if keyring::opens_under(&self.key_file, self.old)? {
            let master = if keyring::opens_under(&self.key_file, self.new)? { self.new } else { self.old };
            keyring::rewrap(&self.key_file, store_key.store_id(), master, &[self.new])?;
            return Ok(Some(Step::KeyFileForNew));
        }
        Ok(None)
    }

    /// Takes the old wrap out of the engine's files too, and closes it.
    fn end(self) -> std::result::Result<(), OpenError> {
        let (from, until) = keys::under(keys::STORE_KEY);
        self.engine.scrub(Family::Accounts, &from, &until)?;
        self.engine.sync()?;
        self.engine.quiesce();
        Ok(())
    }

    fn write(&self, changes: &[Change]) -> Result<()> {
        self.engine.write(changes, Durability::Synced)
    }
}

fn put(key: &[u8], value: Vec<u8>) -> Change {
    Change::Put(Family::Accounts, key.to_vec(), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Store,
        common::{World, deliver, inbox, read_body},
        ids::Uid,
    };

    /// Whether the store opens under a key; if so it is proven, read, and closed.
    fn opens(world: &World, master: &MasterKey) -> bool {
        let options = crate::OpenOptions { master: master.clone(), ..world.options() };
        match Store::open(options) {
            Ok(store) => {
                let account = store.reader().accounts(None, 1).unwrap()[0].id;
                assert_eq!(read_body(&store, inbox(&store, account).id, Uid::MIN), b"kept\r\n");
                world.run(deliver(&store, world.clock_now(), 2, b"more\r\n", &[account]));
                world.close(store);
                true
            }
            Err(OpenError::Keys(_)) => false,
            Err(error) => panic!("{error}"),
        }
    }

    fn keys_of(world: &World) -> (MasterKey, MasterKey) {
        let store = world.open();
        let account = world.account(&store, "un").id;
        world.run(deliver(&store, world.clock_now(), 1, b"kept\r\n", &[account]));
        world.close(store);
        let at = |name: &str| world.dir.path().join(name);
        (MasterKey::load(&at("master")).unwrap(), MasterKey::create(&at("next")).unwrap())
    }

    fn steps(world: &World, old: &MasterKey, new: &MasterKey, count: usize) -> Vec<Step> {
        let mut rotation = Rotation::begin(&world.store_dir(), old, new).unwrap();
        (0..count).map_while(|_| rotation.step().unwrap()).collect()
    }

    const ALL: [Step; 4] =
        [Step::StoreKeyForBoth, Step::KeyFileForBoth, Step::StoreKeyForNew, Step::KeyFileForNew];

    #[test]
    fn a_stop_between_any_two_steps_leaves_a_store_that_opens_and_a_change_that_goes_on() {
        for done in 0..=ALL.len() {
            let world = World::new();
            let (old, new) = keys_of(&world);
            assert_eq!(steps(&world, &old, &new, done), ALL[..done], "{done} steps");
            // 0: old alone; 1: the store key waits for the key file; 2: both; then the new one alone
            let expected = [(true, false), (true, false), (true, true), (false, true), (false, true)][done];
            for (master, expected) in [(&new, expected.1), (&old, expected.0)] {
                // each looks at a copy: opening settles the key file on the key that opened it
                let copy = world.copy();
                assert_eq!(opens(&copy, master), expected, "after {done} steps");
            }
            rotate_master(&world.store_dir(), &old, &new).unwrap();
            assert!(!opens(&world, &old) && opens(&world, &new), "finished after {done} steps");
            rotate_master(&world.store_dir(), &old, &new).unwrap();
            assert!(opens(&world, &new), "once more changes nothing");
        }
    }

    #[test]
    fn a_service_that_runs_in_between_on_either_key_stands_in_nobodys_way() {
        for done in 0..=ALL.len() {
            for on_new in [false, true] {
                let world = World::new();
                let (old, new) = keys_of(&world);
                steps(&world, &old, &new, done);
                // days later: the service draws a key, which rewrites the key file
                world.clock.advance(crate::common::hours(30));
                opens(&world, if on_new { &new } else { &old });
                rotate_master(&world.store_dir(), &old, &new).unwrap();
                assert!(!opens(&world, &old) && opens(&world, &new), "{done} steps, {on_new}");
            }
        }
    }

    #[test]
    fn the_old_wrap_leaves_the_files_too() {
        let world = World::new();
        let (old, new) = keys_of(&world);
        let wrap = || {
            let engine = open::open_engine(&world.store_dir(), MEMORY_MIN, false).unwrap();
            engine.get(Family::Accounts, keys::STORE_KEY).unwrap().unwrap()
        };
        let wrapped = wrap();
        let found = |needle: &[u8]| {
            crate::common::files_under(&world.store_dir())
                .into_iter()
                .any(|(_, bytes)| bytes.windows(needle.len()).any(|window| window == needle))
        };
        assert!(found(&wrapped), "the search sees it while it is there");
        rotate_master(&world.store_dir(), &old, &new).unwrap();
        assert!(!found(&wrapped) && found(&wrap()));
        assert!(opens(&world, &new));
    }

    #[test]
    fn keys_that_open_nothing_change_nothing() {
        let world = World::new();
        let (old, new) = keys_of(&world);
        let third = MasterKey::create(&world.dir.path().join("third")).unwrap();
        let refused = |old, new| rotate_master(&world.store_dir(), old, new).unwrap_err().to_string();
        assert!(refused(&third, &new).contains("neither the old key nor the new"));
        assert!(refused(&old, &old).contains("the master key in use"));
        let store = world.open();
        assert!(matches!(rotate_master(&world.store_dir(), &old, &new), Err(OpenError::InUse(_))));
        world.close(store);
        let nowhere = world.dir.path().join("nowhere");
        assert!(matches!(rotate_master(&nowhere, &old, &new), Err(OpenError::Absent(_))));
        assert!(!nowhere.exists() && opens(&world, &old) && !opens(&world, &new));
    }
}
