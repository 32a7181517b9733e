//! A disk that refuses for a while: nothing that it refused is acknowledged, nothing acknowledged is lost, reading goes on,
//! and the store works again by itself once the disk does.

use std::time::Duration;

use super::{Heard, Scene};
use crate::faults::{ALL, DATA, EIO, ENOSPC, Order, SYNC};

const PEOPLE: u64 = 3;

fn each_did(heard: &Heard, before: &[u64], more: u64) -> bool {
    heard.done.iter().zip(before).all(|(done, before)| *done >= before + more)
}

/// Work, the disk refuses calls of these kinds for a while, work again, kill; then all is as told.
fn refused_for_a_while(error: i32, kinds: i32, steps: Option<i32>) -> Vec<String> {
    // The one call that fails is then a commit's, and somebody is told.
    let mut scene = Scene { mark_every: Duration::from_secs(3600), ..Scene::new(PEOPLE) };
    let faults = scene.faults();
    faults.order(Order::Nothing, ALL);
    let mut run = scene.start(Some(&faults), None);
    let mut refused = vec![];
    for _ in 0..2 {
        let before = run.heard.done.clone();
        run.hear_until(|heard| each_did(heard, &before, 5));
        let (errors, reads) = (run.heard.refused.len(), run.heard.reads);
        faults.order(Order::Fail { error, steps }, kinds);
        run.hear_until(|heard| heard.refused.len() > errors + 6 && heard.reads > reads + 6);
        assert!(faults.failed() > 0);
        faults.order(Order::Nothing, ALL);
        let before = run.heard.done.clone();
        run.hear_until(|heard| each_did(heard, &before, 5));
        refused.append(&mut run.heard.refused);
    }
    let heard = run.kill();
    scene.check(&heard);
    refused
}

fn says(refused: &[String], error: &str) -> bool {
    refused.iter().any(|refusal| refusal.contains(error))
}

#[test]
fn without_room_for_a_while() {
    let refused = refused_for_a_while(ENOSPC, DATA, None);
    assert!(says(&refused, "Full"), "{refused:?}");
    assert!(!says(&refused, "Engine"), "{refused:?}");
}

#[test]
fn failing_writes_and_syncs_for_a_while() {
    let refused = refused_for_a_while(EIO, ALL, None);
    assert!(says(&refused, "Input/output error") && says(&refused, "Busy"), "{refused:?}");
}

#[test]
fn failing_syncs_for_a_while() {
    let refused = refused_for_a_while(EIO, SYNC, None);
    assert!(says(&refused, "Input/output error"), "{refused:?}");
}

#[test]
fn one_sync_that_fails() {
    let refused = refused_for_a_while(EIO, SYNC, Some(1));
    assert!(says(&refused, "Input/output error"), "{refused:?}");
}

#[test]
fn a_store_that_was_refused_goes_on_and_closes_well() {
    let mut scene = Scene::new(PEOPLE);
    let faults = scene.faults();
    faults.order(Order::Nothing, ALL);
    let mut run = scene.start(Some(&faults), Some(60));
    run.hear_until(|heard| each_did(heard, &[0; PEOPLE as usize], 5));
    faults.order(Order::Fail { error: EIO, steps: Some(3) }, ALL);
    let (heard, status) = run.wait();
    assert!(status.success() && faults.failed() == 3, "{status}, {} failures", faults.failed());
    assert_eq!(heard.done, [60; PEOPLE as usize]);
    scene.check(&heard);
}
