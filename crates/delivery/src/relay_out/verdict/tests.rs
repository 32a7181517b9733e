//! The schedule, its ends, and who is told what.

use mssante::Address;
use proptest::prelude::*;
use smtp::Reply;
use store::{AccountId, BodyKind, Notify, Priority, QueueId, TraceId, Way};

use super::*;
use crate::relay_out::attempt::Fault;

const NOW: i64 = 1_795_255_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

fn entry() -> Queued {
    Queued {
        id: QueueId::new(1),
        way: Way::Peers,
        part: 0,
        message: TraceId::new(at(0)),
        recipient: Address::parse("b@sud.mssante.fr").unwrap(),
        notify: None,
        original: None,
        reverse_path: Some(Address::parse("a@nord.mssante.fr").unwrap()),
        sender: Some(AccountId::new(1)),
        envid: None,
        ret: None,
        smtputf8: false,
        body: BodyKind::SevenBit,
        require_tls: false,
        priority: Priority::Usual,
        size: 10,
        queued: at(0),
        due: at(0),
        expires: at(5 * 86_400),
        attempts: 0,
        last: None,
        distrusted_since: None,
        delay_told: false,
        held: false,
    }
}

fn settings() -> RelaySettings {
    RelaySettings::new("mail.nord.test")
}

fn attempt(what: What) -> Attempt {
    Attempt { host: Some("mail.sud.test".to_owned()), ..Attempt::nowhere(what) }
}

fn trouble() -> Attempt {
    attempt(What::Trouble(Fault::new("no-connection", "4.4.1", "no route")))
}

fn distrusted() -> Attempt {
    attempt(What::Distrusted(Fault::new("expired", "5.7.5", "it expired")))
}

fn refused(code: u16) -> Attempt {
    attempt(What::Refused { reply: Reply::new(code, "", ["no"]), stage: Stage::Recipient })
}

fn relayed(confirms: bool) -> Attempt {
    attempt(What::Relayed { reply: Reply::new(250, "2.0.0", ["ok"]), confirms })
}

fn judged(entry: &Queued, attempt: &Attempt, now: i64) -> Verdict {
    verdict(entry, attempt, &settings(), at(now), 0.0)
}

fn notify(success: bool, failure: bool, delay: bool) -> Option<Notify> {
    Some(Notify { success, failure, delay })
}

#[test]
fn a_refusal_of_our_certificate_waits_for_a_better_one() {
    let at_mail = |code, status| {
        attempt(What::Refused { reply: Reply::new(code, status, ["wrong-usage"]), stage: Stage::Mail })
    };
    let of_us = at_mail(550, "5.7.8");
    let first = judged(&entry(), &of_us, 0);
    assert!(matches!(first.end, End::Deferred(_)), "{first:?}");
    let Settlement::Later { distrusted_since, .. } = first.settlement else { panic!("{first:?}") };
    assert_eq!(distrusted_since, Some(at(0)));
    let lifetime = settings().distrust_lifetime.as_secs();
    let waited = Queued { distrusted_since, ..entry() };
    assert!(matches!(judged(&waited, &of_us, lifetime - 1).end, End::Deferred(_)));
    let given_up = judged(&waited, &of_us, lifetime);
    assert_eq!((given_up.end, given_up.told), (End::Failed, Some(Action::Failed)));
    // of the message itself, or of its recipient, is final
    for (code, status, stage) in
        [(552, "5.3.4", Stage::Mail), (550, "5.7.1", Stage::Recipient), (554, "5.7.1", Stage::End)]
    {
        let attempt = attempt(What::Refused { reply: Reply::new(code, status, ["no"]), stage });
        assert_eq!(judged(&entry(), &attempt, 0).end, End::Failed, "{status} {stage:?}");
    }
}

#[test]
fn what_arrived_or_was_refused_for_good_is_gone() {
    let ends = |attempt: &Attempt| {
        let verdict = judged(&entry(), attempt, 0);
        (verdict.settlement == Settlement::Gone, verdict.end, verdict.told)
    };
    assert_eq!(ends(&relayed(true)), (true, End::Relayed, None));
    assert_eq!(ends(&refused(550)), (true, End::Failed, Some(Action::Failed)));
    let hopeless = attempt(What::Hopeless(Fault::new("null-mx", "5.1.10", "x")));
    assert_eq!(ends(&hopeless), (true, End::Failed, Some(Action::Failed)));
    for again in [refused(450), refused(421), trouble(), distrusted()] {
        assert!(matches!(ends(&again), (false, End::Deferred(_), None)));
    }
}

#[test]
fn reports_are_those_that_the_sender_asked_for() {
    let told = |notify, attempt: &Attempt, now| judged(&Queued { notify, ..entry() }, attempt, now).told;
    let day = 86_400;
    assert_eq!(told(None, &relayed(false), 0), None);
    assert_eq!(told(notify(true, false, false), &relayed(false), 0), Some(Action::Relayed));
    assert_eq!(told(notify(true, true, true), &relayed(true), 0), None, "the next hop confirms");
    assert_eq!(told(notify(false, false, false), &refused(550), 0), None, "NEVER");
    assert_eq!(told(notify(true, false, true), &refused(550), 0), None);
    assert_eq!(told(notify(false, true, false), &trouble(), day), None);
    assert_eq!(told(notify(false, false, true), &trouble(), day), Some(Action::Delayed));
    assert_eq!(told(None, &trouble(), day), Some(Action::Delayed));
}

#[test]
fn a_delay_is_told_once_and_not_before_its_time() {
    let four_hours = 4 * 3_600;
    let told = |verdict: &Verdict| match &verdict.settlement {
        Settlement::Later { delay_told, .. } => *delay_told,
        other => panic!("{other:?}"),
    };
    let early = judged(&entry(), &trouble(), four_hours - 1);
    assert_eq!((early.told, told(&early)), (None, false));
    let late = judged(&entry(), &refused(450), four_hours);
    assert_eq!((late.told, told(&late)), (Some(Action::Delayed), true));
    let again = judged(&Queued { delay_told: true, ..entry() }, &trouble(), four_hours + 1);
    assert_eq!((again.told, told(&again)), (None, true));
    let silent = judged(&Queued { notify: notify(false, false, false), ..entry() }, &trouble(), four_hours);
    assert_eq!((silent.told, told(&silent)), (None, true));
}

#[test]
fn a_notice_promises_attempts_for_as_long_as_they_are_made() {
    let four_hours = 4 * 3_600;
    assert_eq!(judged(&entry(), &trouble(), four_hours).until, entry().expires);
    let failing = Queued { distrusted_since: Some(at(four_hours - 60)), ..entry() };
    let told = judged(&failing, &distrusted(), four_hours);
    assert_eq!(told.told, Some(Action::Delayed));
    assert_eq!(told.until, at(four_hours - 60 + settings().distrust_lifetime.as_secs()));
}

#[test]
fn attempts_come_at_growing_distances_up_to_the_last() {
    let mut minutes = Vec::new();
    for attempts in 0..9 {
        match judged(&Queued { attempts, ..entry() }, &trouble(), 0).end {
            End::Deferred(due) => minutes.push(due.duration_since(at(0)).as_secs() / 60),
            end => panic!("{end:?}"),
        }
    }
    assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

#[test]
fn the_last_attempt_is_at_the_end_of_its_time() {
    let end = 5 * 86_400;
    let near = judged(&Queued { attempts: 200, ..entry() }, &trouble(), end - 60);
    assert_eq!(near.end, End::Deferred(at(end)));
    for last in [trouble(), refused(450), distrusted()] {
        let over = judged(&Queued { attempts: 200, ..entry() }, &last, end);
        assert_eq!(
            (over.settlement, over.end, over.told),
            (Settlement::Gone, End::Expired, Some(Action::Failed))
        );
    }
    assert_eq!(judged(&entry(), &relayed(false), end + 1).end, End::Relayed, "late is not lost");
}

#[test]
fn a_peer_that_fails_its_check_is_tried_for_a_while_only() {
    let four_hours = 4 * 3_600;
    let first = judged(&entry(), &distrusted(), 10);
    let Settlement::Later { distrusted_since, due, .. } = first.settlement else { panic!("{first:?}") };
    assert_eq!((distrusted_since, due), (Some(at(10)), at(70)));
    let known = Queued { distrusted_since, attempts: 8, ..entry() };
    assert_eq!(judged(&known, &distrusted(), four_hours).end, End::Deferred(at(10 + four_hours)));
    let over = judged(&known, &distrusted(), 10 + four_hours);
    assert_eq!((over.end, over.told), (End::Failed, Some(Action::Failed)));
    let between = judged(&known, &trouble(), four_hours);
    let Settlement::Later { distrusted_since, .. } = between.settlement else { panic!("{between:?}") };
    assert_eq!(distrusted_since, None, "it was not the check that failed this time");
}

proptest! {
    #[test]
    fn it_is_never_late_never_early_never_lost(
        attempts: u32, jitter in -1.0..1.0_f64, elapsed in 0_i64..6 * 86_400, doubtful: bool,
    ) {
        let entry = Queued { attempts, ..entry() };
        let attempt = if doubtful { distrusted() } else { trouble() };
        let verdict = verdict(&entry, &attempt, &settings(), at(elapsed), jitter);
        match verdict.settlement {
            Settlement::Gone => prop_assert!(at(elapsed) >= entry.expires && verdict.end == End::Expired),
            Settlement::Later { due, .. } => {
                prop_assert!(due > at(elapsed) && due <= entry.expires);
                prop_assert!(due.duration_since(at(elapsed)) <= SignedDuration::from_mins(72));
                let soonest = at(elapsed + 48).min(entry.expires);
                prop_assert!(due >= soonest);
            }
            Settlement::Due(_) | Settlement::Hold | Settlement::Release => prop_assert!(false),
        }
    }
}
