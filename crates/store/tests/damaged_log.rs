//! A log of commits that is cut or altered after it was on the disk: the store does not open on what is left without a word.
//! Its torn end, which a crash leaves, is no damage.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use store::{Action, LogLoss, OpenError, Settings, Store, accept_log_loss};

use crate::common::*;

const COUNT: usize = 30;

/// What a machine has that lost its power a moment after mail had come: nothing was closed.
struct Lost {
    world: World,
    log: PathBuf,
    /// What its mark says of the log, and all that the log says.
    marked: usize,
    whole: Vec<u8>,
}

fn engine(world: &World) -> PathBuf {
    world.store_dir().join("engine")
}

/// The log of the mark, and how many bytes of it the mark covers.
fn mark(engine: &Path) -> Option<(PathBuf, usize)> {
    let text = fs::read_to_string(engine.join("reached")).ok()?;
    let words: Vec<&str> = text.split(' ').collect();
    Some((engine.join(format!("{:0>6}.log", words[3])), words[4].parse().unwrap()))
}

impl Lost {
    fn new() -> Self {
        let mut world = World::new();
        let often = Duration::from_millis(20);
        world.settings = Settings { watch_every: often, mark_every: often, ..world.settings };
        let store = world.open();
        let to = world.account(&store, "un").id;
        for number in 1..=COUNT as u64 {
            world.run(deliver(&store, world.clock_now(), number, &body_bytes(number, 3000), &[to]));
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        let (log, marked) = loop {
            let length =
                |log: &Path| fs::metadata(log).map_or(0, |found| usize::try_from(found.len()).unwrap());
            if let Some((log, marked)) = mark(&engine(&world))
                && marked > COUNT * 3000
                && marked == length(&log)
            {
                break (log, marked);
            }
            assert!(Instant::now() < deadline, "the mark is not written");
            std::thread::sleep(Duration::from_millis(5));
        };
        // The copy's clock stands still: nobody writes to it meanwhile.
        let copy = world.copy();
        world.close(store);
        let log = engine(&copy).join(log.file_name().unwrap());
        let whole = fs::read(&log).unwrap();
        Self { world: copy, log, marked, whole }
    }

    fn name(&self) -> String {
        self.log.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// It does not open, says which log is wrong, and leaves it as it is.
    fn is_refused(&self) {
        let before = fs::read(&self.log).unwrap();
        for _ in 0..2 {
            let error = Store::open(self.world.options()).err();
            let named = matches!(&error, Some(OpenError::LogDamaged { file, .. }) if *file == self.name());
            assert!(named, "{error:?}");
            assert_eq!(fs::read(&self.log).unwrap(), before);
        }
    }

    fn accept(&self) -> Option<LogLoss> {
        accept_log_loss(self.world.options(), |_| self.world.trace(Action::Administer)).unwrap()
    }
}

/// Opens; how many messages there are. All of them are read.
fn opens(world: &World) -> usize {
    let store = world.open();
    let account = store.reader().account_by_address(&address("un")).unwrap().unwrap().id;
    let inbox = inbox(&store, account).id;
    let entries = store.reader().messages(inbox).unwrap();
    for entry in &entries {
        assert_eq!(read_body(&store, inbox, entry.uid), body_bytes(u64::from(entry.uid.get()), 3000));
    }
    world.close(store);
    entries.len()
}

#[test]
fn a_log_that_is_altered_or_cut_before_its_mark_is_named_and_left_until_it_is_whole() {
    let lost = Lost::new();
    let mut altered = lost.whole.clone();
    altered[lost.marked / 2] ^= 1;
    let cut = lost.whole[..lost.marked / 2].to_vec();
    let mut zeroed = lost.whole.clone();
    zeroed[lost.marked - 10_000..].fill(0);
    for damaged in [altered, cut, zeroed, vec![]] {
        fs::write(&lost.log, damaged).unwrap();
        lost.is_refused();
    }
    fs::write(&lost.log, &lost.whole).unwrap();
    assert_eq!(opens(&lost.world), COUNT);
}

#[test]
fn the_torn_end_that_a_crash_leaves_is_no_damage() {
    let lost = Lost::new();
    for torn in [&[0_u8; 4000][..], &[0x5a; 300], b"x"] {
        let crashed = lost.world.copy();
        let mut log = lost.whole[..lost.marked].to_vec();
        log.extend(torn);
        fs::write(engine(&crashed).join(lost.name()), log).unwrap();
        assert_eq!(opens(&crashed), COUNT);
    }
}

#[test]
fn a_log_that_is_gone_is_named_and_serves_when_it_is_back() {
    let lost = Lost::new();
    fs::remove_file(&lost.log).unwrap();
    for _ in 0..3 {
        let error = Store::open(lost.world.options()).err();
        let named = matches!(&error, Some(OpenError::LogDamaged { file, .. }) if *file == lost.name());
        assert!(named, "{error:?}");
    }
    fs::write(&lost.log, &lost.whole).unwrap();
    assert_eq!(opens(&lost.world), COUNT);
}

#[test]
fn an_administrator_may_accept_the_loss_and_it_is_told() {
    let lost = Lost::new();
    let mut altered = lost.whole.clone();
    altered[lost.marked / 2] ^= 1;
    fs::write(&lost.log, altered).unwrap();
    lost.is_refused();
    let told = lost.accept().unwrap();
    assert!(told.file == lost.name() && told.changes > COUNT as u64, "{told:?}");
    assert_eq!(lost.accept(), None, "nothing more was lost");
    let left = opens(&lost.world);
    assert!(left > 0 && left < COUNT, "{left}");
}

#[test]
fn a_loss_that_was_not_traced_is_not_accepted() {
    let lost = Lost::new();
    fs::write(&lost.log, &lost.whole[..lost.marked / 2]).unwrap();
    // What somebody leaves who is killed once the store is open, and before the trace.
    let mut killed = None;
    let told = accept_log_loss(lost.world.options(), |_| {
        killed = Some(lost.world.copy());
        lost.world.trace(Action::Administer)
    });
    let told = told.unwrap().unwrap();
    let killed = Lost { world: killed.unwrap(), log: lost.log, marked: lost.marked, whole: lost.whole };
    for _ in 0..2 {
        let error = Store::open(killed.world.options()).err();
        let named = matches!(&error, Some(OpenError::LogDamaged { file, .. }) if *file == told.file);
        assert!(named, "{error:?}");
    }
    assert_eq!(killed.accept(), Some(told), "it is told again");
    assert_eq!(killed.accept(), None);
    assert_eq!(opens(&killed.world), opens(&lost.world));
}

#[test]
fn nothing_is_accepted_where_nothing_is_lost() {
    let lost = Lost::new();
    assert_eq!(lost.accept(), None);
    assert_eq!(opens(&lost.world), COUNT);
    let world = World::new();
    let absent = accept_log_loss(world.options(), |_| world.trace(Action::Administer)).err();
    assert!(matches!(absent, Some(OpenError::Absent(_))), "{absent:?}");
    // One that runs is left alone, with its mark.
    let store = lost.world.open();
    let busy = accept_log_loss(lost.world.options(), |_| lost.world.trace(Action::Administer)).err();
    assert!(matches!(busy, Some(OpenError::InUse(_))), "{busy:?}");
    lost.world.close(store);
    assert!(mark(&engine(&lost.world)).is_some());
}
