//! The outgoing queue: in with the commit that accepts, out by settling, its body kept exactly as long.

use crate::common::*;
use jiff::Timestamp;
use store::{
    Action, BodyKind, CHUNK, Delivered, Delivery, LAST_BYTES, Lane, Notify, Outgoing, Priority, QueueId,
    Queued, Ret, Settlement, Store, StoreError, Way,
};

mod limits;

/// Accepts a message with these recipients elsewhere and nobody here.
fn accept(world: &World, store: &Store, number: u64, body: &[u8], to: &[&str]) -> Vec<QueueId> {
    let before: Vec<QueueId> = all(store).into_iter().map(|queued| queued.id).collect();
    world.run(async {
        let mut delivery = delivery(store, world.clock_now(), number, body, &[]).await;
        delivery.outgoing = vec![outgoing(world.clock_now(), to)];
        store.deliver(delivery).await.unwrap();
    });
    all(store).into_iter().map(|queued| queued.id).filter(|id| !before.contains(id)).collect()
}

fn all(store: &Store) -> Vec<Queued> {
    store.reader().queue_list(None, usize::MAX).unwrap()
}

fn gone(ids: &[QueueId]) -> Vec<(QueueId, Settlement)> {
    ids.iter().map(|&id| (id, Settlement::Gone)).collect()
}

fn later(due: Timestamp, last: &str) -> Settlement {
    Settlement::Later { due, last: last.into(), distrusted_since: None, delay_told: false }
}

fn settle(
    world: &World,
    store: &Store,
    entries: Vec<(QueueId, Settlement)>,
    report: Option<Delivery>,
) -> store::Result<()> {
    let traces = vec![world.trace(Action::Relay)];
    world.run(store.settle(entries, report, traces)).map(|_| ())
}

/// Everything that a sender can say, of the message and of its first recipient.
fn with_all_that_can_be_said(mut leaving: Outgoing, account: store::AccountId, notify: Notify) -> Outgoing {
    leaving.recipients[0].notify = Some(notify);
    leaving.recipients[0].original = Some("rfc822;trois@ancien.fr".into());
    Outgoing {
        sender: Some(account),
        variant: 1,
        body: BodyKind::EightBit,
        require_tls: true,
        priority: Priority::Bulk,
        envid: Some("QQ314159".into()),
        ret: Some(Ret::Headers),
        ..leaving
    }
}

#[test]
fn what_leaves_is_queued_with_the_commit_that_accepts() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let mut told = store.watch_queue();
    told.mark_unchanged();
    let now = world.clock_now();
    let body = body_bytes(1, 2 * CHUNK);
    let notify = Notify { success: true, failure: true, delay: false };
    let leaving = with_all_that_can_be_said(outgoing(now, &["trois", "quatre"]), account, notify);
    let mut delivery = world.run(delivery(&store, now, 1, &body, &[account]));
    delivery.variants.push(variant(2, &body));
    let (message, size) = (delivery.id, delivery.variants[1].index.size);
    delivery.outgoing = vec![leaving];
    world.run(store.deliver(delivery)).unwrap();

    assert!(told.has_changed().unwrap());
    let queued = all(&store);
    let expected = |id, recipient, notify, original| Queued {
        id,
        way: Way::Peers,
        part: 0,
        message,
        recipient,
        notify,
        original,
        reverse_path: Some(address("un")),
        sender: Some(account),
        envid: Some("QQ314159".into()),
        ret: Some(Ret::Headers),
        smtputf8: false,
        body: BodyKind::EightBit,
        require_tls: true,
        priority: Priority::Bulk,
        size,
        queued: now,
        due: now,
        expires: now + hours(48),
        attempts: 0,
        last: None,
        distrusted_since: None,
        delay_told: false,
        held: false,
    };
    let original = Some("rfc822;trois@ancien.fr".to_owned());
    assert_eq!(queued[0], expected(queued[0].id, remote("trois"), Some(notify), original));
    assert_eq!(queued[1], expected(queued[1].id, remote("quatre"), None, None));
    assert_eq!(due(&store, now), queued);
    assert_eq!(store.reader().queued(queued[1].id).unwrap().as_ref(), Some(&queued[1]));
    assert_eq!(store.reader().queue_size().unwrap(), 2);
    assert_eq!(read_queued(&store, queued[0].id), (header(2), body.clone()));
    assert_eq!(read_body(&store, inbox(&store, account).id, store::Uid::MIN), body);
    assert_eq!(world.close(store).queued, 2);
}

#[test]
fn the_last_entry_takes_the_body_along() {
    let world = World::new();
    let store = world.open();
    let ids = accept(&world, &store, 1, &body_bytes(1, 3 * CHUNK), &["trois", "quatre"]);
    settle(&world, &store, gone(&ids[..1]), None).unwrap();
    assert_eq!(store.reader().queued(ids[0]).unwrap(), None);
    assert!(store.reader().queued_content(ids[0]).unwrap().is_none());
    assert_eq!(read_queued(&store, ids[1]).1, body_bytes(1, 3 * CHUNK));
    assert_eq!(settle_and_prove(&store).bodies, 1);
    settle(&world, &store, gone(&ids[1..]), None).unwrap();
    let report = world.close(store);
    assert_eq!((report.queued, report.bodies, report.traces), (0, 0, 2));
}

#[test]
fn copies_here_keep_the_body_after_the_queue() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let now = world.clock_now();
    let mut delivery = world.run(delivery(&store, now, 1, b"short\r\n", &[account]));
    delivery.outgoing = vec![outgoing(now, &["trois"])];
    world.run(store.deliver(delivery)).unwrap();
    let ids: Vec<QueueId> = all(&store).iter().map(|queued| queued.id).collect();
    settle(&world, &store, gone(&ids), None).unwrap();
    assert_eq!(read_body(&store, inbox(&store, account).id, store::Uid::MIN), b"short\r\n");
    world.run(store.remove_account(account, world.trace(Action::AccountRemove))).unwrap();
    assert_eq!(world.close(store).bodies, 0);
}

#[test]
fn the_queue_keeps_the_body_after_the_copies() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let now = world.clock_now();
    let mut delivery = world.run(delivery(&store, now, 1, b"short\r\n", &[account]));
    delivery.outgoing = vec![Outgoing { sender: Some(account), ..outgoing(now, &["trois"]) }];
    world.run(store.deliver(delivery)).unwrap();
    world.run(store.remove_account(account, world.trace(Action::AccountRemove))).unwrap();
    let ids: Vec<QueueId> = all(&store).iter().map(|queued| queued.id).collect();
    assert_eq!(read_queued(&store, ids[0]), (header(1), b"short\r\n".to_vec()));
    settle(&world, &store, gone(&ids), None).unwrap();
    assert_eq!(world.close(store).bodies, 0);
}

#[test]
fn an_attempt_that_settles_nothing_is_counted_and_comes_later() {
    let world = World::new();
    let store = world.open();
    let now = world.clock_now();
    let ids = accept(&world, &store, 1, b"x\r\n", &["trois", "quatre"]);
    let mut told = store.watch_queue();
    told.mark_unchanged();
    let words = format!("451 4.7.1 {}é", "a".repeat(LAST_BYTES - 11));
    let since = now - hours(1);
    let wait = Settlement::Later {
        due: now + hours(1),
        last: words.clone(),
        distrusted_since: Some(since),
        delay_told: true,
    };
    settle(&world, &store, vec![(ids[0], wait)], None).unwrap();
    assert!(told.has_changed().unwrap());
    let entry = store.reader().queued(ids[0]).unwrap().unwrap();
    assert_eq!((entry.attempts, entry.due, entry.queued), (1, now + hours(1), now));
    assert_eq!((entry.distrusted_since, entry.delay_told), (Some(since), true));
    let kept = entry.last.unwrap();
    assert!(words.starts_with(&kept) && kept.len() == LAST_BYTES - 1, "cut before the letter of two octets");

    let due_at = |at| due(&store, at).iter().map(|q| q.id).collect::<Vec<_>>();
    assert_eq!(due_at(now), [ids[1]]);
    assert_eq!(due_at(now + hours(1)), [ids[1], ids[0]]);
    assert_eq!(first_due(&store), Some(now));
    settle(&world, &store, gone(&ids[1..]), None).unwrap();
    assert_eq!(first_due(&store), Some(now + hours(1)));

    // An administrator's wish: earlier than all, and no attempt.
    settle(&world, &store, vec![(ids[0], Settlement::Due(now - hours(2)))], None).unwrap();
    let entry = store.reader().queued(ids[0]).unwrap().unwrap();
    assert_eq!((entry.attempts, entry.due, entry.last.as_deref()), (1, now - hours(2), Some(kept.as_str())));
    assert_eq!(due_at(now), [ids[0]]);
    world.close(store);
}

#[test]
fn one_entry_that_is_gone_undoes_the_whole_settlement() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let ids = accept(&world, &store, 1, b"x\r\n", &["trois", "quatre"]);
    settle(&world, &store, gone(&ids[..1]), None).unwrap();
    let before = settle_and_prove(&store);
    let report = world.run(delivery(&store, world.clock_now(), 2, b"report\r\n", &[account]));
    for entries in [gone(&ids), vec![(ids[1], later(world.clock_now(), "421")), (ids[0], Settlement::Gone)]] {
        let report = Delivery {
            body: world.run(sealed(&store, b"report\r\n")),
            id: report.id,
            variants: vec![variant(2, b"report\r\n")],
            copies: report.copies.clone(),
            outgoing: vec![],
            traces: vec![world.trace(Action::Report)],
            carried: vec![],
            once: None,
            conversations: Vec::new(),
        };
        let result = settle(&world, &store, entries, Some(report));
        assert_eq!(result, Err(StoreError::NotFound));
    }
    drop(report);
    assert_eq!(store.reader().queued(ids[1]).unwrap().unwrap().attempts, 0);
    assert_eq!(inbox(&store, account).exists, 0);
    assert_eq!(world.close(store), before);
}

#[test]
fn a_report_comes_with_the_settlement() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let ids = accept(&world, &store, 1, b"x\r\n", &["trois"]);
    let report = world.run(delivery(&store, world.clock_now(), 2, b"report\r\n", &[account]));
    settle(&world, &store, gone(&ids), Some(report)).unwrap();
    assert_eq!(read_body(&store, inbox(&store, account).id, store::Uid::MIN), b"report\r\n");
    assert_eq!(world.close(store).queued, 0);
}

#[test]
fn a_message_leaves_by_several_ways_that_share_its_body_and_nothing_else() {
    let world = World::new();
    let store = world.open();
    let now = world.clock_now();
    let way = |way: Way, variant, to: &[&str]| Outgoing { way, variant, ..outgoing(now, to) };
    let clinic = Way::Connector("clinique".into());
    let mut delivery = world.run(delivery(&store, now, 1, b"short\r\n", &[]));
    delivery.variants.push(variant(2, b"short\r\n"));
    delivery.outgoing = vec![
        way(Way::Peers, 0, &["a", "b"]),
        way(Way::SmartHost, 0, &[]),
        way(clinic.clone(), 1, &["c"]),
        way(Way::SmartHost, 1, &["d"]),
    ];
    world.run(store.deliver(delivery)).unwrap();
    world.close(store);
    let store = world.open();
    let queued = all(&store);
    let sud = Lane::Peers(remote("a").domain().clone());
    let lanes = [sud.clone(), sud, Lane::Connector("clinique".into()), Lane::SmartHost];
    assert!(queued.iter().map(Queued::lane).eq(lanes));
    assert_eq!(queued[2].way, clinic);
    let of_peers = queued.iter().map(|queued| store.reader().queue_lane_id(&queued.lane()).is_of_peers());
    assert!(of_peers.eq([true, true, false, false]));
    for (entry, number) in queued.iter().zip([1, 1, 2, 2]) {
        assert_eq!(read_queued(&store, entry.id), (header(number), b"short\r\n".to_vec()));
    }
    for entry in [2, 0, 3, 1] {
        assert_eq!(settle_and_prove(&store).bodies, 1);
        settle(&world, &store, gone(&[queued[entry].id]), None).unwrap();
    }
    assert_eq!(world.close(store).bodies, 0);
}

#[test]
fn a_retried_submission_queues_nothing_again() {
    let world = World::new();
    let store = world.open();
    let send = || {
        world.run(async {
            let mut delivery = delivery(&store, world.clock_now(), 1, b"x\r\n", &[]).await;
            delivery.outgoing = vec![outgoing(world.clock_now(), &["trois"])];
            delivery.traces = vec![world.trace(Action::Send)];
            delivery.once = Some([7; 32]);
            store.deliver(delivery).await.unwrap()
        })
    };
    assert!(matches!(send(), Delivered::New(..)));
    let before = settle_and_prove(&store);
    assert!(matches!(send(), Delivered::Again(..)));
    assert_eq!(world.close(store), before);
}

#[test]
fn pages_follow_each_other() {
    let world = World::new();
    let store = world.open();
    let ids: Vec<QueueId> =
        (0..7).flat_map(|number| accept(&world, &store, number, b"x\r\n", &["a", "b", "c"])).collect();
    let now = world.clock_now();
    let lane = store.reader().queue_lane_id(&Lane::Peers(remote("a").domain().clone()));
    let (mut listed, mut claimed, mut of_lane) = (vec![], vec![], vec![]);
    loop {
        let page = store.reader().queue_list(listed.last().copied(), 4).unwrap();
        let more = due_but(&store, now, &claimed, 5);
        let some = store.reader().queue_lane_list(lane, of_lane.last().copied(), 3).unwrap();
        if page.is_empty() && more.is_empty() && some.is_empty() {
            break;
        }
        assert!(page.len() <= 4 && more.len() <= 5 && some.len() <= 3);
        listed.extend(page.iter().map(|queued| queued.id));
        claimed.extend(more.iter().map(|queued| queued.id));
        of_lane.extend(some.iter().map(|queued| queued.id));
    }
    assert_eq!((&listed, &claimed, &of_lane), (&ids, &ids, &ids));
    assert_eq!(due(&store, now - hours(1)), []);
    assert_eq!(due_but(&store, now, &[], 0), []);
    assert_eq!(store.reader().queue_list(None, 0).unwrap(), []);
    assert_eq!(store.reader().queue_lane_list(lane, None, 0).unwrap(), []);
    world.close(store);
}

#[test]
fn numbers_are_never_given_twice_and_times_survive_a_restart() {
    let world = World::new();
    let mut store = world.open();
    let mut seen = vec![];
    for number in 0..4 {
        let ids = accept(&world, &store, number, b"x\r\n", &["trois", "quatre"]);
        assert!(ids.iter().all(|id| !seen.contains(id)), "{ids:?} after {seen:?}");
        seen.extend(&ids);
        let due = world.clock_now() + hours(1);
        settle(&world, &store, vec![(ids[0], Settlement::Gone), (ids[1], later(due, "421"))], None).unwrap();
        assert_eq!(first_due(&store), Some(due));
        world.close(store);
        store = world.open();
        assert_eq!(first_due(&store), Some(due));
        settle(&world, &store, gone(&ids[1..]), None).unwrap();
        assert_eq!(first_due(&store), None);
        world.close(store);
        store = world.open();
    }
    world.close(store);
}

#[test]
fn nothing_of_the_queue_is_readable_on_the_disk() {
    let world = World::new();
    let store = world.open();
    let now = world.clock_now();
    world.run(async {
        let mut delivery = delivery(&store, now, 1, b"x\r\n", &[]).await;
        let mut leaving = outgoing(now, &["destinataire"]);
        leaving.envid = Some("enveloppe-unique".into());
        leaving.recipients[0].original = Some("rfc822;origine-unique@ancien.fr".into());
        delivery.outgoing = vec![leaving];
        store.deliver(delivery).await.unwrap();
    });
    let id = all(&store)[0].id;
    settle(&world, &store, vec![(id, later(now, "550 reponse-unique"))], None).unwrap();
    world.close(store);
    let words = ["destinataire", "clinique-sud", "chu-nord", "enveloppe-u", "origine-u", "reponse-u"];
    let mut files = 0;
    for entry in std::fs::read_dir(world.store_dir().join("engine")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        files += 1;
        for word in words {
            let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
            assert!(!found, "{word} is readable");
        }
    }
    assert!(files > 2);
}

#[test]
fn acceptance_and_its_report_are_one_commit_and_a_retry_causes_none() {
    let world = World::new();
    let store = world.open();
    let account = world.account(&store, "un").id;
    let make = |number: u64, to: &[store::AccountId]| {
        let made = delivery(&store, world.clock_now(), number, b"corps", to);
        world.run(made)
    };
    let accept = |number, report: Delivery| {
        let accepted = Delivery {
            once: Some([7; 32]),
            conversations: Vec::new(),
            outgoing: vec![outgoing(world.clock_now(), &["trois"])],
            ..make(number, &[account])
        };
        world.run(store.deliver_and_report(accepted, report))
    };
    let nobody = store::AccountId::new(999);
    assert!(matches!(accept(1, make(2, &[nobody])), Err(StoreError::NotFound)));
    assert!(
        all(&store).is_empty() && inbox_size(&store, account) == 0,
        "neither, if the report cannot be kept"
    );
    assert!(matches!(accept(3, make(4, &[account])), Ok(Delivered::New(..))));
    assert_eq!((all(&store).len(), inbox_size(&store, account)), (1, 2));
    assert!(matches!(accept(5, make(6, &[account])), Ok(Delivered::Again(..))));
    assert_eq!((all(&store).len(), inbox_size(&store, account)), (1, 2));
    world.close(store);
}

fn inbox_size(store: &Store, account: store::AccountId) -> usize {
    store.reader().messages(inbox(store, account).id).unwrap().len()
}
