//! Bounds and fairness of the lanes, and that nothing is worked on twice or left behind.

use std::collections::BTreeMap;

use mssante::Address;
use proptest::prelude::*;
use store::{BodyKind, Priority, TraceId, Way};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_255_200 + seconds).unwrap()
}

fn entry(id: u64, message: u64) -> Queued {
    Queued {
        id: QueueId::new(id),
        way: Way::Peers,
        part: 0,
        message: format!("{message:026}").parse::<TraceId>().unwrap(),
        recipient: Address::parse(&format!("r{id}@sud.test")).unwrap(),
        notify: None,
        original: None,
        reverse_path: None,
        sender: None,
        envid: None,
        ret: None,
        smtputf8: false,
        body: BodyKind::SevenBit,
        require_tls: false,
        priority: Priority::Usual,
        size: 1,
        queued: at(0),
        due: at(0),
        expires: at(0),
        attempts: 0,
        last: None,
        distrusted_since: None,
        delay_told: false,
        held: false,
    }
}

fn lanes(connections: usize, first: usize, most: usize) -> Lanes {
    Lanes::new(&RelaySettings {
        connections,
        connections_per_domain: most,
        first_connections: first,
        recipients: 2,
        ..RelaySettings::new("mail.nord.test")
    })
}

fn ready(number: u64) -> ReadyLane {
    ReadyLane { id: LaneId::new(number), due: at(0), priority: Priority::Usual, added: 1, urged: 0 }
}

fn page(found: Vec<Queued>) -> Option<DuePage> {
    Some(DuePage { found, ..DuePage::default() })
}

/// What a worker does that finds these entries in the queue.
fn read(lanes: &Lanes, lane: LaneId, found: Vec<Queued>) {
    let Turn::Load(loading) = lanes.turn(lane) else { panic!("nothing is read") };
    lanes.loaded(lane, &loading, page(found));
}

fn sent(turn: Turn) -> Vec<u64> {
    match turn {
        Turn::Send(entries) => entries.iter().map(|entry| entry.id.get()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn recipients_of_one_message_go_together_up_to_the_limit() {
    let (lanes, sud) = (lanes(9, 5, 9), ready(1));
    lanes.look(&[sud], false, at(0));
    assert_eq!(lanes.hire(&[sud], at(0)), [sud.id]);
    read(&lanes, sud.id, vec![entry(1, 1), entry(2, 2), entry(3, 1), entry(4, 1)]);
    let other_header = Queued { part: 1, ..entry(9, 4) };
    assert!(!is_one_message(&other_header, &entry(4, 4)));
    assert_eq!(
        (sent(lanes.turn(sud.id)), sent(lanes.turn(sud.id)), sent(lanes.turn(sud.id))),
        (vec![1, 3], vec![2], vec![4])
    );
    let Turn::Load(loading) = lanes.turn(sud.id) else { panic!("read on") };
    assert_eq!(loading.skip.len(), 4, "what is worked on is not read again");
    assert!(matches!(lanes.turn(sud.id), Turn::Wait(_)), "one reads");
    lanes.loaded(sud.id, &loading, page(vec![]));
    assert!(matches!(lanes.turn(sud.id), Turn::Wait(_)), "nothing more came");
    lanes.look(&[ReadyLane { added: 2, ..sud }], false, at(0));
    assert!(matches!(lanes.turn(sud.id), Turn::Load(_)), "something came");
}

#[test]
fn what_came_while_a_page_was_read_is_read_as_well() {
    let (lanes, sud) = (lanes(9, 5, 9), ready(1));
    lanes.look(&[sud], false, at(0));
    lanes.hire(&[sud], at(0));
    let Turn::Load(loading) = lanes.turn(sud.id) else { panic!() };
    lanes.look(&[ReadyLane { added: 2, ..sud }], false, at(0));
    lanes.loaded(sud.id, &loading, page(vec![]));
    assert!(matches!(lanes.turn(sud.id), Turn::Load(_)));
}

#[test]
fn a_busy_lane_leaves_connections_to_the_others() {
    let (lanes, sud, est, ouest) = (lanes(4, 3, 3), ready(1), ready(2), ready(3));
    lanes.look(&[sud], false, at(0));
    assert_eq!(lanes.hire(&[sud], at(0)), [sud.id], "one looks what there is");
    read(&lanes, sud.id, (1..=6).map(|id| entry(id, id)).collect());
    assert_eq!(lanes.hire(&[sud], at(0)), [sud.id, sud.id]);
    let prompt = ReadyLane { priority: Priority::Prompt, ..ouest };
    lanes.look(&[sud, est, prompt], false, at(0));
    assert_eq!(lanes.hire(&[sud, est, prompt], at(0)), [ouest.id], "four in all, what is prompt first");
    lanes.leave(ouest.id);
    assert_eq!(lanes.hire(&[sud, est], at(0)), [est.id]);
}

#[test]
fn a_next_hop_that_failed_is_tried_by_one_after_a_while_and_at_once_if_asked() {
    let (lanes, sud, est) = (lanes(4, 3, 3), ready(1), ready(2));
    lanes.look(&[sud, est], false, at(0));
    lanes.hire(&[sud], at(0));
    lanes.failed(sud.id, at(0), 0.0);
    lanes.leave(sud.id);
    assert_eq!((lanes.hire(&[sud], at(29)), lanes.next_probe(at(29))), (vec![], Some(at(30))));
    let urged = ReadyLane { urged: 5, ..sud };
    lanes.look(&[urged], false, at(1));
    assert_eq!(lanes.hire(&[urged], at(1)), [sud.id]);
    read(&lanes, sud.id, (1..=6).map(|id| entry(id, id)).collect());
    assert!(lanes.hire(&[urged], at(2)).is_empty(), "one alone");
    lanes.failed(sud.id, at(2), 0.0);
    lanes.leave(sud.id);
    assert!(lanes.hire(&[urged], at(61)).is_empty(), "twice as long");
    assert_eq!(lanes.hire(&[urged], at(62)), [sud.id]);
    read(&lanes, sud.id, (1..=6).map(|id| entry(id, id)).collect());
    lanes.went_well(sud.id);
    assert_eq!(lanes.hire(&[urged], at(62)), [sud.id], "one more for each round that goes well");
    lanes.went_well(sud.id);
    assert!(lanes.hire(&[urged], at(62)).is_empty());
    lanes.went_well(sud.id);
    assert_eq!(lanes.hire(&[urged], at(62)), [sud.id]);
}

#[test]
fn next_hops_that_are_away_take_half_of_the_connections_at_most() {
    let lanes = lanes(4, 3, 3);
    let dead: Vec<ReadyLane> = (1..=8).map(ready).collect();
    lanes.look(&dead, false, at(0));
    for half in dead.chunks(4) {
        for lane in lanes.hire(half, at(0)) {
            lanes.failed(lane, at(0), 0.0);
            lanes.leave(lane);
        }
    }
    assert_eq!(lanes.hire(&dead, at(40)).len(), 2);
    let alive = ready(9);
    lanes.look(&[alive], false, at(40));
    let mut all = dead.clone();
    all.push(alive);
    lanes.look(&all, false, at(40));
    assert_eq!(lanes.hire(&all, at(40))[0], alive.id);
}

#[test]
fn a_peer_that_takes_no_further_connection_keeps_those_it_has() {
    let (lanes, sud) = (lanes(9, 9, 9), ready(1));
    lanes.look(&[sud], false, at(0));
    lanes.hire(&[sud], at(0));
    read(&lanes, sud.id, (1..=3).map(|id| entry(id, id)).collect());
    assert_eq!(lanes.hire(&[sud], at(0)).len(), 2);
    let (first, Turn::Send(mut second)) = (lanes.turn(sud.id), lanes.turn(sud.id)) else { panic!() };
    assert_eq!(sent(first), [1]);
    assert!(!lanes.give_back(sud.id, &mut second), "nobody else is connected");
    lanes.connected(sud.id, true);
    assert!(lanes.give_back(sud.id, &mut second) && second.is_empty());
    lanes.rest(sud.id);
    lanes.leave(sud.id);
    lanes.leave(sud.id);
    assert!(lanes.hire(&[sud], at(0)).is_empty(), "one connection is what the peer takes");
    let left: Vec<u64> = lanes.drain(sud.id).iter().map(|entry| entry.id.get()).collect();
    assert_eq!(left, [2, 3]);
}

#[test]
fn what_does_not_open_is_not_read_again_and_again() {
    let (lanes, sud) = (lanes(9, 5, 9), ready(1));
    lanes.look(&[sud], false, at(0));
    lanes.hire(&[sud], at(0));
    let Turn::Load(loading) = lanes.turn(sud.id) else { panic!() };
    let damaged = vec![QueueId::new(7)];
    lanes.loaded(sud.id, &loading, Some(DuePage { damaged, ..DuePage::default() }));
    assert!(matches!(lanes.turn(sud.id), Turn::Wait(_)));
    lanes.leave(sud.id);
    lanes.look(&[sud], false, at(0));
    assert!(lanes.hire(&[sud], at(0)).is_empty(), "it is due, and nothing can be done");
    lanes.look(&[sud], true, at(0));
    assert_eq!(lanes.hire(&[sud], at(0)), [sud.id], "now and then it is looked at again");
}

#[test]
fn a_closed_relay_gives_no_work() {
    let (lanes, sud) = (lanes(9, 9, 9), ready(1));
    lanes.look(&[sud], false, at(0));
    lanes.hire(&[sud], at(0));
    let Turn::Load(loading) = lanes.turn(sud.id) else { panic!() };
    lanes.close();
    lanes.loaded(sud.id, &loading, page(vec![entry(1, 1)]));
    assert!(lanes.hire(&[sud], at(0)).is_empty() && matches!(lanes.turn(sud.id), Turn::Leave));
    assert_eq!(lanes.in_memory(), 0);
}

/// A queue in memory: lanes with entries, each of a message.
#[derive(Default)]
struct Queue(BTreeMap<u64, Vec<Queued>>, u64);

impl Queue {
    fn ready(&self) -> Vec<ReadyLane> {
        let due = self.0.iter().filter(|(_, entries)| !entries.is_empty());
        due.map(|(lane, _)| ReadyLane { added: self.1, ..ready(*lane) }).collect()
    }

    fn page(&self, lane: LaneId, loading: &Loading) -> Option<DuePage> {
        let all = self.0.iter().find(|(number, _)| ready(**number).id == lane)?.1;
        let left = all.iter().filter(|entry| !loading.skip.contains(&entry.id));
        page(left.take(3).cloned().collect())
    }

    fn settle(&mut self, done: &[Queued]) {
        for entries in self.0.values_mut() {
            entries.retain(|entry| done.iter().all(|done| done.id != entry.id));
        }
    }
}

proptest! {
    #[test]
    fn each_entry_is_worked_on_once_all_bounds_hold_and_nothing_is_left_behind(
        given in proptest::collection::vec((0_u64..4, 0_u64..3), 0..60),
        turns in proptest::collection::vec(0_u8..8, 0..160),
    ) {
        let lanes = lanes(4, 2, 3);
        let (mut queue, mut given) = (Queue::default(), (1..).zip(given));
        let (mut workers, mut busy): (Vec<LaneId>, Vec<(LaneId, Vec<Queued>)>) = (vec![], vec![]);
        let mut now = 0;
        // at the end everything is brought to an end
        let rest = std::iter::repeat_n([2, 3, 4, 5], 400).flatten();
        for (step, turn) in turns.into_iter().chain(rest).enumerate() {
            match turn {
                0 => for (id, (message, lane)) in given.by_ref().take(5) {
                    queue.0.entry(lane).or_default().push(entry(id, message));
                    queue.1 += 1;
                },
                1 => if let Some((lane, mut entries)) = busy.pop() {
                    if lanes.give_back(lane, &mut entries) {
                        lanes.rest(lane);
                        lanes.leave(lane);
                    } else {
                        busy.push((lane, entries));
                    }
                },
                2 => {
                    lanes.look(&queue.ready(), step % 9 == 0, at(now));
                    workers.extend(lanes.hire(&queue.ready(), at(now)));
                }
                3 | 4 => if !workers.is_empty() {
                    let lane = workers.remove(0);
                    match lanes.turn(lane) {
                        Turn::Send(taken) => busy.push((lane, taken)),
                        Turn::Load(loading) => {
                            lanes.loaded(lane, &loading, queue.page(lane, &loading));
                            workers.push(lane);
                        }
                        Turn::Wait(_) | Turn::Leave => lanes.leave(lane),
                    }
                },
                6 => if let Some((lane, done)) = busy.pop() {
                    lanes.failed(lane, at(now), 0.0);
                    lanes.release(lane, done.iter().map(|entry| entry.id));
                    lanes.rest(lane);
                    lanes.leave(lane);
                    now += 1;
                },
                _ => if let Some((lane, done)) = busy.pop() {
                    queue.settle(&done);
                    lanes.went_well(lane);
                    lanes.release(lane, done.iter().map(|entry| entry.id));
                    lanes.rest(lane);
                    workers.push(lane);
                },
            }
            now += i64::from(step % 20 == 0) * 40;
            let mut working: Vec<u64> = busy.iter().flat_map(|(_, taken)| taken.iter().map(|entry| entry.id.get())).collect();
            let count = working.len();
            working.sort_unstable();
            working.dedup();
            prop_assert_eq!(working.len(), count, "an entry is worked on twice");
            prop_assert!(workers.len() + busy.len() <= 4 && lanes.workers() == workers.len() + busy.len());
            for lane in queue.0.keys().map(|lane| ready(*lane).id) {
                let there = workers.iter().chain(busy.iter().map(|(lane, _)| lane)).filter(|there| **there == lane).count();
                prop_assert!(there <= 3);
            }
        }
        prop_assert!(queue.0.values().all(Vec::is_empty), "left behind: {:?}", queue.ready());
    }
}
