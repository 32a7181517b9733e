//! Random operations with renewals at random moments: a box reads the same through its summary and from its rows.

use proptest::{collection::vec, prelude::*};

use super::segment::WINDOW;
use crate::{
    Actor, BoxId, Entry, FlagChange, FlagMode, Flags, ModSeq, Store, SystemFlag, Uid,
    common::{World, deliver, inbox},
    engine::{Change, Durability, Family, View as _},
    keys::{self, Part},
    records,
    rows::boxes,
};

#[derive(Debug, Clone, Copy)]
enum Step {
    Deliver(usize),
    /// The next UID is this much below the end of its window.
    Jump(u32),
    Flag {
        from: usize,
        count: usize,
        which: u8,
        mode: FlagMode,
    },
    Expunge {
        from: usize,
        count: usize,
    },
    Copy {
        from: usize,
        count: usize,
    },
    Renew,
    Damage(Part),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let some = || (0..30_usize, 1..8_usize);
    let mode = prop_oneof![Just(FlagMode::Add), Just(FlagMode::Remove), Just(FlagMode::Replace)];
    prop_oneof![
        4 => (1..7_usize).prop_map(Step::Deliver),
        1 => (0..3_u32).prop_map(Step::Jump),
        4 => (some(), 0..4_u8, mode)
            .prop_map(|((from, count), which, mode)| Step::Flag { from, count, which, mode }),
        2 => some().prop_map(|(from, count)| Step::Expunge { from, count }),
        1 => some().prop_map(|(from, count)| Step::Copy { from, count }),
        3 => Just(Step::Renew),
        1 => prop_oneof![Just(Step::Damage(Part::Head)), Just(Step::Damage(Part::Columns))],
        1 => Just(Step::Reopen),
    ]
}

struct Run {
    world: World,
    store: Option<Store>,
    account: crate::AccountId,
    id: BoxId,
    number: u64,
}

impl Run {
    fn new(summary_changes: u32) -> Self {
        let mut world = World::new();
        world.settings.summary_changes = summary_changes;
        let store = world.open();
        let account = world.account(&store, "un").id;
        let id = inbox(&store, account).id;
        Self { world, store: Some(store), account, id, number: 0 }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn uids(&self, from: usize, count: usize) -> Vec<Uid> {
        let all = self.store().reader().messages(self.id).unwrap();
        all.iter().map(|entry| entry.uid).skip(from.min(all.len() / 2)).take(count).collect()
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Deliver(count) => {
                for _ in 0..count {
                    self.number += 1;
                    let now = self.world.clock_now();
                    self.world.run(deliver(self.store(), now, self.number, b"x\r\n", &[self.account]));
                }
            }
            Step::Jump(below) => self.jump(below),
            Step::Flag { from, count, which, mode } => {
                let change = FlagChange { mode, flags: flags(which) };
                let uids = self.uids(from, count);
                self.world.run(self.store().store_flags(self.id, uids, change, Actor::default())).unwrap();
            }
            Step::Expunge { from, count } => {
                let uids = self.uids(from, count);
                let deleted = Flags::new().with(SystemFlag::Deleted);
                let change = FlagChange { mode: FlagMode::Add, flags: deleted };
                self.world
                    .run(self.store().store_flags(self.id, uids.clone(), change, Actor::default()))
                    .unwrap();
                self.world.run(self.store().expunge(self.id, Some(uids), Actor::default())).unwrap();
            }
            Step::Copy { from, count } => {
                let uids = self.uids(from, count);
                self.world.run(self.store().copy(self.id, uids, self.id, Actor::default())).unwrap();
            }
            Step::Renew => self.store().summarise(self.id).unwrap(),
            Step::Damage(part) => self.damage(part),
            Step::Reopen => {
                let store = self.store.take().unwrap();
                store.close().unwrap();
                self.store = Some(self.world.open());
            }
        }
    }

    fn jump(&self, below: u32) {
        let id = self.id;
        let jump = self.store().submit(move |txn| {
            let mut state = boxes::state(txn, id)?.unwrap();
            let end = (state.uid_next.get() / WINDOW + 1) * WINDOW - below;
            state.uid_next = Uid::new(end.max(state.uid_next.get())).unwrap();
            txn.put(Family::Accounts, keys::box_state(id), records::encode(&state)?);
            Ok(())
        });
        self.world.run(jump).unwrap();
    }

    /// Cuts the first of these values short; a renewal in the background may put it right again.
    fn damage(&self, part: Part) {
        let engine = &self.store().core.engine;
        let (from, until) = keys::under(&keys::segments(self.id, part));
        let mut first = None;
        engine
            .scan(Family::Index, &from, &until, &mut |key, value| {
                first = Some((key.to_vec(), value[..value.len() / 2].to_vec()));
                Ok(false)
            })
            .unwrap();
        if let Some((key, value)) = first {
            engine.write(&[Change::Put(Family::Index, key, value)], Durability::Later).unwrap();
        }
    }

    fn compare(&self, from: Uid, to: Uid) {
        let reader = self.store().reader();
        let rows = reader.messages(self.id).unwrap();
        let opened = reader.open_box(self.id).unwrap().unwrap();
        assert_eq!(opened.uids.iter().collect::<Vec<_>>(), rows.iter().map(|e| e.uid).collect::<Vec<_>>());
        let unseen = rows.iter().find(|entry| !entry.flags.has(SystemFlag::Seen));
        assert_eq!(opened.first_unseen, unseen.map(|entry| entry.uid));
        for (from, to) in [(Uid::MIN, Uid::MAX), (from, to)] {
            let mut listed: Vec<Entry> = vec![];
            let mut visit = |one: crate::ListingRef<'_>| {
                listed.push(one.entry()?);
                Ok(true)
            };
            reader.listings(self.id, from, to, &mut visit).unwrap();
            let expected: Vec<_> =
                rows.iter().filter(|entry| (from..=to).contains(&entry.uid)).cloned().collect();
            assert_eq!(listed, expected);
        }
        let state = boxes::state(reader.view(), self.id).unwrap().unwrap();
        let mut through = vec![];
        let scene = reader.scene(self.id, &state).unwrap();
        scene
            .through(from, to, &mut |seen| {
                through.push((seen.uid, seen.modseq, seen.internal_date, seen.size, seen.bits));
                Ok(true)
            })
            .unwrap();
        let expected = rows.iter().filter(|entry| (from..=to).contains(&entry.uid));
        let plain = |e: &Entry| (e.uid, e.modseq, e.internal_date, e.size, e.flags.bits);
        assert_eq!(through, expected.map(plain).collect::<Vec<_>>());
        for since in 0..=opened.info.highest.get() {
            let since = ModSeq::new(since);
            let changes = reader.changes(self.id, since).unwrap();
            let expected: Vec<_> = rows.iter().filter(|entry| entry.modseq > since).cloned().collect();
            assert_eq!(changes.changed, expected);
        }
    }
}

fn flags(which: u8) -> Flags {
    match which {
        0 => Flags::new().with(SystemFlag::Seen),
        1 => Flags::new().with(SystemFlag::Flagged),
        _ => {
            let mut flags = Flags::new();
            flags.add_keyword(if which == 2 { "Un" } else { "Deux" }).unwrap();
            flags
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_box_reads_the_same_through_its_summary(
        summary_changes in prop_oneof![Just(1_u32), Just(4), Just(1_000)],
        steps in vec((step(), 1..9000_u32, 1..9000_u32), 1..24),
    ) {
        let mut run = Run::new(summary_changes);
        for (step, from, to) in steps {
            run.step(step);
            run.compare(Uid::new(from).unwrap(), Uid::new(to.max(from)).unwrap());
        }
        run.store().summarise(run.id).unwrap();
        let store = run.store.take().unwrap();
        // What was damaged on purpose was built anew only where it is looked at: heads.
        let _ = store.prove();
        store.close().unwrap();
    }
}
