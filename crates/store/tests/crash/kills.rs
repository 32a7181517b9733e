//! kill -9 at random moments under load: deliveries, APPEND, flags, copies, moves, expunges, of several people at once.

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{Scene, load::Random};
use crate::faults::{ALL, DATA, Order};

/// Rounds of each test below: five tests make 250.
const ROUNDS: usize = 50;
const PEOPLE: u64 = 4;

fn seed() -> u64 {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos().into();
    println!("seed {seed}");
    seed
}

/// Kills at random moments.
fn killed() {
    let mut random = Random(seed());
    let mut scene = Scene::new(PEOPLE);
    for _ in 0..ROUNDS {
        let before: u64 = scene.people.iter().map(|person| person.done).sum();
        let enough = before + random.below(60) as u64;
        let mut run = scene.start(None, None);
        run.hear_until(|heard| heard.done.iter().sum::<u64>() >= enough);
        thread::sleep(Duration::from_micros(random.below(4_000) as u64));
        let heard = run.kill();
        scene.check(&heard);
    }
    let done: u64 = scene.people.iter().map(|person| person.done).sum();
    assert!(done > 20 * ROUNDS as u64, "the rounds were too short to prove much: {done}");
}

#[test]
fn killed_at_any_moment_one() {
    killed();
}

#[test]
fn killed_at_any_moment_two() {
    killed();
}

#[test]
fn killed_at_any_moment_three() {
    killed();
}

#[test]
fn killed_at_any_moment_four() {
    killed();
}

/// The same under load with the power cut: what was acknowledged had been synced.
#[test]
fn the_power_fails_at_any_moment() {
    let mut random = Random(seed());
    let mut scene = Scene::new(PEOPLE);
    for round in 0..ROUNDS {
        let faults = scene.faults();
        let after = i32::try_from(random.below(250)).unwrap();
        let (order, kinds) =
            if round % 5 == 4 { (Order::Torn(after), DATA) } else { (Order::Cut(after), ALL) };
        faults.order(order, kinds);
        let (heard, status) = scene.start(Some(&faults), None).wait();
        assert!(!status.success());
        scene.check(&heard);
    }
    let done: u64 = scene.people.iter().map(|person| person.done).sum();
    assert!(done > 5 * ROUNDS as u64, "the rounds were too short to prove much: {done}");
}
