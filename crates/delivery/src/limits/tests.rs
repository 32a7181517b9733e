//! Who is bounded by what, and that the others are not.

use std::time::Duration;

use super::*;
use crate::samples::doctor;

const TINY: Allowance = Allowance { messages: 3, recipients: 5, refusals: 2, bytes: 1_000 };

fn limits(person: Allowance, all: Allowance) -> Limits {
    Limits::new(LimitSettings { person, all, ..LimitSettings::default() })
}

fn ample() -> Allowance {
    LimitSettings::default().all
}

fn person(n: u64) -> Party {
    Party { class: Class::Person, name: Name::Account(AccountId::new(n)) }
}

fn told(limited: Result<(), Limited>) -> Option<(u16, &'static str)> {
    limited.err().map(|limited| (limited.denial().code, limited.denial().reason))
}

#[test]
fn each_bound_is_of_one_party_and_passes_with_time() {
    let (now, limits) = (Instant::now(), limits(TINY, ample()));
    for _ in 0..3 {
        limits.message(&person(1), now).unwrap();
    }
    assert_eq!(told(limits.message(&person(1), now)), Some((450, "too-many-messages")));
    limits.message(&person(2), now).unwrap();
    for _ in 0..5 {
        limits.recipient(&person(1), now).unwrap();
    }
    assert_eq!(told(limits.recipient(&person(1), now)), Some((452, "too-many-recipients")));
    let now = now + Duration::from_secs(1201);
    limits.message(&person(1), now).unwrap();
    assert!(limits.message(&person(1), now).is_err());
    let counts: Vec<u64> = What::ALL.map(|what| limits.refused(Class::Person, what)).to_vec();
    assert_eq!(counts, [2, 1, 0, 0]);
}

#[test]
fn what_was_sent_and_refused_counts_for_the_next_message() {
    let (now, limits) = (Instant::now(), limits(TINY, ample()));
    limits.message(&person(1), now).unwrap();
    limits.content(&person(1), 60_000_000, now);
    assert_eq!(told(limits.message(&person(1), now)), Some((450, "too-much-content")));
    limits.recipient(&person(1), now).unwrap();
    limits.recipient_refused(&person(2), now);
    limits.recipient(&person(2), now).unwrap();
    limits.recipient_refused(&person(2), now);
    assert_eq!(told(limits.recipient(&person(2), now)), Some((421, "too-many-refusals")));
    assert_eq!(told(limits.message(&person(2), now)), Some((421, "too-many-refusals")));
    let now = now + Duration::from_secs(2 * 3600);
    limits.message(&person(1), now).unwrap();
    limits.recipient(&person(2), now).unwrap();
}

#[test]
fn all_together_are_bounded_too() {
    let (now, limits) = (Instant::now(), limits(ample(), TINY));
    for n in 0..3 {
        limits.message(&person(n), now).unwrap();
    }
    assert_eq!(told(limits.message(&person(9), now)), Some((451, "crowded")));
    assert_eq!(limits.refused(Class::All, What::Messages), 1);
}

#[test]
fn the_first_refusals_are_traced_and_not_each_of_a_flood() {
    let (now, limits) = (Instant::now(), limits(TINY, ample()));
    let traced =
        (0..100).filter(|_| limits.message(&person(1), now).is_err_and(|limited| limited.traced)).count();
    assert_eq!(traced, 6);
}

#[test]
fn who_has_rested_is_forgotten() {
    let (mut now, limits) = (Instant::now(), limits(TINY, ample()));
    for n in 0..5_000 {
        limits.message(&person(n), now).unwrap();
        now += Duration::from_secs(10);
    }
    assert!(limits.meters().len() < 2_100);
}

#[test]
fn software_may_do_more_than_people() {
    let defaults = LimitSettings::default();
    let doctor = doctor();
    let party = Party::account(doctor.id, &doctor.profile);
    assert_eq!(party.class, Class::Person);
    let mut department = doctor.profile.clone();
    department.box_type = BoxType::Org;
    assert_eq!(Party::account(doctor.id, &department).class, Class::Software);
    assert!(defaults.of(Class::Software).messages > defaults.of(Class::Person).messages);
}
