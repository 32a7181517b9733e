//! Bounds and fairness of the lanes, and that nothing is worked on twice or left behind.

use jiff::Timestamp;
use mssante::{Address, Domain};
use proptest::prelude::*;
use store::{BodyKind, Priority, TraceId, Way};

use super::*;

fn entry(id: u64, message: u8, domain: &str) -> Queued {
    let now = Timestamp::UNIX_EPOCH;
    let name = format!("{}{message}", "0".repeat(25));
    Queued {
        id: QueueId::new(id),
        way: Way::Peers,
        message: name.parse::<TraceId>().unwrap(),
        recipient: Address::parse(&format!("r{id}@{domain}")).unwrap(),
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
        queued: now,
        due: now,
        expires: now,
        attempts: 0,
        last: None,
        distrusted_since: None,
        delay_told: false,
    }
}

fn lanes(connections: usize, per_domain: usize) -> Lanes {
    Lanes::new(&RelaySettings {
        connections,
        connections_per_domain: per_domain,
        loaded: 8,
        loaded_per_domain: 6,
        recipients: 2,
        ..RelaySettings::new("mail.nord.test")
    })
}

fn domain(text: &str) -> Lane {
    Lane::Peers(Domain::parse(text).unwrap())
}

fn ids(entries: &[Queued]) -> Vec<u64> {
    entries.iter().map(|entry| entry.id.get()).collect()
}

#[test]
fn recipients_of_one_message_go_together_up_to_the_limit() {
    let lanes = lanes(9, 9);
    let sud = domain("sud.test");
    lanes.add(vec![
        entry(1, 1, "sud.test"),
        entry(2, 2, "sud.test"),
        entry(3, 1, "sud.test"),
        entry(4, 1, "sud.test"),
    ]);
    lanes.add(vec![entry(2, 2, "sud.test")]);
    assert_eq!(lanes.claimed(), 4, "what is here is not taken again");
    let taken: Vec<Vec<u64>> = std::iter::from_fn(|| lanes.take(&sud)).map(|taken| ids(&taken)).collect();
    assert_eq!(taken, [vec![1, 3], vec![2], vec![4]]);
}

#[test]
fn a_busy_domain_leaves_connections_to_the_others() {
    let lanes = lanes(4, 3);
    lanes.add((1..=6).map(|id| entry(id, id as u8, "sud.test")).collect());
    assert_eq!(lanes.hire(), [domain("sud.test"), domain("sud.test"), domain("sud.test")]);
    lanes.add(vec![entry(11, 1, "est.test")]);
    assert_eq!(lanes.hire(), [domain("est.test")]);
    lanes.add(vec![entry(12, 1, "ouest.test")]);
    assert!(lanes.hire().is_empty(), "four in all");
    lanes.leave(&domain("est.test"));
    let next = lanes.hire();
    assert!(
        next == [domain("ouest.test")] || next == [domain("est.test")],
        "the one with the fewest workers: {next:?}"
    );
}

#[test]
fn memory_is_bounded_for_each_domain_and_in_all() {
    let lanes = lanes(9, 9);
    let added = |taken, left, full| {
        let left = Some((Timestamp::UNIX_EPOCH, QueueId::new(left)));
        Added { taken, left, full }
    };
    assert_eq!(lanes.add((1..=9).map(|id| entry(id, id as u8, "sud.test")).collect()), added(6, 7, false));
    assert_eq!(lanes.add((11..=14).map(|id| entry(id, 1, "est.test")).collect()), added(2, 13, true));
    assert_eq!((lanes.claimed(), lanes.room()), (8, false));
    let sud = domain("sud.test");
    lanes.hire();
    let taken: Vec<_> = (0..3).flat_map(|_| lanes.take(&sud).unwrap()).collect();
    assert!(lanes.room() && !lanes.room(), "half of the lane is free");
    lanes.release(taken.iter().map(|entry| entry.id));
    assert!(!lanes.room());
    lanes.release(lanes.drain(&sud).iter().map(|entry| entry.id));
    assert!(lanes.room(), "half of all is free");
}

#[test]
fn a_peer_that_takes_no_further_connection_keeps_those_it_has() {
    let lanes = lanes(9, 9);
    let sud = domain("sud.test");
    lanes.add((1..=3).map(|id| entry(id, id as u8, "sud.test")).collect());
    assert_eq!(lanes.hire().len(), 3);
    let (_first, mut second) = (lanes.take(&sud).unwrap(), lanes.take(&sud).unwrap());
    assert!(!lanes.give_back(&sud, &mut second), "nobody else is connected");
    lanes.connected(&sud, true);
    assert!(lanes.give_back(&sud, &mut second) && second.is_empty());
    lanes.rest(&sud);
    lanes.leave(&sud);
    lanes.leave(&sud);
    assert!(lanes.hire().is_empty(), "one connection is what the peer takes");
    assert_eq!(ids(&lanes.drain(&sud)), [2, 3]);
}

#[test]
fn a_closed_relay_gives_no_work() {
    let lanes = lanes(9, 9);
    lanes.add(vec![entry(1, 1, "sud.test")]);
    lanes.close();
    assert!(lanes.hire().is_empty() && lanes.take(&domain("sud.test")).is_none());
    assert!(lanes.more(&domain("sud.test")).is_none());
}

proptest! {
    #[test]
    fn each_entry_is_worked_on_once_and_all_bounds_hold(
        given in proptest::collection::vec((1_u64..30, 0_u8..4, 0_usize..3), 0..60),
        turns in proptest::collection::vec(0_u8..4, 0..80),
    ) {
        let lanes = lanes(4, 3);
        let names = ["sud.test", "est.test", "ouest.test"];
        let mut given = given.into_iter();
        let (mut workers, mut busy): (Vec<Lane>, Vec<(Lane, Vec<Queued>)>) = (Vec::new(), Vec::new());
        for turn in turns {
            match turn {
                0 => { lanes.add(given.by_ref().take(5).map(|(id, message, at)| entry(id * 3 + at as u64, message, names[at])).collect()); }
                1 => workers.extend(lanes.hire()),
                2 => if let Some(place) = workers.pop() {
                    match lanes.take(&place) {
                        Some(taken) => busy.push((place, taken)),
                        None => lanes.leave(&place),
                    }
                },
                _ => if let Some((place, done)) = busy.pop() {
                    lanes.release(done.iter().map(|entry| entry.id));
                    lanes.rest(&place);
                    workers.push(place);
                },
            }
            let mut working: Vec<u64> = busy.iter().flat_map(|(_, taken)| ids(taken)).collect();
            let count = working.len();
            working.sort_unstable();
            working.dedup();
            prop_assert_eq!(working.len(), count, "an entry is worked on twice");
            prop_assert!(workers.len() + busy.len() <= 4 && lanes.claimed() <= 8);
            for name in names {
                let here = |place: &&Lane| **place == domain(name);
                let there = workers.iter().filter(here).count() + busy.iter().map(|(place, _)| place).filter(here).count();
                prop_assert!(there <= 3);
            }
        }
        for (place, done) in busy {
            lanes.release(done.iter().map(|entry| entry.id));
            lanes.rest(&place);
            workers.push(place);
        }
        let mut left = 0;
        while let Some(place) = { workers.extend(lanes.hire()); workers.pop() } {
            match lanes.take(&place) {
                Some(done) => {
                    left += done.len();
                    lanes.release(done.iter().map(|entry| entry.id));
                    lanes.rest(&place);
                    workers.push(place);
                }
                None => lanes.leave(&place),
            }
            prop_assert!(left < 100);
        }
        prop_assert_eq!(lanes.claimed(), 0, "nothing is left behind");
    }
}
