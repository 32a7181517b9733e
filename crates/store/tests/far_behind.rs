//! Clients that come back after very much happened (RFC 7162 §3.2.5): what they are told is as many runs as there must be, the
//! log behind it is bounded, and nothing is kept for each message on the way.

use crate::common::*;
use store::{Actor, FlagChange, FlagMode, Flags, ModSeq, Settings, Store, SystemFlag, Uid, UidRuns};

/// Messages of the box: copies of one.
const DOUBLINGS: u32 = 17;

/// Runs of vanished UIDs that the store remembers here.
const REMEMBERED: u32 = 1_000;

fn all(store: &Store, id: store::BoxId) -> UidRuns {
    store.reader().open_box(id).unwrap().unwrap().uids
}

/// What changed since, and how many visits that took.
fn changed(store: &Store, id: store::BoxId, since: ModSeq) -> (UidRuns, usize) {
    let (mut runs, mut visits) = (UidRuns::new(), 0);
    let mut visit = |listing: store::ListingRef<'_>| {
        runs.push(listing.uid());
        visits += 1;
        Ok(true)
    };
    store.reader().changed(id, since, &mut visit).unwrap();
    (runs, visits)
}

#[test]
fn a_hundred_thousand_changes_and_removals_are_told_in_few_runs() {
    let mut world = World::new();
    world.settings = Settings { vanished_runs: REMEMBERED, memory: 32 << 20, ..world.settings };
    let store = world.open();
    let account = world.account(&store, "un").id;
    let id = inbox(&store, account).id;
    world.run(async {
        deliver(&store, world.clock_now(), 1, &body_bytes(1, 300), &[account]).await;
        for _ in 0..DOUBLINGS {
            store.copy(id, all(&store, id).iter().collect(), id, Actor::default()).await.unwrap();
        }
    });
    let before = store.reader().box_info(id).unwrap().unwrap();
    let messages = 1_u32 << DOUBLINGS;
    assert_eq!((before.exists, all(&store, id).runs().len()), (messages, 1));

    // All of them change: one run, each message seen once, whether the summary knows of it or not.
    let flag = |flag| FlagChange { mode: FlagMode::Add, flags: Flags::new().with(flag) };
    let uids: Vec<Uid> = all(&store, id).iter().collect();
    world.run(store.store_flags(id, uids, flag(SystemFlag::Flagged), Actor::default())).unwrap();
    for summarised in [false, true] {
        if summarised {
            store.summarise(id).unwrap();
        }
        let (runs, visits) = changed(&store, id, before.highest);
        assert_eq!((runs.runs().len(), runs.len(), visits), (1, messages, messages as usize), "{summarised}");
    }

    // Every other one goes: as many runs as must be, however many of them the log still knows.
    let every_other = |from: usize| all(&store, id).iter().skip(from).step_by(2).collect::<Vec<Uid>>();
    let doomed = every_other(1);
    let middle = world.run(async {
        store.store_flags(id, doomed.clone(), flag(SystemFlag::Deleted), Actor::default()).await.unwrap();
        let half = doomed.len() - REMEMBERED as usize / 2;
        store.expunge(id, Some(doomed[..half].to_vec()), Actor::default()).await.unwrap();
        let middle = inbox(&store, account).highest;
        store.expunge(id, None, Actor::default()).await.unwrap();
        middle
    });
    let kept = all(&store, id);
    assert_eq!((kept.len(), kept.runs().len()), (messages / 2, messages as usize / 2));
    let vanished = store.reader().vanished(id, before.highest).unwrap();
    assert!(vanished.iter().eq(doomed.iter().copied()), "all that went, and nothing that is there");
    assert_eq!(vanished.runs().len(), doomed.len());
    let lately = store.reader().vanished(id, middle).unwrap();
    assert_eq!(lately.runs().len(), REMEMBERED as usize / 2, "what the log knows is told exactly");
    assert!(lately.iter().eq(doomed[doomed.len() - REMEMBERED as usize / 2..].iter().copied()));

    // The rest goes: one run of all that ever was.
    let last = every_other(0).into_iter().chain(every_other(1)).collect::<Vec<Uid>>();
    world.run(async {
        store.store_flags(id, last, flag(SystemFlag::Deleted), Actor::default()).await.unwrap();
        store.expunge(id, None, Actor::default()).await.unwrap();
    });
    let vanished = store.reader().vanished(id, ModSeq::new(0)).unwrap();
    assert_eq!((vanished.runs().len(), vanished.len()), (1, messages));
    assert_eq!(changed(&store, id, before.highest), (UidRuns::new(), 0));
    world.close(store);
}
