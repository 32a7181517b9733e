//! The end at each step: of opening, of the day's first message with its new key in the key file, of commits of every kind,
//! of closing. A step is one call that changes a file or makes a change last.

use super::Scene;
use crate::faults::{ALL, DATA, Order};

/// Operations of the one person: enough for each kind, and for bodies of each size.
const OPERATIONS: u64 = 12;

/// Runs to the end at each step in turn, as `order` says; gives how many there were.
fn at_each_step(order: impl Fn(i32) -> Order, kinds: i32) -> i32 {
    let mut base = Scene::new(1);
    let heard = base.start(None, Some(2 * OPERATIONS)).wait();
    assert!(heard.1.success());
    base.check(&heard.0);
    for after in 0.. {
        let mut scene = base.copy(1);
        let faults = scene.faults();
        faults.order(order(after), kinds);
        let (heard, status) = scene.start(Some(&faults), Some(OPERATIONS)).wait();
        scene.check(&heard);
        if status.success() {
            assert_eq!(heard.done[0], base.people[0].done + OPERATIONS);
            return after;
        }
    }
    unreachable!("the process ends by itself at last")
}

#[test]
fn killed_at_each_step() {
    let steps = at_each_step(Order::Kill, ALL);
    assert!(steps > 40, "only {steps} steps");
}

#[test]
fn killed_within_each_write() {
    let writes = at_each_step(Order::Torn, DATA);
    assert!(writes > 20, "only {writes} writes");
}

#[test]
fn the_power_fails_at_each_step() {
    let steps = at_each_step(Order::Cut, ALL);
    assert!(steps > 40, "only {steps} steps");
}
