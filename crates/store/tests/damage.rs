//! Files of a live store that are cut, removed or altered: found at once, named, no new message is taken until they are
//! whole again, and what does not need them goes on.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::common::*;
use store::{
    Actor, BoxId, FlagChange, FlagMode, Flags, OpenError, Settings, Store, StoreError, SystemFlag, Uid,
};

/// Bodies that soon fill a write buffer, so that the engine has a table of nothing else.
const BODY: usize = 3 << 20;

struct Scene {
    world: World,
    store: Store,
    account: store::AccountId,
    inbox: BoxId,
    /// Messages there are.
    count: u32,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        world.settings = Settings { watch_every: Duration::from_millis(20), ..world.settings };
        let store = world.open();
        let account = world.account(&store, "un").id;
        let inbox = inbox(&store, account).id;
        let mut scene = Self { world, store, account, inbox, count: 0 };
        until("a table of bodies is written", || {
            scene.count += 1;
            scene.deliver(u64::from(scene.count)).unwrap();
            let largest = scene.tables().pop().and_then(|path| fs::metadata(path).ok());
            largest.is_some_and(|found| found.len() > 2 << 20)
        });
        scene
    }

    fn deliver(&self, number: u64) -> store::Result<()> {
        self.world.run(async {
            self.store.takes_mail()?;
            let body = body_bytes(number, BODY);
            self.store
                .deliver(delivery(&self.store, self.world.clock_now(), number, &body, &[self.account]).await)
                .await
                .map(drop)
        })
    }

    fn engine(&self) -> PathBuf {
        self.world.store_dir().join("engine")
    }

    /// The tables, the largest last.
    fn tables(&self) -> Vec<PathBuf> {
        let mut tables: Vec<PathBuf> = fs::read_dir(self.engine())
            .unwrap()
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
            .collect();
        tables.sort_by_key(|path| fs::metadata(path).map_or(0, |found| found.len()));
        tables
    }

    /// A table that lasts: background work is over.
    fn table(&self) -> (PathBuf, String, Vec<u8>) {
        let mut before = vec![];
        until("background work is over", || {
            let now = self.tables();
            let same = now == before;
            before = now;
            std::thread::sleep(Duration::from_millis(200));
            same
        });
        let path = before.pop().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let bytes = fs::read(&path).unwrap();
        (path, name, bytes)
    }

    fn refuses_naming(&self, name: &str) {
        let refusal = StoreError::Damaged(name.to_owned());
        until("the damage is found", || self.store.takes_mail() == Err(refusal.clone()));
        assert_eq!(self.deliver(90), Err(refusal.clone()));
        assert!(self.store.alarms().iter().any(|alarm| alarm.contains(name)), "{:?}", self.store.alarms());
        assert_eq!(self.store.statistics().damaged_files, 1);
        let copied =
            self.world.run(self.store.copy(self.inbox, vec![Uid::MIN], self.inbox, Actor::default()));
        assert_eq!(copied.unwrap_err(), refusal);
    }

    fn flag(&self, mode: FlagMode, flag: SystemFlag) -> store::Result<()> {
        let change = FlagChange { mode, flags: Flags::new().with(flag) };
        let done =
            self.world.run(self.store.store_flags(self.inbox, vec![Uid::MIN], change, Actor::default()));
        done.map(drop).map_err(|stopped| stopped.error)
    }

    /// What does not read the file goes on, after the moment that the engine takes to be opened anew.
    fn goes_on(&self) {
        until("the engine works beside the damage", || self.store.statistics().careful);
        until("flags are taken", || self.flag(FlagMode::Add, SystemFlag::Seen).is_ok());
        assert_eq!(self.store.reader().messages(self.inbox).unwrap().len(), self.count as usize);
    }

    /// The same after enough of it to write tables, and with somebody who works on beside the damage for a while.
    fn goes_on_and_on(&self) {
        self.goes_on();
        for round in 0..2_000 {
            let mode = if round % 2 == 0 { FlagMode::Remove } else { FlagMode::Add };
            let done = self.flag(mode, SystemFlag::Flagged);
            assert_eq!(done, Ok(()), "after {round} changes beside the damage");
        }
        assert!(self.store.alarms().iter().any(|alarm| alarm.contains("damaged")));
    }

    /// Taken again by itself, and all is there.
    fn taken_again(self) {
        until("new mail is taken again", || self.store.takes_mail().is_ok());
        assert_eq!(self.store.alarms(), Vec::<String>::new());
        let last = self.count + 1;
        self.deliver(u64::from(last)).unwrap();
        for uid in 1..=last {
            let body = read_body(&self.store, self.inbox, Uid::new(uid).unwrap());
            assert!(body == body_bytes(u64::from(uid), BODY), "{uid}");
        }
        self.world.close(self.store);
    }

    /// Closed without a proof, as it is.
    fn closed(self) -> World {
        drop(self.store.close());
        self.world
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_live_table_cut_to_nothing_is_found_and_named_until_it_is_whole() {
    let scene = Scene::new();
    let (path, name, bytes) = scene.table();
    fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    scene.refuses_naming(&name);
    scene.goes_on_and_on();
    fs::write(&path, &bytes).unwrap();
    scene.taken_again();
}

#[test]
fn a_live_table_that_is_gone_is_found_and_another_file_in_its_place_serves() {
    let scene = Scene::new();
    let (path, name, bytes) = scene.table();
    fs::remove_file(&path).unwrap();
    scene.refuses_naming(&name);
    scene.goes_on();
    let copy = scene.world.dir.path().join("copy");
    fs::write(&copy, &bytes).unwrap();
    fs::rename(&copy, &path).unwrap();
    scene.taken_again();
}

#[test]
fn altered_bytes_are_found_by_who_reads_them() {
    let scene = Scene::new();
    let (path, name, bytes) = scene.table();
    let mut altered = bytes.clone();
    let middle = altered.len() / 2;
    altered[middle..middle + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
    // In place: cut for a moment, it would be found by its length.
    fs::File::options().write(true).open(&path).unwrap().write_all_at(&altered, 0).unwrap();
    let read = |uid| {
        let body = scene.store.reader().body(scene.inbox, uid).unwrap().unwrap();
        let mut at = 0;
        while at < body.len() {
            at += body.chunk(at)?.len() as u64;
        }
        Ok(())
    };
    let found: Vec<_> = (1..=scene.count).filter_map(|uid| read(Uid::new(uid).unwrap()).err()).collect();
    assert!(found.contains(&StoreError::Damaged(name.clone())), "{found:?}");
    scene.refuses_naming(&name);
    scene.goes_on();
    fs::write(&path, &bytes).unwrap();
    scene.taken_again();
}

#[test]
fn a_damaged_store_does_not_open_and_is_left_as_it_is() {
    let scene = Scene::new();
    let (path, name, bytes) = scene.table();
    let (engine, count) = (scene.engine(), scene.count as usize);
    let world = scene.closed();
    let refused = |world: &World, file: &str| {
        let error = Store::open(world.options()).err();
        let named = matches!(&error, Some(OpenError::Damaged { file: found, .. }) if found == file);
        assert!(named, "{file}: {error:?}");
    };
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    refused(&world, &name);
    fs::remove_file(&path).unwrap();
    refused(&world, &name);
    fs::write(&path, &bytes).unwrap();
    let root = fs::read(engine.join("CURRENT")).unwrap();
    fs::remove_file(engine.join("CURRENT")).unwrap();
    refused(&world, "CURRENT");
    fs::write(engine.join("CURRENT"), root).unwrap();
    let store = world.open();
    let account = store.reader().account_by_address(&address("un")).unwrap().unwrap().id;
    assert_eq!(store.reader().messages(inbox(&store, account).id).unwrap().len(), count);
    world.close(store);
}

#[test]
fn a_disk_below_its_reserve_takes_no_new_message_and_everything_else() {
    let Scene { mut world, store, account, inbox, count } = Scene::new();
    world.close(store);
    world.settings.disk_reserve = u64::MAX;
    let scene = Scene { store: world.open(), world, account, inbox, count };
    assert_eq!(scene.store.takes_mail(), Err(StoreError::Full));
    assert!(scene.store.statistics().disk_full);
    assert!(scene.store.alarms()[0].contains("almost full"));
    let (world, store, inbox) = (&scene.world, &scene.store, scene.inbox);
    let mut body = store.body();
    assert_eq!(world.run(body.write(b"x")), Err(StoreError::Full));
    assert_eq!(
        world.run(store.copy(inbox, vec![Uid::MIN], inbox, Actor::default())).unwrap_err(),
        StoreError::Full
    );
    let change = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Deleted) };
    world.run(store.store_flags(inbox, vec![Uid::MIN], change, Actor::default())).unwrap();
    assert_eq!(world.run(store.expunge(inbox, None, Actor::default())).unwrap(), [Uid::MIN]);
    assert_eq!(store.reader().messages(inbox).unwrap().len(), count as usize - 1);
    drop(body);
    scene.world.close(scene.store);
}
