//! The proof finds each kind of damage.

use std::collections::HashSet;

use super::*;
use crate::{
    Action, Actor, FlagChange, FlagMode, Flags, Store, SystemFlag,
    body::Place,
    common::{World, body_bytes, deliver, delivery, inbox, outgoing},
    engine::{Change, Durability},
    ids::{AccountId, CredentialId, ModSeq, Uid},
    keys::Part,
    queue::QueueId,
    records::{
        self, BoxState, CopyingRun, DayTally, DeletedBox, EntryRow, GoneDay, LaneRow, Listing, MessageRow,
        QueueCounters, Reference, UsageRecord,
    },
    rows::{boxes, messages, queue},
    seal::CHUNK,
};

/// A store with two messages in one INBOX, one of three chunks, one of one, and two that leave: the first for two people.
struct Scene {
    world: World,
    store: Store,
    inbox: BoxId,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        let store = world.open();
        let account = world.account(&store, "un").id;
        world.run(async {
            let mut first =
                delivery(&store, world.clock_now(), 1, &body_bytes(1, 2 * CHUNK + 5), &[account]).await;
            first.traces = vec![world.trace(Action::Receive)];
            store.deliver(first).await.unwrap();
            deliver(&store, world.clock_now(), 2, b"short\r\n", &[account]).await;
            for (number, to) in [(3, &["a", "b"][..]), (4, &["c"])] {
                let mut leaving = delivery(&store, world.clock_now(), number, b"away\r\n", &[]).await;
                leaving.outgoing = vec![outgoing(world.clock_now(), to)];
                store.deliver(leaving).await.unwrap();
            }
        });
        let inbox = inbox(&store, account).id;
        Self { world, store, inbox }
    }

    fn reference(&self, uid: Uid) -> Reference {
        messages::reference(&self.store.core.engine, self.inbox, uid).unwrap().unwrap()
    }

    fn record(&self, id: BodyId) -> BodyRecord {
        messages::body(&self.store.core.engine, id).unwrap().unwrap()
    }

    fn place(&self, uid: Uid) -> Place {
        let id = self.reference(uid).body;
        self.record(id).place(id)
    }

    fn entry(&self, id: QueueId) -> EntryRow {
        queue::entry(&self.store.core.engine, id).unwrap().unwrap()
    }

    fn message(&self, id: QueueId) -> MessageRow {
        queue::message(&self.store.core.engine, self.entry(id).dispatch()).unwrap().unwrap()
    }

    /// Marks a message; the mod-sequence of that change.
    fn flag(&self, uid: Uid) -> ModSeq {
        let flags = Flags::new().with(SystemFlag::Flagged);
        let change = FlagChange { mode: FlagMode::Add, flags };
        self.world.run(self.store.store_flags(self.inbox, vec![uid], change, Actor::default())).unwrap()[0]
            .modseq
    }

    fn write(&self, change: Change) {
        self.store.core.engine.write(&[change], Durability::Later).unwrap();
    }

    fn put<T: serde::Serialize>(&self, family: Family, key: Vec<u8>, record: &T) {
        self.write(Change::Put(family, key, records::encode(record).unwrap()));
    }

    fn copy(&self, family: Family, from: &[u8], to: Vec<u8>) {
        let value = self.store.core.engine.get(family, from).unwrap().unwrap();
        self.write(Change::Put(family, to, value));
    }
}

/// What is done to the store, and a word of the fault it must give.
type Damage = (&'static str, fn(&Scene));

const ONE: Uid = Uid::MIN;

fn two() -> Uid {
    Uid::new(2).unwrap()
}

const BODIES: [Damage; 9] = [
    ("open whole", |s| s.write(Change::Delete(Family::Bodies, keys::chunk(s.place(ONE), 1)))),
    ("open whole", |s| {
        // The last chunk cut off, its predecessor posing as the last.
        let id = s.reference(ONE).body;
        s.put(Family::Index, keys::body(id), &BodyRecord { len: 2 * CHUNK as u64, ..s.record(id) });
    }),
    ("open whole", |s| {
        let (one, two) = (s.place(ONE), s.place(two()));
        s.copy(Family::Bodies, &keys::chunk(one, 0), keys::chunk(two, 0));
    }),
    ("open whole", |s| {
        let place = s.place(ONE);
        s.copy(Family::Bodies, &keys::chunk(place, 0), keys::chunk(place, 1));
    }),
    ("belong to no body", |s| s.copy(Family::Bodies, &keys::chunk(s.place(ONE), 0), vec![7; 32])),
    ("as often as it says", |s| {
        let id = s.reference(two()).body;
        s.put(Family::Index, keys::body(id), &BodyRecord { references: 2, ..s.record(id) });
    }),
    ("variant or its index", |s| {
        s.write(Change::Delete(Family::Index, keys::header(s.reference(ONE).body, 0)));
    }),
    ("variant or its index", |s| {
        let (one, two) = (s.reference(ONE).body, s.reference(two()).body);
        s.copy(Family::Index, &keys::header(one, 0), keys::header(two, 0));
    }),
    ("being written", |s| {
        s.write(Change::Put(Family::Accounts, keys::orphan(s.reference(ONE).body), vec![]));
    }),
];

/// The entries: two of one message, one of another.
const ENTRIES: [QueueId; 3] = [QueueId(1), QueueId(2), QueueId(3)];

const QUEUE: [Damage; 16] = [
    ("does not open", |s| {
        let row = EntryRow { sealed: s.entry(ENTRIES[1]).sealed, ..s.entry(ENTRIES[0]) };
        s.put(Family::Queue, keys::queued(ENTRIES[0]), &row);
    }),
    ("due when it says", |s| {
        let row = s.entry(ENTRIES[0]);
        s.write(Change::Delete(Family::Queue, keys::lane_due(row.lane, 1, row.due, ENTRIES[0])));
    }),
    ("no entry", |s| {
        let row = s.entry(ENTRIES[0]);
        s.write(Change::Put(Family::Queue, keys::lane_due(row.lane, 1, row.due + 1, ENTRIES[0]), vec![]));
    }),
    ("before the queue begins", |s| {
        let row = s.entry(ENTRIES[0]);
        s.write(Change::Delete(Family::Queue, keys::lane_due(row.lane, 1, row.due, ENTRIES[0])));
        s.write(Change::Put(Family::Queue, keys::lane_due(row.lane, 1, row.due - 1, ENTRIES[0]), vec![]));
        s.put(Family::Queue, keys::queued(ENTRIES[0]), &EntryRow { due: row.due - 1, ..row });
    }),
    ("as many entries", |s| {
        let row = MessageRow { left: 1, ..s.message(ENTRIES[0]) };
        s.put(Family::Queue, keys::queued_message(s.entry(ENTRIES[0]).dispatch()), &row);
    }),
    ("as many entries", |s| {
        let row = s.entry(ENTRIES[2]);
        s.write(Change::Delete(Family::Queue, keys::queued(ENTRIES[2])));
        s.write(Change::Delete(Family::Queue, keys::lane_due(row.lane, 1, row.due, ENTRIES[2])));
        s.write(Change::Delete(Family::Queue, keys::lane_entry(row.lane, ENTRIES[2])));
    }),
    ("belong to no message", |s| {
        let message = s.entry(ENTRIES[2]).dispatch();
        s.write(Change::Delete(Family::Queue, keys::queued_message(message)));
    }),
    ("does not open", |s| {
        let row = MessageRow { left: 1, ..s.message(ENTRIES[0]) };
        s.put(Family::Queue, keys::queued_message(s.entry(ENTRIES[2]).dispatch()), &row);
    }),
    ("referred to as often", |s| {
        let id = s.entry(ENTRIES[2]).body;
        s.put(Family::Index, keys::body(id), &BodyRecord { references: 2, ..s.record(id) });
    }),
    ("another size", |s| {
        let id = s.entry(ENTRIES[2]).body;
        s.write(Change::Delete(Family::Index, keys::index(id, 0)));
    }),
    ("counters are not", |s| {
        let counters = QueueCounters { entries: 3, last: 2 };
        s.put(Family::Queue, keys::QUEUE_COUNTERS.to_vec(), &counters);
    }),
    ("lane does not know it", |s| {
        s.write(Change::Delete(Family::Queue, keys::lane_entry(s.entry(ENTRIES[0]).lane, ENTRIES[0])));
    }),
    ("lane does not have as many", |s| {
        let lane = s.entry(ENTRIES[0]).lane;
        let row = queue::lane(&s.store.core.engine, lane).unwrap().unwrap();
        s.put(Family::Queue, keys::lane(lane), &LaneRow { entries: 2, ..row });
    }),
    ("lane does not open", |s| {
        let lane = s.entry(ENTRIES[0]).lane;
        let row = queue::lane(&s.store.core.engine, lane).unwrap().unwrap();
        s.put(Family::Queue, keys::lane(lane), &LaneRow { sealed: vec![1; 80], ..row });
    }),
    ("account does not have as many", |s| s.put(Family::Queue, keys::queued_of(AccountId(1)), &1_u64)),
    ("no known sort", |s| s.write(Change::Put(Family::Queue, vec![b'z'], vec![]))),
];

const BOXES: [Damage; 12] = [
    ("counters", |s| {
        let mut state = boxes::state(&s.store.core.engine, s.inbox).unwrap().unwrap();
        state.unseen = 1;
        s.put(Family::Accounts, keys::box_state(s.inbox), &state);
    }),
    ("UIDNEXT", |s| {
        let mut state = boxes::state(&s.store.core.engine, s.inbox).unwrap().unwrap();
        state.uid_next = two();
        s.put(Family::Accounts, keys::box_state(s.inbox), &state);
    }),
    ("HIGHESTMODSEQ", |s| {
        let mut state = boxes::state(&s.store.core.engine, s.inbox).unwrap().unwrap();
        state.highest = ModSeq(1);
        s.put(Family::Accounts, keys::box_state(s.inbox), &state);
    }),
    ("last change", |s| {
        s.store.summarise(s.inbox).unwrap();
        let modseq = s.flag(ONE);
        s.write(Change::Delete(Family::Index, keys::change(s.inbox, modseq, ONE)));
    }),
    ("list of changes", |s| {
        s.write(Change::Put(Family::Index, keys::change(s.inbox, ModSeq(9), ONE), vec![]));
    }),
    ("list of changes", |s| {
        let modseq = s.flag(ONE);
        s.store.summarise(s.inbox).unwrap();
        s.write(Change::Put(Family::Index, keys::change(s.inbox, modseq, ONE), vec![1]));
    }),
    ("summary does not open", |s| {
        s.store.summarise(s.inbox).unwrap();
        s.write(Change::Delete(Family::Index, keys::segment(s.inbox, Part::Columns, 0)));
    }),
    ("summary does not open", |s| {
        s.store.summarise(s.inbox).unwrap();
        s.write(Change::Put(Family::Index, keys::segment(s.inbox, Part::Head, 0), vec![1, 7]));
    }),
    ("summary is not", |s| {
        // Of another moment, without what happened since.
        s.store.summarise(s.inbox).unwrap();
        let parts = [Part::Head, Part::Columns].map(|part| keys::segment(s.inbox, part, 0));
        let old = parts.clone().map(|key| s.store.core.engine.get(Family::Index, &key).unwrap().unwrap());
        s.flag(ONE);
        s.store.summarise(s.inbox).unwrap();
        for (key, value) in parts.into_iter().zip(old) {
            s.write(Change::Put(Family::Index, key, value));
        }
    }),
    ("refers to no body", |s| s.write(Change::Delete(Family::Index, keys::reference(s.inbox, ONE)))),
    ("vanished", |s| {
        let last = ONE.get().to_be_bytes().to_vec();
        s.write(Change::Put(Family::Index, keys::vanished(s.inbox, ModSeq(2), ONE), last));
    }),
    ("belongs to no box", |s| {
        s.copy(Family::Index, &keys::listing(s.inbox, ONE), keys::listing(BoxId(77), ONE));
    }),
];

/// What the first box has of the day of its messages.
fn tally(s: &Scene) -> (Day, DayTally) {
    boxes::tallies(&s.store.core.engine, s.inbox, Day::from_number(u32::MAX)).unwrap()[0]
}

const DAYS: [Damage; 9] = [
    ("for each day", |s| {
        let (day, tally) = tally(s);
        s.put(Family::Index, keys::tally(s.inbox, day), &DayTally { unseen: 1, ..tally });
    }),
    ("for each day", |s| {
        let (day, tally) = tally(s);
        let other = Day::from_number(day.number() - 1);
        s.put(Family::Index, keys::tally(s.inbox, other), &tally);
    }),
    ("for each day", |s| s.write(Change::Delete(Family::Index, keys::tally(s.inbox, tally(s).0)))),
    ("day is not that", |s| {
        let listing = messages::listing(&s.store.core.engine, s.inbox, ONE).unwrap().unwrap();
        let day = Day::from_number(listing.day.number() + 1);
        s.put(Family::Index, keys::listing(s.inbox, ONE), &Listing { day, ..listing });
    }),
    ("belongs to no box", |s| {
        let (day, tally) = tally(s);
        s.put(Family::Index, keys::tally(BoxId(77), day), &tally);
    }),
    ("not erased", |s| {
        let (day, tally) = tally(s);
        let gone = GoneDay { modseq: ModSeq(2), messages: tally.messages, listed: false };
        s.put(Family::Accounts, keys::gone_day(s.inbox, day), &gone);
    }),
    ("usage", |s| {
        let more = UsageRecord { messages: 3, bytes: 300 };
        s.put(Family::Accounts, keys::usage(AccountId(1)), &more);
    }),
    ("no account", |s| {
        s.put(Family::Accounts, keys::usage(AccountId(9)), &UsageRecord::default());
    }),
    ("as long as it says", |s| {
        let state = boxes::state(&s.store.core.engine, s.inbox).unwrap().unwrap();
        s.put(Family::Accounts, keys::box_state(s.inbox), &BoxState { runs: 1, ..state });
    }),
];

const ACCOUNTS: [Damage; 3] = [
    ("address", |s| {
        let account = AccountId(1);
        let login = s.store.reader().account(account).unwrap().unwrap().profile.login;
        let hash = accounts::address_hash(&s.store.core.keys, &login);
        s.put(Family::Accounts, keys::address(&hash), &AddressRecord { account, live: false });
    }),
    ("INBOX", |s| s.write(Change::Delete(Family::Accounts, keys::inbox(AccountId(1))))),
    ("journey", |s| {
        let (from, until) = keys::under(b"i");
        s.write(Change::DeleteRange(Family::Traces, from, until));
    }),
];

const DELETED: [Damage; 4] = [
    ("said to be removed", |s| {
        s.write(Change::Put(Family::Accounts, keys::removed_account(AccountId(1)), vec![]));
    }),
    ("said to be deleted", |s| {
        s.put(Family::Accounts, keys::deleted_box(s.inbox), &DeletedBox { released: 0 });
    }),
    ("as often as it says", |s| {
        // A deleted box holds what it refers to; here one that never was.
        s.put(Family::Accounts, keys::deleted_box(BoxId(77)), &DeletedBox { released: 0 });
        s.copy(Family::Index, &keys::reference(s.inbox, ONE), keys::reference(BoxId(77), ONE));
    }),
    ("never was there", |s| {
        let run = CopyingRun { to: s.inbox, last: Uid::new(9).unwrap() };
        s.put(Family::Accounts, keys::copying_run(1, ONE), &run);
    }),
];

const STRANGERS: [Damage; 7] = [
    ("no known sort", |s| s.write(Change::Put(Family::Accounts, b"mwhat".to_vec(), vec![]))),
    ("no known sort", |s| s.write(Change::Put(Family::Accounts, b"Z".to_vec(), vec![]))),
    ("no known sort", |s| s.write(Change::Put(Family::Index, keys::listings(s.inbox), vec![]))),
    ("no known sort", |s| s.write(Change::Put(Family::Traces, vec![b'x'; 13], vec![]))),
    ("account that is gone", |s| {
        s.put(
            Family::Accounts,
            keys::address(&[7; 32]),
            &AddressRecord { account: AccountId(9), live: true },
        );
    }),
    ("account that lacks it", |s| {
        s.put(
            Family::Accounts,
            keys::address(&[7; 32]),
            &AddressRecord { account: AccountId(1), live: true },
        );
    }),
    ("password belongs to no account", |s| {
        s.write(Change::Put(Family::Accounts, keys::credential(AccountId(9), CredentialId(1)), vec![]));
    }),
];

#[test]
fn each_kind_of_damage_is_found() {
    let all = BODIES.into_iter().chain(QUEUE).chain(BOXES).chain(DAYS).chain(ACCOUNTS);
    for (word, damage) in all.chain(DELETED).chain(STRANGERS) {
        let scene = Scene::new();
        assert_eq!(scene.store.prove().unwrap().messages, 2);
        damage(&scene);
        let faults = scene.store.prove().unwrap_err();
        assert!(faults.iter().any(|fault| fault.problem.contains(word)), "{word}: {faults:?}");
        let Scene { world, store, .. } = scene;
        store.close().unwrap();
        drop(world);
    }
}

#[test]
fn a_damaged_entry_keeps_no_other_from_leaving_and_can_be_settled() {
    let scene = Scene::new();
    let row = scene.entry(ENTRIES[0]);
    scene.put(Family::Queue, keys::queued(ENTRIES[0]), &EntryRow { sealed: vec![0; 40], ..row });
    let now = scene.world.clock_now();
    let ids = |found: Vec<crate::Queued>| found.into_iter().map(|queued| queued.id).collect::<Vec<_>>();
    let lane = scene.entry(ENTRIES[0]).lane;
    let due = scene.store.reader().queue_due(lane, now, &HashSet::new(), 9).unwrap();
    assert_eq!((ids(due.found), due.damaged, due.more), (ENTRIES[1..].to_vec(), vec![ENTRIES[0]], false));
    assert_eq!(ids(scene.store.reader().queue_list(None, 2).unwrap()), ENTRIES[1..]);
    assert_eq!(scene.store.reader().queued(ENTRIES[0]), Err(StoreError::Corrupt("queue entry")));
    let gone = vec![(ENTRIES[0], crate::Settlement::Gone)];
    scene.world.run(scene.store.settle(gone, None, vec![])).unwrap();
    scene.store.prove().unwrap();
    scene.store.close().unwrap();
}

#[test]
fn damage_is_told_apart_from_absence_when_it_is_read() {
    let scene = Scene::new();
    let body = scene.store.reader().body(scene.inbox, two()).unwrap().unwrap();
    let place = scene.place(two());
    scene.write(Change::Put(Family::Bodies, keys::chunk(place, 0), vec![0; 40]));
    assert_eq!(body.chunk(0).unwrap_err(), StoreError::Corrupt("body"));
    scene.write(Change::Delete(Family::Bodies, keys::chunk(place, 0)));
    assert_eq!(body.chunk(0).unwrap_err(), StoreError::NotFound);
    drop(body);
    scene.store.close().unwrap();
}

#[test]
fn uids_do_not_wrap() {
    let scene = Scene::new();
    let mut state = boxes::state(&scene.store.core.engine, scene.inbox).unwrap().unwrap();
    state.uid_next = Uid::new(u32::MAX).unwrap();
    scene.put(Family::Accounts, keys::box_state(scene.inbox), &state);
    // The committer knows the counters it wrote; one that opens the store reads them.
    let Scene { world, store, inbox } = scene;
    store.close().unwrap();
    let scene = Scene { store: world.open(), world, inbox };
    let result = scene.world.run(async {
        let to = [AccountId(1)];
        let more = delivery(&scene.store, scene.world.clock_now(), 3, b"x\r\n", &to).await;
        scene.store.deliver(more).await
    });
    assert_eq!(result.unwrap_err(), StoreError::Limit(crate::error::Limit::Uids));
    scene.store.prove().unwrap();
    scene.store.close().unwrap();
}
