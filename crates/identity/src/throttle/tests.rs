//! What repeated failures lead to, without a wait: time is an argument.

use proptest::prelude::*;

use super::*;

const WINDOW: i64 = 600;

fn throttle(change: impl FnOnce(&mut Settings)) -> Throttle {
    let mut settings = Settings::default();
    change(&mut settings);
    Throttle::new(&settings)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn peer(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn is_blocked(throttle: &Throttle, name: &str, from: IpAddr, now: Timestamp) -> bool {
    throttle.blocked(&throttle.track(name, from, b"whatever"), now).is_some()
}

fn fail(throttle: &Throttle, name: &str, from: IpAddr, guess: &str, now: Timestamp) -> bool {
    throttle.failed(&throttle.track(name, from, guess.as_bytes()), now)
}

#[test]
fn six_wrong_passwords_block_the_name_from_there_and_only_from_there() {
    let throttle = throttle(|_| {});
    for guess in 0..6 {
        assert!(!is_blocked(&throttle, "a", peer(1), at(0)));
        assert_eq!(fail(&throttle, "a", peer(1), &guess.to_string(), at(0)), guess == 5);
    }
    assert!(is_blocked(&throttle, "a", peer(1), at(0)));
    assert!(!is_blocked(&throttle, "a", peer(2), at(0)));
    assert!(!is_blocked(&throttle, "b", peer(1), at(0)));
}

#[test]
fn a_block_ends_by_itself_and_is_told_once() {
    let throttle = throttle(|_| {});
    for guess in 0..6 {
        fail(&throttle, "a", peer(1), &guess.to_string(), at(guess));
    }
    let tracked = throttle.track("a", peer(1), b"right");
    let told = |second| throttle.blocked(&tracked, at(second));
    assert_eq!(told(5), Some(Block { retry_after: Duration::from_secs(600), is_news: true }));
    assert_eq!(told(604), Some(Block { retry_after: Duration::from_secs(1), is_news: false }));
    assert_eq!(told(605), None);
    assert!(!fail(&throttle, "a", peer(1), "again", at(605)), "the count begins anew");
}

#[test]
fn a_device_that_repeats_an_old_password_every_minute_never_blocks() {
    let throttle = throttle(|_| {});
    for minute in 0..1000 {
        assert!(!is_blocked(&throttle, "a", peer(1), at(60 * minute)));
        fail(&throttle, "a", peer(1), "old", at(60 * minute));
    }
}

#[test]
fn the_same_password_over_and_over_blocks_too() {
    let throttle = throttle(|_| {});
    let blocked_at = (1..).find(|_| fail(&throttle, "a", peer(1), "same", at(0)));
    assert_eq!(blocked_at, Some(11));
}

#[test]
fn many_places_block_a_name() {
    let throttle = throttle(|_| {});
    for place in 0..60 {
        assert!(!is_blocked(&throttle, "a", peer(200), at(0)));
        fail(&throttle, "a", peer(place), &place.to_string(), at(0));
    }
    assert!(is_blocked(&throttle, "a", peer(200), at(0)));
    assert!(!is_blocked(&throttle, "b", peer(200), at(0)));
}

#[test]
fn many_names_block_a_place() {
    let throttle = throttle(|_| {});
    for name in 0..100 {
        assert!(!is_blocked(&throttle, "anybody", peer(1), at(0)));
        fail(&throttle, &name.to_string(), peer(1), "123456", at(0));
    }
    assert!(is_blocked(&throttle, "anybody", peer(1), at(0)));
    assert!(!is_blocked(&throttle, "anybody", peer(2), at(0)));
}

#[test]
fn a_hospital_full_of_devices_with_old_passwords_is_not_shut_out() {
    let throttle = throttle(|_| {});
    for minute in 0..60 {
        for device in 0..50 {
            fail(&throttle, &device.to_string(), peer(1), "old", at(60 * minute));
        }
        assert!(!is_blocked(&throttle, "somebody", peer(1), at(60 * minute)));
    }
}

#[test]
fn success_forgets_the_failures_of_that_name_from_there() {
    let throttle = throttle(|_| {});
    for round in 0..10 {
        for guess in 0..5 {
            fail(&throttle, "a", peer(1), &format!("{round} {guess}"), at(0));
        }
        assert!(!is_blocked(&throttle, "a", peer(1), at(0)));
        throttle.succeeded(&throttle.track("a", peer(1), b"right"));
    }
}

#[test]
fn failures_far_apart_do_not_add_up() {
    let throttle = throttle(|_| {});
    for round in 0..100 {
        assert!(!fail(&throttle, "a", peer(1), &round.to_string(), at(round * WINDOW / 5)), "{round}");
    }
}

#[test]
fn a_clock_that_goes_back_blocks_nobody_for_ever() {
    let throttle = throttle(|_| {});
    for guess in 0..6 {
        fail(&throttle, "a", peer(1), &guess.to_string(), at(1_000_000));
    }
    assert!(is_blocked(&throttle, "a", peer(1), at(1_000_000)));
    assert!(!is_blocked(&throttle, "a", peer(1), at(0)));
    assert!(!fail(&throttle, "a", peer(1), "x", at(0)));
}

#[test]
fn addresses_of_one_ipv6_site_are_one_place() {
    let throttle = throttle(|settings| settings.guesses_per_peer = 3);
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    for host in 1..=3 {
        fail(&throttle, &host.to_string(), address(&format!("2001:db8:1:2::{host}")), "x", at(0));
    }
    assert!(is_blocked(&throttle, "a", address("2001:db8:1:2:ffff::9"), at(0)));
    assert!(!is_blocked(&throttle, "a", address("2001:db8:1:3::9"), at(0)));
    for name in 0..3 {
        fail(&throttle, &name.to_string(), address("::ffff:192.0.2.7"), "y", at(0));
    }
    assert!(is_blocked(&throttle, "a", peer(7), at(0)));
}

#[test]
fn memory_is_bounded_and_blocks_are_forgotten_last() {
    let throttle = throttle(|settings| settings.remembered = 64);
    for guess in 0..6 {
        fail(&throttle, "victim", peer(1), &guess.to_string(), at(0));
    }
    for stranger in 0..10_000_u32 {
        let from = IpAddr::from(0x0a00_0000_u32.wrapping_add(stranger).to_be_bytes());
        fail(&throttle, &stranger.to_string(), from, "x", at(1));
        assert!(throttle.lock().len() <= 64 + 2);
    }
    assert!(is_blocked(&throttle, "victim", peer(1), at(2)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever comes, no more distinct guesses are judged for a name from a place than the setting says, a window.
    #[test]
    fn guesses_are_bounded(waits in proptest::collection::vec(0_i64..200, 1..80)) {
        let throttle = throttle(|_| {});
        let mut now = 0;
        let mut judged: Vec<i64> = Vec::new();
        for (guess, wait) in waits.into_iter().enumerate() {
            now += wait;
            if !is_blocked(&throttle, "a", peer(1), at(now)) {
                judged.push(now);
                fail(&throttle, "a", peer(1), &guess.to_string(), at(now));
            }
        }
        for (index, first) in judged.iter().enumerate() {
            let within = judged[index..].iter().take_while(|second| **second - first < WINDOW).count();
            // two windows may touch
            prop_assert!(within <= 11, "{within} guesses within a window from {first}");
        }
    }
}
