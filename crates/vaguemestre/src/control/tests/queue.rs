//! The queue over the control socket.

use jiff::SignedDuration;
use store::{
    BodyKind, Delivery, Lane, Outgoing, OutgoingRecipient, Priority, QueueId, Settlement, TraceId, Variant,
    Way,
};

use super::*;
use crate::control::protocol::queue::{
    CHANGE_PAGE, Change, Changed, Filter, QUEUE_IDS, QUEUE_PAGE, QueuedView, Which,
};

const NOW: i64 = 1_800_000_000;

/// A message that leaves for these people; gives its journey.
async fn send(store: &Store, to: &[String]) -> TraceId {
    let message = b"Message-ID: <1@chu-nord.fr>\r\n\r\nbonjour\r\n";
    let mut scanner = message::Scanner::new(message::Limits::default());
    scanner.feed(message).unwrap();
    let scanned = scanner.finish().unwrap();
    let mut body = store.body();
    body.write(&message[scanned.header.len()..]).await.unwrap();
    let now = Timestamp::from_second(NOW).unwrap();
    let id = TraceId::new(now);
    let recipient = |to: &String| OutgoingRecipient {
        address: address(to),
        notify: None,
        original: Some(format!("rfc822;{to}")),
    };
    let outgoing = Outgoing {
        way: Way::Peers,
        reverse_path: Some(address("medecin.un@chu-nord.mssante.fr")),
        sender: None,
        variant: 0,
        smtputf8: false,
        body: BodyKind::SevenBit,
        require_tls: false,
        priority: Priority::Usual,
        envid: None,
        ret: None,
        expires: now + SignedDuration::from_hours(120),
        recipients: to.iter().map(recipient).collect(),
    };
    let index = message::index(&scanned.header, &scanned);
    let delivery = Delivery {
        id,
        body: body.finish().await.unwrap(),
        variants: vec![Variant { header: scanned.header.clone(), index }],
        copies: vec![],
        outgoing: vec![outgoing],
        traces: vec![],
        carried: vec![],
        once: None,
        conversations: Vec::new(),
    };
    store.deliver(delivery).await.unwrap();
    id
}

/// Every entry waits an hour after a failed attempt.
async fn defer(store: &Store) {
    let due = Timestamp::from_second(NOW + 3600).unwrap();
    let entries = store.read(|reader| reader.queue_list(None, usize::MAX)).await.unwrap();
    let later = |id: QueueId| {
        let last = "451 4.7.1 come back".to_owned();
        (id, Settlement::Later { due, last, distrusted_since: None, delay_told: false })
    };
    store.settle(entries.into_iter().map(|queued| later(queued.id)).collect(), None, vec![]).await.unwrap();
}

fn list(domain: Option<&str>, message: Option<String>) -> Request {
    let lane = domain.map(|text| Lane::Peers(Domain::parse(text).unwrap()));
    Request::QueueList { after: None, filter: Filter { lane, message, ..Filter::default() } }
}

fn entries(answer: Answer) -> Vec<QueuedView> {
    match answer {
        Answer::Queue { entries, next: None } => entries,
        Answer::Refused(refused) => panic!("{}", refused.message),
        _ => panic!("another answer, or not all"),
    }
}

async fn change(daemon: &Daemon, change: Change, which: Which) -> Changed {
    match daemon.ask(Request::QueueChange { change, which, after: None }).await {
        Answer::QueueChanged { changed, next: None, .. } => changed,
        Answer::Refused(refused) => panic!("{}", refused.message),
        _ => panic!("another answer"),
    }
}

async fn retry(daemon: &Daemon, which: Which) -> u64 {
    change(daemon, Change::Retry, which).await.entries
}

fn of(domain: &str) -> Which {
    let lane = Some(Lane::Peers(Domain::parse(domain).unwrap()));
    Which::Those(Filter { lane, ..Filter::default() })
}

fn all() -> Which {
    Which::Those(Filter::default())
}

fn remove(ids: Vec<u64>) -> Request {
    Request::QueueChange { change: Change::Remove, which: Which::Ids(ids), after: None }
}

fn people(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_listed_by_domain_and_by_message() {
    let daemon = Daemon::start(me());
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 0);
    let first = send(&daemon.store, &people(&["a@sud.mssante.fr", "b@est.mssante.fr"])).await;
    send(&daemon.store, &people(&["c@sud.mssante.fr"])).await;
    defer(&daemon.store).await;
    let names = |answer| entries(answer).into_iter().map(|entry| entry.recipient).collect::<Vec<_>>();
    let all = ["a@sud.mssante.fr", "b@est.mssante.fr", "c@sud.mssante.fr"];
    assert_eq!(names(daemon.ask(list(None, None)).await), all);
    assert_eq!(names(daemon.ask(list(Some("sud.mssante.fr"), None)).await), [all[0], all[2]]);
    assert_eq!(names(daemon.ask(list(None, Some(first.to_string()))).await), all[..2]);
    assert_eq!(names(daemon.ask(list(Some("est.mssante.fr"), Some(first.to_string()))).await), [all[1]]);
    let (kind, text) = refused(daemon.ask(list(None, Some("garbage".into()))).await);
    assert!(kind == RefusedKind::Refused && text.contains("26 characters"), "{text}");

    let shown = entries(daemon.ask(list(None, None)).await).remove(0);
    let Answer::Queued(one) = daemon.ask(Request::QueueShow { id: shown.id }).await else { panic!() };
    assert_eq!((one.attempts, one.last.as_deref()), (1, Some("451 4.7.1 come back")));
    assert_eq!((one.message, one.size), (first.to_string(), 40));
    assert_eq!(one.original.as_deref(), Some("rfc822;a@sud.mssante.fr"));
    let (_, text) = refused(daemon.ask(Request::QueueShow { id: 77 }).await);
    assert!(text.contains("77") && text.contains("queue list"), "{text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_makes_due_what_it_names_and_nothing_else() {
    let daemon = Daemon::start(me());
    send(&daemon.store, &people(&["a@sud.mssante.fr", "b@est.mssante.fr", "c@sud.mssante.fr"])).await;
    defer(&daemon.store).await;
    let now = Timestamp::from_second(NOW).unwrap();
    let due = || async {
        let mut due = daemon.store.read(|reader| reader.queue_list(None, 9)).await.unwrap();
        due.retain(|queued| queued.due <= now);
        due.into_iter().map(|queued| queued.recipient.local().to_owned()).collect::<Vec<_>>().join("")
    };
    let ids: Vec<u64> = entries(daemon.ask(list(None, None)).await).iter().map(|entry| entry.id).collect();
    let missing = Which::Ids(vec![ids[0], 1_000_000]);
    let (_, text) = refused(
        daemon.ask(Request::QueueChange { change: Change::Retry, which: missing, after: None }).await,
    );
    assert!(text.contains("1000000") && text.contains("nothing was changed"), "{text}");
    assert_eq!(due().await, "");
    assert_eq!(retry(&daemon, Which::Ids(vec![ids[1], ids[1]])).await, 1);
    assert_eq!(due().await, "b");
    assert_eq!(retry(&daemon, of("sud.mssante.fr")).await, 2);
    assert_eq!(due().await, "abc");
    defer(&daemon.store).await;
    assert_eq!(retry(&daemon, all()).await, 3);
    assert_eq!(due().await, "abc");
    assert_eq!(retry(&daemon, of("nord.mssante.fr")).await, 0);
    let many = Which::Ids((0..=QUEUE_IDS as u64).collect());
    let (_, text) =
        refused(daemon.ask(Request::QueueChange { change: Change::Retry, which: many, after: None }).await);
    assert!(text.contains("1000 entries"), "{text}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_traced_in_the_messages_journey_with_the_administrators_name() {
    let daemon = Daemon::start(me());
    let journey = send(&daemon.store, &people(&["a@sud.mssante.fr", "b@est.mssante.fr"])).await;
    let ids: Vec<u64> = entries(daemon.ask(list(None, None)).await).iter().map(|entry| entry.id).collect();
    let (_, text) = refused(daemon.ask(remove(vec![ids[0], 5_000])).await);
    assert!(text.contains("5000"), "{text}");
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 2);
    let removed = change(&daemon, Change::Remove, Which::Ids(vec![ids[0]])).await.shown;
    assert_eq!((removed[0].id, &removed[0].message), (ids[0], &journey.to_string()));
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 1);
    let Answer::Traces(steps) = daemon.ask(Request::Trace { id: journey.to_string() }).await else {
        panic!()
    };
    let step = steps.last().unwrap();
    assert_eq!((step.action.as_str(), step.outcome.as_str()), ("queue-remove", "done"));
    for pair in [("administrator", "claire"), ("to", "a@sud.mssante.fr"), ("report", "none")] {
        assert!(step.detail.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{pair:?}");
    }
    daemon.ask(remove(vec![ids[1]])).await;
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 0);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patients_number_is_masked_in_the_queue_and_in_the_journey() {
    const NUMBER: &str = "269054958815780";
    let daemon = Daemon::start(me());
    let journey = send(&daemon.store, &people(&[&format!("{NUMBER}@patient.mssante.fr")])).await;
    let due = Timestamp::from_second(NOW + 3600).unwrap();
    let last = format!("451 4.2.1 <{NUMBER}@patient.mssante.fr> ({NUMBER}) come back");
    let queued = daemon.store.read(|reader| reader.queue_list(None, 1)).await.unwrap().remove(0);
    let detail = vec![("to".to_owned(), queued.recipient.to_string()), ("last".to_owned(), last.clone())];
    let later = Settlement::Later { due, last, distrusted_since: None, delay_told: false };
    let attempt = store::Trace {
        id: journey,
        at: due,
        action: store::Action::Administer,
        person: None,
        acting_as: None,
        peer: None,
        outcome: store::Outcome::Done,
        detail,
    };
    daemon.store.settle(vec![(queued.id, later)], None, vec![attempt]).await.unwrap();
    let shown = serde_json::to_string(&daemon.ask(list(None, None)).await).unwrap();
    assert!(!shown.contains(NUMBER) && shown.contains("come back"), "{shown}");
    daemon.ask(remove(vec![queued.id.get()])).await;
    let steps = serde_json::to_string(&daemon.ask(Request::Trace { id: journey.to_string() }).await).unwrap();
    assert!(steps.contains("queue-remove") && steps.contains("come back"), "{steps}");
    assert!(!steps.contains(NUMBER) && steps.contains("***@patient.mssante.fr"), "{steps}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_queue_comes_in_pages() {
    let daemon = Daemon::start(me());
    let many: Vec<String> = (0..QUEUE_PAGE).map(|number| format!("p{number}@sud.mssante.fr")).collect();
    send(&daemon.store, &many).await;
    send(&daemon.store, &people(&["last@est.mssante.fr"])).await;
    let old = Filter { older: Some(3600), ..Filter::default() };
    let request = |after| Request::QueueList { after, filter: old.clone() };
    let Answer::Queue { entries: none, next: None } = daemon.ask(request(None)).await else { panic!() };
    assert!(none.is_empty(), "what follows is younger still");
    let journey =
        daemon.store.read(|reader| reader.queue_list(None, usize::MAX)).await.unwrap().pop().unwrap().message;
    let last = Filter { message: Some(journey.to_string()), ..Filter::default() };
    let request = |after| Request::QueueList { after, filter: last.clone() };
    let Answer::Queue { entries: none, next } = daemon.ask(request(None)).await else { panic!() };
    assert!(none.is_empty() && next.is_some(), "all of the first page is left out, and there is more");
    assert_eq!(entries(daemon.ask(request(next)).await)[0].recipient, "last@est.mssante.fr");
    assert_eq!(entries(daemon.ask(list(Some("est.mssante.fr"), None)).await).len(), 1, "found at once");
    let (mut retried, mut after, mut requests) = (0, None, 0);
    loop {
        let request = Request::QueueChange { change: Change::Retry, which: all(), after };
        let Answer::QueueChanged { changed, next, .. } = daemon.ask(request).await else { panic!() };
        assert!(changed.entries <= CHANGE_PAGE as u64);
        (retried, after, requests) = (retried + changed.entries, next, requests + 1);
        if after.is_none() {
            break;
        }
    }
    assert_eq!((retried, requests), (QUEUE_PAGE as u64 + 1, QUEUE_PAGE.div_ceil(CHANGE_PAGE) + 1));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_says_so_until_it_is_released() {
    let daemon = Daemon::start(me());
    send(&daemon.store, &people(&["a@sud.mssante.fr", "b@est.mssante.fr", "c@sud.mssante.fr"])).await;
    let ids: Vec<u64> = entries(daemon.ask(list(None, None)).await).iter().map(|entry| entry.id).collect();
    let held = || async {
        let filter = Filter { held: true, ..Filter::default() };
        let shown = entries(daemon.ask(Request::QueueList { after: None, filter }).await);
        shown.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    let one = change(&daemon, Change::Hold, Which::Ids(vec![ids[1]])).await;
    assert_eq!((one.entries, one.lane, held().await), (1, false, vec![ids[1]]));
    let sud = change(&daemon, Change::Hold, of("sud.mssante.fr")).await;
    assert_eq!((sud.entries, sud.lane, held().await), (2, true, ids.clone()));
    send(&daemon.store, &people(&["d@sud.mssante.fr"])).await;
    let Answer::QueueStats(stats) = daemon.ask(Request::QueueStats {}).await else { panic!() };
    assert_eq!((stats.entries, stats.lanes), (4, 2));
    let (first, second) = (&stats.most[0], &stats.most[1]);
    assert_eq!((first.lane.as_str(), first.entries, first.held.is_some()), ("sud.mssante.fr", 3, true));
    assert_eq!((second.lane.as_str(), second.entries, second.held.is_some()), ("est.mssante.fr", 1, false));
    assert!(daemon.store.queue_ready(Timestamp::MAX).is_empty(), "what came later waits, too");
    let sud = change(&daemon, Change::Release, of("sud.mssante.fr")).await;
    assert_eq!((sud.entries, sud.lane, held().await), (2, true, vec![ids[1]]));
    let rest =
        change(&daemon, Change::Release, Which::Those(Filter { held: true, ..Filter::default() })).await;
    assert_eq!((rest.entries, held().await), (1, vec![]));
    assert_eq!(daemon.store.queue_ready(Timestamp::MAX).len(), 2);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_back_is_reported_to_its_sender() {
    let daemon = Daemon::start(me());
    let journey =
        send(&daemon.store, &people(&["a@sud.mssante.fr", "b@est.mssante.fr", "c@sud.mssante.fr"])).await;
    let old = Which::Those(Filter { older: Some(1), ..Filter::default() });
    assert_eq!(change(&daemon, Change::Bounce, old).await.entries, 0, "it came this moment");
    let sud = change(&daemon, Change::Bounce, of("sud.mssante.fr")).await;
    assert_eq!(
        (sud.entries, sud.reports),
        (2, 1),
        "no account here sent it: its reverse-path is told by the queue"
    );
    assert_eq!(entries(daemon.ask(list(None, None)).await).len(), 2, "the third recipient, and the report");
    let Answer::Traces(steps) = daemon.ask(Request::Trace { id: journey.to_string() }).await else {
        panic!()
    };
    let given_back: Vec<_> = steps.iter().filter(|step| step.action.as_str() == "queue-remove").collect();
    assert_eq!(given_back.len(), 2);
    for pair in [("administrator", "claire"), ("to", "a@sud.mssante.fr"), ("report", "failed")] {
        assert!(given_back[0].detail.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{pair:?}");
    }
    daemon.stop().await;
}
