//! Python's imaplib, which many scripts of hospitals are written with, on a tour of everything it can ask.

use std::process::Command;

use crate::harness::{DOCTOR, PASSWORD, World, succeed};

#[test]
fn imaplib_goes_on_a_full_tour() {
    let world = World::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tour.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(world.imaps().to_string()).arg(world.ca()).args([DOCTOR, PASSWORD]);
    let said = succeed(&mut python);
    assert!(said.ends_with("the tour is over\n"), "{said}");
}
