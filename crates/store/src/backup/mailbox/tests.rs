//! What happens to the store, or in the backup, between copying a body and putting its message back.

use super::*;
use crate::{
    Actor, FlagChange, FlagMode, SystemFlag,
    common::{World, address, body_bytes, deliver, inbox, read_body, settle_and_prove},
    engine::{Family, View as _},
    seal::CHUNK,
};

const COUNT: u64 = 4;

fn body(number: u64) -> Vec<u8> {
    body_bytes(number, if number == 2 { 20 * CHUNK } else { 700 })
}

struct Scene {
    world: World,
    store: Store,
    account: AccountId,
    inbox: BoxId,
    dir: PathBuf,
}

impl Scene {
    /// Some messages, the first with a keyword, backed up and then removed.
    fn new() -> Self {
        Self::watched(Duration::from_millis(10))
    }

    /// The same, its disk and its files looked at so often.
    fn watched(every: Duration) -> Self {
        let mut world = World::new();
        world.settings.watch_every = every;
        let store = world.open();
        let account = world.account(&store, "un").id;
        let id = inbox(&store, account).id;
        world.run(async {
            for number in 1..=COUNT {
                deliver(&store, world.clock_now(), number, &body(number), &[account]).await;
            }
            let mut flags = Flags::new().with(SystemFlag::Flagged);
            flags.add_keyword("Urgent").unwrap();
            let change = FlagChange { mode: FlagMode::Add, flags };
            store.store_flags(id, vec![Uid::MIN], change, Actor::default()).await.unwrap();
        });
        let dir = world.dir.path().join("backup");
        Self { world, store, account, inbox: id, dir }
    }

    fn back_up_and_expunge(&self) {
        self.store.back_up(&self.dir, 1).unwrap();
        let change = FlagChange { mode: FlagMode::Add, flags: Flags::new().with(SystemFlag::Deleted) };
        let uids: Vec<_> = (1..=4).map(|uid| Uid::new(uid).unwrap()).collect();
        self.world.run(async {
            self.store.store_flags(self.inbox, uids, change, Actor::default()).await.unwrap();
            assert_eq!(
                self.store.expunge(self.inbox, None, Actor::default()).await.unwrap().len() as u64,
                COUNT
            );
        });
        assert_eq!(settle_and_prove(&self.store).bodies, 0);
    }

    fn wanted(&self) -> BoxRestore {
        let (from, name) = (self.dir.clone(), "INBOX".into());
        BoxRestore { from, id: None, account: address("un"), name, into: None }
    }

    /// Does it with what a restore has at hand.
    fn work(&self, with: impl FnOnce(Work<'_>)) {
        let source = Source::find(&self.dir, None).unwrap();
        let copy = OpenCopy::open(&source, &self.store.core).unwrap();
        let lost = copy.find_box(&self.store.core.keys, self.account, "INBOX").unwrap();
        assert_eq!(lost, self.inbox);
        with(Work::new(&self.store, &copy, lost, self.inbox));
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        let entries = self.store.reader().messages(self.inbox).unwrap();
        entries.iter().map(|entry| read_body(&self.store, self.inbox, entry.uid)).collect()
    }

    /// A restore gives everything back, and the store agrees with itself.
    fn ends_whole(self) {
        self.store.restore_box(&self.wanted()).unwrap();
        assert_eq!(self.bodies(), (1..=COUNT).map(body).collect::<Vec<_>>());
        self.world.close(self.store);
    }
}

fn bring_page(work: &mut Work<'_>) {
    let lost = work.target;
    for (uid, listing) in work.copy.listings(lost, Uid::MIN, PAGE).unwrap() {
        work.bring(lost, uid, &listing.unwrap()).unwrap();
    }
    assert_eq!(work.waiting.len() as u64, COUNT);
}

#[test]
fn no_message_comes_back_whose_chunks_went_with_an_engine_that_failed() {
    let scene = Scene::new();
    scene.back_up_and_expunge();
    scene.work(|mut work| {
        bring_page(&mut work);
        let (engine, before) = (&scene.store.core.engine, scene.store.core.engine.epoch());
        engine.distrust(&StoreError::Busy);
        let deadline = Instant::now() + Duration::from_secs(30);
        while engine.epoch() == before || engine.has_failed() {
            assert!(Instant::now() < deadline, "it is not opened anew");
            thread::sleep(Duration::from_millis(5));
        }
        let refused = work.put_back();
        assert!(matches!(refused, Err(BackupError::Store(StoreError::Busy))), "{refused:?}");
    });
    assert_eq!(scene.bodies(), Vec::<Vec<u8>>::new());
    settle_and_prove(&scene.store);
    scene.ends_whole();
}

#[test]
fn what_is_ready_goes_back_when_the_store_takes_no_more() {
    // The sentry would find that there is no such file and open the engine anew.
    let scene = Scene::watched(Duration::from_secs(3600));
    scene.back_up_and_expunge();
    scene.work(|mut work| {
        let first = work.copy.listings(scene.inbox, Uid::MIN, 1).unwrap().pop().unwrap();
        work.bring(scene.inbox, first.0, &first.1.unwrap()).unwrap();
        scene.store.core.engine.damage().met("000001.sst");
        let ended = work.bring_all(scene.inbox);
        assert!(matches!(ended, Err(BackupError::Store(StoreError::Damaged(_)))), "{ended:?}");
        assert!(work.waiting.is_empty() && work.done.restored == 1, "{:?}", work.done);
    });
    assert_eq!(scene.bodies(), [body(1)]);
    assert_eq!(settle_and_prove(&scene.store).bodies, 1);
    scene.world.close(scene.store);
}

#[test]
fn a_store_without_room_takes_nothing_back() {
    let mut scene = Scene::new();
    scene.back_up_and_expunge();
    scene.world.close(scene.store);
    let reserve = std::mem::replace(&mut scene.world.settings.disk_reserve, u64::MAX);
    scene.store = scene.world.open();
    let refused = scene.store.restore_box(&scene.wanted());
    assert!(matches!(refused, Err(BackupError::Store(StoreError::Full))), "{refused:?}");
    scene.world.close(scene.store);
    scene.world.settings.disk_reserve = reserve;
    scene.store = scene.world.open();
    scene.ends_whole();
}

#[test]
fn taking_back_leaves_a_body_that_the_store_has_by_now() {
    let scene = Scene::new();
    scene.back_up_and_expunge();
    scene.work(|mut work| {
        bring_page(&mut work);
        let some: Vec<_> = work.waiting.iter().map(|one| one.reference.body).collect();
        work.put_back().unwrap();
        for id in some {
            let record = messages::body(&scene.store.core.engine, id).unwrap().unwrap();
            // Another restore of the same body had begun before.
            let marker = Change::Put(Family::Accounts, keys::orphan(id), keys::turn(record.turn));
            scene.store.core.engine.write(&[marker], Durability::Synced).unwrap();
            work.take_back(vec![(id, record)]);
        }
    });
    assert_eq!(scene.bodies(), (1..=COUNT).map(body).collect::<Vec<_>>());
    scene.ends_whole();
}

#[test]
fn a_keyword_that_does_not_open_costs_no_message() {
    let scene = Scene::new();
    let (from, until) = keys::under(&keys::keywords(scene.inbox));
    let (mut whole, mut damaged) = (vec![], vec![]);
    let visit = &mut |key: &[u8], value: &[u8]| {
        let mut altered = value.to_vec();
        altered[0] ^= 1;
        whole.push(Change::Put(Family::Index, key.to_vec(), value.to_vec()));
        damaged.push(Change::Put(Family::Index, key.to_vec(), altered));
        Ok(true)
    };
    scene.store.core.engine.scan(Family::Index, &from, &until, visit).unwrap();
    assert_eq!(whole.len(), 1);
    scene.store.core.engine.write(&damaged, Durability::Synced).unwrap();
    scene.store.back_up(&scene.dir, 1).unwrap();
    scene.store.core.engine.write(&whole, Durability::Synced).unwrap();
    // The next backup would be whole.
    let kept = scene.world.dir.path().join("kept");
    std::fs::rename(&scene.dir, &kept).unwrap();
    scene.back_up_and_expunge();
    let done = scene.store.restore_box(&BoxRestore { from: kept, ..scene.wanted() }).unwrap();
    assert_eq!((done.restored, done.damaged), (COUNT, 0), "{done:?}");
    let flags = scene.store.reader().messages(scene.inbox).unwrap()[0].flags.clone();
    assert_eq!(flags, Flags::new().with(SystemFlag::Flagged));
    scene.ends_whole();
}
