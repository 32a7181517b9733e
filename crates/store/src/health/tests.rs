//! Background work of the engine that meets a damaged table before anybody else does; an engine that failed on a damaged
//! log.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{
    AccountId, Actor, BoxId, FlagChange, FlagMode, Flags, Settings, Store, StoreError, SystemFlag, Uid,
    common::{World, body_bytes, deliver, inbox, read_body},
    engine::Family,
};

const COUNT: u64 = 12;

fn body(number: u64) -> Vec<u8> {
    body_bytes(number, 300_000)
}

struct Scene {
    world: World,
    store: Store,
    account: AccountId,
    inbox: BoxId,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        world.settings = Settings { watch_every: Duration::from_millis(20), ..world.settings };
        let store = world.open();
        let account = world.account(&store, "un").id;
        let inbox = inbox(&store, account).id;
        for number in 1..=COUNT {
            world.run(deliver(&store, world.clock_now(), number, &body(number), &[account]));
        }
        store.core.engine.flush().unwrap();
        Self { world, store, account, inbox }
    }

    /// A table of bodies.
    fn table(&self) -> (PathBuf, String) {
        let engine = &self.store.core.engine;
        let tables = engine.tables().unwrap();
        let name = tables.into_iter().find(|table| table.family == Family::Bodies.name()).unwrap().name;
        (engine.dir().join(&name), name)
    }

    /// Background work reads all tables of bodies and writes them anew.
    fn compact(&self) {
        let _ = self.store.core.engine.scrub(Family::Bodies, &[], &[0xff; 32]);
    }

    fn flag(&self) -> crate::Result<()> {
        let change = FlagChange { mode: FlagMode::Replace, flags: Flags::new().with(SystemFlag::Seen) };
        let done =
            self.world.run(self.store.store_flags(self.inbox, vec![Uid::MIN], change, Actor::default()));
        done.map(drop).map_err(|stopped| stopped.error)
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
fn a_table_that_a_compaction_finds_altered_is_named_and_writes_go_on() {
    let scene = Scene::new();
    let (path, name) = scene.table();
    let whole = fs::read(&path).unwrap();
    // A bit of each block: nobody but who reads it can know.
    let file = fs::File::options().write(true).open(&path).unwrap();
    for at in (1000..whole.len() - 4096).step_by(64 << 10) {
        file.write_all_at(&[!whole[at]], at as u64).unwrap();
    }
    scene.compact();
    until("it is named", || scene.store.takes_mail() == Err(StoreError::Damaged(name.clone())));
    let engine = &scene.store.core.engine;
    until("the engine works beside it", || engine.is_careful() == Some(true) && scene.flag().is_ok());
    // As often as background work meets it.
    for _ in 0..3 {
        scene.compact();
        assert_eq!(scene.flag(), Ok(()));
    }
    assert_eq!(scene.store.takes_mail(), Err(StoreError::Damaged(name)));
    fs::write(&path, &whole).unwrap();
    until("mail is taken again", || scene.store.takes_mail().is_ok());
    until("the engine is as before", || engine.is_careful() == Some(false) && scene.flag().is_ok());
    scene.compact();
    scene.world.run(deliver(
        &scene.store,
        scene.world.clock_now(),
        COUNT + 1,
        &body(COUNT + 1),
        &[scene.account],
    ));
    for number in 1..=COUNT + 1 {
        let uid = Uid::new(u32::try_from(number).unwrap()).unwrap();
        assert!(read_body(&scene.store, scene.inbox, uid) == body(number), "{number}");
    }
    scene.world.close(scene.store);
}

#[test]
fn a_table_of_the_right_length_in_the_place_of_another_is_not_believed() {
    let scene = Scene::new();
    let (path, name) = scene.table();
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let refused = || scene.store.takes_mail() == Err(StoreError::Damaged(name.clone()));
    until("it is missed", refused);
    let engine = &scene.store.core.engine;
    until("the engine works beside it", || engine.is_careful() == Some(true));
    let before = engine.epoch();
    let mut altered = whole.clone();
    altered[2000] ^= 1;
    fs::write(&path, &altered).unwrap();
    // Looked at with fresh eyes, then seen to be another: careful again.
    until("it was tried", || engine.epoch() >= before + 2 && engine.is_careful() == Some(true));
    assert!(refused(), "{:?}", scene.store.takes_mail());
    until("the rest goes on", || scene.flag().is_ok());
    fs::write(&path, &whole).unwrap();
    until("mail is taken again", || scene.store.takes_mail().is_ok());
    scene.world.close(scene.store);
}

#[test]
fn what_nothing_proves_to_be_whole_counts_as_damaged_until_a_restart() {
    let Scene { world, store, account, inbox } = Scene::new();
    let engine = &store.core.engine;
    engine.damage().met("MANIFEST-000001");
    until("the engine works beside it", || engine.is_careful() == Some(true));
    for _ in 0..2 {
        let epoch = engine.epoch();
        engine.distrust(&StoreError::Engine("a disk that fails".into()));
        until("it was opened anew", || engine.epoch() > epoch && !engine.has_failed());
    }
    // The round that misses a table looks at the other one too.
    let tables = engine.tables().unwrap();
    let table = tables.iter().find(|table| table.family == Family::Bodies.name()).unwrap();
    let path = engine.dir().join(&table.name);
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    until("both are damaged", || engine.damage().known().len() == 2);
    fs::write(&path, whole).unwrap();
    until("the table is whole", || engine.damage().known().len() == 1);
    assert_eq!(store.takes_mail(), Err(StoreError::Damaged("MANIFEST-000001".into())));
    store.close().unwrap();
    let store = world.open();
    world.run(deliver(&store, world.clock_now(), COUNT + 1, &body(COUNT + 1), &[account]));
    assert_eq!(store.reader().messages(inbox).unwrap().len() as u64, COUNT + 1);
    world.close(store);
}

#[test]
fn an_engine_that_failed_stays_open_to_readers_while_its_log_is_damaged() {
    let scene = Scene::new();
    let (core, dir) = (&scene.store.core, scene.store.core.engine.dir());
    scene.flag().unwrap();
    core.engine.mark().unwrap();
    let logs = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let log = logs.filter(|path| path.extension().is_some_and(|extension| extension == "log")).max().unwrap();
    let name = log.file_name().unwrap().to_str().unwrap().to_owned();
    let whole = fs::read(&log).unwrap();
    let file = fs::File::options().write(true).open(&log).unwrap();
    file.write_all_at(&[!whole[10]], 10).unwrap();
    core.engine.distrust(&StoreError::Engine("a disk that fails".into()));
    until("the log is named", || scene.store.takes_mail() == Err(StoreError::Damaged(name.clone())));
    let epoch = core.engine.epoch();
    assert_eq!(scene.flag(), Err(StoreError::Busy));
    let uid = Uid::new(u32::try_from(COUNT).unwrap()).unwrap();
    assert!(read_body(&scene.store, scene.inbox, uid) == body(COUNT), "what is open is read");
    file.write_all_at(&[whole[10]], 10).unwrap();
    until("the store works again", || scene.store.takes_mail().is_ok() && scene.flag().is_ok());
    assert!(core.engine.epoch() > epoch);
    scene.world.close(scene.store);
}
