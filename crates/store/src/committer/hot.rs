//! Rows that nearly every delivery reads and writes, as the last commit left them: counters of boxes, accounts and days.
//! The committer alone writes them, so what it wrote last is what is there. A measure of speed only: without it each is
//! one more search in the engine.

use std::{cell::RefCell, collections::HashMap};

use crate::{
    Result,
    engine::{Change, Engine, Family, View as _},
    keys,
};

/// Rows that are kept; one more, and all are forgotten. About 2 MiB.
const ROWS: usize = 16 << 10;

/// See the module. One belongs to one committer.
#[derive(Default)]
pub(crate) struct Hot {
    rows: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
    /// The engine's when they were read or written.
    epoch: u64,
}

impl Hot {
    /// Forgets everything if the engine was opened anew: a commit that failed may be there or not.
    pub(super) fn follow(&mut self, engine: &Engine) {
        let epoch = engine.epoch();
        if epoch != self.epoch {
            self.forget();
            self.epoch = epoch;
        }
    }

    /// The value of a key, as the last commit left it.
    pub(super) fn get(&self, engine: &Engine, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if !keys::is_hot(family, key) {
            return engine.get(family, key);
        }
        if let Some(value) = self.rows.borrow().get(key) {
            return Ok(Some(value.clone()));
        }
        let value = engine.get(family, key)?;
        if let Some(value) = &value {
            self.keep(key.to_vec(), value.clone());
        }
        Ok(value)
    }

    /// Takes over what a commit wrote.
    pub(super) fn committed(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Put(family, key, value) if keys::is_hot(family, &key) => self.keep(key, value),
                Change::Delete(family, key) if keys::is_hot(family, &key) => {
                    self.rows.get_mut().remove(&key);
                }
                Change::DeleteRange(Family::Accounts | Family::Index, ..) => self.forget(),
                Change::Put(..) | Change::Delete(..) | Change::DeleteRange(..) => {}
            }
        }
    }

    /// Forgets everything: a commit failed.
    pub(super) fn forget(&mut self) {
        self.rows.get_mut().clear();
    }

    fn keep(&self, key: Vec<u8>, value: Vec<u8>) {
        let mut rows = self.rows.borrow_mut();
        if rows.len() >= ROWS {
            rows.clear();
        }
        rows.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        common::World,
        engine::Durability,
        ids::{AccountId, BoxId},
    };

    #[test]
    fn it_gives_what_the_engine_has() {
        let world = World::new();
        let store = world.open();
        let engine = &store.core.engine;
        let mut hot = Hot::default();
        let key = keys::box_state(BoxId(77));
        let commit = |hot: &mut Hot, change: Change| {
            let changes = vec![change];
            engine.write(&changes, Durability::Later).unwrap();
            hot.committed(changes);
        };
        let same = |hot: &Hot| {
            let there = engine.get(Family::Accounts, &key).unwrap();
            assert_eq!(hot.get(engine, Family::Accounts, &key).unwrap(), there);
            there
        };
        assert_eq!(same(&hot), None);
        commit(&mut hot, Change::Put(Family::Accounts, key.clone(), b"one".to_vec()));
        assert_eq!(same(&hot), Some(b"one".to_vec()));
        commit(&mut hot, Change::Put(Family::Accounts, key.clone(), b"two".to_vec()));
        assert_eq!(same(&hot), Some(b"two".to_vec()));
        for number in 0..=ROWS as u64 {
            hot.keep(keys::usage(AccountId(number)), vec![]);
        }
        assert!(hot.rows.borrow().len() <= ROWS);
        assert_eq!(same(&hot), Some(b"two".to_vec()), "forgotten, it is read again");
        commit(&mut hot, Change::DeleteRange(Family::Accounts, key.clone(), b"t".to_vec()));
        assert_eq!(same(&hot), None);
        commit(&mut hot, Change::Put(Family::Accounts, key.clone(), b"three".to_vec()));
        commit(&mut hot, Change::Delete(Family::Accounts, key.clone()));
        assert_eq!(same(&hot), None);
        world.close(store);
    }
}
