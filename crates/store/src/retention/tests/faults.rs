//! Retention where something is damaged, refused or late: it does what can be done, says what could not, and goes on.

use std::time::Instant;

use super::*;
use crate::{
    Action, Actor, Quota, StoreError,
    common::{incoming, variant},
    engine::{Change, Durability, Family, View as _},
    flags::Flags,
    keys,
    ops::deliver::SealedIncoming,
    prepare::seal_variant,
    prove::{Activity, prove},
    rows::messages,
};

impl Scene {
    fn get(&self, family: Family, key: &[u8]) -> Vec<u8> {
        self.store.core.engine.get(family, key).unwrap().unwrap()
    }

    fn put(&self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.store.core.engine.write(&[Change::Put(family, key, value)], Durability::Synced).unwrap();
    }

    /// Damages a row; gives what it was.
    fn damage(&self, family: Family, key: &[u8]) -> Vec<u8> {
        let whole = self.get(family, key);
        self.put(family, key.to_vec(), vec![0xff]);
        whole
    }

    #[allow(clippy::redundant_closure_for_method_calls, reason = "the method alone is of one lifetime only")]
    fn pass_a_day(&self) {
        self.world.clock.advance(hours(24));
        self.world.run(self.store.submit(|txn| txn.tick())).unwrap();
    }

    fn keep(&self, plan: &KeepPlan) -> Kept {
        self.world.run(self.store.keep(plan)).unwrap()
    }

    fn is_logged(&self, day: Day) -> bool {
        let key = keys::erasure(KeyKind::Message, day);
        self.store.core.engine.get(Family::Accounts, &key).unwrap().is_some()
    }
}

#[test]
fn a_damaged_box_keeps_no_other_from_being_tidied_and_is_named() {
    let scene = Scene::new();
    scene.erase();
    let row = keys::listing(scene.trash, uid(1));
    let whole = scene.damage(Family::Index, &row);
    let named = format!("1 boxes are damaged and were left out: {}", scene.trash.0);
    let kept = scene.keep(&KeepPlan::default());
    assert_eq!(kept.tidied, 4, "those of the INBOX");
    let faults = kept.proof.unwrap().faults;
    assert!(faults.contains(&named), "{faults:?}");
    assert!(scene.store.reader().retention().unwrap().tidying, "it is not over");
    assert_eq!(scene.keep(&KeepPlan::default()).proof, None, "told once a day");
    scene.put(Family::Index, row, whole);
    let kept = scene.keep(&KeepPlan::default());
    assert_eq!((kept.tidied, kept.proof.unwrap().faults), (2, vec![]));
    scene.check();
    scene.world.close(scene.store);
}

#[test]
fn a_damaged_line_of_the_log_and_a_damaged_proof_stop_nothing() {
    let scene = Scene::new();
    scene.erase();
    scene.keep(&KeepPlan::default());
    let line = keys::erasure(KeyKind::Message, scene.first);
    let whole = scene.damage(Family::Accounts, &line);
    scene.damage(Family::Accounts, keys::RETENTION);
    let faults = scene.keep(&KeepPlan::default()).proof.unwrap().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    scene.put(Family::Accounts, line, whole);
    scene.pass_a_day();
    assert_eq!(scene.keep(&KeepPlan::default()).proof.unwrap().faults, Vec::<String>::new());
    scene.world.close(scene.store);
}

#[test]
fn a_damaged_body_keeps_no_other_message_from_leaving_early() {
    let scene = Scene::new();
    let here = mssante::StructureId::Finess(mssante::Finess::parse("350000022").unwrap());
    let mut account = scene.store.reader().account(scene.account).unwrap().unwrap();
    account.profile.structure = Some(here.clone());
    let update = scene.store.update_account(account, scene.world.trace(Action::AccountUpdate));
    scene.world.run(update).unwrap();
    let reader = scene.store.reader();
    let body = messages::reference(reader.view(), scene.inbox, uid(5)).unwrap().unwrap().body;
    drop(reader);
    scene.erase();
    let row = keys::body(body);
    let whole = scene.damage(Family::Index, &row);
    let plan = KeepPlan { structures: vec![(here, 30)], ..KeepPlan::default() };
    let kept = scene.keep(&plan);
    assert_eq!((kept.left, scene.uids(scene.inbox)), (1, vec![5]), "6 left, 5 could not");
    let named = format!("2 boxes are damaged and were left out: {}, {}", scene.inbox.0, scene.trash.0);
    assert_eq!(kept.proof.unwrap().faults, [named]);
    scene.put(Family::Index, row, whole);
    assert_eq!((scene.keep(&plan).left, scene.uids(scene.inbox)), (2, vec![]));
    scene.world.close(scene.store);
}

#[test]
fn a_damaged_deleted_box_keeps_no_other_from_being_cleared_away() {
    let scene = Scene::new();
    let strange = keys::deleted_box(BoxId(0));
    scene.put(Family::Accounts, strange.clone(), vec![0xff]);
    scene.world.run(async {
        scene.store.delete_box(scene.trash, Actor::default()).await.unwrap();
        let cleared = tokio::time::timeout(Duration::from_secs(20), scene.store.cleared());
        cleared.await.expect("the other is left out");
    });
    let row = keys::deleted_box(scene.trash);
    assert_eq!(scene.store.core.engine.get(Family::Accounts, &row).unwrap(), None);
    let remove = Change::Delete(Family::Accounts, strange);
    scene.store.core.engine.write(&[remove], Durability::Synced).unwrap();
    scene.world.close(scene.store);
}

#[test]
fn each_day_has_its_line_in_the_log_also_when_its_keys_went_before() {
    for reopened in [false, true] {
        let mut scene = Scene::new();
        scene.pass_a_day();
        let second = scene.first.next();
        scene.store.core.keyring.erase(KeyKind::Message, second).unwrap();
        if reopened {
            scene.reopen();
        } else {
            scene.world.run(scene.store.erase(KeyKind::Message, MESSAGES, second)).unwrap();
        }
        assert!(scene.is_logged(scene.first) && scene.is_logged(second), "{reopened}");
        let proof = scene.keep(&KeepPlan::default()).proof.unwrap();
        assert_eq!((proof.faults, proof.messages_erased), (vec![], 9));
        scene.world.close(scene.store);
    }
}

#[test]
fn an_erasure_is_committed_as_soon_as_the_store_takes_it() {
    let scene = Scene::new();
    scene.store.core.latch.shut(Instant::now());
    scene.erase();
    scene.check();
    scene.world.close(scene.store);
}

#[test]
fn what_is_erased_and_not_tidied_takes_no_room() {
    let scene = Scene::new();
    let mut account = scene.store.reader().account(scene.account).unwrap().unwrap();
    account.quota = Quota { messages: Some(4), ..Quota::default() };
    let update = scene.store.update_account(account, scene.world.trace(Action::AccountUpdate));
    scene.world.run(update).unwrap();
    let drafts = scene.store.reader().box_by_name(scene.account, "Drafts").unwrap().unwrap().id;
    let append = || {
        scene.world.run(async {
            let message = incoming(&scene.store, 30, b"new\r\n").await;
            scene.store.append(drafts, message, None).await.map(drop)
        })
    };
    assert_eq!(append(), Err(StoreError::Quota));
    scene.erase();
    assert_eq!(append(), Ok(()), "three are left of nine");
    assert_eq!(append(), Err(StoreError::Quota));
    scene.world.close(scene.store);
}

#[test]
fn a_message_filed_under_a_day_that_goes_meanwhile_is_refused_for_good() {
    let scene = Scene::new();
    let (store, to) = (&scene.store, scene.trash);
    let filed = || {
        scene.world.run(async {
            let mut writer = store.body_of(scene.first).unwrap();
            writer.write(b"late\r\n").await.unwrap();
            writer.finish().await.unwrap()
        })
    };
    let (one, two) = (filed(), filed());
    let sealed = seal_variant(&store.core, &one, 0, &variant(40, b"late\r\n")).unwrap();
    let sealed = SealedIncoming {
        body: one,
        variant: sealed,
        flags: Flags::new(),
        internal_date: 0,
        trace: None,
        origin: None,
    };
    scene.erase();
    let late = scene.world.run(store.submit(move |txn| ops::deliver::append(txn, to, vec![sealed])));
    assert_eq!(late.map(drop), Err(StoreError::Erased));
    let late = scene.world.run(async {
        let message = crate::Incoming { body: two, ..incoming(store, 41, b"late\r\n").await };
        store.append(to, message, None).await
    });
    assert_eq!(late.map(drop), Err(StoreError::Erased));
    scene.check();
    scene.world.close(scene.store);
}

#[test]
fn a_proof_that_runs_while_days_are_erased_finds_no_fault() {
    let scene = Scene::new();
    let (store, world) = (&scene.store, &scene.world);
    let today = Day::of(world.clock_now());
    world.run(async {
        let mut leaving = delivery(store, world.clock_now(), 20, b"away\r\n", &[scene.account]).await;
        leaving.outgoing = vec![outgoing(world.clock_now(), &["a", "b"])];
        store.deliver(leaving).await.unwrap();
    });
    let old = store.reader();
    let before = prove(&old, Activity::Running).unwrap();
    for through in [scene.first, today] {
        world.run(store.erase(KeyKind::Message, MESSAGES, through)).unwrap();
        world.run(store.erase(KeyKind::Trace, Term::Months(TRACES_MONTHS), through)).unwrap();
        assert_eq!(prove(&old, Activity::Running), Ok(before));
        world.run(store.keep(&KeepPlan::default())).unwrap();
        assert_eq!(prove(&old, Activity::Running), Ok(before), "nor after the room was given back");
    }
    drop(old);
    scene.world.close(scene.store);
}
